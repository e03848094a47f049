//! Who is let in: a bearer token on every request, whatever session it names.
//! A session id is an address and proves nothing. Our own tokens the use cases know;
//! those of an authorization server are examined first.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::Strangers;
use super::challenge::{Denial, Guidance, come_back};
use super::connections::MOST_CONNECTIONS;
use super::held::hold;
use super::pace::Pace;
use super::places::Places;
use crate::app::{App, Code, Error, Seals, Session};
use crate::domain::claims::{self, Expected};
use crate::domain::token::{self, Holder};
use crate::oauth::{self, AuthorizationServer, Refused};

/// Where RFC 9728 has a client look for what `/mcp` wants.
pub(super) const METADATA: &str = "/.well-known/oauth-protected-resource/mcp";

/// How many requests each person, and each person's agents, have under way at
/// once, streams included: a quarter of all connections.
pub const MOST_AT_ONCE: usize = MOST_CONNECTIONS / 4;

/// Who decides about a request.
pub(super) struct Admission {
    pub(super) app: App,
    pub(super) strangers: Strangers,
    pub(super) pace: Pace<Holder>,
    pub(super) places: Places<Holder>,
    pub(super) seals: Seals,
    /// Where clients find `/mcp`.
    pub(super) resource: String,
    pub(super) guidance: Guidance,
    /// Whose access tokens are accepted beside our own.
    pub(super) oauth: Option<AuthorizationServer>,
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
        return slow_down(pause, "too many requests of this principal\n");
    }
    let Some(place) = admission.places.take(session.holder.clone()) else {
        return slow_down(Duration::ZERO, "too many requests of this principal are under way\n");
    };
    request.extensions_mut().insert(session);
    hold(next.run(request).await, place)
}

fn slow_down(pause: Duration, why: &'static str) -> Response {
    let seconds = [(RETRY_AFTER, pause.as_secs().max(1).to_string())];
    (StatusCode::TOO_MANY_REQUESTS, seconds, why).into_response()
}

/// What RFC 9728 says about `/mcp`.
pub(super) async fn metadata(State(admission): State<Arc<Admission>>) -> Json<Value> {
    let roles = || Expected::scopes_like_roles().into_keys().collect();
    let expected = admission.oauth.as_ref().map(|it| &it.expected);
    let mut metadata = json!({
        "resource": admission.resource,
        "resource_name": "deployment-orchestrator",
        "bearer_methods_supported": ["header"],
        "scopes_supported": expected.map_or_else(roles, |it| it.scope_names()),
    });
    if let (Some(expected), Some(fields)) = (expected, metadata.as_object_mut()) {
        fields.insert("authorization_servers".to_owned(), json!([expected.issuer]));
    }
    Json(metadata)
}

impl Admission {
    async fn session(&self, headers: &HeaderMap) -> Result<Session, Response> {
        match (headers.get(AUTHORIZATION), &self.strangers) {
            (None, Strangers::ActForTheUser) => Ok(Session::of_this_machine(self.app.policy.user.clone())),
            (None, Strangers::Refused) => Err(self.guidance.refuse(Denial::NoToken, "a token is needed")),
            (Some(shown), _) => {
                let token = bearer(shown).ok_or_else(|| {
                    let why = "the header is not `Authorization: Bearer TOKEN`";
                    self.guidance.refuse(Denial::InvalidToken, why)
                })?;
                match &self.oauth {
                    Some(server) if !token::is_ours(token) => self.by_access_token(server, token).await,
                    _ => self.app.admit(token, &self.seals).await.map_err(|error| self.refusal(&error)),
                }
            }
        }
    }

    async fn by_access_token(&self, server: &AuthorizationServer, token: &str) -> Result<Session, Response> {
        let granted = server.examine(token, self.app.clock.now()).await.map_err(|refused| {
            let denial = match refused {
                Refused::Unavailable(_) => return come_back(oauth::RETRY_AFTER, &refused.to_string()),
                Refused::Claims(claims::Refused::Scope(_)) => Denial::InsufficientScope,
                Refused::Fault(_) | Refused::Claims(_) => Denial::InvalidToken,
            };
            self.guidance.refuse(denial, &refused.to_string())
        })?;
        self.app.admit_granted(granted).map_err(|error| self.refusal(&error))
    }

    fn refusal(&self, error: &Error) -> Response {
        match error.code {
            Code::UnknownToken => self.guidance.refuse(Denial::InvalidToken, &error.message),
            Code::NotPermitted => {
                self.guidance.refuse(Denial::Stranger, &format!("{}; {}", error.message, error.hint))
            }
            _ => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", error.message)).into_response(),
        }
    }
}

fn bearer(header: &HeaderValue) -> Option<&str> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
