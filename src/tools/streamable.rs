//! MCP over Streamable HTTP: 2026-07-28, where each request stands for itself,
//! and the older revisions with their sessions, at one address.
//!
//! Size and pace of requests, their `Host` and `Origin`, and who sends them are
//! checked by whoever routes here, and leaves the [`Session`] of each request in
//! its extensions. A session id is an address: it serves only who opened it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode};
use hyper::body::Body;
use rmcp::ServerHandler;
use rmcp::model::ProtocolVersion;
use rmcp::transport::streamable_http_server::session::SessionId;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use super::answer::{Answer, short};
use crate::app::Session;

/// How many sessions of the older revisions are open at once. Each is a few
/// kilobytes, and ends after five minutes in which nothing happened.
const MOST_SESSIONS: usize = 1_000;

/// How many of them each person, and each person's agents, have. Clients that
/// do not end theirs leave them behind for these five minutes.
const MOST_OF_ONE: usize = 100;

const SESSION: &str = "mcp-session-id";
const VERSION: &str = "mcp-protocol-version";

/// What answers at `/mcp`. Cheap to clone; clones share sessions.
pub struct Streamable<S> {
    service: StreamableHttpService<S, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    /// As whom each session was opened. Those that have ended are forgotten when others begin.
    owners: Arc<Mutex<BTreeMap<SessionId, Session>>>,
}

impl<S> Clone for Streamable<S> {
    fn clone(&self) -> Self {
        Self {
            service: self.service.clone(),
            sessions: Arc::clone(&self.sessions),
            owners: Arc::clone(&self.owners),
        }
    }
}

impl<S: ServerHandler + Clone + Sync> Streamable<S> {
    /// `server` over HTTP. Its streams and sessions end with `streams`.
    #[must_use]
    pub fn new(server: S, streams: CancellationToken) -> Self {
        let sessions = Arc::new(LocalSessionManager::default());
        // Names and origins are checked before, for all routes alike.
        let config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_cancellation_token(streams);
        let service = StreamableHttpService::new(move || Ok(server.clone()), Arc::clone(&sessions), config);
        Self { service, sessions, owners: Arc::default() }
    }
}

impl<S, B> Service<Request<B>> for Streamable<S>
where
    S: ServerHandler + Clone + Sync,
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
        Box::pin(async move { Ok(this.answer(request).await) })
    }
}

impl<S: ServerHandler + Clone + Sync> Streamable<S> {
    async fn answer<B>(&self, request: Request<B>) -> Answer
    where
        B: Body + Send + 'static,
        B::Error: Display,
    {
        let who = request.extensions().get::<Session>().cloned();
        if let Some(id) = session_of(request.headers())
            && who.as_ref() != self.owners().get(&id)
        {
            // As if there were none: an id that somebody has heard of opens nothing.
            return short(StatusCode::NOT_FOUND, "there is no such session\n");
        }
        if may_open_session(request.headers()) && !self.has_room_for(who.as_ref()).await {
            return short(StatusCode::SERVICE_UNAVAILABLE, "too many sessions are open; come back later\n");
        }
        let answer = self.service.handle(request).await;
        if let (Some(id), Some(who)) = (session_of(answer.headers()), who) {
            self.owners().insert(id, who);
        }
        answer
    }

    /// Whether `who` may open another session. Forgets those that have ended.
    async fn has_room_for(&self, who: Option<&Session>) -> bool {
        let open = self.sessions.sessions.read().await;
        let mut owners = self.owners();
        owners.retain(|id, _| open.contains_key(id));
        let holder = who.map(|who| &who.holder);
        let theirs = owners.values().filter(|owner| Some(&owner.holder) == holder).count();
        open.len() < MOST_SESSIONS && theirs < MOST_OF_ONE
    }

    fn owners(&self) -> MutexGuard<'_, BTreeMap<SessionId, Session>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn session_of(headers: &HeaderMap) -> Option<SessionId> {
    Some(headers.get(SESSION)?.to_str().ok()?.into())
}

/// Whether the request is of a revision with sessions, and in none.
fn may_open_session(headers: &HeaderMap) -> bool {
    let version = headers.get(VERSION).and_then(|version| version.to_str().ok());
    !headers.contains_key(SESSION) && version.is_none_or(|it| it < ProtocolVersion::V_2026_07_28.as_str())
}
