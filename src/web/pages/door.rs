//! What a request passes before it reaches a page: who sends it, how often, and
//! whether a form is one of ours.

use std::sync::Arc;
use std::time::Duration;

use axum::Form;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::middleware::Next as Inner;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::super::body::LARGEST_BODY;
use super::super::held::hold;
use super::super::perimeter::Perimeter;
use super::next::Next;
use super::visits::Visit;
use super::{Pages, cookie, html, sign_in};
use crate::app::Session;
use crate::domain::principal::Actor;

/// In which relation the page that sends a request stands to us, by the browser's word.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Somebody who is signed in, for one request.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) visit: Visit,
    pub(super) session: Session,
    /// What their browser showed.
    pub(super) cookie: String,
}

impl Visitor {
    /// Whose deeds are done.
    pub(super) fn actor(&self) -> Actor {
        self.session.actor(String::new(), self.visit.by.channel())
    }
}

impl Pages {
    /// Who sends a request with these headers, if they are signed in and still let in.
    pub(super) async fn visitor(&self, headers: &HeaderMap) -> Option<Visitor> {
        let cookie = cookie::shown(headers, self.secure)?.to_owned();
        let visit = self.visits.of(&cookie, self.app.clock.now())?;
        match self.app.readmit(&visit.by, &self.seals).await {
            Ok(session) => Some(Visitor { visit, session, cookie }),
            Err(error) => {
                tracing::info!(by = %visit.by.holder(), code = error.code.as_str(), "somebody who was signed in is not let in");
                None
            }
        }
    }
}

/// Let a request pass of somebody who is signed in.
pub(super) async fn enter(State(pages): State<Arc<Pages>>, mut request: Request, inner: Inner) -> Response {
    let Some(visitor) = pages.visitor(request.headers()).await else { return stranger(&request) };
    let holder = visitor.session.holder.clone();
    if let Err(pause) = pages.pace.take(&holder) {
        return slow_down(pause);
    }
    let Some(place) = pages.places.take(holder) else { return slow_down(Duration::ZERO) };
    request.extensions_mut().insert(visitor);
    hold(inner.run(request).await, place)
}

/// Send somebody to the sign-in who is not signed in.
fn stranger(request: &Request) -> Response {
    let path = request.uri().path();
    let address = request.uri().path_and_query().map_or(path, PathAndQuery::as_str);
    let link = sign_in::address(&Next::of(address));
    if request.method() != Method::GET {
        return html::signed_out("You are not signed in any more.", &link);
    }
    if path.ends_with("/events") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match site(request.headers()) {
        Some("same-origin" | "none") => html::see(&link),
        // A browser that follows a link of another site keeps the cookie to itself.
        // It shows it to the page that we send it to.
        _ => sign_in::detour(&link),
    }
}

/// Let a form pass only if a page of ours sends it: browsers say so, and no page can lie about it.
pub(super) async fn only_from_our_pages(
    State(perimeter): State<Arc<Perimeter>>,
    request: Request,
    inner: Inner,
) -> Response {
    let headers = request.headers();
    let is_ours = perimeter.is_own_page(headers) && site(headers).is_none_or(|site| site == "same-origin");
    if request.method() == Method::GET || request.method() == Method::HEAD || is_ours {
        return inner.run(request).await;
    }
    (StatusCode::FORBIDDEN, "only a page of this server may send this\n").into_response()
}

/// The field that every form has.
#[derive(Deserialize)]
struct Ours {
    csrf: String,
}

/// Let a form pass only if it was made for the visitor who sends it.
pub(super) async fn only_our_forms(request: Request, inner: Inner) -> Response {
    let visitor = request.extensions().get::<Visitor>().cloned();
    let (Some(visitor), &Method::POST) = (visitor, request.method()) else { return inner.run(request).await };
    let (head, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let again = || Body::from(bytes.clone());
    let mut copy = Request::builder().method(Method::POST);
    if let Some(kind) = head.headers.get(CONTENT_TYPE) {
        copy = copy.header(CONTENT_TYPE, kind);
    }
    let Ok(copy) = copy.body(again()) else { return StatusCode::BAD_REQUEST.into_response() };
    let shown = Form::<Ours>::from_request(copy, &()).await.map(|Form(ours)| ours.csrf);
    let expected = visitor.visit.form_token.as_bytes();
    if shown.is_ok_and(|shown| shown.as_bytes().ct_eq(expected).into()) {
        return inner.run(Request::from_parts(head, again())).await;
    }
    html::message(
        StatusCode::FORBIDDEN,
        html::Frame::of(&visitor),
        "This form is of another visit",
        "You have signed in anew since it was made, so nothing was done.",
        "Open the page again and send it from there.",
    )
}

/// Somebody asks too fast.
pub(super) fn slow_down(pause: Duration) -> Response {
    let seconds = [(RETRY_AFTER, pause.as_secs().max(1).to_string())];
    (StatusCode::TOO_MANY_REQUESTS, seconds, "too many requests; wait a second\n").into_response()
}

fn site(headers: &HeaderMap) -> Option<&str> {
    headers.get(SITE).and_then(|site| site.to_str().ok())
}
