//! When an environment may be deployed to: freezes and windows at their edges, in
//! the nights in which the clocks change, at the ends of months and years, and
//! several at once.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a test's own work"
)]

mod beginnings;
mod clocks;
mod dates;
mod opinion;
mod several;
mod world;
