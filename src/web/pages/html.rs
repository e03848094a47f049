//! Templates as answers, and what every answer tells the browser.

use askama::Template;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Response};

use super::door::Visitor;
use crate::app::{Code, Error};

/// Only our own files, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; img-src 'self' data:";

/// What stands around every page.
pub(super) struct Frame {
    /// Who is signed in.
    pub(super) person: Option<String>,
    /// What stands in every form.
    pub(super) form_token: String,
}

impl Frame {
    /// Around the pages of `visitor`.
    pub(super) fn of(visitor: &Visitor) -> Self {
        Self {
            person: Some(visitor.session.holder.person().to_string()),
            form_token: visitor.visit.form_token.clone(),
        }
    }

    /// Around a page for whoever is not signed in.
    pub(super) fn for_strangers() -> Self {
        Self { person: None, form_token: String::new() }
    }
}

/// What was not done with a form, above the page that it was sent from.
pub(super) struct Notice {
    pub(super) status: StatusCode,
    pub(super) what: String,
    /// What became of it, or what would help.
    pub(super) hint: String,
}

impl From<Error> for Notice {
    fn from(error: Error) -> Self {
        Self { status: status_of(&error), what: error.message, hint: error.hint }
    }
}

/// A page that says one thing, and where to go on.
#[derive(Template)]
#[template(path = "message.html", config = "src/web/pages/askama.toml")]
struct Message<'a> {
    frame: Frame,
    title: &'a str,
    what: &'a str,
    hint: &'a str,
    /// Where to go on.
    link: &'a str,
    label: &'a str,
}

/// The page that `template` makes.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be made\n").into_response()
        }
    }
}

/// Go and look there instead.
pub(super) fn see(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response()
}

/// A page that says one thing.
pub(super) fn message(status: StatusCode, frame: Frame, title: &str, what: &str, hint: &str) -> Response {
    page(status, &Message { frame, title, what, hint, link: "/", label: "To all deployments" })
}

/// A page for whoever must sign in first, and then goes on at `link`.
pub(super) fn signed_out(what: &str, link: &str) -> Response {
    let frame = Frame::for_strangers();
    let message = Message {
        frame,
        title: "You are not signed in",
        what,
        hint: "Nothing was changed.",
        link,
        label: "Sign in",
    };
    page(StatusCode::FORBIDDEN, &message)
}

/// A page for whoever has signed in elsewhere, and is nobody here.
pub(super) fn unknown(what: &str, hint: &str) -> Response {
    let frame = Frame::for_strangers();
    let title = "You are not known here";
    page(
        StatusCode::FORBIDDEN,
        &Message { frame, title, what, hint, link: "/sign-in", label: "To the sign-in" },
    )
}

/// What a use case refused.
pub(super) fn refusal(visitor: &Visitor, error: &Error) -> Response {
    let title =
        if status_of(error) == StatusCode::NOT_FOUND { "There is no such page" } else { "This was not done" };
    message(status_of(error), Frame::of(visitor), title, &error.message, &error.hint)
}

/// The status that says best what a use case refused.
pub(super) fn status_of(error: &Error) -> StatusCode {
    match error.code {
        Code::UnknownDeployment | Code::MalformedArgument => StatusCode::NOT_FOUND,
        Code::NotPermitted | Code::NeedsHuman => StatusCode::FORBIDDEN,
        Code::UnknownToken => StatusCode::UNAUTHORIZED,
        Code::DatabaseBusy | Code::DatabaseUnusable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Defect => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::CONFLICT,
    }
}

/// Tell the browser to keep everything else away from the answer.
pub(super) async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let said = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // `no-referrer` would take the `Origin` from our own forms, too.
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    for (name, value) in said {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
