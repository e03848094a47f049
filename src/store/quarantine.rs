//! Commits that are not deployed again: a deployment of them was rolled back, or
//! was to be and could not, and nobody has released them since. Where all that came
//! back was the same commit, as after a redeployment of it, it is not the commit that was bad.
//!
//! A commit and its abbreviation are one commit. Two commits with the same
//! abbreviation are then taken for one, which errs on the safe side.

use rusqlite::{Connection, params};

use super::error::Error;
use super::lookup::{self, Lookup};
use super::row;
use crate::domain::id::{CommitSha, DeploymentId, Service};
use crate::domain::time::Timestamp;

/// How many rollbacks of one commit are looked at.
const ROLLBACKS_LOOKED_AT: u32 = 50;

/// A commit that is kept out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// The deployment that was rolled back, or was to be.
    pub by: DeploymentId,
    /// Of which service.
    pub service: Service,
    /// The commit, as that deployment named it.
    pub commit: CommitSha,
}

/// The newest rollback that keeps the commit out.
pub(super) fn newest(
    connection: &Connection,
    service: &Service,
    commit: &CommitSha,
) -> Result<Option<Quarantine>, Error> {
    Ok(all(connection, service, commit)?.into_iter().next())
}

/// Every rollback that keeps the commit out, newest first.
pub(super) fn all(
    connection: &Connection,
    service: &Service,
    commit: &CommitSha,
) -> Result<Vec<Quarantine>, Error> {
    let rolled_back: Vec<(Quarantine, Timestamp)> = connection
        .prepare_cached(&format!(
            "SELECT id, rolled_back, since FROM (
                 SELECT number, id, deployment.state AS state,
                     CASE WHEN json_valid(spec) THEN spec ->> '$.commit' END AS rolled_back,
                     CASE WHEN json_valid(progress) THEN progress ->> '$.state_since' END AS since
                 FROM deployment INDEXED BY deployment_taken_back JOIN spec ON spec.deployment = number
                 WHERE active = 0 AND deployment.state IN ('rolled-back', 'rollback-failed') AND service = ?1
             )
             WHERE since IS NOT NULL AND {}
                 AND NOT (state = 'rolled-back' AND (
                     SELECT coalesce(min({}), 0)
                     FROM (SELECT version ->> '$.commit' AS back
                           FROM environment_version INDEXED BY environment_version_by
                           WHERE service = ?1 AND deployment = id AND json_valid(version)
                               AND version ->> '$.deployment' <> id)
                 ))
             ORDER BY number DESC LIMIT ?3",
            same_commit("rolled_back", "?2"),
            same_commit("back", "rolled_back")
        ))?
        .query_and_then(params![service.as_str(), commit.as_str(), ROLLBACKS_LOOKED_AT], |row| {
            let quarantine = Quarantine {
                by: row::parsed(row, "id")?,
                service: service.clone(),
                commit: row::parsed(row, "rolled_back")?,
            };
            Ok::<_, Error>((quarantine, Timestamp(row.get("since")?)))
        })?
        .collect::<Result<_, _>>()?;
    let mut standing = Vec::new();
    for (quarantine, since) in rolled_back {
        let lookup = Lookup::Commit(service.clone(), quarantine.commit.to_string());
        let released = lookup::newest(connection, &lookup)?;
        if released.is_none_or(|(_, _, released)| released < since) {
            standing.push(quarantine);
        }
    }
    Ok(standing)
}

/// The condition, in SQL, that two expressions name one commit.
pub(super) fn same_commit(one: &str, other: &str) -> String {
    format!("(substr({one}, 1, length({other})) = {other} OR substr({other}, 1, length({one})) = {one})")
}

/// Whether a deployment of the commit may be started.
pub(super) fn refuse(connection: &Connection, service: &Service, commit: &CommitSha) -> Result<(), Error> {
    match newest(connection, service, commit)? {
        Some(quarantine) => Err(Error::Quarantined(quarantine)),
        None => Ok(()),
    }
}
