//! Bodies are read whole before anybody looks at them, up to a size and within
//! a time. So nobody downstream holds anything for a client that sends too much,
//! or one byte a minute.

use std::time::Duration;

use axum::body::{self, Body, HttpBody as _};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// The largest body. The largest honest one, a start with all its variables,
/// is a tenth of it.
pub const LARGEST_BODY: usize = 1024 * 1024;

/// How long a body may take from its first byte to its last.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Read the body, and pass the request on with it.
pub(super) async fn whole(request: Request, next: Next) -> Response {
    // Said beforehand, it need not even be begun.
    if request.body().size_hint().lower() > LARGEST_BODY as u64 {
        return too_large();
    }
    let (head, body) = request.into_parts();
    match tokio::time::timeout(BODY_TIME, body::to_bytes(body, LARGEST_BODY)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        // Or it broke off, and nobody reads the answer.
        Ok(Err(_)) => too_large(),
        Err(_) => hang_up(StatusCode::REQUEST_TIMEOUT, "the body did not come in time\n".to_owned()),
    }
}

fn too_large() -> Response {
    hang_up(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {LARGEST_BODY} bytes\n"))
}

/// What is left of the body is not waited for.
fn hang_up(status: StatusCode, why: String) -> Response {
    (status, [(CONNECTION, "close")], why).into_response()
}
