//! What pages load: style sheets and a script, from the binary.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// How pages look.
pub(super) async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("style.css"))
}

/// How charts look.
pub(super) async fn charts() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("chart.css"))
}

/// What keeps them up to date. They work without it.
pub(super) async fn script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("live.js"))
}
