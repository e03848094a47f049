//! Traces told to a collector over real HTTP, by the follower alone and by the real binary.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a test's own work"
)]

mod collector;
mod following;
#[path = "../support/place.rs"]
#[expect(dead_code, reason = "these tests need less of it")]
mod place;
mod processes;
#[path = "../binary/room.rs"]
#[expect(dead_code, reason = "these tests need less of it")]
mod room;
mod settings;
#[path = "../support/mod.rs"]
mod support;
#[path = "../binary/wire.rs"]
#[expect(dead_code, reason = "these tests need less of it")]
mod wire;
