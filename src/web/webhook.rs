//! `/webhooks/harness`: a hint that an execution has moved, and no more. The engine
//! reads the execution back from Harness, and believes only that.
//!
//! Harness signs nothing and numbers nothing: a notification carries a header
//! that its author chose. So what comes may be late, doubled, out of order or by
//! anybody who saw the secret. All that it can do is to make us look sooner.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::pace::Pace;
use crate::app::App;
use crate::domain::id::ExecutionId;

/// The header in which Harness sends the shared secret.
const HEADER: &str = "x-webhook-secret";

/// So many hints are taken in a second, in the long run. Each may cost a call of
/// Harness; whatever is left out is seen at the next look anyway.
const HINTS_PER_SECOND: u32 = 20;

/// What hints are taken with.
pub(super) struct Hints {
    app: App,
    secret: SecretString,
    pace: Pace<()>,
}

/// What we read of a notification; the rest of it does not matter.
#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "eventData")]
    event: EventData,
}

#[derive(Deserialize)]
struct EventData {
    #[serde(rename = "planExecutionId")]
    execution: ExecutionId,
}

impl Hints {
    /// Hints from whoever knows the secret.
    pub(super) fn new(app: App, secret: SecretString) -> Self {
        Self { app, secret, pace: Pace::new(HINTS_PER_SECOND) }
    }

    /// How long it takes says nothing about the secret, nor its length.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let hash = |bytes: &[u8]| <[u8; 32]>::from(Sha256::digest(bytes));
        let shown = headers.get(HEADER).map(|shown| hash(shown.as_bytes()));
        shown.is_some_and(|shown| hash(self.secret.expose_secret().as_bytes()).ct_eq(&shown).into())
    }
}

/// Let a request pass that shows the secret. Nobody else's body is waited for.
pub(super) async fn admit(State(hints): State<Arc<Hints>>, request: Request, next: Next) -> Response {
    if hints.knows(request.headers()) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, "the header x-webhook-secret is not the shared secret\n").into_response()
}

/// Take a hint. An execution that nobody here waits for is answered like any other.
pub(super) async fn harness(State(hints): State<Arc<Hints>>, body: Bytes) -> (StatusCode, &'static str) {
    if hints.pace.take(&()).is_err() {
        return (StatusCode::TOO_MANY_REQUESTS, "too many hints; executions are looked at anyway\n");
    }
    let Ok(Notification { event }) = serde_json::from_slice(&body) else {
        return (StatusCode::BAD_REQUEST, "this names no execution\n");
    };
    match hints.app.look_soon(event.execution).await {
        Ok(()) => (StatusCode::ACCEPTED, ""),
        Err(error) => {
            tracing::warn!(%error, "a hint of Harness was lost; the execution is looked at anyway");
            (StatusCode::SERVICE_UNAVAILABLE, "the hint is lost; the execution is looked at anyway\n")
        }
    }
}
