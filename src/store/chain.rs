//! The events as a chain: each row's hash covers the row and the hash before it.
//!
//! Whoever changes, removes or swaps an event afterwards has to compute every
//! later hash anew, and no longer has the head that was noted elsewhere.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};

use super::error::Error;
use super::row::{self, FORMAT, signed, unsigned};
use crate::domain::id::DeploymentId;
use crate::domain::time::Timestamp;

/// Put before the first event, so that a hash made for anything else never fits.
const GENESIS: &[u8] = b"deployment-orchestrator events v1";

/// The last link. Note it elsewhere: a later chain that does not contain it was rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// The position of the last event; 0 if there is none.
    pub position: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

impl ChainHead {
    /// The hash as 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        self.hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The events are not what was recorded, or could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChainError {
    /// The first event that is not as it was recorded.
    #[error("the history was changed at event {position}: {what}")]
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

impl From<rusqlite::Error> for ChainError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The columns of an event that its hash covers, as they are stored.
pub(super) struct Link<'a> {
    pub(super) deployment: &'a str,
    pub(super) version: u64,
    pub(super) at: Timestamp,
    pub(super) actor: &'a str,
    pub(super) event: &'a str,
    pub(super) state: &'a str,
}

/// Append an event to the chain, in the open transaction, and return its position.
pub(super) fn append(connection: &Connection, link: &Link<'_>) -> Result<u64, Error> {
    let head = head(connection)?;
    let position = head.position + 1;
    connection
        .prepare_cached(
            "INSERT INTO event (position, deployment, version, at, format, actor, event, state, hash)
             VALUES (?1, (SELECT number FROM deployment WHERE id = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            signed(position),
            link.deployment,
            signed(link.version),
            link.at.0,
            FORMAT,
            link.actor,
            link.event,
            link.state,
            hash(&head.hash, position, FORMAT, link),
        ])?;
    Ok(position)
}

/// Walk the chain from its first event.
pub(super) fn verify(connection: &Connection) -> Result<ChainHead, ChainError> {
    let mut head = ChainHead { position: 0, hash: genesis() };
    let mut events = connection.prepare(
        "SELECT event.*, deployment.id FROM event LEFT JOIN deployment ON event.deployment = number
         ORDER BY position",
    )?;
    let mut rows = events.query([])?;
    while let Some(row) = rows.next()? {
        head = follow(&head, row).map_err(|what| ChainError::Broken { position: head.position + 1, what })?;
    }
    match unrecorded(connection)? {
        None => Ok(head),
        Some(id) => Err(ChainError::Broken {
            position: head.position + 1,
            what: format!("the row of {id} is not where its last event left it"),
        }),
    }
}

/// The last link, which the next one continues.
fn head(connection: &Connection) -> Result<ChainHead, Error> {
    let last = connection
        .prepare_cached("SELECT position, hash FROM event ORDER BY position DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
        .optional()?;
    Ok(match last {
        Some((position, hash)) => ChainHead { position: unsigned(position)?, hash },
        None => ChainHead { position: 0, hash: genesis() },
    })
}

/// The link after `head`, if `row` is it.
fn follow(head: &ChainHead, row: &Row<'_>) -> Result<ChainHead, String> {
    let next = head.position + 1;
    let event = row::event(row).map_err(|error| error.to_string())?;
    if event.position != next {
        return Err(format!("the next event that is there is {}", event.position));
    }
    let column = |name| row::text(row, name).map_err(|error| error.to_string());
    let link = Link {
        deployment: column("id")?,
        version: event.version,
        at: event.at,
        actor: column("actor")?,
        event: column("event")?,
        state: column("state")?,
    };
    let hash = hash(&head.hash, next, FORMAT, &link);
    let stored: [u8; 32] = row.get("hash").map_err(|error| error.to_string())?;
    if stored == hash {
        Ok(ChainHead { position: next, hash })
    } else {
        Err("its hash does not fit what it says and the events before it".to_owned())
    }
}

/// A deployment whose row does not stand where its last event left it: its last
/// events were removed, or the row was changed.
fn unrecorded(connection: &Connection) -> rusqlite::Result<Option<DeploymentId>> {
    connection
        .query_row(
            "SELECT id FROM deployment d
             LEFT JOIN event e ON e.deployment = d.number AND e.version = d.version
             WHERE e.state IS NOT d.state
                OR EXISTS (SELECT 1 FROM event WHERE deployment = d.number AND version > d.version)
             LIMIT 1",
            [],
            |row| row.get::<_, String>(0),
        )
        .optional()
        .map(|id| id.and_then(|id| id.parse().ok()))
}

fn genesis() -> [u8; 32] {
    Sha256::digest(GENESIS).into()
}

fn hash(previous: &[u8; 32], position: u64, format: u32, link: &Link<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(previous);
    for number in [position.to_be_bytes(), link.version.to_be_bytes(), link.at.0.to_be_bytes()] {
        hash.update(number);
    }
    hash.update(format.to_be_bytes());
    for text in [link.deployment, link.actor, link.event, link.state] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}
