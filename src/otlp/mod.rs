//! Traces of deployments, told to a collector with OTLP over HTTP.
//!
//! [`Follower`] reads what the history has ended since it last looked ([`crate::domain::trace`]
//! makes spans of it), `message` puts that into OTLP's words, and [`Collector`] sends it. No
//! deployment waits for any of them, and nothing is kept here: how far it is told stands in the database.
//!
//! Built with the cargo feature `otlp` only.

mod collector;
mod follower;
mod message;
mod settings;

pub use collector::{Answer, Collector, SetupError};
pub use follower::{Follower, Progress};
pub use settings::{Settings, Unusable, Variables};
