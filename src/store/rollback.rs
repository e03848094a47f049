//! What a rollback would put back.

use rusqlite::Connection;

use super::error::Error;
use super::queries;
use crate::domain::deployment::Deployment;
use crate::domain::event::MainEvent;
use crate::domain::state::{Restore, WayBack};

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
        match Restore::find(name, &history, &deployment.id) {
            WayBack::To(restore) => targets.push(restore),
            WayBack::Overtaken => overtaken.push(name.clone()),
            WayBack::Unknown => unknown.push(name.clone()),
        }
    }
    Ok(MainEvent::Rollback { reason: reason.to_owned(), targets, overtaken, unknown })
}
