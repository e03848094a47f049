//! Is the history what was recorded, and is everything else what the history says?

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::anchor;
use super::chain::{self, Stored};
use super::error::Error;
use super::lookup::Lookup;
use super::place;
use super::review;
use super::row::{self, signed, to_json, unsigned};
use super::token;
use super::version;
use crate::domain::chain::{ChainHead, FORMAT, RawRecord};
use crate::domain::id::{DeploymentId, TokenId};
use crate::domain::record::{EventRecord, RemarkRecord, Unreadable, What};
use crate::domain::remark::Remark;
use crate::domain::replay::{Delivered, Replayed, replay};
use crate::domain::time::Timestamp;
use crate::domain::token::Grant;

/// What is stored is not what was recorded, or could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChainError {
    /// The first record that is not as it was written, or that a row no longer agrees with.
    #[error("the history was changed at record {position}: {what}")]
    Broken {
        /// Its position.
        position: u64,
        /// What does not fit.
        what: String,
    },
    /// It could not be read to the end.
    #[error(transparent)]
    Store(#[from] Error),
}

impl ChainError {
    fn broken(position: u64, what: impl Into<String>) -> Self {
        Self::Broken { position, what: what.into() }
    }

    /// Damage is a finding; all other errors are none.
    fn found(position: u64, error: Error) -> Self {
        match error {
            Error::Corrupt { what } => Self::broken(position, what),
            other => Self::Store(other),
        }
    }
}

impl From<Unreadable> for ChainError {
    fn from(error: Unreadable) -> Self {
        Self::broken(error.position, format!("it {}", error.what))
    }
}

impl From<rusqlite::Error> for ChainError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A row of `deployment`, with its spec.
const DEPLOYMENTS: &str =
    "SELECT deployment.*, spec FROM deployment LEFT JOIN spec ON spec.deployment = number";

/// Walk the chain from its first record, then replay each deployment.
pub(super) fn verify(connection: &Connection) -> Result<ChainHead, ChainError> {
    let mut walk = Walk { head: ChainHead::genesis(), last: BTreeMap::new(), tokens: BTreeMap::new() };
    let mut records = connection.prepare(
        "SELECT event.*, id FROM event LEFT JOIN deployment ON number = event.deployment ORDER BY position",
    )?;
    let mut rows = records.query([])?;
    while let Some(row) = rows.next()? {
        walk.follow(row)?;
    }
    let end = walk.head.position;
    let damaged = |error| ChainError::found(end, error);
    let mut noted = version::numbers(connection).map_err(damaged)?;
    let mut order = Vec::new();
    let mut deployments = connection.prepare(&format!("{DEPLOYMENTS} ORDER BY number"))?;
    let mut rows = deployments.query([])?;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get("number")?;
        let noted = noted.remove(row::text(row, "id").map_err(damaged)?).unwrap_or_default();
        let delivered = agrees(connection, row, walk.last.remove(&number).unwrap_or(0), end, &noted)?;
        order.extend(delivered.into_iter().map(|it| it.position).zip(noted));
    }
    if let Some(id) = noted.keys().next() {
        return Err(ChainError::broken(end, format!("a version was noted of {id}, which is not there")));
    }
    in_order(order)?;
    tokens_agree(connection, walk.tokens)?;
    Ok(walk.head)
}

/// Whether the versions are numbered as their events came: by `(position, number)`.
fn in_order(mut versions: Vec<(u64, i64)>) -> Result<(), ChainError> {
    versions.sort_unstable();
    match versions.into_iter().zip(1..).find(|((_, number), next)| number != next) {
        None => Ok(()),
        Some(((position, number), next)) => {
            let what = format!("the version that it brought is noted as number {number}, and it was {next}");
            Err(ChainError::broken(position, what))
        }
    }
}

/// Whether each token that the history tells of is there, grants what it was made
/// for, and was revoked when it says so. Those that were made before the history
/// told of tokens have their seal alone.
fn tokens_agree(connection: &Connection, told: BTreeMap<TokenId, Told>) -> Result<(), ChainError> {
    for (id, Told { position, grant, revoked_at }) in told {
        let kept = token::find(connection, &id).map_err(|error| ChainError::found(position, error))?;
        let what = match kept {
            None => "is not there",
            Some(kept) if kept.grant != grant => "does not grant what it was made for",
            Some(kept) if kept.revoked_at != revoked_at => "was not revoked when its row says",
            Some(_) => continue,
        };
        return Err(ChainError::broken(position, format!("the token {id} {what}")));
    }
    Ok(())
}

/// Check one deployment: its records against the hashes before them, and its
/// row against its records. Reads those, and whatever came after the last of them.
pub(super) fn intact(connection: &Connection, id: &DeploymentId) -> Result<(), ChainError> {
    let anchor = anchor::find(connection, id)?;
    for Stored { record, hash } in chain::records_of(connection, anchor.number)
        .map_err(|error| ChainError::found(anchor.last_record, error))?
    {
        let before = chain::link_at(connection, record.position.saturating_sub(1))?;
        if before.position + 1 != record.position || record.hash(&before.hash) != Some(hash) {
            return Err(ChainError::broken(record.position, UNFIT));
        }
    }
    let last: i64 = connection
        .prepare_cached(
            "SELECT coalesce(max(position), ?1) FROM event WHERE position > ?1 AND deployment = ?2",
        )?
        .query_row([signed(anchor.last_record), anchor.number], |row| row.get(0))?;
    let head = chain::head(connection)?;
    let noted = version::numbers_of(connection, id)?;
    let mut deployment = connection.prepare_cached(&format!("{DEPLOYMENTS} WHERE id = ?1"))?;
    let mut rows = deployment.query([id.as_str()])?;
    match rows.next()? {
        Some(row) => agrees(connection, row, unsigned(last)?, head.position, &noted).map(drop),
        None => Err(Error::NotFound { id: id.clone() }.into()),
    }
}

const UNFIT: &str = "its hash does not fit what it says and the records before it";

/// How far the chain has been followed.
struct Walk {
    head: ChainHead,
    /// The last record of each deployment, by the number of its row.
    last: BTreeMap<i64, u64>,
    tokens: BTreeMap<TokenId, Told>,
}

/// What the history tells of a token, and where it last does.
struct Told {
    position: u64,
    grant: Grant,
    revoked_at: Option<Timestamp>,
}

impl Walk {
    fn follow(&mut self, row: &Row<'_>) -> Result<(), ChainError> {
        let next = self.head.position + 1;
        let broken = |what: &str| Err(ChainError::broken(next, what));
        let Stored { record, hash } = chain::stored(row).map_err(|error| ChainError::found(next, error))?;
        if record.position != next {
            return broken(&format!("the next record that is there is {}", record.position));
        }
        match record.hash(&self.head.hash) {
            Some(fitting) if fitting == hash => {}
            Some(_) => return broken(UNFIT),
            None => return broken(&format!("it has format {}, and we know {FORMAT}", record.format)),
        }
        if let Some(left) = &record.left {
            let number: i64 = row.get("deployment")?;
            if left.previous != self.last.insert(number, next).unwrap_or(0) {
                return broken("it names another record as the one before it");
            }
        } else if let Ok(RemarkRecord { at, remark, .. }) = RemarkRecord::try_from(&record) {
            // One of a newer program, which we cannot read, is as it was written all the same.
            self.note(next, at, remark);
        }
        // Of the first format the hash does not cover this column.
        if record.format == 1 && record.lookup != found_by(&record)? {
            return broken("it is found by what it is not");
        }
        self.head = ChainHead { position: next, hash };
        Ok(())
    }

    fn note(&mut self, position: u64, at: Timestamp, remark: Remark) {
        let (grant, revoked_at) = match remark {
            Remark::TokenMade { grant } => (*grant, None),
            Remark::TokenRevoked { grant } => (*grant, Some(at)),
            _ => return,
        };
        self.tokens.insert(grant.id.clone(), Told { position, grant, revoked_at });
    }
}

fn found_by(record: &RawRecord) -> Result<Option<String>, ChainError> {
    let read = EventRecord::try_from(record)?;
    Ok(Lookup::of(&read.what, &read.actor).map(|lookup| lookup.to_string()))
}

/// Whether a row is what its history makes: a row of [`DEPLOYMENTS`] whose
/// `last` record is known, in a chain that ends at `end`, with the numbers of
/// the versions that are `noted` of it. Returns what it brought to environments.
fn agrees(
    connection: &Connection,
    row: &Row<'_>,
    last: u64,
    end: u64,
    noted: &[i64],
) -> Result<Vec<Delivered>, ChainError> {
    let number: i64 = row.get("number")?;
    let damaged = |error| ChainError::found(last, error);
    let id = row::text(row, "id").map_err(damaged)?;
    let said = unsigned(row.get("last_record")?).map_err(damaged)?;
    if said != last {
        let first_missing = if said > end { end + 1 } else { last };
        return Err(ChainError::broken(
            first_missing,
            format!("the row of {id} says that record {said} is its last, and {last} is"),
        ));
    }
    let stored = chain::records_of(connection, number).map_err(damaged)?;
    let records: Vec<EventRecord> =
        stored.iter().map(|it| EventRecord::try_from(&it.record)).collect::<Result<_, _>>()?;
    let replayed = replay(&records).map_err(|error| {
        ChainError::broken(error.position.unwrap_or(last), format!("{id} cannot be replayed: {error}"))
    })?;
    if let Some(column) = differing(row, &stored, &records, &replayed).map_err(damaged)? {
        return Err(ChainError::broken(last, format!("the {column} of {id} is not what its events make")));
    }
    if review::list_of(connection, number).map_err(damaged)? != replayed.reviews {
        return Err(ChainError::broken(last, format!("the reviews of {id} are not those that it asked for")));
    }
    if let Some(position) = misnoted(connection, noted, &stored, &replayed).map_err(damaged)? {
        let what = format!("what {id} brought to an environment is not what is noted");
        return Err(ChainError::broken(position, what));
    }
    Ok(replayed.delivered)
}

/// The first event that brought another version than is noted; the last one, if
/// more is noted than events brought.
fn misnoted(
    connection: &Connection,
    noted: &[i64],
    stored: &[Stored],
    replayed: &Replayed,
) -> Result<Option<u64>, Error> {
    let mut noted = noted.iter();
    for delivered in &replayed.delivered {
        let event = stored.iter().find(|it| it.record.position == delivered.position);
        let format = event.map(|event| event.record.format);
        match noted.next() {
            Some(number)
                if version::is_noted(connection, *number, &replayed.deployment, delivered, format)? => {}
            _ => return Ok(Some(delivered.position)),
        }
    }
    Ok(noted.next().and(stored.last()).map(|event| event.record.position))
}

/// The first column that the events make otherwise. `due_at` is not theirs.
fn differing(
    row: &Row<'_>,
    stored: &[Stored],
    records: &[EventRecord],
    replayed: &Replayed,
) -> Result<Option<&'static str>, Error> {
    let deployment = &replayed.deployment;
    let (spec, progress) = (&deployment.spec, &deployment.progress);
    let remarks = records.iter().filter(|record| matches!(record.what, What::Remark(_))).count();
    let columns: [(&str, Value); 9] = [
        ("id", deployment.id.to_string().into()),
        ("version", signed(progress.version).into()),
        ("state", progress.state.name().into()),
        ("active", (!progress.state.is_terminal()).into()),
        ("repository", spec.repository.to_string().into()),
        ("service", spec.service.to_string().into()),
        ("environment", deployment.target().map(ToString::to_string).into()),
        ("idempotency_key", spec.idempotency_key.as_ref().map(ToString::to_string).into()),
        ("created_at", deployment.created_at.0.into()),
    ];
    for (column, made) in columns.into_iter().chain(place::columns(deployment)) {
        if row.get::<_, Value>(column)? != made {
            return Ok(Some(column));
        }
    }
    if row.get::<_, i64>("remarks")? != signed(remarks as u64) {
        return Ok(Some("number of remarks"));
    }
    let moved = records.iter().rposition(|record| matches!(record.what, What::Event(_)));
    let format = |index: usize| stored.get(index).map(|stored| stored.record.format);
    if !is_json_of(spec, row::text(row, "spec")?, format(0)) {
        return Ok(Some("spec"));
    }
    if !is_json_of(progress, row::text(row, "progress")?, moved.and_then(format)) {
        return Ok(Some("progress"));
    }
    Ok(None)
}

/// Byte for byte, if it was written in the format that we write. What an older
/// program wrote may have been written otherwise, and says the same.
pub(super) fn is_json_of<T: Serialize + DeserializeOwned + PartialEq>(
    value: &T,
    text: &str,
    written_in: Option<u32>,
) -> bool {
    if written_in == Some(FORMAT) {
        text == to_json(value)
    } else {
        serde_json::from_str::<T>(text).is_ok_and(|said| said == *value)
    }
}
