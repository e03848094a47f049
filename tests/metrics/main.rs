//! Metrics: what the records of a deployment tell, and what follows for many.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a test's own work"
)]

mod any_changes;
mod any_history;
mod changes;
mod dora;
mod exported;
mod incidents;
mod kept;
mod lead_time;
#[path = "../support/place.rs"]
mod place;
mod stories;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/tale.rs"]
mod tale;
mod trails;
mod waits;
