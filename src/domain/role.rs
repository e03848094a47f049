//! What a person may do, and through an agent less.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::id::Malformed;
use super::text::shortened;

/// What the config says that a person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Starts, moves, stops and rolls back deployments.
    Operator,
    /// May be named by a gate.
    Approver,
    /// Stops all agents, lets them go on, and reviews uses of break-glass.
    Admin,
}

/// Something that not everybody may do. Everybody who gets in may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Start, move, stop and roll back deployments; lock environments, and stop agents.
    Operate,
    /// Be one whom a gate names.
    Approve,
    /// Answer for the server: agents that act again, commits that come back, and reviews.
    Administer,
}

impl Role {
    /// Whether the role includes the right. An admin operates, too; nobody
    /// approves without being an approver.
    #[must_use]
    pub fn includes(self, right: Right) -> bool {
        match right {
            Right::Operate => matches!(self, Self::Operator | Self::Admin),
            Right::Approve => self == Self::Approver,
            Right::Administer => self == Self::Admin,
        }
    }

    /// The wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        [Self::Viewer, Self::Operator, Self::Approver, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| Malformed {
                what: "a role",
                value: shortened(text, 40),
                rule: "it is viewer, operator, approver or admin",
            })
    }
}

impl Right {
    /// The role that a person lacks who lacks this.
    #[must_use]
    pub fn role(self) -> Role {
        match self {
            Self::Operate => Role::Operator,
            Self::Approve => Role::Approver,
            Self::Administer => Role::Admin,
        }
    }
}
