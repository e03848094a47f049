//! A client of one upstream, which counts what its calls come to.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{IntoUrl, Method, RequestBuilder, StatusCode};

use super::{BodyError, Connections, Error, body_up_to, client};
use crate::tally::{Call, Outcome, Tally, Upstream};

/// A client of one upstream. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    client: reqwest::Client,
    upstream: Upstream,
    tally: Tally,
}

/// An answer of which the head is there.
pub struct Answer {
    response: reqwest::Response,
    call: Call,
}

impl Client {
    /// A client of `upstream`, whose calls end after `timeout`, from connecting to the last
    /// byte, and are counted in `tally`.
    ///
    /// # Errors
    /// When the system has no usable root certificates.
    pub fn new(
        upstream: Upstream,
        timeout: Duration,
        connections: Connections,
        tally: &Tally,
    ) -> Result<Self, Error> {
        let client = client(timeout, connections)?;
        tally.know(upstream);
        Ok(Self { client, upstream, tally: tally.clone() })
    }

    /// A request, to be handed to [`Self::send`].
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Send `request` once, and wait for the head of its answer.
    ///
    /// # Errors
    /// When none came. The request may have arrived all the same.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let mut call = self.tally.call(self.upstream);
        match request.send().await {
            Ok(response) => {
                call.came_to(by_status(response.status()));
                Ok(Answer { response, call })
            }
            Err(error) => {
                // What cannot be a request was never one.
                if !error.is_builder() {
                    call.came_to(unanswered(&error));
                }
                Err(error)
            }
        }
    }
}

impl Answer {
    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Its headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Its body, if it is no larger than `limit`, and the call, for whoever finds something
    /// else in the body than the status says. Of a bad status, a body that cannot be read
    /// says nothing new.
    pub async fn body_up_to(self, limit: usize) -> (Result<Vec<u8>, BodyError>, Call) {
        let Self { response, mut call } = self;
        let is_good = response.status().is_success();
        let body = body_up_to(limit, response).await;
        match &body {
            Err(BodyError::Broken(error)) if is_good && error.is_timeout() => call.came_to(Outcome::TimedOut),
            Err(_) if is_good => call.came_to(Outcome::Unreadable),
            _ => {}
        }
        (body, call)
    }
}

fn by_status(status: StatusCode) -> Outcome {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Outcome::RateLimited,
        status if status.is_success() => Outcome::Ok,
        status if status.is_server_error() => Outcome::ServerError,
        // Redirects, too, because none is followed.
        _ => Outcome::Refused,
    }
}

fn unanswered(error: &reqwest::Error) -> Outcome {
    if error.is_timeout() && !error.is_connect() { Outcome::TimedOut } else { Outcome::Unreachable }
}
