//! The deployments that were read last, so that an unchanged row need not be decoded again.
//!
//! This is no second truth. The row is read each time, and only where every
//! byte of it is what was decoded before is that taken, which is what decoding
//! it again would give. So a change is seen, whoever made it: another process,
//! or a hand in the file.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rusqlite::Row;

use super::connection::locked;
use super::error::Error;
use super::row;
use crate::domain::deployment::Deployment;

/// At most so many are kept; one takes 5 to 10 KB. Beyond it the oldest are decoded again.
/// More than the board shows at a time.
const MOST: usize = 1_024;

/// Rows by the id of their deployment, which sorts by age.
#[derive(Debug, Default)]
pub(super) struct Decoded(Mutex<BTreeMap<String, Arc<Known>>>);

/// A row and what it says.
#[derive(Debug)]
struct Known {
    version: i64,
    created_at: i64,
    spec: String,
    progress: String,
    deployment: Arc<Deployment>,
}

impl Decoded {
    /// A row with `id`, `version`, `created_at`, `spec` and `progress`.
    pub(super) fn deployment(&self, row: &Row<'_>) -> Result<Arc<Deployment>, Error> {
        let id = row::text(row, "id")?;
        let (version, created_at) = (row.get("version")?, row.get("created_at")?);
        let (spec, progress) = (row::text(row, "spec")?, row::text(row, "progress")?);
        let known = locked(&self.0).get(id).cloned();
        let known = known.filter(|known| {
            known.version == version
                && known.created_at == created_at
                && known.spec == spec
                && known.progress == progress
        });
        if let Some(known) = known {
            return Ok(Arc::clone(&known.deployment));
        }
        let deployment = Arc::new(row::deployment(row)?);
        let known = Known {
            version,
            created_at,
            spec: spec.to_owned(),
            progress: progress.to_owned(),
            deployment: Arc::clone(&deployment),
        };
        let mut decoded = locked(&self.0);
        decoded.insert(id.to_owned(), Arc::new(known));
        if decoded.len() > MOST {
            decoded.pop_first();
        }
        Ok(deployment)
    }
}
