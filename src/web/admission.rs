//! Who is let in: a bearer token on every request, whatever session it names.
//! A session id is an address and proves nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::Strangers;
use super::pace::Pace;
use crate::app::{App, Code, Error, Session};
use crate::domain::role::Role;
use crate::domain::token::Holder;

/// Where RFC 9728 has a client look for what `/mcp` wants.
pub(super) const METADATA: &str = "/.well-known/oauth-protected-resource/mcp";

/// Who decides about a request.
pub(super) struct Admission {
    pub(super) app: App,
    pub(super) strangers: Strangers,
    pub(super) pace: Pace<Holder>,
    /// Where clients find this server, without a path.
    pub(super) base: String,
}

/// Let a request pass that shows a good token, and note as whom it comes.
pub(super) async fn admit(
    State(admission): State<Arc<Admission>>,
    mut request: Request,
    next: Next,
) -> Response {
    let session = match admission.session(request.headers()).await {
        Ok(session) => session,
        Err(refusal) => return refusal,
    };
    if let Err(pause) = admission.pace.take(&session.holder) {
        let seconds = [(RETRY_AFTER, pause.as_secs().max(1).to_string())];
        return (StatusCode::TOO_MANY_REQUESTS, seconds, "too many requests of this principal\n")
            .into_response();
    }
    request.extensions_mut().insert(session);
    next.run(request).await
}

/// What RFC 9728 says about `/mcp`.
pub(super) async fn metadata(State(admission): State<Arc<Admission>>) -> Json<Value> {
    let roles = [Role::Viewer, Role::Operator, Role::Approver, Role::Admin].map(Role::as_str);
    Json(json!({
        "resource": format!("{}/mcp", admission.base),
        "resource_name": "deployment-orchestrator",
        "bearer_methods_supported": ["header"],
        "scopes_supported": roles,
    }))
}

impl Admission {
    async fn session(&self, headers: &HeaderMap) -> Result<Session, Response> {
        match (headers.get(AUTHORIZATION), &self.strangers) {
            (None, Strangers::ActForTheUser) => Ok(Session::of_this_machine(self.app.policy.user.clone())),
            (None, Strangers::Refused) => {
                Err(self.challenge(StatusCode::UNAUTHORIZED, None, "a token is needed"))
            }
            (Some(shown), _) => {
                let token = bearer(shown).ok_or_else(|| {
                    let why = "the header is not `Authorization: Bearer TOKEN`";
                    self.challenge(StatusCode::UNAUTHORIZED, Some("invalid_token"), why)
                })?;
                self.app.admit(token).await.map_err(|error| self.refusal(&error))
            }
        }
    }

    fn refusal(&self, error: &Error) -> Response {
        match error.code {
            Code::UnknownToken => {
                self.challenge(StatusCode::UNAUTHORIZED, Some("invalid_token"), &error.message)
            }
            Code::NotPermitted => {
                self.challenge(StatusCode::FORBIDDEN, Some("insufficient_scope"), &error.message)
            }
            _ => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", error.message)).into_response(),
        }
    }

    /// What is wrong, and where it is said how to do better (RFC 6750, RFC 9728).
    fn challenge(&self, status: StatusCode, error: Option<&str>, why: &str) -> Response {
        let mut said = format!("Bearer resource_metadata=\"{}{METADATA}\"", self.base);
        if let Some(error) = error {
            said.push_str(&format!(", error=\"{error}\", error_description=\"{why}\""));
        }
        let headers: [(HeaderName, HeaderValue); 1] =
            [(WWW_AUTHENTICATE, said.parse().unwrap_or(HeaderValue::from_static("Bearer")))];
        (status, headers, format!("{why}\n")).into_response()
    }
}

fn bearer(header: &HeaderValue) -> Option<&str> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
