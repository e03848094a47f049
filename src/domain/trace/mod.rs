//! What one deployment's history looks like as a trace.
//!
//! A trace is computed from stored records and from nothing else, after the fact. So
//! whichever process tells it, and however often, it is the same trace with the same
//! spans: [`tell`] gives those that have ended, and one that has ended never changes.
//!
//! `docs/traces.md` says what is in a trace, and what is kept out of it.

mod outcome;
mod said;
pub mod span;
pub mod tell;
