//! The session that revisions before 2026-07-28 have with a server over HTTP: begun
//! with the host's `initialize`, named in every later request, and begun anew with the
//! same words when the server has lost it, of which the host notices nothing.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Bridge;
use super::message::Call;
use super::reply::{Broken, Reply};
use crate::app::Error;

const ID: HeaderName = HeaderName::from_static("mcp-session-id");
const REVISION: HeaderName = HeaderName::from_static("mcp-protocol-version");

const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// The pauses between attempts to hear what the server says by itself.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A session that the server has granted.
pub(super) struct Session {
    /// The host's `initialize`.
    hello: String,
    id: Option<HeaderValue>,
    revision: HeaderValue,
    /// Ends when the session is forgotten.
    listening: OnceLock<DropGuard>,
}

impl Session {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(REVISION, self.revision.clone())]);
        headers.extend(self.id.clone().map(|id| (ID, id)));
        headers
    }

    /// Whether that means that the server does not know the session any more.
    fn is_lost(&self, response: &Response) -> bool {
        self.id.is_some() && response.status() == StatusCode::NOT_FOUND
    }
}

impl Bridge {
    /// Pass on the host's `initialize`; its answer, and what is left of the reply.
    pub(super) async fn shake_hands(&self, hello: &str, id: &Value) -> Result<(String, Reply), Error> {
        let mut current = self.session.lock().await;
        let (session, answer, reply) = self.open(hello, id).await?;
        *current = session.map(Arc::new);
        Ok((answer, reply))
    }

    /// Send a message where it belongs.
    pub(super) async fn send(self: &Arc<Self>, text: &str, call: Option<&Call>) -> Result<Reply, Error> {
        if let Some(headers) = call.and_then(Call::headers) {
            return Reply::of(&self.server, self.post(text, headers, call).await?).await;
        }
        let session = self.session.lock().await.clone();
        let headers = session.as_ref().map(|session| session.headers()).unwrap_or_default();
        let response = self.post(text, headers, call).await?;
        let response = match session {
            Some(session) if session.is_lost(&response) => {
                let renewed = self.renew(&session).await?;
                self.post(text, renewed.headers(), call).await?
            }
            _ => response,
        };
        Reply::of(&self.server, response).await
    }

    async fn post(&self, text: &str, headers: HeaderMap, call: Option<&Call>) -> Result<Response, Error> {
        self.server.post(text, headers).await.map_err(|error| match call {
            _ if error.is_connect() => self.server.unreachable(&error),
            Some(call) => Broken.about(call, &self.server),
            None => self.server.gone(),
        })
    }

    /// Begin a session, if the server wants one.
    async fn open(&self, hello: &str, id: &Value) -> Result<(Option<Session>, String, Reply), Error> {
        let response = self.post(hello, HeaderMap::new(), None).await?;
        let granted = response.headers().get(ID).cloned();
        let mut reply = Reply::of(&self.server, response).await?;
        let answer = reply.answer(id, &self.to_host).await.map_err(|Broken| self.server.gone())?;
        let said: Value = serde_json::from_str(&answer).unwrap_or_default();
        let revision = said.pointer("/result/protocolVersion").and_then(Value::as_str);
        let session = revision.and_then(|it| HeaderValue::from_str(it).ok()).map(|revision| Session {
            hello: hello.to_owned(),
            id: granted,
            revision,
            listening: OnceLock::new(),
        });
        Ok((session, answer, reply))
    }

    /// The session that takes the place of one that was `lost`; whoever notices first begins it.
    async fn renew(self: &Arc<Self>, lost: &Arc<Session>) -> Result<Arc<Session>, Error> {
        let mut current = self.session.lock().await;
        if let Some(session) = &*current
            && !Arc::ptr_eq(session, lost)
        {
            return Ok(Arc::clone(session));
        }
        let hello: Value = serde_json::from_str(&lost.hello).unwrap_or_default();
        let id = hello.get("id").unwrap_or_default();
        let (session, _, reply) = self.open(&lost.hello, id).await?;
        reply.drain().await;
        let session = Arc::new(session.ok_or_else(|| self.server.stranger("it grants no session any more"))?);
        self.post(INITIALIZED, session.headers(), None).await?;
        tracing::info!("the server had lost the session; it was begun anew");
        self.hear(&session);
        *current = Some(Arc::clone(&session));
        Ok(session)
    }

    /// From now on, pass on what the server says by itself.
    pub(super) async fn listen(self: &Arc<Self>) {
        if let Some(session) = &*self.session.lock().await {
            self.hear(session);
        }
    }

    fn hear(self: &Arc<Self>, session: &Session) {
        let forgotten = CancellationToken::new();
        if session.id.is_none() || session.listening.set(forgotten.clone().drop_guard()).is_err() {
            return;
        }
        let (bridge, headers) = (Arc::clone(self), session.headers());
        tokio::spawn(async move { forgotten.run_until_cancelled(bridge.keep_hearing(headers)).await });
    }

    /// Until the server offers nothing of the kind, or has lost the session.
    async fn keep_hearing(&self, headers: HeaderMap) {
        let mut pause = FIRST_PAUSE;
        loop {
            if let Ok(response) = self.server.listen(headers.clone()).await {
                let status = response.status();
                if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
                    return;
                }
                if let Ok(mut said) = Reply::of(&self.server, response).await {
                    pause = FIRST_PAUSE;
                    while let Some(message) = said.next().await {
                        drop(self.to_host.send(message).await);
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Tell the server that the host has left.
    pub(super) async fn leave(&self) {
        let session = self.session.lock().await.take();
        let named = session.as_ref().filter(|session| session.id.is_some()).map(|session| session.headers());
        // Nothing is heard of it from here on.
        drop(session);
        if let Some(headers) = named {
            // Whether the server heard that or not, it forgets the session in the end.
            let _ = self.server.end(headers).await;
        }
    }
}
