//! A line of the history: who, when, and what came of it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::chain::{FORMAT, RawRecord};
use super::event::{Event, EventName};
use super::finding::ValidationReport;
use super::id::DeploymentId;
use super::principal::Actor;
use super::remark::Remark;
use super::run::RunEvent;
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

impl EventRecord {
    /// What validation found, if this line says so.
    #[must_use]
    pub fn report(&self) -> Option<&ValidationReport> {
        match &self.what {
            What::Event(Event::Run(RunEvent::ValidationReported { report })) => Some(report),
            What::Event(_) | What::Remark(_) => None,
        }
    }
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

/// A remark about no deployment, where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemarkRecord {
    /// Counts all lines of the history, from 1, without gaps.
    pub position: u64,
    /// When, by the clock of the process that recorded it.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What.
    pub remark: Remark,
}

/// A record that does not say what we write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {position} {what}")]
pub struct Unreadable {
    /// Its position.
    pub position: u64,
    /// What is wrong with it, as a phrase that completes the sentence.
    pub what: String,
}

impl TryFrom<&RawRecord> for EventRecord {
    type Error = Unreadable;

    /// What a record about a deployment says, in whichever of our formats.
    fn try_from(raw: &RawRecord) -> Result<Self, Unreadable> {
        let Some(left) = &raw.left else {
            return Err(raw.unreadable("is about no deployment"));
        };
        Ok(Self {
            position: raw.position,
            deployment: left
                .deployment
                .parse()
                .map_err(|error| raw.unreadable(format!("is about something else: {error}")))?,
            version: left.version,
            at: raw.at,
            actor: raw.actor()?,
            what: raw.what()?,
            state: left.state.clone(),
        })
    }
}

impl TryFrom<&RawRecord> for RemarkRecord {
    type Error = Unreadable;

    /// What a record about no deployment says.
    fn try_from(raw: &RawRecord) -> Result<Self, Unreadable> {
        if raw.left.is_some() {
            return Err(raw.unreadable("is about a deployment"));
        }
        Ok(Self { position: raw.position, at: raw.at, actor: raw.actor()?, remark: raw.what()? })
    }
}

impl RawRecord {
    fn actor(&self) -> Result<Actor, Unreadable> {
        serde_json::from_str(&self.actor)
            .map_err(|error| self.unreadable(format!("names nobody that we know: {error}")))
    }

    fn what<T: DeserializeOwned>(&self) -> Result<T, Unreadable> {
        if !(1..=FORMAT).contains(&self.format) {
            return Err(self.unreadable(format!("has format {}, and we know {FORMAT}", self.format)));
        }
        serde_json::from_str(&self.event)
            .map_err(|error| self.unreadable(format!("says nothing that we know: {error}")))
    }

    fn unreadable(&self, what: impl Into<String>) -> Unreadable {
        Unreadable { position: self.position, what: what.into() }
    }
}
