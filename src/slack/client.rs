//! Calls of Slack's Web API, and what its answers mean.
//!
//! Slack answers 200 whatever happened, and says in the body whether it did it.
//! No call is repeated here, and no error holds the token or an address.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::SetupError;
use super::remedy::{is_gone, remedy};
use crate::http::{self, Connections, Redaction};
use crate::messenger::{self, Address};
use crate::ports::{Extent, TellError};
use crate::tally::{Outcome, Tally, Upstream};

/// Whom sentences name.
pub(super) const WHOM: &str = "Slack";

/// How long one call may take: a message takes several.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(6);

/// How long Slack is left alone that wants fewer messages and does not say for how long.
const USUAL_PAUSE: Duration = Duration::from_secs(30);

/// Slack's Web API, as one app.
pub(super) struct Client {
    http: http::Client,
    base: Url,
    token: HeaderValue,
    redaction: Redaction,
}

/// A call that did not give what it should have.
#[derive(Debug)]
pub(super) enum Fault {
    /// The message that is to be changed is not there, or can be changed no more.
    Gone,
    /// All else.
    Told(TellError),
}

/// What Slack says.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    ok: bool,
    #[serde(default)]
    error: String,
    pub(super) channel: Option<String>,
    pub(super) ts: Option<String>,
    pub(super) permalink: Option<String>,
}

impl Client {
    /// The API at `base`, with the token of a bot. Calls are counted in `tally`.
    pub(super) fn new(base: &str, token: &SecretString, tally: &Tally) -> Result<Self, SetupError> {
        let token = token.expose_secret().trim();
        let mut header = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| SetupError::Token)?;
        if token.is_empty() {
            return Err(SetupError::Token);
        }
        header.set_sensitive(true);
        Ok(Self {
            http: http::Client::new(Upstream::Slack, CALL_TIMEOUT, Connections::Fresh, tally)?,
            base: base.parse::<Address>()?.expose().clone(),
            redaction: Redaction::of([SecretString::from(token)]),
            token: header,
        })
    }

    /// Call `method` with `arguments`.
    pub(super) async fn call(&self, method: &str, arguments: &Value) -> Result<Answer, Fault> {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("an http URL has a path").pop_if_empty().push(method);
        let request = self.http.request(Method::POST, url).header(AUTHORIZATION, self.token.clone());
        let mut came = messenger::ask(&self.http, request.json(arguments), WHOM, &self.redaction).await?;
        if let Some(error) = refused(&came) {
            return Err(error.into());
        }
        let Ok(answer) = serde_json::from_str::<Answer>(&came.body) else {
            came.call.came_to(Outcome::Unreadable);
            return Err(later("something answers in Slack's place that does not speak its language").into());
        };
        if answer.ok {
            return Ok(answer);
        }
        let slow_down = wants_fewer(&answer.error);
        came.call.came_to(if slow_down { Outcome::RateLimited } else { Outcome::Refused });
        Err(said_no(&answer.error, came.retry_after))
    }

    /// [`Self::call`] where what follows from `Gone` is nothing.
    pub(super) async fn try_call(
        &self,
        method: &str,
        arguments: &Value,
    ) -> Result<Option<Answer>, TellError> {
        match self.call(method, arguments).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Fault::Gone) => Ok(None),
            Err(Fault::Told(error)) => Err(error),
        }
    }
}

impl From<TellError> for Fault {
    fn from(error: TellError) -> Self {
        Self::Told(error)
    }
}

/// What an answer means without a word of Slack's; `None` if it is good.
pub(super) fn refused(answer: &messenger::Answer) -> Option<TellError> {
    match answer.status {
        status if status.is_success() => None,
        StatusCode::TOO_MANY_REQUESTS => Some(slow_down(answer.retry_after)),
        _ if answer.passes() => Some(answer.later(WHOM)),
        status => Some(TellError::Never {
            message: format!(
                "what answers in Slack's place says {}: check the address, and the proxy before it",
                status.as_u16()
            ),
        }),
    }
}

/// Whether Slack's word for its refusal is that there are too many calls.
fn wants_fewer(code: &str) -> bool {
    ["ratelimited", "rate_limited", "message_limit_exceeded"].contains(&code)
}

/// Slack did not do it, and says why with a word.
fn said_no(code: &str, pause: Option<Duration>) -> Fault {
    if wants_fewer(code) {
        return slow_down(pause).into();
    }
    if is_gone(code) {
        return Fault::Gone;
    }
    if let Some(remedy) = remedy(code) {
        return TellError::Never { message: format!("Slack refuses it ({code}): {remedy}") }.into();
    }
    // Slack has words for its own bad days that no list names, and has not done what
    // it refused. So it is tried again, until whoever counts the tries gives up.
    let is_a_word = code.len() <= 60 && code.bytes().all(|it| it.is_ascii_lowercase() || it == b'_');
    let word = if is_a_word { code } else { "a word that no error is" };
    Fault::Told(TellError::Later {
        message: format!("Slack did not take it: {word}"),
        after: pause,
        of: Extent::Address,
    })
}

fn slow_down(pause: Option<Duration>) -> TellError {
    TellError::Later {
        message: "Slack wants fewer messages".to_owned(),
        after: Some(pause.unwrap_or(USUAL_PAUSE)),
        of: Extent::Messenger,
    }
}

pub(super) fn later(message: &str) -> TellError {
    TellError::Later { message: message.to_owned(), after: None, of: Extent::Messenger }
}
