//! How a call to Jira failed: what to tell people, and what they can do.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::domain::id::IssueKey;
use crate::domain::text::shortened;
use crate::http::{self, BodyError};
use crate::ports::{Extent, TellError};

use super::wire::Problem;

/// The longest part of a message that Jira may fill.
const SAID_LIMIT: usize = 300;

/// What a call was to do with an issue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) issue: &'a IssueKey,
    pub(super) aim: Aim,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    Look,
    Comment,
    Edit,
    Link,
    Move,
}

impl Aim {
    /// Completes "Jira does not let this account …".
    fn verb(self) -> &'static str {
        match self {
            Self::Look => "look at",
            Self::Comment => "comment on",
            Self::Edit => "edit its comment on",
            Self::Link => "add a link to",
            Self::Move => "move",
        }
    }

    /// What Jira calls the permission of a project.
    fn permission(self) -> &'static str {
        match self {
            Self::Look => "Browse Projects",
            Self::Comment => "Add Comments",
            Self::Edit => "Edit Own Comments",
            Self::Link => "Link Issues",
            Self::Move => "Transition Issues",
        }
    }
}

/// A call that failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// What Jira answered; `None` if it did not.
    pub(super) status: Option<StatusCode>,
    /// For the caller.
    pub(super) error: TellError,
}

impl From<Failure> for TellError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// What an answer says of limits.
pub(super) struct Limits {
    after: Option<Duration>,
    of: Extent,
}

/// Says that one issue is written to too often, and not that we call too often.
const PER_ISSUE: &str = "jira-per-issue-on-write";

pub(super) fn limits(headers: &HeaderMap) -> Limits {
    let reason = headers.get("ratelimit-reason").and_then(|reason| reason.to_str().ok());
    let of = if reason == Some(PER_ISSUE) { Extent::Address } else { Extent::Messenger };
    Limits { after: http::retry_after(headers), of }
}

impl Failure {
    fn later(message: String) -> Self {
        let error = TellError::Later { message, after: None, of: Extent::Messenger };
        Self { status: None, error }
    }

    /// No answer came.
    pub(super) fn unanswered(error: &reqwest::Error) -> Self {
        let why = shortened(&http::innermost(error), SAID_LIMIT);
        Self::later(if error.is_connect() {
            format!("Jira could not be reached; check `base_url` under [jira] and the network: {why}")
        } else if error.is_timeout() {
            "Jira did not answer in time; look whether it is healthy".to_owned()
        } else {
            format!("the connection to Jira broke; look whether it is healthy: {why}")
        })
    }

    /// An answer began with a good status, and its body could not be read.
    pub(super) fn unread(error: &BodyError) -> Self {
        match error {
            BodyError::TooLarge => {
                Self::later(format!("Jira's answer cannot be used, look whether it is Jira: {error}"))
            }
            BodyError::Broken(error) => Self::unanswered(error),
        }
    }

    /// A good status, and something else than what was asked for.
    pub(super) fn not_json(call: Call<'_>, body: &str) -> Self {
        if body.trim_start().starts_with('<') {
            let message = "Jira answered with a web page instead of JSON: check `base_url` under [jira]";
            return Self { status: None, error: TellError::Never { message: message.to_owned() } };
        }
        Self::later(format!(
            "Jira answered with broken or unexpected JSON when asked to {} {}; look whether it is Jira",
            call.aim.verb(),
            call.issue
        ))
    }

    /// An answer with this status and body came, and it is not a success.
    pub(super) fn answered(call: Call<'_>, status: StatusCode, limits: Limits, body: &str) -> Self {
        let message = with_what_it_said(message(call, status, &limits), body);
        let Limits { after, of } = limits;
        let error = match status {
            StatusCode::TOO_MANY_REQUESTS => TellError::Later { message, after, of },
            // Somebody else changed the issue in the same instant.
            StatusCode::CONFLICT => TellError::Later { message, after, of: Extent::Address },
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                TellError::Later { message, after, of: Extent::Messenger }
            }
            _ => TellError::Never { message },
        };
        Self { status: Some(status), error }
    }
}

fn message(call: Call<'_>, status: StatusCode, limits: &Limits) -> String {
    let Call { issue, aim } = call;
    let (code, verb) = (status.as_u16(), aim.verb());
    match status {
        StatusCode::UNAUTHORIZED => format!(
            "Jira does not accept the credentials ({code}): check `kind` and `email` under [jira], and whether JIRA_API_TOKEN has expired"
        ),
        StatusCode::FORBIDDEN => format!(
            "Jira does not let this account {verb} {issue} ({code}): give it the permission `{}` in that project",
            aim.permission()
        ),
        StatusCode::NOT_FOUND => format!(
            "Jira has no {issue}, or does not show it to this account ({code}, which also means no permission): check the key, and the permission `Browse Projects`"
        ),
        StatusCode::PAYLOAD_TOO_LARGE => format!(
            "{issue} has as many comments or links as Jira allows ({code}): remove some, or link another issue"
        ),
        StatusCode::TOO_MANY_REQUESTS if limits.of == Extent::Address => {
            format!("{issue} is written to too often for Jira ({code}); it is tried again later")
        }
        StatusCode::TOO_MANY_REQUESTS => {
            format!("Jira wants fewer requests ({code}); it is tried again later")
        }
        StatusCode::CONFLICT => {
            format!("{issue} was changed in the same instant ({code}); it is tried again later")
        }
        status if status.is_redirection() => {
            format!("Jira answered with a redirect ({code}): check `base_url` under [jira]")
        }
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            format!("Jira had a server error ({code}); look whether it is healthy")
        }
        _ => format!("Jira did not let us {verb} {issue} ({code}): try that by hand with the same account"),
    }
}

/// What Jira said stands at the end, after a colon: it comes from outside.
fn with_what_it_said(message: String, body: &str) -> String {
    let problem: Problem = serde_json::from_str(body).unwrap_or_default();
    let fields = problem.errors.iter().map(|(field, error)| format!("{field}: {error}"));
    let said: Vec<String> = problem.error_messages.into_iter().chain(problem.message).chain(fields).collect();
    let said = shortened(&said.join("; "), SAID_LIMIT);
    if said.is_empty() { message } else { format!("{message}: {said}") }
}
