//! An event as it is kept: who, when, from where to where.

use super::event::Event;
use super::id::DeploymentId;
use super::principal::Actor;
use super::time::Timestamp;

/// One line of the history. Never changed, never removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Counts all events of the database, from 1, without gaps.
    pub position: u64,
    /// The deployment.
    pub deployment: DeploymentId,
    /// The deployment's version after the event; 1 for `CREATED`.
    pub version: u64,
    /// When, by the clock of the process that recorded it.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What.
    pub event: Event,
    /// The state after it, by its wire name.
    pub state: String,
}
