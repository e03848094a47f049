//! What is at no address of this server: a page for people, and nothing for programs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::Pages;
use super::html::{self, Frame};

/// Say that there is nothing, in a page where a page is wanted.
pub(super) async fn show(State(pages): State<Arc<Pages>>, method: Method, headers: HeaderMap) -> Response {
    if method != Method::GET || !takes_pages(&headers) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let visitor = pages.visitor(&headers).await;
    let frame = visitor.as_ref().map_or_else(Frame::for_strangers, Frame::of);
    html::message(
        StatusCode::NOT_FOUND,
        frame,
        "There is no such page",
        "Nothing is at this address.",
        "Whatever is on its way, and what ended last, is on the board.",
    )
}

/// Whether a page is named among what the sender takes, as browsers do.
fn takes_pages(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accepted.is_some_and(|accept| accept.contains("text/html"))
}
