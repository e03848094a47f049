//! What the environments ran, in its order: the list from which a rollback
//! chooses. An event that brings a version adds the next row.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::error::Error;
use super::row::to_json;
use super::verify::is_json_of;
use crate::domain::deployment::Deployment;
use crate::domain::id::DeploymentId;
use crate::domain::replay::Delivered;
use crate::domain::time::Timestamp;
use crate::domain::transition::Deployed;

/// Note what a deployment brought to an environment, in the transaction of its event.
pub(super) fn note(
    connection: &Connection,
    by: &Deployment,
    deployed: &Deployed,
    at: Timestamp,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO environment_version (service, repository, environment, deployment, at, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            by.spec.service.as_str(),
            by.spec.repository.as_str(),
            deployed.environment.as_str(),
            by.id.as_str(),
            at.0,
            to_json(&deployed.version),
        ])?;
    Ok(())
}

/// The numbers of all rows, in their order, by the id of the deployment that they name.
pub(super) fn numbers(connection: &Connection) -> Result<BTreeMap<String, Vec<i64>>, Error> {
    let mut numbers: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut select =
        connection.prepare_cached("SELECT deployment, number FROM environment_version ORDER BY number")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        numbers.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(numbers)
}

/// The same for one deployment. Reads the rows of its service in its repository.
pub(super) fn numbers_of(connection: &Connection, id: &DeploymentId) -> Result<Vec<i64>, Error> {
    Ok(connection
        .prepare_cached(
            "SELECT note.number FROM deployment AS by
             JOIN environment_version AS note
                 ON (note.service, note.repository, note.deployment) = (by.service, by.repository, by.id)
             WHERE by.id = ?1 ORDER BY note.number",
        )?
        .query_map([id.as_str()], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// Whether the row of this number is what `by` delivered, with an event in the format `written_in`.
pub(super) fn is_noted(
    connection: &Connection,
    number: i64,
    by: &Deployment,
    delivered: &Delivered,
    written_in: Option<u32>,
) -> Result<bool, Error> {
    let Delivered { at, deployed, .. } = delivered;
    let made: [Value; 5] = [
        by.spec.service.to_string().into(),
        by.spec.repository.to_string().into(),
        deployed.environment.to_string().into(),
        by.id.to_string().into(),
        at.0.into(),
    ];
    let (noted, version): ([Value; 5], String) = connection
        .prepare_cached(
            "SELECT service, repository, environment, deployment, at, version
             FROM environment_version WHERE number = ?1",
        )?
        .query_row([number], |row| {
            Ok(([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?], row.get(5)?))
        })?;
    Ok(noted == made && is_json_of(&deployed.version, &version, written_in))
}
