//! What this process has counted since it began: passes of the engine, changes of the
//! lease, calls of others.
//!
//! It is lost with the process, and no decision rests on it. Whatever can be
//! computed from the database is not counted here. How it is shown is not in here, either.

mod call;
mod histogram;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub use call::{Call, Outcome, Upstream};
pub use histogram::Histogram;

/// Upper bounds of how long passes take, in seconds. A usual one takes a millisecond, and
/// beyond the last the process is not alive any more.
const PASS_BOUNDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Upper bounds of how long calls take, in seconds. No call may take longer than the last.
const CALL_BOUNDS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];

/// The counts of one process, shared by clones.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Mutex<Counts>>);

/// The counts at one instant.
#[derive(Debug, Clone)]
pub struct Counts {
    /// How long passes of the engine took, in seconds, by how they ended. All ends are there.
    pub passes: BTreeMap<Pass, Histogram>,
    /// How often the lease changed hands. All changes are there.
    pub lease: BTreeMap<LeaseChange, u64>,
    /// The calls of each upstream that this process has a client of.
    pub calls: BTreeMap<Upstream, Calls>,
}

/// The calls of one upstream.
#[derive(Debug, Clone)]
pub struct Calls {
    /// How many came to what. All outcomes are there.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// How long they took, in seconds, whatever they came to.
    pub durations: Histogram,
}

/// How a pass of the engine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pass {
    /// This process drives, and has begun what was due.
    Drove,
    /// Another process drives.
    StoodBy,
    /// The database could not be used.
    Failed,
}

/// What became of the lease, as this process sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeaseChange {
    /// This process drives from now on.
    Taken,
    /// It drives no more, because another has taken over, or because nobody knows who does
    /// while the database cannot be used.
    Lost,
}

impl Pass {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Drove, Self::StoodBy, Self::Failed];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drove => "drove",
            Self::StoodBy => "stood-by",
            Self::Failed => "failed",
        }
    }
}

impl LeaseChange {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Taken, Self::Lost];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Lost => "lost",
        }
    }
}

impl Default for Counts {
    /// Nothing has happened, which is said of everything that may: a first failure is then a
    /// change from zero, and can be seen.
    fn default() -> Self {
        Self {
            passes: Pass::ALL.map(|pass| (pass, Histogram::new(PASS_BOUNDS))).into(),
            lease: LeaseChange::ALL.map(|change| (change, 0)).into(),
            calls: BTreeMap::new(),
        }
    }
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            outcomes: Outcome::ALL.map(|outcome| (outcome, 0)).into(),
            durations: Histogram::new(CALL_BOUNDS),
        }
    }
}

impl Tally {
    /// What was counted until now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// A pass of the engine ended.
    pub fn passed(&self, pass: Pass, took: Duration) {
        if let Some(durations) = self.lock().passes.get_mut(&pass) {
            durations.observe(took);
        }
    }

    /// The lease changed hands.
    pub fn lease_changed(&self, change: LeaseChange) {
        *self.lock().lease.entry(change).or_default() += 1;
    }

    /// There is a client of `upstream`, which may call it.
    pub fn know(&self, upstream: Upstream) {
        self.lock().calls.entry(upstream).or_default();
    }

    /// A call of `upstream` begins.
    #[must_use]
    pub fn call(&self, upstream: Upstream) -> Call {
        Call { tally: self.clone(), upstream, begun: Instant::now(), outcome: None }
    }

    fn called(&self, upstream: Upstream, outcome: Outcome, took: Duration) {
        let mut counts = self.lock();
        let calls = counts.calls.entry(upstream).or_default();
        *calls.outcomes.entry(outcome).or_default() += 1;
        calls.durations.observe(took);
    }

    /// Nothing that is done under the lock can leave it half done.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
