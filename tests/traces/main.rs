//! Traces: which spans the records of a deployment have ended, and how far they are told.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a test's own work"
)]

mod any_history;
#[path = "../support/place.rs"]
mod place;
mod privacy;
mod spans;
mod stretches;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/tale.rs"]
mod tale;
