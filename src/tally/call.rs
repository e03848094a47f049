//! One call of somebody else, and what it came to.

use tokio::time::Instant;

use super::Tally;

/// Whom this program calls. There are no others, so that nothing which is named after
/// them grows without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Upstream {
    /// Harness.
    Harness,
    /// Jira.
    Jira,
    /// Slack: its API, its incoming webhooks, and answers to whoever pressed a button.
    Slack,
    /// Workflows of Teams.
    Teams,
    /// Mail servers.
    Mail,
    /// Receivers of webhooks.
    Webhook,
    /// The authorization server, for its keys.
    Oauth,
    /// The OpenID provider.
    Openid,
    /// The collector of traces.
    Collector,
    /// Environments that are asked whether they are healthy, and what they run.
    Environment,
}

impl Upstream {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Harness => "harness",
            Self::Jira => "jira",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::Mail => "mail",
            Self::Webhook => "webhook",
            Self::Oauth => "oauth",
            Self::Openid => "openid",
            Self::Collector => "collector",
            Self::Environment => "environment",
        }
    }
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The answer says that it was done.
    Ok,
    /// The answer says no, and would say so again.
    Refused,
    /// The answer asks for fewer calls.
    RateLimited,
    /// The answer says that the other side is in trouble.
    ServerError,
    /// No answer came in time. The call may have been done all the same.
    TimedOut,
    /// No connection was made, or it broke before an answer.
    Unreachable,
    /// The answer broke off, is too large, or is not what that upstream says.
    Unreadable,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::Refused,
        Self::RateLimited,
        Self::ServerError,
        Self::TimedOut,
        Self::Unreachable,
        Self::Unreadable,
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::RateLimited => "rate-limited",
            Self::ServerError => "server-error",
            Self::TimedOut => "timed-out",
            Self::Unreachable => "unreachable",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A call that is under way. It is counted when this is dropped, with the time from its
/// beginning until then; one that nobody waited for to its end came to nothing, and is not.
#[derive(Debug)]
pub struct Call {
    pub(super) tally: Tally,
    pub(super) upstream: Upstream,
    pub(super) begun: Instant,
    pub(super) outcome: Option<Outcome>,
}

impl Call {
    /// What it came to. The last word counts: whoever reads an answer knows more of it than
    /// whoever saw its status.
    pub fn came_to(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome {
            self.tally.called(self.upstream, outcome, self.begun.elapsed());
        }
    }
}
