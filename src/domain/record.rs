//! A line of the history: who, when, and what came of it.

use serde::{Deserialize, Serialize};

use super::event::{Event, EventName};
use super::id::DeploymentId;
use super::principal::Actor;
use super::remark::Remark;
use super::time::Timestamp;

/// One line of the history of a deployment. Never changed, never removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Counts all lines of the history, from 1, without gaps.
    pub position: u64,
    /// The deployment.
    pub deployment: DeploymentId,
    /// The deployment's version after it; 1 for `CREATED`. A remark leaves it as it was.
    pub version: u64,
    /// When, by the clock of the process that recorded it.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What.
    pub what: What,
    /// The state after it, by its wire name.
    pub state: String,
}

/// What a line of the history says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum What {
    /// Something that moved the deployment: its version rose by one.
    Event(Event),
    /// Something that did not.
    Remark(Remark),
}

impl What {
    /// The wire name.
    #[must_use]
    pub fn name(&self) -> EventName {
        match self {
            Self::Event(event) => event.name(),
            Self::Remark(remark) => remark.name(),
        }
    }
}
