//! MCP on standard input and output, for hosts that know nothing else, carried to
//! a server over HTTP. Several hosts so share one engine, which goes on when they leave.
//!
//! Messages pass word for word in both directions, whatever they say: what the
//! bridge looks at is where they go ([`message`]). A request is one POST, and its
//! answer and progress come back with it ([`reply`]); the older revisions have a session
//! besides ([`session`]). What cannot be carried is answered with an error that says
//! what to do ([`server`]). The bridge remembers nothing: no database, no engine.

mod line;
mod message;
mod reply;
mod server;
mod session;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::{Code, Error};
use line::Line;
use message::{Call, Message};
use reply::Reply;
pub use server::Server;
use session::Session;

/// How many requests are under way at once. Each has a connection of its own, and
/// the server takes 512 of them from everybody.
const MOST_REQUESTS: usize = 64;

/// How many messages are being carried at once, with those that want no answer.
/// Then the host is not read until one has arrived.
const MOST_CARRIED: usize = 2 * MOST_REQUESTS;

/// How many messages wait for a host that does not read. Then nothing more is read
/// for it from the server.
const MOST_WAITING: usize = 64;

/// How long requests may still be answered once the host has said its last word:
/// longer than the longest wait of a tool, 50 s.
const LAST_ANSWERS: Duration = Duration::from_secs(60);

/// How long goodbye may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// Carry messages between a host and `server` until the host closes `input` and has
/// been answered, or does not read `output` any more, or `shutdown` is asked for.
/// Nothing that happens to the server ends it.
pub async fn serve(
    server: Server,
    mut input: impl AsyncBufRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    shutdown: CancellationToken,
) {
    let (to_host, messages) = mpsc::channel(MOST_WAITING);
    let written = tokio::spawn(write(output, messages));
    let bridge =
        Arc::new(Bridge { server, to_host, session: AsyncMutex::default(), under_way: Mutex::default() });
    let mut carried = JoinSet::new();
    let talk = async {
        while let Ok(Some(line)) = line::next(&mut input).await {
            while carried.try_join_next().is_some() {}
            while carried.len() >= MOST_CARRIED {
                carried.join_next().await;
            }
            bridge.take(line, &mut carried).await;
        }
        bridge.cancel_what_never_ends();
        let _ = tokio::time::timeout(LAST_ANSWERS, all(&mut carried)).await;
    };
    tokio::select! {
        () = talk => {}
        () = bridge.to_host.closed() => {}
        () = shutdown.cancelled() => {}
    }
    carried.shutdown().await;
    let _ = tokio::time::timeout(GOODBYE, bridge.leave()).await;
    drop(bridge);
    let _ = tokio::time::timeout(GOODBYE, written).await;
}

async fn all(carried: &mut JoinSet<()>) {
    while carried.join_next().await.is_some() {}
}

/// One message is one line.
async fn write(mut output: impl AsyncWrite + Unpin, mut messages: mpsc::Receiver<String>) {
    while let Some(message) = messages.recv().await {
        let line = message.replace(['\r', '\n'], " ") + "\n";
        if output.write_all(line.as_bytes()).await.is_err() || output.flush().await.is_err() {
            return;
        }
    }
}

/// What all messages of one host share.
struct Bridge {
    server: Server,
    to_host: mpsc::Sender<String>,
    /// Of the older revisions, once the host has shaken hands.
    session: AsyncMutex<Option<Arc<Session>>>,
    /// The requests that are not answered yet, by their ids as JSON.
    under_way: Mutex<BTreeMap<String, UnderWay>>,
}

struct UnderWay {
    cancelled: CancellationToken,
    /// It waits for news until somebody cancels it.
    never_ends: bool,
    ends_with_its_connection: bool,
}

/// What has become of a request that the host takes back.
#[derive(PartialEq, Eq)]
enum Cancelled {
    /// Nobody works on it any more.
    Entirely,
    /// Nobody waits for it any more, and the server is to be told.
    Here,
}

impl Bridge {
    /// Pass on what the host said. Only the handshake is waited for: what follows it
    /// may need it.
    async fn take(self: &Arc<Self>, line: Line, carried: &mut JoinSet<()>) {
        let Line::Whole(text) = line else {
            return self.refuse(&Value::Null, &unreadable("it is too long")).await;
        };
        match Message::read(&text) {
            Err(why) => self.refuse(&Value::Null, &unreadable(why)).await,
            Ok(Message::Request { id, call }) => match self.begin(&id, &call) {
                Err(refused) => self.refuse(&id, &refused).await,
                Ok(cancelled) => {
                    let handshake = call.is_handshake();
                    let carrying = Arc::clone(self).carry(text, id, call, cancelled);
                    if handshake { carrying.await } else { drop(carried.spawn(carrying)) }
                }
            },
            Ok(Message::Notification { call, cancels }) => {
                if cancels.is_some_and(|id| self.cancel(&id) == Cancelled::Entirely) {
                    return;
                }
                let handshake = call.is_handshake();
                let telling = Arc::clone(self).tell(text, Some(call));
                if handshake { telling.await } else { drop(carried.spawn(telling)) }
            }
            Ok(Message::Answer) => drop(carried.spawn(Arc::clone(self).tell(text, None))),
        }
    }

    /// Note that a request is under way.
    fn begin(&self, id: &Value, call: &Call) -> Result<CancellationToken, Error> {
        let mut under_way = self.under_way();
        if under_way.len() >= MOST_REQUESTS {
            return Err(Error::new(
                Code::ServerUnavailable,
                format!("{MOST_REQUESTS} requests are under way already"),
                "wait until one of them is answered",
            ));
        }
        let Entry::Vacant(place) = under_way.entry(id.to_string()) else {
            return Err(unreadable("a request with its id is under way"));
        };
        let cancelled = CancellationToken::new();
        place.insert(UnderWay {
            cancelled: cancelled.clone(),
            never_ends: call.never_ends(),
            ends_with_its_connection: call.ends_with_its_connection(),
        });
        Ok(cancelled)
    }

    /// Have a request answered, unless the host takes it back.
    async fn carry(self: Arc<Self>, text: String, id: Value, call: Call, cancelled: CancellationToken) {
        let answered = cancelled.run_until_cancelled(self.exchange(&text, &id, &call)).await;
        self.under_way().remove(&id.to_string());
        match answered {
            // Hanging up is how the server is told.
            None => {}
            Some(Ok((answer, reply))) => {
                drop(self.to_host.send(answer).await);
                reply.drain().await;
            }
            Some(Err(error)) => self.refuse(&id, &error).await,
        }
    }

    /// Send a request, and pass on what comes until it is answered; the answer, and
    /// what is left of the reply.
    async fn exchange(
        self: &Arc<Self>,
        text: &str,
        id: &Value,
        call: &Call,
    ) -> Result<(String, Reply), Error> {
        if call.method == "initialize" {
            return self.shake_hands(text, id).await;
        }
        let mut reply = self.send(text, Some(call)).await?;
        let answer = reply.answer(id, &self.to_host).await;
        Ok((answer.map_err(|broken| broken.about(call, &self.server))?, reply))
    }

    /// Pass on what wants no answer.
    async fn tell(self: Arc<Self>, text: String, call: Option<Call>) {
        match self.send(&text, call.as_ref()).await {
            Ok(_) if call.is_some_and(|call| call.is_handshake()) => self.listen().await,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a message that wants no answer was lost"),
        }
    }

    async fn refuse(&self, id: &Value, error: &Error) {
        tracing::warn!(%id, %error, "a request was not carried");
        drop(self.to_host.send(message::refusal(id, error)).await);
    }

    /// Wait for a request no longer.
    fn cancel(&self, id: &Value) -> Cancelled {
        match self.under_way().get(&id.to_string()) {
            Some(request) => {
                request.cancelled.cancel();
                if request.ends_with_its_connection { Cancelled::Entirely } else { Cancelled::Here }
            }
            // It has been answered meanwhile.
            None => Cancelled::Entirely,
        }
    }

    fn cancel_what_never_ends(&self) {
        self.under_way().values().filter(|it| it.never_ends).for_each(|it| it.cancelled.cancel());
    }

    fn under_way(&self) -> MutexGuard<'_, BTreeMap<String, UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreadable(why: &str) -> Error {
    Error::new(
        Code::MalformedArgument,
        format!("a message of the host was not carried: {why}"),
        "send one JSON-RPC request with a fresh id in a line",
    )
}
