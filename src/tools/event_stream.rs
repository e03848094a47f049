//! MCP over HTTP+SSE, the transport of revision 2024-11-05, for clients that know
//! no other. A client opens a stream with GET, and is told in its first event where
//! to POST its messages; answers and all else come back as events of the stream.
//!
//! The session is the stream: it ends when the client hangs up or the server
//! stops, and nothing of it outlives that. As with [`Streamable`](super::Streamable),
//! requests are checked by whoever routes here, and a session serves only who opened it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Display;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::mpsc as sink;
use futures::future::BoxFuture;
use futures::{Stream, StreamExt as _, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body, Bytes, Frame};
use rmcp::model::{ClientJsonRpcMessage, GetExtensions as _, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::service::{ServerInitializeError, serve_server_with_ct};
use rmcp::transport::IntoTransport;
use rmcp::{RoleServer, ServerHandler};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use super::answer::{Answer, short};
use crate::app::{App, Session};

/// How many streams are open at once. Each holds a connection, and others must
/// find one, too: this is a quarter of those that the server takes.
pub const MOST_STREAMS: usize = 128;

/// How many messages wait in either direction. A client that does not read its
/// stream stops here, until its connection is given up.
const MOST_WAITING: usize = 64;

/// A comment is sent this often while there is nothing to say, so that proxies
/// let the connection be, and one that is dead shows.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where clients POST their messages.
const MESSAGES: &str = "/messages";

/// The parameter there that names the session.
const SESSION: &str = "sessionId";

/// What answers at `GET /sse` and `POST /messages`. Cheap to clone; clones share sessions.
pub struct EventStream<S>(Arc<Shared<S>>);

struct Shared<S> {
    server: S,
    app: App,
    streams: CancellationToken,
    /// Those that have ended are forgotten when others begin.
    sessions: Mutex<BTreeMap<String, Opened>>,
}

/// The server's end of a session.
struct Opened {
    who: Option<Session>,
    incoming: mpsc::Sender<ClientJsonRpcMessage>,
    ended: CancellationToken,
}

impl<S> Clone for EventStream<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: ServerHandler + Clone> EventStream<S> {
    /// `server` over HTTP+SSE. All sessions end with `streams`.
    #[must_use]
    pub fn new(server: S, app: App, streams: CancellationToken) -> Self {
        Self(Arc::new(Shared { server, app, streams, sessions: Mutex::default() }))
    }
}

impl<S, B> Service<Request<B>> for EventStream<S>
where
    S: ServerHandler + Clone,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Display,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            Ok(match *request.method() {
                Method::GET => this.open(request.extensions().get::<Session>().cloned()),
                Method::POST => this.take(request).await,
                _ => short(StatusCode::METHOD_NOT_ALLOWED, ""),
            })
        })
    }
}

impl<S: ServerHandler + Clone> EventStream<S> {
    /// Begin a session; its stream.
    fn open(&self, who: Option<Session>) -> Answer {
        // The incoming one counts strictly; one of `futures` has room for one more with each clone.
        let (incoming, mut from_client) = mpsc::channel(MOST_WAITING);
        let (to_client, outgoing) = sink::channel(MOST_WAITING);
        let ended = self.0.streams.child_token();
        let id = format!("{:032x}", self.0.app.random.bits());
        {
            let mut sessions = self.sessions();
            sessions.retain(|_, session| !session.ended.is_cancelled());
            if sessions.len() >= MOST_STREAMS {
                return short(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "too many streams are open; come back later\n",
                );
            }
            sessions.insert(id.clone(), Opened { who, incoming, ended: ended.clone() });
        }
        let from_client = stream::poll_fn(move |context| from_client.poll_recv(context));
        tokio::spawn(converse(self.0.server.clone(), (to_client, from_client), ended.clone()));
        let events = events(&id, outgoing, ended).map(|event| Ok(Frame::data(Bytes::from(event))));
        let mut answer = Response::new(BodyExt::boxed(StreamBody::new(events)));
        answer.headers_mut().extend([
            (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            // A proxy that collects before it passes on would hold every event back.
            (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        ]);
        answer
    }

    /// Pass a message on to the session that it is for.
    async fn take<B>(&self, request: Request<B>) -> Answer
    where
        B: Body + Send + 'static,
        B::Error: Display,
    {
        let (head, body) = request.into_parts();
        let Some(incoming) = self.incoming(&head) else {
            // As if there were none: an id that somebody has heard of opens nothing.
            return short(StatusCode::NOT_FOUND, "there is no such session; open one with GET /sse\n");
        };
        if !is_json(&head.headers) {
            return short(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content type is not application/json\n");
        }
        let Ok(body) = body.collect().await else {
            return short(StatusCode::BAD_REQUEST, "the body broke off\n");
        };
        let Ok(mut message) = serde_json::from_slice::<ClientJsonRpcMessage>(&body.to_bytes()) else {
            return short(StatusCode::BAD_REQUEST, "the body is not one JSON-RPC message of MCP\n");
        };
        if let JsonRpcMessage::Request(request) = &mut message {
            request.request.extensions_mut().insert(head);
        }
        match incoming.try_send(message) {
            Ok(()) => short(StatusCode::ACCEPTED, ""),
            Err(TrySendError::Full(_)) => short(
                StatusCode::SERVICE_UNAVAILABLE,
                "the session has not taken earlier messages yet; come back later\n",
            ),
            Err(TrySendError::Closed(_)) => {
                short(StatusCode::NOT_FOUND, "the session has ended; open one with GET /sse\n")
            }
        }
    }

    /// The session that a request names, if it may.
    fn incoming(&self, head: &Parts) -> Option<mpsc::Sender<ClientJsonRpcMessage>> {
        let named = |pair: &str| pair.strip_prefix(SESSION)?.strip_prefix('=').map(str::to_owned);
        let id = head.uri.query()?.split('&').find_map(named)?;
        let sessions = self.sessions();
        let session = sessions.get(&id)?;
        let serves = session.who.as_ref() == head.extensions.get::<Session>();
        (serves && !session.ended.is_cancelled()).then(|| session.incoming.clone())
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<String, Opened>> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serve one session until it has `ended`, whoever ends it.
async fn converse<S, T, E, A>(server: S, ends: T, ended: CancellationToken)
where
    S: ServerHandler,
    T: IntoTransport<RoleServer, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let _whatever_happens = ended.clone().drop_guard();
    match serve_server_with_ct(server, ends, ended).await {
        Ok(session) => drop(session.waiting().await),
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => {}
        Err(error) => tracing::debug!(%error, "a session could not begin"),
    }
}

/// The stream of a session, which ends when it is dropped.
fn events(
    id: &str,
    outgoing: sink::Receiver<ServerJsonRpcMessage>,
    ended: CancellationToken,
) -> impl Stream<Item = String> + Send + 'static {
    let first = format!("event: endpoint\ndata: {MESSAGES}?{SESSION}={id}\n\n");
    let rest = stream::unfold((outgoing, ended.drop_guard()), |(mut outgoing, guard)| async {
        let event = match tokio::time::timeout(KEEP_ALIVE, outgoing.next()).await {
            Ok(message) => format!("event: message\ndata: {}\n\n", serde_json::to_string(&message?).ok()?),
            Err(_) => ": still here\n\n".to_owned(),
        };
        Some((event, (outgoing, guard)))
    });
    stream::once(ready(first)).chain(rest)
}

fn is_json(headers: &HeaderMap) -> bool {
    let said = headers.get(CONTENT_TYPE).and_then(|said| said.to_str().ok()).unwrap_or_default();
    said.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
