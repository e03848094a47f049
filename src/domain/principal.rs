//! Who acts, and over which channel.

use serde::{Deserialize, Serialize};

use super::id::PrincipalName;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Principal {
    /// A person.
    Human {
        /// Their name in the config.
        name: PrincipalName,
    },
    /// A program that acts for a person. It never decides an approval.
    Agent {
        /// What the client calls itself: reported, shortened, not to be trusted.
        client: String,
        /// The person.
        on_behalf_of: PrincipalName,
    },
    /// The engine.
    System,
}

impl Principal {
    /// The person who answers for what this principal does.
    #[must_use]
    pub fn human(&self) -> Option<&PrincipalName> {
        match self {
            Self::Human { name } => Some(name),
            Self::Agent { on_behalf_of, .. } => Some(on_behalf_of),
            Self::System => None,
        }
    }
}

impl std::fmt::Display for Principal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Human { name } => write!(out, "{name}"),
            Self::Agent { client, on_behalf_of } => write!(out, "agent {client} for {on_behalf_of}"),
            Self::System => out.write_str("system"),
        }
    }
}

/// The way an action came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// An MCP session over standard input and output.
    McpStdio,
    /// The command line.
    CommandLine,
    /// The engine itself.
    Engine,
}

/// A principal on a channel: what the history names beside each event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Who.
    pub principal: Principal,
    /// How.
    pub channel: Channel,
}

impl Actor {
    /// The engine.
    pub const ENGINE: Self = Self { principal: Principal::System, channel: Channel::Engine };
}
