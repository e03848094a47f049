//! The deployments that this process moved last, so that their next event need
//! not read them again.
//!
//! This is no second truth. What is here was committed, and a version is never
//! written twice, so a deployment from here is exactly the row of its version;
//! whether that is still the last version, the transaction's compare-and-swap says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::connection::locked;
use crate::domain::deployment::Deployment;
use crate::domain::id::DeploymentId;

/// At most so many are kept; one takes 2 to 4 KB. Beyond it the oldest are read again.
const MOST: usize = 1_024;

/// Deployments under way by their id, which sorts by age.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<BTreeMap<DeploymentId, Arc<Deployment>>>);

impl Recent {
    pub(super) fn get(&self, id: &DeploymentId) -> Option<Arc<Deployment>> {
        locked(&self.0).get(id).cloned()
    }

    /// Keep what was just committed, unless it is over or a later version is here.
    pub(super) fn put(&self, deployment: &Arc<Deployment>) {
        let mut recent = locked(&self.0);
        if deployment.progress.state.is_terminal() {
            recent.remove(&deployment.id);
            return;
        }
        let later =
            recent.get(&deployment.id).is_some_and(|it| it.progress.version > deployment.progress.version);
        if !later {
            recent.insert(deployment.id.clone(), deployment.clone());
        }
        if recent.len() > MOST {
            recent.pop_first();
        }
    }
}
