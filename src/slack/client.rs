//! Calls of Slack's Web API, and what its answers mean.
//!
//! Slack answers 200 whatever happened, and says in the body whether it did it.
//! No call is repeated here, and no error holds the token or an address.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::SetupError;
use super::remedy::{is_gone, remedy};
use crate::http::{self, Connections};
use crate::ports::{Extent, TellError};

/// How long one call may take.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(6);

/// How long Slack is left alone that wants fewer messages and does not say for how long.
const USUAL_PAUSE: Duration = Duration::from_secs(30);

/// Slack's Web API, as one app.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    token: HeaderValue,
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
    /// The API at `base`, with the token of a bot.
    pub(super) fn new(base: &str, token: &SecretString) -> Result<Self, SetupError> {
        let token = token.expose_secret().trim();
        let mut header = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| SetupError::Token)?;
        if token.is_empty() {
            return Err(SetupError::Token);
        }
        header.set_sensitive(true);
        Ok(Self {
            http: http::client(CALL_TIMEOUT, Connections::Fresh)?,
            base: address(base)?,
            token: header,
        })
    }

    /// Call `method` with `arguments`.
    pub(super) async fn call(&self, method: &str, arguments: &Value) -> Result<Answer, Fault> {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("an http URL has a path").pop_if_empty().push(method);
        let request = self.http.post(url).header(AUTHORIZATION, self.token.clone()).json(arguments);
        let response = request.send().await.map_err(|error| unanswered(&error))?;
        let (status, pause) = (response.status(), retry_after(&response));
        if let Some(error) = refused(status, pause) {
            return Err(error.into());
        }
        let body = http::body(response).await.map_err(|_| later("Slack's answer broke off"))?;
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| later("something answers in Slack's place that does not speak its language"))?;
        if answer.ok { Ok(answer) } else { Err(said_no(&answer.error, pause)) }
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

/// An address to which a secret may be sent: over TLS, or to this machine.
pub(super) fn address(text: &str) -> Result<Url, SetupError> {
    let url = Url::parse(text.trim()).map_err(|_| SetupError::Address)?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" if url.has_host() => Ok(url),
        "http" if is_loopback => Ok(url),
        _ => Err(SetupError::Address),
    }
}

/// No answer came. What the library says is not repeated: it names the address.
pub(super) fn unanswered(error: &reqwest::Error) -> TellError {
    later(if error.is_connect() {
        "Slack cannot be reached"
    } else if error.is_timeout() {
        "Slack did not answer in time"
    } else {
        "the connection to Slack broke"
    })
}

/// How long Slack says that it is to be left alone.
pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What a status means that has no word of Slack's with it; `None` if it is good.
pub(super) fn refused(status: StatusCode, pause: Option<Duration>) -> Option<TellError> {
    match status {
        status if status.is_success() => None,
        StatusCode::TOO_MANY_REQUESTS => Some(slow_down(pause)),
        status if status.is_server_error() => Some(TellError::Later {
            message: format!("Slack had a server error ({})", status.as_u16()),
            after: pause,
            of: Extent::Messenger,
        }),
        status => Some(TellError::Never {
            message: format!(
                "what answers in Slack's place says {}: check the address, and the proxy before it",
                status.as_u16()
            ),
        }),
    }
}

/// Slack did not do it, and says why with a word.
fn said_no(code: &str, pause: Option<Duration>) -> Fault {
    if ["ratelimited", "rate_limited", "message_limit_exceeded"].contains(&code) {
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
