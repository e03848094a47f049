//! The history: what stands in it beside events, and that no change of it goes unseen.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a test's job"
)]

mod agents;
mod bytes;
mod evidence;
mod histories;
mod looks;
#[path = "../support/place.rs"]
mod place;
mod release;
mod remarks;
mod rows;
#[path = "../support/mod.rs"]
mod support;
