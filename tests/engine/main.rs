//! The engine against a Harness in memory, on a clock that tests move: every
//! test is a conversation, waits for conditions and never for time to pass.

#[path = "../support/fake_harness.rs"]
mod fake_harness;
#[path = "../support/history.rs"]
mod history;

mod approvals;
mod lost;
mod sharing;
mod stages;
mod stopping;
mod telling;
mod world;
