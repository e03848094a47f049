//! Signing in at the OpenID provider of the config, and doing so again before a decision.
//!
//! A form of ours begins it; the answer to that is a page which goes on to the provider by
//! itself, because browsers do not let a form lead elsewhere. Back come people by a link of
//! another site, at which a browser shows no cookie of ours: so that page knows nothing and goes
//! on, too, to the one where the sign-in ends.

use std::sync::Arc;

use axum::Form;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use serde::Deserialize;

use super::attempts::{Attempt, Attempts, Who, Wish};
use super::door::slow_down;
use super::next::Next;
use super::visits::{Arrival, Draft};
use super::{Pages, cookie, html, sign_in};
use crate::app::{Error, SignIn};
use crate::oauth::openid::{self, Asked, OpenidProvider, Refused, is_code};

/// Where the provider sends people back to.
pub(super) const CALLBACK: &str = "/sign-in/callback";

/// Where they then end signing in.
pub(super) const FINISH: &str = "/sign-in/finish";

/// The longest answer of a provider, as a query. Codes have some hundred characters.
const LONGEST_ANSWER: usize = 8 * 1024;

/// The most that somebody has written, in characters, as the field of the page lets them.
const LONGEST_DRAFT: usize = 300;

/// What the form says.
#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    next: String,
    /// What stood on the page from which somebody signs in again.
    #[serde(default)]
    reason: String,
}

/// What the provider sends along. It has no `Debug`: the code is a secret.
#[derive(Default, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    error: Option<String>,
    iss: Option<String>,
}

/// Why nobody was signed in.
enum Failure {
    /// The provider, or what it says, is not as it should be.
    Provider(Refused),
    /// The provider says no itself.
    Denied(String),
    /// Somebody else signed in than was to.
    SomebodyElse,
    /// It signed somebody in who is nobody here.
    Unknown(Error),
}

/// Send somebody to the provider.
pub(super) async fn begin(
    State(pages): State<Arc<Pages>>,
    headers: HeaderMap,
    Form(said): Form<Said>,
) -> Response {
    let Some(provider) = &pages.provider else { return StatusCode::NOT_FOUND.into_response() };
    if let Err(pause) = pages.sign_ins.take(&()) {
        return slow_down(pause);
    }
    let who = match pages.visitor(&headers).await.map(|visitor| visitor.visit.by) {
        Some(SignIn::Openid(identity)) => Who::Again(identity),
        Some(SignIn::Token(_)) | None => Who::Anybody,
    };
    let next = Next::of(&said.next);
    let draft = Draft { page: next.clone(), text: said.reason.chars().take(LONGEST_DRAFT).collect() };
    let (now, random) = (pages.app.clock.now(), &*pages.app.random);
    let attempt = Attempts::prepared(Wish { next, draft, who }, now, random);
    match provider.address(&attempt.asked, now).await {
        Ok(address) => {
            let cookie = pages.attempts.begin(attempt, random);
            let set = [(SET_COOKIE, cookie::set_attempt(&cookie, pages.secure))];
            (set, sign_in::detour(&address)).into_response()
        }
        Err(refused) => pages.not_signed_in(&attempt.wish.next, Failure::Provider(refused)),
    }
}

/// Go on to where the sign-in ends, with all that the provider says. That request is from
/// our own page, and shows our cookies.
pub(super) async fn come_back(State(pages): State<Arc<Pages>>, uri: Uri) -> Response {
    match uri.query() {
        Some(query) if query.len() <= LONGEST_ANSWER => sign_in::detour(&format!("{FINISH}?{query}")),
        _ => pages.strange_answer(),
    }
}

/// End a sign-in that this browser began. The cookie is a new one whatever it had.
pub(super) async fn finish(
    State(pages): State<Arc<Pages>>,
    headers: HeaderMap,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Response {
    let Some(provider) = &pages.provider else { return StatusCode::NOT_FOUND.into_response() };
    let Query(answer) = answer.unwrap_or_default();
    let attempt = cookie::attempt_shown(&headers, pages.secure)
        .and_then(|shown| pages.attempts.take(shown, &answer.state, pages.app.clock.now()));
    let Some(Attempt { asked, wish }) = attempt else { return pages.strange_answer() };
    let next = wish.next.clone();
    let forget = (SET_COOKIE, cookie::clear_attempt(pages.secure));
    match pages.arrival(provider, asked, wish, &answer).await {
        Ok(arrival) => {
            if let Some(earlier) = cookie::shown(&headers, pages.secure) {
                pages.visits.end(earlier);
            }
            tracing::info!(by = %arrival.by.holder(), "signed in at the OpenID provider");
            let cookie = pages.visits.welcome(arrival, pages.app.clock.now(), &*pages.app.random);
            let set = AppendHeaders([forget, (SET_COOKIE, cookie::set(&cookie, pages.secure))]);
            (set, html::see(&next.to_string())).into_response()
        }
        Err(failure) => ([forget], pages.not_signed_in(&next, failure)).into_response(),
    }
}

impl Pages {
    /// How people know the provider, if there is one.
    pub(super) fn provider_name(&self) -> Option<String> {
        self.provider.as_ref().map(|provider| provider.host().to_owned())
    }

    /// Who comes back, by what the provider says.
    async fn arrival(
        &self,
        provider: &OpenidProvider,
        asked: Asked,
        wish: Wish,
        answer: &Answer,
    ) -> Result<Arrival, Failure> {
        if let Some(error) = &answer.error {
            return Err(Failure::Denied(error.clone()));
        }
        let Answer { code, iss, .. } = answer;
        let answer = openid::Answer { code, issuer: iss.as_deref() };
        let identified = provider.identify(&answer, &asked, self.app.clock.now()).await;
        let identified = identified.map_err(Failure::Provider)?;
        let identity = self.app.identify(&identified.subject).map_err(Failure::Unknown)?;
        match wish.who {
            Who::Again(before) if before != identity => Err(Failure::SomebodyElse),
            Who::Again(_) | Who::Anybody => Ok(Arrival {
                by: SignIn::Openid(identity),
                shown_at: identified.authenticated_at,
                draft: wish.draft,
            }),
        }
    }

    /// An answer to nothing that this browser has asked, or to something that it asked too long ago.
    fn strange_answer(&self) -> Response {
        let what = "this browser has not begun to sign in, or took too long".to_owned();
        let hint = "Nobody was signed in: begin again below.".to_owned();
        self.sign_in_form(StatusCode::BAD_REQUEST, &Next::Board, Some(what), hint)
    }

    fn not_signed_in(&self, next: &Next, failure: Failure) -> Response {
        let again = "Nobody was signed in: try again below, or ask an operator of this server.";
        let (status, what, hint) = match failure {
            Failure::Provider(refused) => {
                tracing::warn!(why = %refused, "somebody could not sign in at the OpenID provider");
                let status =
                    if refused.may_pass() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::FORBIDDEN };
                (status, refused.to_string(), again)
            }
            Failure::Denied(code) => (StatusCode::FORBIDDEN, denied(&code), again),
            Failure::SomebodyElse => {
                let what = "you signed in there as somebody else than here".to_owned();
                (
                    StatusCode::FORBIDDEN,
                    what,
                    "Nothing was changed: sign out here first, or sign in there as you.",
                )
            }
            Failure::Unknown(error) => {
                tracing::info!(why = error.message, "somebody could not sign in");
                return html::unknown(&error.message, &error.hint);
            }
        };
        self.sign_in_form(status, next, Some(what), hint.to_owned())
    }
}

/// What a provider's error says. Its code is repeated if it cannot be anybody's text.
fn denied(code: &str) -> String {
    match code {
        "access_denied" => "the provider says that access was denied".to_owned(),
        code if is_code(code) => format!("the provider signs nobody in, and says `{code}`"),
        _ => "the provider signs nobody in, and does not say why".to_owned(),
    }
}
