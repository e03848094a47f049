//! How many requests of each are under way at once, streams that wait for news
//! included. So nobody takes all connections, and with them everybody's turn.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of everybody. All are remembered: let there be no more than the config has people.
pub(super) struct Places<Who> {
    each: usize,
    of: Mutex<BTreeMap<Who, Arc<Semaphore>>>,
}

impl<Who: Ord> Places<Who> {
    /// So many for each.
    pub(super) fn new(each: usize) -> Self {
        Self { each, of: Mutex::default() }
    }

    /// One of them, until it is dropped; `None` if all are taken.
    pub(super) fn take(&self, who: Who) -> Option<OwnedSemaphorePermit> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let places = of.entry(who).or_insert_with(|| Arc::new(Semaphore::new(self.each)));
        Arc::clone(places).try_acquire_owned().ok()
    }
}
