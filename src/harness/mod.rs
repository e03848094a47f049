//! Harness CD: the client of its REST API, and a simulator that speaks the same.
//!
//! [`Client`] implements the two ports [`Executions`](crate::ports::Executions)
//! and [`Pipelines`](crate::ports::Pipelines). What an answer looks like on the
//! wire stays in `wire`; what it means is decided in `status` (words of an
//! execution), `reason` (why it failed) and `error` (how a call failed and
//! whether it had an effect), which are pure.

mod absent;
mod client;
mod effects;
mod error;
mod inputs;
mod rate_limit;
mod reads;
mod reason;
mod recent;
mod request;
pub mod simulator;
mod stages;
mod status;
mod template;
mod wire;

pub use absent::Absent;
pub use client::{Client, Settings, SetupError};
