//! Between rows and domain types. Whatever is not exactly what we write is [`Error::Corrupt`].
//!
//! The shape of the JSON in `deployment`, `notice` and `environment_version`
//! goes with the schema: a change of it is a migration. Records are never
//! rewritten, so each row of `event` carries the number of its format.

use std::str::FromStr;
use std::sync::Arc;

use rusqlite::Row;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Error;
use crate::domain::deployment::Deployment;
use crate::domain::id::{DeploymentId, Malformed};
use crate::domain::time::Timestamp;

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

/// Without the names of fields, by their order: for what may be thrown away and made anew.
pub(super) fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(value).expect("our own types know the length of their lists")
}

pub(super) fn from_bytes<T: DeserializeOwned>(
    bytes: &[u8],
    place: impl FnOnce() -> String,
) -> Result<T, Error> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(Error::corrupt(format!("{}: {} bytes too many", place(), rest.len()))),
        Err(error) => Err(Error::corrupt(format!("{}: {error}", place()))),
    }
}

/// A name or identifier that is checked.
pub(super) fn parsed<T: FromStr<Err = Malformed>>(row: &Row<'_>, column: &str) -> Result<T, Error> {
    text(row, column)?.parse().map_err(|error: Malformed| Error::corrupt(error.to_string()))
}

/// [`parsed`], where there may be none.
pub(super) fn optional<T: FromStr<Err = Malformed>>(row: &Row<'_>, column: &str) -> Result<Option<T>, Error> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|error: Malformed| Error::corrupt(error.to_string()))).transpose()
}

pub(super) fn bytes<'r>(row: &'r Row<'_>, column: &str) -> Result<&'r [u8], Error> {
    row.get_ref(column)?.as_blob().map_err(|error| Error::corrupt(format!("{column}: {error}")))
}

pub(super) fn text<'r>(row: &'r Row<'_>, column: &str) -> Result<&'r str, Error> {
    row.get_ref(column)?.as_str().map_err(|error| Error::corrupt(format!("{column}: {error}")))
}

/// A row with `id`, `version`, `created_at`, `spec` and `progress`.
pub(super) fn deployment(row: &Row<'_>) -> Result<Deployment, Error> {
    let id: DeploymentId = parsed(row, "id")?;
    let deployment = Deployment {
        created_at: Timestamp(row.get("created_at")?),
        spec: Arc::new(from_json(text(row, "spec")?, || format!("the spec of {id}"))?),
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
