//! The events that a caller may send, by name. A claim of completion is checked
//! by its guards like any other event; nothing is believed because it was said.

use super::deployment::Deployment;
use super::event::{Completion, Event, EventName, MainEvent};
use super::guard::Guard;
use super::id::Malformed;
use super::time::Timestamp;
use super::workflow::{Stage, Workflow};

/// An event that is open from the present state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDoor {
    /// Its name.
    pub event: EventName,
    /// Its guards as they stand.
    pub guards: Vec<Guard>,
}

/// The event of this name, as a caller means it. ROLLBACK comes without
/// targets, which only the store can tell.
///
/// # Errors
/// When no such event can be sent in this workflow.
pub fn parse(name: &str, reason: &str, workflow: &Workflow) -> Result<MainEvent, Malformed> {
    doors(workflow, reason).find(|event| event.name().0 == name).ok_or_else(|| Malformed {
        what: "an event",
        value: super::text::shortened(name, 80),
        rule: "get_status lists the events that the deployment accepts now",
    })
}

/// Every event that a caller may send in this workflow, in the order of the way.
pub fn doors(workflow: &Workflow, reason: &str) -> impl Iterator<Item = MainEvent> {
    let stages = std::iter::successors(Some(Stage::Validating), |stage| workflow.after(stage));
    let completions = stages
        .filter_map(|stage| Completion::of(&stage))
        .map(|completion| MainEvent::StageComplete { completion });
    std::iter::once(MainEvent::Start).chain(completions).chain([
        MainEvent::ApprovalReminded,
        MainEvent::ApprovalWithdrawn { reason: reason.to_owned() },
        MainEvent::Approved,
        MainEvent::Rejected,
        MainEvent::ApprovalExpired,
        MainEvent::Failure,
        MainEvent::Retry,
        MainEvent::Cancel { reason: reason.to_owned() },
        MainEvent::Cancelled,
        MainEvent::Rollback {
            reason: reason.to_owned(),
            targets: Vec::new(),
            overtaken: Vec::new(),
            unknown: Vec::new(),
        },
        MainEvent::EnvironmentRestored,
        MainEvent::RollbackComplete,
        MainEvent::RollbackFailed,
    ])
}

impl OpenDoor {
    /// Whether all its guards hold.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.guards.iter().all(|guard| guard.holds)
    }
}

impl Deployment {
    /// The events that the present state has an arrow for, each with its
    /// guards. `rollback` is ROLLBACK with its targets.
    #[must_use]
    pub fn open_doors(&self, rollback: &MainEvent, at: Timestamp) -> Vec<OpenDoor> {
        doors(&self.spec.workflow, "")
            .map(|door| if matches!(door, MainEvent::Rollback { .. }) { rollback.clone() } else { door })
            .filter_map(|door| {
                let event = Event::Main(door);
                let guards = self.guards_of(&event, at)?;
                Some(OpenDoor { event: event.name(), guards })
            })
            .collect()
    }
}
