//! One request of a messenger, and what its answer means for the message.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};

use crate::domain::text::shortened;
use crate::http::{self, BODY_LIMIT, Client, Redaction};
use crate::ports::{Extent, TellError};
use crate::tally::Call;

/// How long one request may take: below [`TELL_TIMEOUT`](crate::ports::TELL_TIMEOUT),
/// so that a late answer is our verdict and not our caller's.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// How much is shown of what the other side says about a refusal.
const LONGEST_REASON: usize = 200;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// How long the other side asks to be left alone.
    pub retry_after: Option<Duration>,
    /// The body, without secrets. Empty if it could not be read: the
    /// status says enough, or what is looked for in it is not there.
    pub body: String,
    /// For whoever finds something else in the body than the status says.
    pub call: Call,
}

/// Have `client` send `request` once to whom `whom` names in sentences, such as `Slack`.
///
/// # Errors
/// [`TellError::Later`], when no answer came. The request may have arrived all the same.
pub async fn ask(
    client: &Client,
    request: RequestBuilder,
    whom: &str,
    redaction: &Redaction,
) -> Result<Answer, TellError> {
    let came = client.send(request).await.map_err(|error| unanswered(&error, whom))?;
    let status = came.status();
    let retry_after = http::retry_after(came.headers());
    let (body, call) = came.body_up_to(BODY_LIMIT).await;
    let body = redaction.apply(&String::from_utf8_lossy(&body.unwrap_or_default()));
    Ok(Answer { status, retry_after, body, call })
}

impl Answer {
    /// Whether it is a refusal that passes by itself: too much at once, or a server in trouble.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.status.is_server_error()
            || matches!(self.status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
    }

    /// A refusal that may be none later. All of the messenger is left alone until then.
    #[must_use]
    pub fn later(&self, whom: &str) -> TellError {
        let message = format!("{whom} does not take the message now ({})", self.said());
        TellError::Later { message, after: self.retry_after, of: Extent::Messenger }
    }

    /// A refusal for good, with what a person can do about it.
    #[must_use]
    pub fn never(&self, whom: &str, remedy: &str) -> TellError {
        TellError::Never { message: format!("{whom} does not take the message ({}): {remedy}", self.said()) }
    }

    /// The status, and the reason if it is one that people can read.
    fn said(&self) -> String {
        let code = self.status.as_u16();
        let reason = shortened(&self.body, LONGEST_REASON);
        if reason.is_empty() || reason.starts_with('<') {
            code.to_string()
        } else {
            format!("{code}: {reason}")
        }
    }
}

/// No answer came. The URL, which may be a secret, is not said.
fn unanswered(error: &reqwest::Error, whom: &str) -> TellError {
    let why = shortened(&http::innermost(error), LONGEST_REASON);
    let message = if error.is_connect() {
        format!("{whom} could not be reached: {why}")
    } else if error.is_timeout() {
        format!("{whom} did not answer in time")
    } else {
        format!("the connection to {whom} broke: {why}")
    };
    TellError::Later { message, after: None, of: Extent::Messenger }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::{Tally, Upstream};

    #[test]
    fn a_reason_is_passed_on_where_people_can_read_it() {
        let answer = |body: &str| Answer {
            status: StatusCode::NOT_FOUND,
            retry_after: None,
            body: body.to_owned(),
            call: Tally::default().call(Upstream::Teams),
        };
        assert_eq!(answer("").said(), "404");
        assert_eq!(answer(" <!DOCTYPE html><h1>No</h1>").said(), "404");
        assert_eq!(answer("no such\n flow").said(), "404: no such flow");
        assert_eq!(answer(&"x".repeat(500)).said().chars().count(), "404: ".len() + LONGEST_REASON + 1);
    }
}
