//! Whole sessions over raw JSON lines, in both eras of MCP, with a database, an
//! engine and a simulated Harness behind the server.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a test's own work"
)]

mod attacks;
mod confirming;
mod deploying;
mod event_stream;
mod hostile;
mod limits;
mod offering;
mod updates;
mod waiting;
mod wire;
mod world;
