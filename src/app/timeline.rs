//! The states that a deployment went through, made from its events.

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::event::Event;
use crate::domain::record::{EventRecord, What};
use crate::domain::run::RunEvent;
use crate::domain::time::Timestamp;

/// One stay in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TimelineEntry {
    /// The state.
    pub state: String,
    /// When it was entered.
    pub entered_at: String,
    /// How long it lasted, or has lasted so far, in milliseconds. A state in
    /// which a deployment is over lasts until somebody acts, and has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Triggers that were intended in it.
    pub attempts: u32,
}

/// The timeline that `records`, all of one deployment and from its first, give
/// at `until`: the present, or nothing for a deployment that is over.
pub(super) fn of(records: &[EventRecord], until: Option<Timestamp>) -> Vec<TimelineEntry> {
    let mut entries: Vec<(String, Timestamp, u32)> = Vec::new();
    for record in records {
        let attempts =
            u32::from(matches!(record.what, What::Event(Event::Run(RunEvent::TriggerIntended { .. }))));
        match entries.last_mut() {
            Some((state, _, counted)) if *state == record.state => *counted += attempts,
            _ => entries.push((record.state.clone(), record.at, attempts)),
        }
    }
    let ends: Vec<_> = entries.iter().skip(1).map(|(_, entered, _)| Some(*entered)).chain([until]).collect();
    entries
        .into_iter()
        .zip(ends)
        .map(|((state, entered, attempts), end)| TimelineEntry {
            duration_ms: end.map(|end| u64::try_from(end.since(entered).as_millis()).unwrap_or(u64::MAX)),
            state,
            entered_at: entered.to_rfc3339(),
            attempts,
        })
        .collect()
}
