//! How sure we are that whoever acts is who they are said to be.

use serde::{Deserialize, Serialize};

/// What tells us who acts, from the weakest to the strongest. Recorded with
/// every event; an environment lists those that count for its approvals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    /// Nobody acts: the engine does.
    System,
    /// Whoever runs as this user of the operating system.
    OsUser,
    /// A program has shown that an authorization server lets it act for the person.
    /// Who sits at it, nobody knows: no decision rests on it.
    Oauth,
    /// An agent's word. As a decision: no human decided.
    Agent,
    /// The client reports that a person confirmed. Whether one did, cannot be known.
    ClientConfirmed,
    /// A token of the person, over HTTP. A program that was given it can show it, too.
    Token,
    /// A Slack button: Slack's signature, and a Slack user who is mapped to the person.
    Slack,
    /// The approval page, signed in as the person.
    Web,
    /// The person's own Ed25519 key.
    Signed,
}

impl Assurance {
    /// The wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::OsUser => "os-user",
            Self::Oauth => "oauth",
            Self::Agent => "agent",
            Self::ClientConfirmed => "client-confirmed",
            Self::Token => "token",
            Self::Slack => "slack",
            Self::Web => "web",
            Self::Signed => "signed",
        }
    }

    /// Whether an approval may rest on it, if the environment accepts it.
    #[must_use]
    pub fn may_decide(self) -> bool {
        self >= Self::Agent
    }

    /// Whether it is a channel that an agent cannot use.
    #[must_use]
    pub fn is_out_of_reach_of_agents(self) -> bool {
        self >= Self::Slack
    }

    /// Whether the server vouches for it with its seal, because the person leaves no signature.
    #[must_use]
    pub fn is_vouched_for(self) -> bool {
        self.may_decide() && self != Self::Signed
    }

    /// What everybody must know of a decision that rests on it; `None` for the strong ones.
    #[must_use]
    pub fn caveat(self) -> Option<&'static str> {
        match self {
            Self::Agent => Some("no human decided: the agent's own call counts as the approval"),
            Self::ClientConfirmed => Some(
                "no human is proved to have decided: a confirmation that the client reports counts as the approval",
            ),
            Self::Token => Some(
                "no human is proved to have decided: whatever program shows the person's token counts as the person",
            ),
            Self::System | Self::OsUser | Self::Oauth | Self::Slack | Self::Web | Self::Signed => None,
        }
    }
}

impl std::fmt::Display for Assurance {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}
