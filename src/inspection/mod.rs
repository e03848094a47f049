//! What is looked at before anything runs, or because somebody asks: the config,
//! Harness, the environments and the manifests. Reads only.
//!
//! The engine looks in the stage `validating`, and the use cases when somebody
//! wants to know beforehand. What is found is judged in the domain.

pub mod drift;
pub mod validation;

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::policy::Policy;
use crate::ports::{Executions, Probe, Tracker};
use crate::store::{self, Snapshot, Store};

/// Where to look. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    /// The database.
    pub store: Arc<Store>,
    /// Reads of Harness.
    pub executions: Arc<dyn Executions>,
    /// Questions to environments.
    pub probe: Arc<dyn Probe>,
    /// Whoever knows issues.
    pub tracker: Arc<dyn Tracker>,
    /// The rules.
    pub policy: Arc<Policy>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Sources {
    /// Read the database without blocking the threads that serve others.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, store::Error> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || store.read(read)).await.expect("store verbs do not panic")
    }
}
