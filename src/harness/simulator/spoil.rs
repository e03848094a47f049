//! Turns an answer into the reply that a fault wants.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use futures::stream::{self, StreamExt};

use super::answer::Answer;
use super::line::Cutter;
use super::script::Reply;

/// The size of a huge body: more than any client should read.
const HUGE: usize = 5 * 1024 * 1024;

const PAGE: &str = "<!doctype html><title>Sign in</title><h1>Welcome</h1><p>Sign in to continue.";

/// `answer`, as it is.
pub(super) fn plain(answer: &Answer) -> Response<Body> {
    reply(answer.status, "application/json", Body::from(answer.body.to_string()))
}

/// `answer`, spoilt. `line` is the connection on which it goes out.
pub(super) async fn spoilt(answer: &Answer, how: &Reply, line: &Cutter) -> Response<Body> {
    let text = answer.body.to_string();
    let (half, _) = text.split_at(text.floor_char_boundary(text.len() / 2));
    let half = Bytes::copy_from_slice(half.as_bytes());
    match how {
        Reply::Lost => {
            line.cut();
            plain(answer)
        }
        Reply::Late { ms } => {
            tokio::time::sleep(Duration::from_millis(*ms)).await;
            plain(answer)
        }
        Reply::Status { code, retry_after } => failing(*code, *retry_after),
        Reply::WebPage => reply(StatusCode::OK, "text/html", Body::from(PAGE)),
        Reply::Truncated => reply(answer.status, "application/json", Body::from(half)),
        Reply::Cut => {
            let broken = stream::iter([Ok(half), Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe))]);
            announced(answer.status, text.len(), Body::from_stream(broken))
        }
        Reply::Stalled => {
            let first = stream::iter([Ok::<_, Infallible>(half)]);
            announced(answer.status, text.len(), Body::from_stream(first.chain(stream::pending())))
        }
        Reply::Huge => {
            let body = format!(r#"{{"status":"SUCCESS","data":{{"log":"{}"}}}}"#, "x".repeat(HUGE));
            reply(StatusCode::OK, "application/json", Body::from(body))
        }
    }
}

fn failing(code: u16, retry_after: Option<u64>) -> Response<Body> {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let name = match code {
        401 => "INVALID_TOKEN",
        403 => "NG_ACCESS_DENIED",
        404 => "ENTITY_NOT_FOUND",
        429 => "TOO_MANY_REQUESTS",
        400..=499 => "INVALID_REQUEST",
        _ => "UNKNOWN_ERROR",
    };
    let mut response = plain(&Answer::error(status, name, "a scripted fault"));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A reply that says how long its body will be.
fn announced(status: StatusCode, length: usize, body: Body) -> Response<Body> {
    let mut response = reply(status, "application/json", body);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

fn reply(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
