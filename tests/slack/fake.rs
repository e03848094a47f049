//! A Slack that keeps its messages, and does what a test wants it to do next.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use deployment_orchestrator::slack::{Bot, Buttons, Hook, HookSettings, Settings};
use deployment_orchestrator::tally::Tally;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the bot shows.
pub(crate) const TOKEN: &str = "xoxb-2345-s3cr3t";

/// The path of the webhook, which is a secret.
pub(crate) const SECRET_PATH: &str = "T0001/B0002/pAsSwOrD";

/// The channel's id.
pub(crate) const CHANNEL: &str = "C0123456";

/// What becomes of the next call.
#[derive(Debug, Clone)]
pub(crate) enum Next {
    /// It is done.
    Done,
    /// It is not done: 200, and this word.
    Word(&'static str),
    /// It is not done: this status, `Retry-After` if not zero, and a page that repeats what came.
    Status(u16, u64),
    /// It is done, and the answer breaks off.
    Lost,
}

/// A message that is kept.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) ts: String,
    pub(crate) now: Value,
}

#[derive(Default)]
struct Inside {
    messages: Vec<Kept>,
    calls: Vec<String>,
    next: VecDeque<Next>,
}

/// It ends when it is dropped.
pub(crate) struct Slack {
    address: SocketAddr,
    inside: Arc<Mutex<Inside>>,
    serving: JoinHandle<()>,
}

impl Slack {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inside = Arc::<Mutex<Inside>>::default();
        let routes = Router::new()
            .route("/api/{method}", post(called))
            .route("/services/{*secret}", post(hooked))
            .with_state(Arc::clone(&inside));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, inside, serving }
    }

    pub(crate) fn bot(&self, buttons: Buttons) -> Bot {
        self.counted_bot(buttons, &Tally::default())
    }

    pub(crate) fn counted_bot(&self, buttons: Buttons, tally: &Tally) -> Bot {
        let settings = Settings {
            api: format!("http://{}/api", self.address),
            token: TOKEN.to_owned().into(),
            channel: "releases".to_owned(),
            buttons,
        };
        Bot::new(settings, tally).unwrap()
    }

    pub(crate) fn hook(&self) -> Hook {
        let url = format!("http://{}/services/{SECRET_PATH}", self.address);
        Hook::new(&HookSettings { url: url.into() }, &Tally::default()).unwrap()
    }

    /// What becomes of the next calls.
    pub(crate) fn next(&self, next: impl IntoIterator<Item = Next>) {
        self.inside().next.extend(next);
    }

    /// The messages in the order in which they were posted, as they are now.
    pub(crate) fn messages(&self) -> Vec<Kept> {
        self.inside().messages.clone()
    }

    /// The methods that were called, in their order.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.inside().calls)
    }

    /// Somebody removes a message.
    pub(crate) fn remove(&self, ts: &str) {
        self.inside().messages.retain(|kept| kept.ts != ts);
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }
}

impl Drop for Slack {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

type Shared = State<Arc<Mutex<Inside>>>;

async fn called(
    State(inside): Shared,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if headers.get("authorization").is_none_or(|shown| *shown != format!("Bearer {TOKEN}")) {
        return Json(json!({ "ok": false, "error": "invalid_auth" })).into_response();
    }
    let arguments: Value = serde_json::from_slice(&body).unwrap();
    let mut inside = inside.lock().unwrap();
    inside.calls.push(method.clone());
    let next = inside.next.pop_front().unwrap_or(Next::Done);
    if let Some(refusal) = refused(&next, TOKEN) {
        return refusal;
    }
    let answer = match method.as_str() {
        "chat.postMessage" => inside.post(arguments),
        "chat.update" => inside.update(arguments),
        "chat.getPermalink" => {
            let ts = arguments["message_ts"].as_str().unwrap().replace('.', "");
            json!({ "ok": true, "permalink": format!("https://acme.slack.example/archives/{CHANNEL}/p{ts}") })
        }
        _ => json!({ "ok": false, "error": "unknown_method" }),
    };
    answered(&next, answer.to_string())
}

async fn hooked(State(inside): Shared, Path(secret): Path<String>, body: Bytes) -> Response {
    if secret != SECRET_PATH {
        return (StatusCode::NOT_FOUND, "no_service").into_response();
    }
    let arguments: Value = serde_json::from_slice(&body).unwrap();
    let mut inside = inside.lock().unwrap();
    let next = inside.next.pop_front().unwrap_or(Next::Done);
    if let Some(refusal) = refused(&next, &secret) {
        return refusal;
    }
    inside.post(arguments);
    answered(&next, "ok".to_owned())
}

/// A call that is not done.
fn refused(next: &Next, secret: &str) -> Option<Response> {
    match next {
        Next::Done | Next::Lost => None,
        Next::Word(word) => Some(Json(json!({ "ok": false, "error": word })).into_response()),
        Next::Status(status, pause) => {
            let status = StatusCode::from_u16(*status).unwrap();
            let page = format!("<html>nothing is known of {secret}</html>");
            let mut response = (status, page).into_response();
            if *pause > 0 {
                response.headers_mut().insert("retry-after", (*pause).into());
            }
            Some(response)
        }
    }
}

fn answered(next: &Next, answer: String) -> Response {
    if matches!(next, Next::Lost) {
        let pieces = [Ok(Bytes::from(answer[..1].to_owned())), Err(std::io::Error::other("lost"))];
        return Body::from_stream(futures::stream::iter(pieces)).into_response();
    }
    answer.into_response()
}

impl Inside {
    fn post(&mut self, message: Value) -> Value {
        let ts = format!("1795597200.{:06}", self.messages.len() + 1);
        self.messages.push(Kept { ts: ts.clone(), now: message });
        json!({ "ok": true, "channel": CHANNEL, "ts": ts })
    }

    /// As Slack does, which knows a channel by its id only, and leaves what is not named as it was.
    fn update(&mut self, change: Value) -> Value {
        let kept = self.messages.iter_mut().find(|kept| *kept.ts == change["ts"]);
        let Some(kept) = kept.filter(|_| change["channel"] == CHANNEL) else {
            return json!({ "ok": false, "error": "message_not_found" });
        };
        let fields: BTreeMap<String, Value> = serde_json::from_value(change).unwrap();
        kept.now.as_object_mut().unwrap().extend(fields);
        json!({ "ok": true, "channel": CHANNEL, "ts": kept.ts })
    }
}
