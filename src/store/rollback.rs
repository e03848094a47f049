//! What a rollback would put back.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::Error;
use super::{quarantine, queries};
use crate::domain::deployment::Deployment;
use crate::domain::event::MainEvent;
use crate::domain::execution::Cause;
use crate::domain::id::Service;
use crate::domain::state::{Restore, Version, WayBack};

/// How many versions of an environment are looked at to find the last good one.
const VERSIONS_LOOKED_AT: u32 = 50;

/// ROLLBACK with its targets: each touched environment, production first, and
/// its last good version; apart from them those in which another deployment has been
/// since, and those of which no good version is known.
pub(super) fn of(connection: &Connection, deployment: &Deployment, reason: &str) -> Result<MainEvent, Error> {
    let touched = deployment.touched();
    let spec = &deployment.spec;
    let (mut targets, mut overtaken, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for environment in spec.workflow.environments.iter().rev().filter(|it| touched.contains(&it.name)) {
        let name = &environment.name;
        let history =
            queries::versions(connection, &spec.service, &spec.repository, name, VERSIONS_LOOKED_AT)?;
        let is_bad = |version: &Version| is_bad(connection, &spec.service, version);
        match Restore::find(name, &history, &deployment.id, is_bad)? {
            WayBack::To(restore) => targets.push(restore),
            WayBack::Overtaken => overtaken.push(name.clone()),
            WayBack::Unknown => unknown.push(name.clone()),
        }
    }
    Ok(MainEvent::Rollback { reason: reason.to_owned(), targets, overtaken, unknown })
}

/// Whether nobody should get this version back: its deployment was rolled back, or
/// was to be, and keeps its commit in quarantine; or it failed as an environment did
/// not get healthy with it.
fn is_bad(connection: &Connection, service: &Service, version: &Version) -> Result<bool, Error> {
    let ended: Option<(bool, bool)> = connection
        .prepare_cached(
            "SELECT state IN ('rolled-back', 'rollback-failed'),
                    CASE WHEN state = 'failed' AND json_valid(progress)
                         THEN coalesce(progress ->> '$.state.reason.failure.cause' = ?2, 0)
                         ELSE 0 END
             FROM deployment WHERE id = ?1",
        )?
        .query_row(params![version.deployment.as_str(), Cause::Unhealthy.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let (rolled_back, unhealthy) = ended.unwrap_or_default();
    if !rolled_back {
        return Ok(unhealthy);
    }
    let standing = quarantine::all(connection, service, &version.commit)?;
    Ok(standing.iter().any(|quarantine| quarantine.by == version.deployment))
}
