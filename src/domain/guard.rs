//! Guards as values, and refusals that say what would open them.

use std::borrow::Cow;

use serde::Serialize;

use super::event::EventName;

/// A named condition with what it saw. An explanation lists all guards of an
/// event; a refusal lists the same, with at least one that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guard {
    /// The name; stable.
    pub name: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// What was seen.
    pub saw: Cow<'static, str>,
    /// What would make it hold; for one that holds, what it asks.
    pub opens_when: Cow<'static, str>,
}

impl Guard {
    /// A guard with its evidence.
    #[must_use]
    pub fn new(
        name: &'static str,
        holds: bool,
        saw: impl Into<Cow<'static, str>>,
        opens_when: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { name, holds, saw: saw.into(), opens_when: opens_when.into() }
    }
}

/// Why a guard will never hold, where that is what its `opens_when` says.
#[must_use]
pub fn never(opens_when: &str) -> Option<&str> {
    opens_when.strip_prefix("never: ")
}

/// Where what a guard saw comes from, and who can open it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provenance {
    /// Where it comes from.
    pub source: &'static str,
    /// Who can open it.
    pub opened_by: &'static str,
}

impl Guard {
    /// Where what it saw comes from, and who can open it.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        let (source, opened_by) = match self.name {
            "execution-succeeded" | "attempt-failed" | "nothing-runs" | "restore-failed" => {
                ("Harness", "the run of the pipeline")
            }
            "healthy" => ("the environment", "good answers of the environment"),
            "backoff-elapsed" | "request-has-expired" | "its-time-is-over" => ("the clock", "time alone"),
            "policy-unchanged" | "somebody-may-approve" | "person-may-decide" | "assurance-is-accepted" => {
                ("the config", "an operator of the server")
            }
            "approved"
            | "approvals-suffice"
            | "required-group-approves"
            | "a-person-rejected"
            | "what-was-approved" => ("the approval request", "the people who may approve"),
            "signature-is-valid"
            | "one-decision-per-person"
            | "four-eyes"
            | "reason-given"
            | "decision-is-for-this-request"
            | "glass-is-broken" => ("the decision", "another decision, by a person who may make it"),
            "request-stands" | "request-is-open" | "people-are-not-pestered" => {
                ("the approval request", "whoever asks people anew")
            }
            "has-the-place" | "key-is-fresh" | "no-retry-left" | "repeatable" => {
                ("the stored deployment", "the engine")
            }
            "soak"
            | "previous-environment"
            | "tests-passed"
            | "no-newer-failure"
            | "soaking"
            | "unproven" => ("the history of the service", "a deployment that shows it"),
            "not-quarantined" | "quarantined" => ("the history of the service", "an admin of the server"),
            "not-frozen" | "frozen" => ("the config and the clock", "time, or whom the freeze names"),
            "not-locked" | "locked" => ("the locks of people", "an operator of the server"),
            "place-is-free" | "taken" | "queued" | "room-is-left" | "full" | "nothing-holds-it" => {
                ("the places of all deployments", "whoever has the place")
            }
            "waived-on-its-path" => ("the path in the config", "nobody needs to"),
            _ => ("the stored deployment", "nobody: it follows from what happened"),
        };
        Provenance { source, opened_by }
    }
}

/// Why an event was not accepted. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The state machine has no such arrow.
    #[error("{event} is not possible in state {state}")]
    NotAllowed {
        /// The state's wire name.
        state: String,
        /// The event.
        event: EventName,
    },
    /// The arrow is there, and a guard does not hold.
    #[error("{event} is refused in state {state}: {}", unmet(guards))]
    Guarded {
        /// The state's wire name.
        state: String,
        /// The event.
        event: EventName,
        /// All guards of the arrow.
        guards: Vec<Guard>,
    },
}

fn unmet(guards: &[Guard]) -> String {
    let unmet: Vec<String> = guards
        .iter()
        .filter(|guard| !guard.holds)
        .map(|guard| format!("{} ({})", guard.name, guard.saw))
        .collect();
    unmet.join(", ")
}
