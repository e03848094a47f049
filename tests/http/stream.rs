//! The client's end of a stream of events.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::world::PATIENCE;

/// An open stream. It is hung up on when this is dropped.
pub(crate) struct Stream {
    /// Where messages are to be sent.
    pub(crate) endpoint: String,
    seen: Arc<Seen>,
    reader: JoinHandle<()>,
    last_id: AtomicU64,
}

#[derive(Default)]
struct Seen {
    messages: Mutex<Vec<Value>>,
    ended: Mutex<bool>,
    more: Notify,
}

impl Stream {
    /// Open it, and be told where to send messages.
    pub(crate) async fn open(request: RequestBuilder) -> Self {
        let mut response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut text = String::new();
        let (kind, endpoint) = event(&mut response, &mut text).await.expect("a first event");
        assert_eq!(kind, "endpoint");
        let seen = Arc::new(Seen::default());
        let reader = tokio::spawn(read(response, text, Arc::clone(&seen)));
        Self { endpoint, seen, reader, last_id: AtomicU64::new(0) }
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The one answer to the request `id`.
    pub(crate) async fn answer(&self, id: u64) -> Value {
        let answers = |seen: &Seen| {
            let messages = seen.messages.lock().unwrap();
            messages.iter().filter(|message| message["id"] == id).cloned().collect::<Vec<_>>()
        };
        self.until(|seen| !answers(seen).is_empty()).await;
        let mut answers = answers(&self.seen);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }

    /// Wait until the server has ended the stream.
    pub(crate) async fn ended(&self) {
        self.until(|seen| *seen.ended.lock().unwrap()).await;
    }

    /// The first message of this method, once it has come.
    pub(crate) async fn told(&self, method: &str) -> Value {
        let first = |seen: &Seen| {
            let messages = seen.messages.lock().unwrap();
            messages.iter().find(|message| message["method"] == method).cloned()
        };
        self.until(|seen| first(seen).is_some()).await;
        first(&self.seen).unwrap()
    }

    /// All that came, in its order.
    pub(crate) fn seen(&self) -> Vec<Value> {
        self.seen.messages.lock().unwrap().clone()
    }

    async fn until(&self, condition: impl Fn(&Seen) -> bool) {
        let waiting = async {
            loop {
                let more = self.seen.more.notified();
                if condition(&self.seen) {
                    break;
                }
                more.await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("it comes");
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(mut response: Response, mut text: String, seen: Arc<Seen>) {
    while let Some((kind, data)) = event(&mut response, &mut text).await {
        assert_eq!(kind, "message");
        seen.messages.lock().unwrap().push(serde_json::from_str(&data).unwrap());
        seen.more.notify_waiters();
    }
    *seen.ended.lock().unwrap() = true;
    seen.more.notify_waiters();
}

/// The next event, as kind and data. `text` is what has come so far. Comments are left out.
async fn event(response: &mut Response, text: &mut String) -> Option<(String, String)> {
    loop {
        let Some(end) = text.find("\n\n") else {
            let chunk = response.chunk().await.ok()??;
            text.push_str(std::str::from_utf8(&chunk).unwrap());
            continue;
        };
        let lines: String = text.drain(..end + 2).collect();
        if lines.starts_with(':') {
            continue;
        }
        let (kind, data) = lines.trim_end().split_once('\n').unwrap();
        let kind = kind.strip_prefix("event: ").unwrap().to_owned();
        return Some((kind, data.strip_prefix("data: ").unwrap().to_owned()));
    }
}
