//! The chain of the history in its table: appending to it, and reading it back word for word.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::Error;
use super::row::{self, signed, unsigned};
use crate::domain::chain::{ChainHead, FORMAT, Hash, RawRecord, Standing};
use crate::domain::time::Timestamp;

/// What is new in a record: all but its place in the chain.
pub(super) struct Line {
    pub(super) at: Timestamp,
    pub(super) actor: String,
    pub(super) event: String,
    pub(super) lookup: Option<String>,
    /// The number of the deployment's row, and where the record leaves it.
    pub(super) left: Option<(i64, Standing)>,
}

/// A record with the hash that is stored with it.
pub(super) struct Stored {
    pub(super) record: RawRecord,
    pub(super) hash: Hash,
}

/// The last link, which the next one continues.
pub(super) fn head(connection: &Connection) -> Result<ChainHead, Error> {
    let last = connection
        .prepare_cached("SELECT position, hash FROM event ORDER BY position DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
        .optional()?;
    Ok(match last {
        Some((position, hash)) => ChainHead { position: unsigned(position)?, hash },
        None => ChainHead::genesis(),
    })
}

/// The link at `position`; the beginning, if there is none.
pub(super) fn link_at(connection: &Connection, position: u64) -> Result<ChainHead, Error> {
    let hash = connection
        .prepare_cached("SELECT hash FROM event WHERE position = ?1")?
        .query_row([signed(position)], |row| row.get(0))
        .optional()?;
    Ok(hash.map_or_else(ChainHead::genesis, |hash| ChainHead { position, hash }))
}

/// Append after `head`, in the open transaction that has read it.
pub(super) fn append(connection: &Connection, head: &ChainHead, line: Line) -> Result<(), Error> {
    let Line { at, actor, event, lookup, left } = line;
    let (number, left) = left.unzip();
    let record = RawRecord { position: head.position + 1, format: FORMAT, at, actor, event, lookup, left };
    let hash = record.hash(&head.hash).expect("the format that we write has a hash");
    let left = record.left.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO event (position, deployment, version, previous, at, format,
                                actor, event, state, lookup, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            signed(record.position),
            number,
            left.map(|left| signed(left.version)),
            left.map_or(0, |left| signed(left.previous)),
            record.at.0,
            record.format,
            record.actor,
            record.event,
            left.map(|left| left.state.as_str()),
            record.lookup,
            hash,
        ])?;
    Ok(())
}

/// The records of a deployment from the first to `last`, by its row's number.
/// Where the list leads astray, it ends, or names records of others.
pub(super) fn records_of(connection: &Connection, number: i64) -> Result<Vec<Stored>, Error> {
    connection
        .prepare_cached(
            "WITH RECURSIVE list (position) AS (
                 SELECT last_record FROM deployment WHERE number = ?1
                 UNION ALL
                 SELECT previous FROM list JOIN event USING (position) WHERE previous BETWEEN 1 AND position - 1
             )
             SELECT event.*, id FROM list JOIN event USING (position)
             LEFT JOIN deployment ON number = event.deployment ORDER BY position",
        )?
        .query_and_then([number], stored)?
        .collect()
}

/// A whole row of `event`, with the `id` of its deployment.
pub(super) fn stored(row: &Row<'_>) -> Result<Stored, Error> {
    Ok(Stored { record: raw(row)?, hash: row.get("hash")? })
}

/// The same without the hash.
pub(super) fn raw(row: &Row<'_>) -> Result<RawRecord, Error> {
    let position = unsigned(row.get("position")?)?;
    let text = |column| row.get::<_, Option<String>>(column);
    let number = |column| row.get::<_, Option<i64>>(column)?.map(unsigned).transpose();
    let previous = unsigned(row.get("previous")?)?;
    let of: Option<i64> = row.get("deployment")?;
    let left = match (of, text("id")?, number("version")?, text("state")?) {
        (None, _, None, None) if previous == 0 => None,
        (Some(_), Some(deployment), Some(version), Some(state)) => {
            Some(Standing { deployment, version, state, previous })
        }
        (Some(_), None, ..) => {
            return Err(Error::corrupt(format!("the deployment of record {position} is not there")));
        }
        _ => return Err(Error::corrupt(format!("record {position} says half of where it left what"))),
    };
    Ok(RawRecord {
        position,
        format: row.get("format")?,
        at: Timestamp(row.get("at")?),
        actor: row::text(row, "actor")?.to_owned(),
        event: row::text(row, "event")?.to_owned(),
        lookup: text("lookup")?,
        left,
    })
}
