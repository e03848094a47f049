//! What people see first, read in one go: what is on its way, and what ended last.
//!
//! Everything here is found by an index and takes about as long with a long history
//! as with a short one. Deployments come as they were decoded before, where their
//! row is still the same.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::decoded::Decoded;
use super::delivery;
use super::error::Error;
use super::snapshot::Snapshot;
use super::{LARGEST_PAGE, Undelivered};
use crate::domain::deployment::Deployment;

impl Snapshot<'_> {
    /// The newest deployments under way: at most `limit`, and at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// Only those of the database.
    pub fn under_way(&self, limit: u32) -> Result<Vec<Arc<Deployment>>, Error> {
        let (connection, decoded) = self.parts();
        under_way(connection, decoded, limit)
    }

    /// How many deployments are under way.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn count_under_way(&self) -> Result<u32, Error> {
        let (connection, _) = self.parts();
        Ok(connection
            .prepare_cached("SELECT count(*) FROM deployment WHERE active = 1")?
            .query_row([], |row| row.get(0))?)
    }

    /// The deployments that ended last, the last of them first; what is noted about one
    /// afterwards counts as its end.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn ended_last(&self, limit: u32) -> Result<Vec<Arc<Deployment>>, Error> {
        let (connection, decoded) = self.parts();
        ended_last(connection, decoded, limit)
    }

    /// The newest deployments that are `failed`, and those that are `rollback-failed`: at
    /// most `limit` of each.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn failed_last(&self, limit: u32) -> Result<Vec<Arc<Deployment>>, Error> {
        let (connection, decoded) = self.parts();
        let mut failed = newest_ended_as("failed", connection, decoded, limit)?;
        failed.append(&mut newest_ended_as("rollback-failed", connection, decoded, limit)?);
        Ok(failed)
    }

    /// The messages that were tried in vain so far, oldest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn tried_in_vain(&self, limit: u32) -> Result<Vec<Undelivered>, Error> {
        delivery::tried_in_vain(self.parts().0, limit)
    }

    /// How many messages these are; counted up to [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// Only those of the database.
    pub fn count_tried_in_vain(&self) -> Result<u32, Error> {
        delivery::count_tried_in_vain(self.parts().0)
    }
}

fn under_way(connection: &Connection, decoded: &Decoded, limit: u32) -> Result<Vec<Arc<Deployment>>, Error> {
    connection
        .prepare_cached(
            // Found by what is due, and sorted afterwards: by their numbers, all that is over would be passed.
            "SELECT id, version, created_at, spec, progress FROM deployment JOIN spec ON spec.deployment = number
             WHERE number IN (
                 SELECT number FROM deployment INDEXED BY deployment_active
                 WHERE active = 1 ORDER BY number DESC LIMIT ?1
             )
             ORDER BY number DESC",
        )?
        .query_and_then(params![limit.min(LARGEST_PAGE)], |row| decoded.deployment(row))?
        .collect()
}

fn ended_last(connection: &Connection, decoded: &Decoded, limit: u32) -> Result<Vec<Arc<Deployment>>, Error> {
    connection
        .prepare_cached(
            "SELECT id, version, created_at, spec, progress
             FROM deployment INDEXED BY deployment_ended_last JOIN spec ON spec.deployment = number
             WHERE active = 0 ORDER BY last_record DESC LIMIT ?1",
        )?
        .query_and_then(params![limit.min(LARGEST_PAGE)], |row| decoded.deployment(row))?
        .collect()
}

fn newest_ended_as(
    state: &str,
    connection: &Connection,
    decoded: &Decoded,
    limit: u32,
) -> Result<Vec<Arc<Deployment>>, Error> {
    connection
        .prepare_cached(
            // In the index, those of one state are in the order of their numbers.
            "SELECT id, version, created_at, spec, progress
             FROM deployment INDEXED BY deployment_ended JOIN spec ON spec.deployment = number
             WHERE active = 0 AND state = ?1 ORDER BY number DESC LIMIT ?2",
        )?
        .query_and_then(params![state, limit.min(LARGEST_PAGE)], |row| decoded.deployment(row))?
        .collect()
}
