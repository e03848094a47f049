//! The outbox: notices that were committed with their event and wait to be told.
//!
//! A notice is told at least once. Claiming it postpones it by [`CLAIM_TIME`],
//! so that a process which dies between telling and noting that leaves it to
//! be told again, with the same key: at that time, or once another drives.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::error::Error;
use super::row::{self, signed, unsigned};
use crate::domain::id::DeploymentId;
use crate::domain::notice::{Notice, Topic};
use crate::domain::time::Timestamp;

/// How long a claimed notice is left to whoever claimed it. Longer than any delivery may take.
pub const CLAIM_TIME: Duration = Duration::from_mins(2);

/// How many tries of one notice hold back the later ones of its deployment.
/// Enough for an outage of minutes; then one that is refused for ever must not
/// keep people from hearing the others.
pub const TRIES_IN_ORDER: u32 = 8;

/// A notice to be told now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// It.
    pub notice: Notice,
    /// The position of the record whose effect it is.
    pub position: u64,
    /// How often it was claimed, this time included; 1 at first.
    pub attempts: u32,
}

/// A notice as it is stored, which can be made before the transaction.
pub(super) struct Sealed {
    topic: Topic,
    body: String,
    due_at: Timestamp,
}

impl From<&Notice> for Sealed {
    fn from(notice: &Notice) -> Self {
        Self { topic: notice.topic, body: row::to_json(notice), due_at: notice.at }
    }
}

/// Add a notice about the deployment of this row, in the transaction of the
/// record at `position`. Due at once.
pub(super) fn enqueue(
    connection: &Connection,
    position: u64,
    number: i64,
    notice: &Sealed,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO notice (position, topic, deployment, body, due_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![signed(position), notice.topic.as_str(), number, notice.body, notice.due_at.0,])?;
    Ok(())
}

/// Whether there is anything to claim.
pub(super) fn is_due(connection: &Connection, now: Timestamp) -> Result<bool, Error> {
    Ok(connection.prepare_cached("SELECT 1 FROM notice WHERE due_at <= ?1")?.exists([now.0])?)
}

/// Claim what is due, oldest first, in the open transaction. A notice waits for
/// the earlier ones of its deployment that are to be tried again.
pub(super) fn claim(connection: &Connection, now: Timestamp, limit: u32) -> Result<Vec<Claimed>, Error> {
    let due: Vec<Claimed> = connection
        .prepare_cached(
            "SELECT position, body, attempts FROM notice
             WHERE due_at <= ?1 AND NOT EXISTS (
                 SELECT 1 FROM notice AS earlier
                 WHERE earlier.due_at > ?1 AND earlier.deployment = notice.deployment
                     AND earlier.position < notice.position AND earlier.attempts < ?3
             )
             ORDER BY position LIMIT ?2",
        )?
        .query_and_then(params![now.0, limit, TRIES_IN_ORDER], |row| {
            let notice = row::from_json(row::text(row, "body")?, || "a notice".to_owned())?;
            let attempts: u32 = row.get("attempts")?;
            let position = unsigned(row.get("position")?)?;
            Ok(Claimed { notice, position, attempts: attempts.saturating_add(1) })
        })?
        .collect::<Result<_, Error>>()?;
    let mut claim = connection
        .prepare_cached("UPDATE notice SET due_at = ?3, attempts = ?4 WHERE position = ?1 AND topic = ?2")?;
    for Claimed { notice, position, attempts } in &due {
        let until = now.plus(CLAIM_TIME);
        claim.execute(params![signed(*position), notice.topic.as_str(), until.0, attempts])?;
    }
    Ok(due)
}

/// Make everything due that nobody was told: another process drives now, and
/// the claims of the one before it are void.
pub(super) fn unclaim(connection: &Connection, now: Timestamp) -> Result<(), Error> {
    connection.prepare_cached("UPDATE notice SET due_at = ?1 WHERE due_at > ?1")?.execute([now.0])?;
    Ok(())
}

/// Note that a notice was told. Nothing, if it was already, or if there is no such notice.
pub(super) fn complete(connection: &Connection, claimed: &Claimed, at: Timestamp) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE notice SET delivered_at = ?3, due_at = NULL, last_error = NULL
             WHERE position = ?1 AND topic = ?2 AND delivered_at IS NULL",
        )?
        .execute(params![signed(claimed.position), claimed.notice.topic.as_str(), at.0])?;
    Ok(())
}

/// Note why a notice could not be told, and when to try again.
pub(super) fn postpone(
    connection: &Connection,
    claimed: &Claimed,
    until: Timestamp,
    error: &str,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE notice SET due_at = ?3, last_error = ?4
             WHERE position = ?1 AND topic = ?2 AND delivered_at IS NULL",
        )?
        .execute(params![signed(claimed.position), claimed.notice.topic.as_str(), until.0, error])?;
    Ok(())
}

/// How many notices about a deployment nobody has been told yet.
pub(super) fn undelivered(connection: &Connection, id: &DeploymentId) -> Result<u32, Error> {
    Ok(connection
        .prepare_cached(
            "SELECT count(*) FROM notice
             WHERE due_at IS NOT NULL AND deployment = (SELECT number FROM deployment WHERE id = ?1)",
        )?
        .query_row([id.as_str()], |row| row.get(0))?)
}
