//! Signing in with a token that was made for a browser, and signing out. Signing in
//! elsewhere is [`super::openid`].

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Extension, Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::door::{Visitor, slow_down};
use super::html::{self, Frame};
use super::next::Next;
use super::{Pages, cookie};

/// Where somebody wanted to go.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    next: String,
}

/// What the form says.
#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    token: String,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "sign_in.html", config = "src/web/pages/askama.toml")]
struct SignIn {
    frame: Frame,
    next: String,
    /// Where else people may sign in.
    provider: Option<String>,
    /// Why it did not work.
    refused: Option<String>,
    hint: String,
}

#[derive(Template)]
#[template(path = "detour.html", config = "src/web/pages/askama.toml")]
struct Detour<'a> {
    link: &'a str,
}

/// The sign-in that leads to `next`.
pub(super) fn address(next: &Next) -> String {
    format!("/sign-in?next={}", next.in_query())
}

/// A page that goes on to `link` by itself.
pub(super) fn detour(link: &str) -> Response {
    html::page(StatusCode::OK, &Detour { link })
}

/// The form; or, for somebody who is signed in, where they wanted to go.
pub(super) async fn show(
    State(pages): State<Arc<Pages>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let next = Next::of(&wanted.next);
    if pages.visitor(&headers).await.is_some() {
        return html::see(&next.to_string());
    }
    pages.sign_in_form(StatusCode::OK, &next, None, String::new())
}

/// Sign in. The cookie is a new one whatever the browser had.
pub(super) async fn enter(
    State(pages): State<Arc<Pages>>,
    headers: HeaderMap,
    Form(said): Form<Said>,
) -> Response {
    if let Err(pause) = pages.sign_ins.take(&()) {
        return slow_down(pause);
    }
    let next = Next::of(&said.next);
    match pages.app.sign_in(said.token.trim(), &pages.seals).await {
        Ok(grant) => {
            if let Some(earlier) = cookie::shown(&headers, pages.secure) {
                pages.visits.end(earlier);
            }
            tracing::info!(by = %grant.holder, "signed in");
            let cookie = pages.visits.begin(grant, pages.app.clock.now(), &*pages.app.random);
            ([(SET_COOKIE, cookie::set(&cookie, pages.secure))], html::see(&next.to_string())).into_response()
        }
        Err(error) => {
            tracing::info!(code = error.code.as_str(), "somebody could not sign in");
            pages.sign_in_form(html::status_of(&error), &next, Some(error.message), error.hint)
        }
    }
}

/// Sign out.
pub(super) async fn leave(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    pages.visits.end(&visitor.cookie);
    ([(SET_COOKIE, cookie::clear(pages.secure))], html::see("/sign-in")).into_response()
}

impl Pages {
    /// The form, with every way to sign in.
    pub(super) fn sign_in_form(
        &self,
        status: StatusCode,
        next: &Next,
        refused: Option<String>,
        hint: String,
    ) -> Response {
        let frame = Frame::for_strangers();
        let provider = self.provider_name();
        html::page(status, &SignIn { frame, next: next.to_string(), provider, refused, hint })
    }
}
