//! What a request is told that is not let in (RFC 6750, RFC 9728).

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse as _, Response};

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// It shows no token.
    NoToken,
    /// Its token is not good.
    InvalidToken,
    /// Its token is good for nothing that is done here. Another with more scopes would do.
    InsufficientScope,
    /// Nobody here is whom the token names. No other token would do.
    Stranger,
}

impl Denial {
    fn status(self) -> StatusCode {
        match self {
            Self::NoToken | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope | Self::Stranger => StatusCode::FORBIDDEN,
        }
    }

    /// The code of RFC 6750. A client that reads `insufficient_scope` asks its
    /// person for more scopes, so that a stranger is not told that.
    fn code(self) -> Option<&'static str> {
        match self {
            Self::NoToken | Self::Stranger => None,
            Self::InvalidToken => Some("invalid_token"),
            Self::InsufficientScope => Some("insufficient_scope"),
        }
    }

    /// Whether the scopes help that are known here.
    fn names_scopes(self) -> bool {
        matches!(self, Self::NoToken | Self::InsufficientScope)
    }
}

/// Where it is said how to do better.
pub(super) struct Guidance {
    /// The address of the metadata.
    pub(super) metadata: String,
    /// The scopes to ask for; none where no authorization server is known.
    pub(super) scopes: Vec<String>,
}

impl Guidance {
    /// The refusal, in the words of `why`.
    pub(super) fn refuse(&self, denial: Denial, why: &str) -> Response {
        let mut said = format!("Bearer resource_metadata=\"{}\"", self.metadata);
        if let Some(code) = denial.code() {
            said.push_str(&format!(", error=\"{code}\""));
        }
        if denial != Denial::NoToken {
            said.push_str(&format!(", error_description=\"{}\"", quotable(why)));
        }
        if denial.names_scopes() && !self.scopes.is_empty() {
            said.push_str(&format!(", scope=\"{}\"", self.scopes.join(" ")));
        }
        (denial.status(), [(WWW_AUTHENTICATE, said)], format!("{why}\n")).into_response()
    }
}

/// Nobody can tell now whether a token is good: come back after this pause.
pub(super) fn come_back(pause: Duration, why: &str) -> Response {
    let pause = [(RETRY_AFTER, pause.as_secs().to_string())];
    (StatusCode::SERVICE_UNAVAILABLE, pause, format!("{why}\n")).into_response()
}

/// `text` as it may stand in quotes in a header; a part of it may come from a token.
fn quotable(text: &str) -> String {
    let is_quotable = |it: char| (it.is_ascii_graphic() || it == ' ') && it != '"' && it != '\\';
    text.chars().map(|it| if is_quotable(it) { it } else { '?' }).collect()
}
