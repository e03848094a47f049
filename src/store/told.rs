//! What people were told of a deployment, or are yet to be told, for whoever looks at it.

use rusqlite::{Connection, Row, params};

use super::delivery::destination;
use super::error::Error;
use super::outbox;
use super::row::signed;
use super::{LARGEST_PAGE, Store};
use crate::domain::id::DeploymentId;
use crate::domain::notice::Notice;
use crate::domain::route::Destination;
use crate::domain::time::Timestamp;

/// A notice about a deployment, and how it stands with everybody to whom it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// It.
    pub notice: Notice,
    /// Whether it is known to whom it goes; until then there is no address.
    pub is_routed: bool,
    /// To whom; none where the config tells nobody.
    pub addresses: Vec<Addressed>,
}

/// How a notice stands with one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed {
    /// Where it goes.
    pub destination: Destination,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last try failed; `None` while none has.
    pub last_error: Option<String>,
    /// What came of it so far.
    pub standing: Standing,
}

/// What came of a delivery so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was made then.
    Delivered(Timestamp),
    /// It is tried then, at the earliest.
    Due(Timestamp),
    /// It is not tried again by itself.
    GivenUp(Timestamp),
}

impl Store {
    /// The notices about a deployment, newest first: at most `limit`, and at most
    /// [`LARGEST_PAGE`]. Empty for an unknown id.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn told(&self, id: &DeploymentId, limit: u32) -> Result<Vec<Told>, Error> {
        self.readers.read(|connection| told(connection, id, limit.min(LARGEST_PAGE)))
    }
}

fn told(connection: &Connection, id: &DeploymentId, limit: u32) -> Result<Vec<Told>, Error> {
    let notices: Vec<(u64, Told)> = connection
        .prepare_cached(
            "WITH RECURSIVE list (position) AS (
                 SELECT last_record FROM deployment WHERE id = ?1
                 UNION ALL
                 SELECT previous FROM list JOIN event USING (position)
                 WHERE previous > 0 AND previous < position
             )
             SELECT position, body, due_at IS NULL AS is_routed FROM list JOIN notice USING (position)
             ORDER BY position DESC, topic DESC LIMIT ?2",
        )?
        .query_and_then(params![id.as_str(), limit], |row| {
            let posted = outbox::posted(row)?;
            let is_routed = row.get("is_routed")?;
            Ok((posted.position, Told { notice: posted.notice, is_routed, addresses: Vec::new() }))
        })?
        .collect::<Result<_, Error>>()?;
    notices
        .into_iter()
        .map(|(position, told)| {
            Ok(Told { addresses: addresses(connection, position, &told.notice)?, ..told })
        })
        .collect()
}

fn addresses(connection: &Connection, position: u64, notice: &Notice) -> Result<Vec<Addressed>, Error> {
    connection
        .prepare_cached(
            "SELECT channel, issue, attempts, last_error, due_at, delivered_at, given_up_at
             FROM delivery WHERE position = ?1 AND topic = ?2 ORDER BY number",
        )?
        .query_and_then(params![signed(position), notice.topic.as_str()], addressed)?
        .collect()
}

fn addressed(row: &Row<'_>) -> Result<Addressed, Error> {
    let at = |column: &str| Ok::<_, Error>(row.get::<_, Option<i64>>(column)?.map(Timestamp));
    let standing = match (at("delivered_at")?, at("given_up_at")?, at("due_at")?) {
        (Some(at), _, _) => Standing::Delivered(at),
        (None, Some(at), _) => Standing::GivenUp(at),
        (None, None, Some(at)) => Standing::Due(at),
        (None, None, None) => {
            return Err(Error::corrupt("a delivery that is neither made nor due".to_owned()));
        }
    };
    Ok(Addressed {
        destination: destination(row)?,
        attempts: row.get("attempts")?,
        last_error: row.get("last_error")?,
        standing,
    })
}
