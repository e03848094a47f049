//! Asking an environment whether it is healthy, over HTTP.
//!
//! A GET without credentials, on a connection of its own: a kept one would say
//! that something answered before. Only the status line is judged. No redirect is
//! followed and no body is read, so that nothing that the other side says gets
//! further than its status code.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::health::Answer;
use crate::http::{self, Connections};
use crate::ports::Probe;

/// A probe over HTTP.
#[derive(Debug, Clone)]
pub struct HttpProbe(reqwest::Client);

impl HttpProbe {
    /// A probe that waits for an answer for so long.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(timeout: Duration) -> Result<Self, http::Error> {
        http::client(timeout, Connections::Fresh).map(Self)
    }
}

#[async_trait]
impl Probe for HttpProbe {
    async fn ask(&self, url: &str) -> Answer {
        match self.0.get(url).send().await {
            Ok(response) => Answer::Status(response.status().as_u16()),
            Err(error) if error.is_timeout() => Answer::TimedOut,
            Err(error) if error.is_connect() || error.is_builder() => Answer::Unreachable,
            Err(_) => Answer::Broken,
        }
    }
}
