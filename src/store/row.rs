//! Between rows and domain types. Whatever is not exactly what we write is [`Error::Corrupt`].
//!
//! The shape of the JSON in `deployment`, `notice` and `environment_version`
//! goes with the schema: a change of it is a migration. Events are never
//! rewritten, so each event row carries the number of its format.

use rusqlite::Row;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Error;
use crate::domain::deployment::Deployment;
use crate::domain::id::DeploymentId;
use crate::domain::record::EventRecord;
use crate::domain::time::Timestamp;

/// The format of the JSON in an event row that we write, and the only one that we read.
pub(super) const FORMAT: u32 = 1;

/// A version or position for SQLite, which has no unsigned integers.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(|_| Error::corrupt(format!("{number} is not a version or position")))
}

pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our own types have string keys and no floats")
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str, place: impl FnOnce() -> String) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::corrupt(format!("{}: {error}", place())))
}

pub(super) fn id(row: &Row<'_>, column: &str) -> Result<DeploymentId, Error> {
    text(row, column)?.parse().map_err(|error| Error::corrupt(format!("{error}")))
}

pub(super) fn text<'r>(row: &'r Row<'_>, column: &str) -> Result<&'r str, Error> {
    row.get_ref(column)?.as_str().map_err(|error| Error::corrupt(format!("{column}: {error}")))
}

/// A row with `id`, `version`, `created_at`, `spec` and `progress`.
pub(super) fn deployment(row: &Row<'_>) -> Result<Deployment, Error> {
    let id = id(row, "id")?;
    let deployment = Deployment {
        created_at: Timestamp(row.get("created_at")?),
        spec: from_json(text(row, "spec")?, || format!("the spec of {id}"))?,
        progress: from_json(text(row, "progress")?, || format!("the progress of {id}"))?,
        id,
    };
    let version: i64 = row.get("version")?;
    if signed(deployment.progress.version) == version {
        Ok(deployment)
    } else {
        Err(Error::corrupt(format!("{} has version {version} and another in its progress", deployment.id)))
    }
}

/// A whole row of `event`, with the `id` of its deployment.
pub(super) fn event(row: &Row<'_>) -> Result<EventRecord, Error> {
    let position = unsigned(row.get("position")?)?;
    let format: u32 = row.get("format")?;
    if format != FORMAT {
        return Err(Error::corrupt(format!("event {position} has format {format}, and we know {FORMAT}")));
    }
    Ok(EventRecord {
        position,
        deployment: id(row, "id")?,
        version: unsigned(row.get("version")?)?,
        at: Timestamp(row.get("at")?),
        actor: from_json(text(row, "actor")?, || format!("the actor of event {position}"))?,
        event: from_json(text(row, "event")?, || format!("event {position}"))?,
        state: text(row, "state")?.to_owned(),
    })
}
