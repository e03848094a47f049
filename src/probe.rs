//! Asking an environment over HTTP whether it is healthy, and what it runs.
//!
//! A GET without credentials, on a connection of its own: a kept one would say
//! that something answered before. No redirect is followed. Of health, only the
//! status line is judged and no body is read, so that nothing that the other side
//! says gets further than its status code; of the version, the body is read up to
//! its limit, and judged by the caller.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;

use crate::domain::drift::Unread;
use crate::domain::health::Answer;
use crate::http::{self, BodyError, Client, Connections};
use crate::ports::{MOST_SAID, Probe};
use crate::tally::{Outcome, Tally, Upstream};

/// A probe over HTTP.
#[derive(Debug, Clone)]
pub struct HttpProbe(Client);

impl HttpProbe {
    /// A probe that waits for an answer for so long. Questions are counted in `tally`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(timeout: Duration, tally: &Tally) -> Result<Self, http::Error> {
        Client::new(Upstream::Environment, timeout, Connections::Fresh, tally).map(Self)
    }
}

#[async_trait]
impl Probe for HttpProbe {
    async fn ask(&self, url: &str) -> Answer {
        match self.0.send(self.0.request(Method::GET, url)).await {
            Ok(came) => Answer::Status(came.status().as_u16()),
            Err(error) => no_answer(&error),
        }
    }

    async fn read(&self, url: &str) -> Result<String, Unread> {
        let came = self.0.send(self.0.request(Method::GET, url)).await;
        let came = came.map_err(|error| Unread::Answered(no_answer(&error)))?;
        let status = came.status().as_u16();
        if status != 200 {
            return Err(Unread::Answered(Answer::Status(status)));
        }
        let (body, mut call) = came.body_up_to(MOST_SAID).await;
        let body = body.map_err(|error| match error {
            BodyError::TooLarge => Unread::TooLong,
            BodyError::Broken(error) => Unread::Answered(no_answer(&error)),
        })?;
        String::from_utf8(body).map_err(|_| {
            call.came_to(Outcome::Unreadable);
            Unread::NoText
        })
    }
}

fn no_answer(error: &reqwest::Error) -> Answer {
    if error.is_timeout() {
        Answer::TimedOut
    } else if error.is_connect() || error.is_builder() {
        Answer::Unreachable
    } else {
        Answer::Broken
    }
}
