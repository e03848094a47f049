//! Telling people in Slack: what is shown, and what is said over HTTP to a Slack
//! that keeps its messages.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a test's own work"
)]

mod conversation;
mod fake;
mod faults;
mod hook;
#[path = "../messages/samples.rs"]
mod samples;
mod shown;
