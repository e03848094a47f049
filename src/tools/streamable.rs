//! MCP over Streamable HTTP: 2026-07-28, where each request stands for itself,
//! and the older revisions with their sessions, at one address.
//!
//! Size and pace of requests, their `Host` and `Origin`, and who sends them are
//! checked by whoever routes here.

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Bytes};
use rmcp::ServerHandler;
use rmcp::model::ProtocolVersion;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;
use tower_service::Service;

/// How many sessions of the older revisions are open at once. Each is a few
/// kilobytes, and ends after five minutes in which nothing happened.
const MOST_SESSIONS: usize = 1_000;

const SESSION: &str = "mcp-session-id";
const VERSION: &str = "mcp-protocol-version";

/// What answers at `/mcp`. Cheap to clone; clones share sessions.
pub struct Streamable<S> {
    service: StreamableHttpService<S, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
}

impl<S> Clone for Streamable<S> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone(), sessions: Arc::clone(&self.sessions) }
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
        Self { service, sessions }
    }
}

/// Every answer, whole or as a stream.
type Answer = Response<BoxBody<Bytes, Infallible>>;

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
        if may_open_session(request.headers()) && self.sessions.sessions.read().await.len() >= MOST_SESSIONS {
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "too many sessions are open; come back later\n");
        }
        self.service.handle(request).await
    }
}

/// Whether the request is of a revision with sessions, and in none.
fn may_open_session(headers: &HeaderMap) -> bool {
    let version = headers.get(VERSION).and_then(|version| version.to_str().ok());
    !headers.contains_key(SESSION) && version.is_none_or(|it| it < ProtocolVersion::V_2026_07_28.as_str())
}

fn refusal(status: StatusCode, why: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(why.as_bytes())).boxed());
    *answer.status_mut() = status;
    answer
}
