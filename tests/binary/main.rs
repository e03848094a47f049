//! The real binary, as MCP hosts and people start it: its pipes, its files, its exit codes.
//!
//! Harness is the simulator, in the test's own process, so that a test can look
//! at it and stop the world in the middle of a call.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a test's purpose"
)]

mod approvals;
mod bridge;
mod bridge_refusals;
mod bridge_sessions;
mod demo;
mod doctor;
mod emergencies;
mod evidence;
mod http;
mod log;
mod looking;
mod messages;
mod metrics;
mod open_metrics;
mod operations;
mod refusals;
mod requests;
mod room;
mod secrets;
mod session;
mod two_servers;
mod wire;
#[cfg(not(feature = "otlp"))]
mod without_traces;
