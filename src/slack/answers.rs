//! What we say to somebody who pressed a button, so that only they see it.

use std::time::Duration;

use reqwest::{Method, Url};
use serde_json::json;

use super::SetupError;
use super::markup::escaped;
use crate::http::{Client, Connections};
use crate::messenger::Address;
use crate::tally::{Tally, Upstream};

/// Where Slack takes such answers.
const HOST: &str = "hooks.slack.com";

/// How long an answer may take. Nobody waits for it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer.
const LIMIT: usize = 1_000;

/// The way to somebody who pressed a button.
pub struct Answers {
    http: Client,
    /// The API, whose host may take answers, too.
    base: Url,
}

/// An answer that nobody saw. The address is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The address is not Slack's: nothing was sent there.
    #[error("the address for the answer is not Slack's")]
    Elsewhere,
    /// Slack did not take it.
    #[error("Slack did not take the answer")]
    NotTaken,
}

impl Answers {
    /// Answers over the API at `base`. They are counted in `tally`.
    ///
    /// # Errors
    /// When `base` is no such address.
    pub fn new(base: &str, tally: &Tally) -> Result<Self, SetupError> {
        Ok(Self {
            http: Client::new(Upstream::Slack, TIMEOUT, Connections::Fresh, tally)?,
            base: base.parse::<Address>()?.expose().clone(),
        })
    }

    /// Say `text` to whoever pressed the button that came with `response_url`.
    /// The address comes from outside: only one of Slack's is called, once, and
    /// whatever it redirects to is not.
    ///
    /// # Errors
    /// When nobody sees it.
    pub async fn say(&self, response_url: &str, text: &str) -> Result<(), Unanswered> {
        let url = self.trusted(response_url).ok_or(Unanswered::Elsewhere)?;
        let body = json!({
            "response_type": "ephemeral", "replace_original": false, "text": escaped(text, LIMIT),
        });
        let request = self.http.request(Method::POST, url).json(&body);
        let came = self.http.send(request).await.map_err(|_| Unanswered::NotTaken)?;
        if came.status().is_success() { Ok(()) } else { Err(Unanswered::NotTaken) }
    }

    fn trusted(&self, response_url: &str) -> Option<Url> {
        let url = Url::parse(response_url).ok()?;
        let is_slacks = url.scheme() == "https" && url.host_str() == Some(HOST) && url.port().is_none();
        let names_nobody = url.username().is_empty() && url.password().is_none();
        (names_nobody && (is_slacks || url.origin() == self.base.origin())).then_some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_slack_is_answered() {
        let answers = Answers::new("https://slack.com/api", &Tally::default()).unwrap();
        for good in ["https://hooks.slack.com/actions/T1/2/x", "https://slack.com/actions"] {
            assert!(answers.trusted(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "/actions",
            "http://hooks.slack.com/actions",
            "https://hooks.slack.com:8443/actions",
            "https://hooks.slack.com.evil.example/",
            "https://evil.example/hooks.slack.com",
            "https://hooks.slack.com@evil.example/",
            "https://me:secret@hooks.slack.com/",
            "https://evilhooks.slack.com/",
            "https://169.254.169.254/latest",
            "http://127.0.0.1:8080/",
            "file:///etc/passwd",
        ] {
            assert!(answers.trusted(bad).is_none(), "{bad}");
        }
    }
}
