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
