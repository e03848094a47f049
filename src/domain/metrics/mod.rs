//! What the history says about how well deploying goes.
//!
//! Everything here is computed from stored records and from nothing else, so that
//! every number can be computed again. One deployment's records give its
//! [`Story`](story::Story), by [`tell`]; stories give the numbers of the pipeline
//! ([`pipeline`]) and those of DORA ([`dora`]), for which what reached production
//! is looked at as [`changes`](change) and as [`incidents`](incident). A window may be [`cut`],
//! and its parts have the numbers of windows of their own.
//!
//! `docs/metrics.md` has the definitions, and where they differ from other tools'.

pub mod change;
pub mod cut;
pub mod dora;
pub mod exported;
mod hours;
pub mod imported;
pub mod incident;
pub mod lead_time;
mod phase;
pub mod pipeline;
pub mod spread;
pub mod story;
pub mod tell;
pub mod window;
