//! Who acts, and over which channel.

use serde::{Deserialize, Serialize};

use super::assurance::Assurance;
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
    /// The wire name of its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Human { .. } => "human",
            Self::Agent { .. } => "agent",
            Self::System => "system",
        }
    }

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
    /// MCP over HTTP.
    McpHttp,
    /// The command line.
    CommandLine,
    /// A button in Slack.
    Slack,
    /// A page in a person's browser, in which they have shown a token.
    Web,
    /// The same, in which they have signed in at the OpenID provider.
    WebOpenid,
    /// Another program's webhook.
    Webhook,
    /// The engine itself.
    Engine,
}

/// A principal on a channel: what the history names beside each event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Recorded")]
pub struct Actor {
    /// Who.
    pub principal: Principal,
    /// How.
    pub channel: Channel,
    /// What tells us so.
    pub assurance: Assurance,
}

impl Actor {
    /// The engine.
    pub const ENGINE: Self =
        Self { principal: Principal::System, channel: Channel::Engine, assurance: Assurance::System };

    /// A program that signed what it sent. It is nobody: what it says is said in no one's name.
    pub const WEBHOOK: Self =
        Self { principal: Principal::System, channel: Channel::Webhook, assurance: Assurance::System };

    /// A person at the command line, by the operating system's word.
    #[must_use]
    pub fn at_command_line(name: PrincipalName) -> Self {
        Self {
            principal: Principal::Human { name },
            channel: Channel::CommandLine,
            assurance: Assurance::OsUser,
        }
    }

    /// A person who pressed a button in Slack, by Slack's signature.
    #[must_use]
    pub fn in_slack(name: PrincipalName) -> Self {
        Self { principal: Principal::Human { name }, channel: Channel::Slack, assurance: Assurance::Slack }
    }

    /// An agent that acts for a person; `client` is what it calls itself.
    #[must_use]
    pub fn agent(client: String, on_behalf_of: PrincipalName, channel: Channel) -> Self {
        Self { principal: Principal::Agent { client, on_behalf_of }, channel, assurance: Assurance::Agent }
    }

    /// The person for whom an agent acts; `None` if this is no agent.
    #[must_use]
    pub fn agent_of(&self) -> Option<&PrincipalName> {
        match &self.principal {
            Principal::Agent { on_behalf_of, .. } => Some(on_behalf_of),
            Principal::Human { .. } | Principal::System => None,
        }
    }
}

/// An actor as it was recorded. The first events did not name the assurance,
/// which then followed from the rest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    principal: Principal,
    channel: Channel,
    assurance: Option<Assurance>,
}

impl From<Recorded> for Actor {
    fn from(recorded: Recorded) -> Self {
        let Recorded { principal, channel, assurance } = recorded;
        let assurance = assurance.unwrap_or(match (&principal, channel) {
            (Principal::System, _) => Assurance::System,
            (Principal::Agent { .. }, _) => Assurance::Agent,
            // Over MCP only a signed decision came as a person's.
            (Principal::Human { .. }, Channel::McpStdio) => Assurance::Signed,
            (
                Principal::Human { .. },
                Channel::McpHttp
                | Channel::CommandLine
                | Channel::Slack
                | Channel::Web
                | Channel::WebOpenid
                | Channel::Webhook
                | Channel::Engine,
            ) => Assurance::OsUser,
        });
        Self { principal, channel, assurance }
    }
}
