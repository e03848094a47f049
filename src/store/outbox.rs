//! The outbox: notices that were committed with their event and wait to be routed.
//!
//! Whoever drives says for each to whom it goes, by the config as it is then. The
//! notice is routed and its deliveries are there in one transaction, so that
//! none is told twice because of a crash, and none is forgotten.

use rusqlite::{Connection, params};

use super::delivery;
use super::error::Error;
use super::row::{self, signed, unsigned};
use super::{Fence, Store};
use crate::domain::id::DeploymentId;
use crate::domain::notice::{Notice, Topic};
use crate::domain::route::{Destination, Pace};
use crate::domain::time::Timestamp;

/// Notices that are routed together.
const ROUTED_AT_ONCE: u32 = 256;

/// A notice in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The position of the record whose effect it is.
    pub position: u64,
    /// It.
    pub notice: Notice,
}

/// To whom a notice goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// It.
    pub posted: Posted,
    /// To these; each once.
    pub destinations: Vec<(Destination, Pace)>,
}

impl Store {
    /// The oldest notices that are not routed yet, in their order. One that cannot be
    /// read is left out and said in the log, once: it must not hold up the others.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn unrouted(&self) -> Result<Vec<Posted>, Error> {
        self.sound(self.readers.read(unrouted)?)
    }

    /// Those that can be read.
    pub(super) fn sound<T>(&self, rows: Vec<Result<T, Error>>) -> Result<Vec<T>, Error> {
        let mut sound = Vec::new();
        for row in rows {
            match row {
                Ok(row) => sound.push(row),
                Err(Error::Corrupt { what }) => {
                    if self.is_new(&what) {
                        tracing::error!(%what, "a notice cannot be read, and nobody is told; look at the history");
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(sound)
    }

    /// Note to whom notices go. One that is routed already is left as it is.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or those of the database.
    pub fn route(&self, fence: &Fence, routed: Vec<Routed>, at: Timestamp) -> Result<(), Error> {
        self.write_as_driver(fence, move |connection| {
            routed.iter().try_for_each(|routed| route(connection, routed, at))
        })
    }
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
/// record at `position`.
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
        .execute(params![signed(position), notice.topic.as_str(), number, notice.body, notice.due_at.0])?;
    Ok(())
}

fn unrouted(connection: &Connection) -> Result<Vec<Result<Posted, Error>>, Error> {
    Ok(connection
        .prepare_cached(
            "SELECT position, body FROM notice WHERE due_at IS NOT NULL ORDER BY position LIMIT ?1",
        )?
        .query_and_then([ROUTED_AT_ONCE], posted)?
        .collect())
}

fn route(connection: &Connection, routed: &Routed, at: Timestamp) -> Result<(), Error> {
    let Routed { posted: Posted { position, notice }, destinations } = routed;
    let newly = connection
        .prepare_cached(
            "UPDATE notice SET delivered_at = ?3, due_at = NULL
             WHERE position = ?1 AND topic = ?2 AND due_at IS NOT NULL",
        )?
        .execute(params![signed(*position), notice.topic.as_str(), at.0])?;
    if newly == 0 {
        return Ok(());
    }
    destinations
        .iter()
        .try_for_each(|(destination, pace)| delivery::add(connection, &routed.posted, destination, *pace, at))
}

/// The notices about a deployment before `position`, oldest first: the newest `limit`.
pub(super) fn earlier(
    connection: &Connection,
    id: &DeploymentId,
    position: u64,
    limit: u32,
) -> Result<Vec<Notice>, Error> {
    let mut notices: Vec<Notice> = connection
        .prepare_cached(
            "WITH RECURSIVE list (position) AS (
                 SELECT last_record FROM deployment WHERE id = ?1
                 UNION ALL
                 SELECT previous FROM list JOIN event USING (position) WHERE previous BETWEEN 1 AND position - 1
             )
             SELECT position, body FROM list JOIN notice USING (position)
             WHERE position < ?2 ORDER BY position DESC LIMIT ?3",
        )?
        .query_and_then(params![id.as_str(), signed(position), limit], |row| Ok(posted(row)?.notice))?
        .collect::<Result<_, Error>>()?;
    notices.reverse();
    Ok(notices)
}

pub(super) fn posted(row: &rusqlite::Row<'_>) -> Result<Posted, Error> {
    Ok(Posted {
        position: unsigned(row.get("position")?)?,
        notice: row::from_json(row::text(row, "body")?, || "a notice".to_owned())?,
    })
}
