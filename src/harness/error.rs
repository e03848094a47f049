//! How a call to Harness failed: what to tell people, whether to call again,
//! and whether the call may have had an effect all the same.
//!
//! Harness's HTTP status is not the whole truth: the body's own `status` can
//! say ERROR under a 200, and a "not found" can come as a 400. Whatever stands
//! between us and Harness answers with web pages.

use std::time::Duration;

use reqwest::StatusCode;

use crate::domain::execution::{Cause, Retry};
use crate::domain::text::shortened;
use crate::http::{BodyError, innermost};
use crate::ports::CallError;
use crate::tally::Outcome;

use super::reason::Reason;
use super::wire::{Problem, is_error};

/// The longest message of a [`CallError`].
const MESSAGE_LIMIT: usize = 400;

/// A call that failed.
#[derive(Debug)]
pub(super) struct CallFailure {
    /// For the caller.
    pub(super) error: CallError,
    /// Harness's error codes, the outermost first.
    pub(super) codes: Vec<String>,
    /// Whether the call may have done what it asked for.
    pub(super) effect: Effect,
}

/// Whether a failed call had its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It certainly had none: it never reached Harness, or Harness refused it.
    None,
    /// Nobody knows.
    Unknown,
}

impl From<CallFailure> for CallError {
    fn from(failure: CallFailure) -> Self {
        failure.error
    }
}

impl CallFailure {
    pub(super) fn new(cause: Cause, retry: Retry, effect: Effect, message: &str) -> Self {
        let message = shortened(message, MESSAGE_LIMIT);
        Self { error: CallError { cause, message, retry }, codes: Vec::new(), effect }
    }

    /// What the call came to.
    pub(super) fn outcome(&self) -> Outcome {
        match self.error.cause {
            Cause::RateLimited => Outcome::RateLimited,
            Cause::Upstream => Outcome::ServerError,
            Cause::Timeout => Outcome::TimedOut,
            Cause::Unreachable => Outcome::Unreachable,
            Cause::BadAnswer => Outcome::Unreadable,
            _ => Outcome::Refused,
        }
    }

    /// No answer came.
    pub(super) fn unanswered(error: &reqwest::Error) -> Self {
        const AGAIN: Retry = Retry::Retryable { after: None };
        let why = innermost(error);
        if error.is_connect() {
            // Refused, no such name, no TLS, no connection in time: nothing was sent.
            let message = format!("Harness could not be reached: {why}");
            Self::new(Cause::Unreachable, AGAIN, Effect::None, &message)
        } else if error.is_timeout() {
            Self::new(Cause::Timeout, AGAIN, Effect::Unknown, "Harness did not answer in time")
        } else {
            let message = format!("the connection to Harness broke: {why}");
            Self::new(Cause::Unreachable, AGAIN, Effect::Unknown, &message)
        }
    }

    /// An answer began with a good status, and its body could not be read.
    pub(super) fn unread(error: &BodyError) -> Self {
        match error {
            BodyError::TooLarge => {
                let message = format!("Harness's answer cannot be used: {error}");
                Self::new(Cause::BadAnswer, Retry::Final, Effect::Unknown, &message)
            }
            BodyError::Broken(error) => Self::unanswered(error),
        }
    }

    /// An answer with this status and body came, and it is not a success.
    pub(super) fn answered(status: StatusCode, retry_after: Option<Duration>, body: &str) -> Self {
        let failed = status.is_client_error() || status.is_server_error();
        match serde_json::from_str::<Problem>(body) {
            Ok(problem) if failed || is_error(problem.status.as_deref()) => {
                refused(status, retry_after, &problem)
            }
            _ => not_json(status, retry_after, body),
        }
    }
}

/// Codes that say more than the HTTP status under which they come.
const CODES: [(&str, Cause); 14] = [
    ("INVALID_TOKEN", Cause::Unauthorized),
    ("EXPIRED_TOKEN", Cause::Unauthorized),
    ("INVALID_CREDENTIAL", Cause::Unauthorized),
    ("NG_ACCESS_DENIED", Cause::Unauthorized),
    ("ACCESS_DENIED", Cause::Unauthorized),
    ("USER_NOT_AUTHORIZED", Cause::Unauthorized),
    ("ENTITY_NOT_FOUND", Cause::NotFound),
    ("RESOURCE_NOT_FOUND", Cause::NotFound),
    ("RESOURCE_NOT_FOUND_EXCEPTION", Cause::NotFound),
    ("NOT_FOUND", Cause::NotFound),
    ("SCM_RATE_LIMIT_ERROR", Cause::RateLimited),
    ("TOO_MANY_REQUESTS", Cause::RateLimited),
    ("FREEZE_EXCEPTION", Cause::Frozen),
    ("POLICY_EVALUATION_FAILURE", Cause::PolicyDenied),
];

fn refused(status: StatusCode, retry_after: Option<Duration>, problem: &Problem) -> CallFailure {
    let messages = problem.response_messages.as_deref().unwrap_or_default();
    let field_errors = problem.errors.iter().flatten().map(|field| {
        let name = field.field.as_deref().unwrap_or("a field");
        format!("{name}: {}", field.error.as_deref().unwrap_or("is wrong"))
    });
    let field_errors = field_errors.collect::<Vec<_>>().join(", ");
    let hints =
        [problem.message.as_deref(), problem.detailed_message.as_deref(), Some(field_errors.as_str())];
    let reason = Reason::new(messages, &hints);
    let codes: Vec<String> = problem
        .code
        .iter()
        .chain(messages.iter().filter_map(|message| message.code.as_ref()))
        .cloned()
        .collect();

    let of_code = codes.iter().find_map(|code| CODES.iter().find(|(known, _)| known == code));
    let cause = match of_code {
        Some((_, cause)) if !status.is_server_error() => *cause,
        _ => of_status(worst(status, problem)),
    };
    // The outermost code is often `HINT`, as the outermost message is often a hint.
    let label = match codes.last() {
        Some(code) => format!("{} {code}", status.as_u16()),
        None => status.as_u16().to_string(),
    };
    let mut message = format!("{} ({label})", summary(cause));
    if !reason.text.is_empty() {
        message.push_str(": ");
        message.push_str(&reason.text);
    }
    let retry = match (cause, reason.retry()) {
        (Cause::Refused, curable) => curable,
        (cause, _) => retry(cause, retry_after),
    };
    CallFailure { codes, ..CallFailure::new(cause, retry, effect(cause), &message) }
}

/// The status that an answer with this body should have had.
fn worst(status: StatusCode, problem: &Problem) -> StatusCode {
    match problem.status.as_deref() {
        Some("FAILURE") if status.is_success() => StatusCode::BAD_REQUEST,
        Some("ERROR") if status.is_success() => StatusCode::INTERNAL_SERVER_ERROR,
        _ => status,
    }
}

fn of_status(status: StatusCode) -> Cause {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Cause::Unauthorized,
        StatusCode::NOT_FOUND => Cause::NotFound,
        StatusCode::TOO_MANY_REQUESTS => Cause::RateLimited,
        StatusCode::REQUEST_TIMEOUT => Cause::Timeout,
        status if status.is_client_error() => Cause::Refused,
        status if status.is_server_error() => Cause::Upstream,
        _ => Cause::BadAnswer,
    }
}

/// A redirect, a web page, or JSON that is broken or not what was asked for.
fn not_json(status: StatusCode, retry_after: Option<Duration>, body: &str) -> CallFailure {
    let code = status.as_u16();
    let page = body.trim_start().starts_with('<');
    let cause = match of_status(status) {
        // A missing page says nothing about a missing pipeline.
        Cause::NotFound | Cause::Refused => Cause::BadAnswer,
        cause => cause,
    };
    let message = match cause {
        Cause::BadAnswer if status.is_redirection() => {
            format!("Harness answered with a redirect ({code}): check the base URL and the API key")
        }
        Cause::BadAnswer if page => {
            format!(
                "Harness answered with a web page instead of JSON ({code}): check the base URL and the API key"
            )
        }
        Cause::BadAnswer if status.is_success() => {
            "Harness answered with broken or unexpected JSON".to_owned()
        }
        Cause::BadAnswer => format!("Harness answered {code} without JSON: check the base URL"),
        cause => format!("{} ({code})", summary(cause)),
    };
    let retry = match cause {
        // Cut off on its way, perhaps. A page stays a page.
        Cause::BadAnswer if status.is_success() && !page => Retry::Retryable { after: None },
        cause => retry(cause, retry_after),
    };
    let effect = match cause {
        Cause::BadAnswer if status.is_client_error() => Effect::None,
        cause => effect(cause),
    };
    CallFailure::new(cause, retry, effect, &message)
}

fn summary(cause: Cause) -> &'static str {
    match cause {
        Cause::Unauthorized => "Harness does not accept the API key, or the key may not do this",
        Cause::NotFound => "Harness does not know it",
        Cause::RateLimited => "Harness wants fewer requests",
        Cause::Upstream => "Harness had a server error",
        Cause::Timeout => "Harness gave up waiting",
        Cause::Frozen => "a Harness freeze window forbids it",
        Cause::PolicyDenied => "a Harness policy forbids it",
        _ => "Harness refused the request",
    }
}

fn retry(cause: Cause, after: Option<Duration>) -> Retry {
    match cause {
        Cause::RateLimited | Cause::Upstream | Cause::Timeout => Retry::Retryable { after },
        _ => Retry::Final,
    }
}

/// A refusal has no effect. A server error may be only the answer's.
fn effect(cause: Cause) -> Effect {
    match cause {
        Cause::Upstream | Cause::Timeout | Cause::BadAnswer => Effect::Unknown,
        _ => Effect::None,
    }
}
