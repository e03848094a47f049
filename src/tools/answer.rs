//! How both transports over HTTP answer a request.

use std::convert::Infallible;

use http::{Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;

/// Every answer, whole or as a stream.
pub(super) type Answer = Response<BoxBody<Bytes, Infallible>>;

/// One line that says why not, or nothing but a status.
pub(super) fn short(status: StatusCode, why: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(why.as_bytes())).boxed());
    *answer.status_mut() = status;
    answer
}
