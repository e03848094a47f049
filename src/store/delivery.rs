//! Deliveries: one notice to one destination, told at least once.
//!
//! Claiming a delivery postpones it by [`CLAIM_TIME`], so that a process which
//! dies between telling and noting that leaves it to be told again, under the same
//! key: at that time, or once another drives. Those of one lane, which is a
//! deployment in a channel or an issue of a tracker, are told one at a time and in their order.

use std::time::Duration;

use rusqlite::{Connection, Row, params};

use super::error::Error;
use super::outbox::{self, Posted};
use super::row::{self, signed};
use super::{Fence, LARGEST_PAGE, Store};
use crate::domain::id::{ChannelName, DeploymentId};
use crate::domain::message::Thread;
use crate::domain::notice::Topic;
use crate::domain::route::{Destination, Pace};
use crate::domain::time::Timestamp;

/// How long a claimed delivery is left to whoever claimed it. Longer than
/// telling all that is claimed together may take.
pub const CLAIM_TIME: Duration = Duration::from_mins(6);

/// A delivery that is to be made now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Counts all deliveries.
    pub number: i64,
    /// What is told.
    pub posted: Posted,
    /// To whom.
    pub destination: Destination,
    /// Whether it is told in one message with all others that are, instead of by itself.
    pub together: bool,
    /// What the messenger kept of its last message about the deployment there.
    pub thread: Option<Thread>,
    /// Since when it is to be told.
    pub routed_at: Timestamp,
    /// How often it was claimed, this time included; 1 at first.
    pub attempts: u32,
}

/// What came of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was told.
    Delivered {
        /// What the messenger wants to be given with the next message there.
        thread: Option<Thread>,
        /// When the next message to the same issue may be told.
        next: Timestamp,
    },
    /// It was not, or that is not known.
    Postponed {
        /// Why.
        error: String,
        /// When to try again.
        until: Timestamp,
    },
    /// The messenger takes nothing now: it, and all that is for its channel, waits.
    ChannelRests {
        /// Why.
        error: String,
        /// When to try again.
        until: Timestamp,
    },
    /// It will not be tried again by itself.
    GivenUp {
        /// Why.
        error: String,
    },
}

/// A delivery that was not made so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Counts all deliveries.
    pub number: i64,
    /// About which deployment.
    pub deployment: DeploymentId,
    /// About what.
    pub topic: Topic,
    /// To whom.
    pub destination: Destination,
    /// Since when it is to be told.
    pub routed_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last try failed; `None` while there was none.
    pub last_error: Option<String>,
    /// When it was given up; `None` while it is tried again.
    pub given_up_at: Option<Timestamp>,
}

/// Which deliveries are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// Only those about this deployment.
    pub deployment: Option<DeploymentId>,
    /// Only those to this channel.
    pub channel: Option<ChannelName>,
}

impl Which {
    /// Those about one deployment.
    #[must_use]
    pub fn about(deployment: &DeploymentId) -> Self {
        Self { deployment: Some(deployment.clone()), channel: None }
    }
}

impl Store {
    /// The channels for which something is due.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn channels_due(&self, now: Timestamp) -> Result<Vec<ChannelName>, Error> {
        self.readers.read(|connection| channels_due(connection, now))
    }

    /// Take what is due for a channel, oldest first and at most one of each lane,
    /// to tell it now; and all that is told together, once one of it is due. It becomes due again at `now` and [`CLAIM_TIME`], unless something
    /// [came of it](Self::settle): a crash may repeat it.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or those of the database.
    pub fn claim(
        &self,
        fence: &Fence,
        channel: &ChannelName,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Claimed>, Error> {
        let channel = channel.clone();
        let claimable = self.readers.read(|connection| claimable(connection, &channel, now))?;
        if claimable.is_empty() {
            return Ok(Vec::new());
        }
        self.sound(claimable.into_iter().map(|(_, row)| row).collect())?;
        self.write_as_driver(fence, move |connection| claim(connection, &channel, now, limit))
    }

    /// Note what came of a delivery. Nothing, if that is known already.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or those of the database.
    pub fn settle(
        &self,
        fence: &Fence,
        claimed: &Claimed,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Result<(), Error> {
        let (claimed, outcome) = (claimed.clone(), outcome.clone());
        self.write_as_driver(fence, move |connection| settle(connection, &claimed, &outcome, at))
    }

    /// Deliveries that were not made so far, oldest first: at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// Only those of the database.
    pub fn undelivered(&self, which: &Which) -> Result<Vec<Undelivered>, Error> {
        self.readers.read(|connection| undelivered(connection, which))
    }

    /// Try again what was given up, and at once what waits for another try. How many these are.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn resend(&self, which: &Which, at: Timestamp) -> Result<usize, Error> {
        let which = which.clone();
        self.writer.write(move |connection| resend(connection, &which, at))
    }
}

/// Add a delivery, in the transaction that routes its notice.
pub(super) fn add(
    connection: &Connection,
    posted: &Posted,
    destination: &Destination,
    pace: Pace,
    at: Timestamp,
) -> Result<(), Error> {
    let Posted { position, notice } = posted;
    let (digest, due_at) = match pace {
        Pace::AtOnce => (false, at),
        Pace::Digest(after) => (true, at.plus(after)),
    };
    let issue = destination.issue.as_ref().map_or("", |issue| issue.as_str());
    let lane = if issue.is_empty() { notice.deployment.as_str() } else { issue };
    connection
        .prepare_cached(
            "INSERT INTO delivery (position, topic, deployment, channel, issue, lane, digest, routed_at, due_at)
             VALUES (?1, ?2, (SELECT number FROM deployment WHERE id = ?3), ?4, ?5, ?6, ?7, ?8,
                 max(?9, coalesce((SELECT until FROM channel_rest WHERE channel = ?4), 0)))
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            signed(*position),
            notice.topic.as_str(),
            notice.deployment.as_str(),
            destination.channel.as_str(),
            issue,
            lane,
            digest,
            at.0,
            due_at.0
        ])?;
    Ok(())
}

fn channels_due(connection: &Connection, now: Timestamp) -> Result<Vec<ChannelName>, Error> {
    connection
        .prepare_cached("SELECT DISTINCT channel FROM delivery WHERE due_at <= ?1")?
        .query_and_then([now.0], |row| row::parsed(row, "channel"))?
        .collect()
}

/// The number of a delivery, and it, if it can be read.
type Claimable = (i64, Result<Claimed, Error>);

fn claimable(
    connection: &Connection,
    channel: &ChannelName,
    now: Timestamp,
) -> Result<Vec<Claimable>, Error> {
    connection
        .prepare_cached(
            "SELECT number, position, body, channel, delivery.issue, digest, routed_at, delivery.attempts,
                 (SELECT thread.body FROM thread WHERE thread.deployment = delivery.deployment
                      AND thread.channel = delivery.channel AND thread.issue = delivery.issue) AS thread
             FROM delivery JOIN notice USING (position, topic)
             WHERE channel = ?1 AND delivery.due_at IS NOT NULL AND CASE digest
                 WHEN 1 THEN claimed = 0 AND EXISTS (
                     SELECT 1 FROM delivery AS due
                     WHERE due.channel = ?1 AND due.digest = 1 AND due.due_at <= ?2
                 )
                 ELSE delivery.due_at <= ?2 AND NOT EXISTS (
                     SELECT 1 FROM delivery AS earlier
                     WHERE earlier.channel = delivery.channel AND earlier.lane = delivery.lane
                         AND earlier.digest = 0 AND earlier.number < delivery.number
                         AND earlier.due_at IS NOT NULL
                 )
             END
             ORDER BY number LIMIT ?3",
        )?
        .query_and_then(params![channel.as_str(), now.0, LARGEST_PAGE], |row| {
            Ok((row.get("number")?, claimed(row)))
        })?
        .collect()
}

fn claimed(row: &Row<'_>) -> Result<Claimed, Error> {
    let attempts: u32 = row.get("attempts")?;
    Ok(Claimed {
        number: row.get("number")?,
        posted: outbox::posted(row)?,
        destination: destination(row)?,
        together: row.get("digest")?,
        thread: row.get::<_, Option<String>>("thread")?.map(Thread),
        routed_at: Timestamp(row.get("routed_at")?),
        attempts: attempts.saturating_add(1),
    })
}

fn claim(
    connection: &Connection,
    channel: &ChannelName,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Claimed>, Error> {
    let mut claimed = Vec::new();
    let mut alone = 0;
    for (number, row) in claimable(connection, channel, now)? {
        match row {
            // A digest is one message, however much is in it.
            Ok(row) if row.together => claimed.push(row),
            Ok(row) if alone < limit => {
                alone += 1;
                claimed.push(row);
            }
            Ok(_) => {}
            Err(Error::Corrupt { .. }) => bury(connection, number, now)?,
            Err(error) => return Err(error),
        }
    }
    let mut claim = connection
        .prepare_cached("UPDATE delivery SET due_at = ?2, attempts = ?3, claimed = 1 WHERE number = ?1")?;
    for Claimed { number, attempts, .. } in &claimed {
        claim.execute(params![number, now.plus(CLAIM_TIME).0, attempts])?;
    }
    Ok(claimed)
}

/// Give up what cannot be read, so that nothing waits for it.
fn bury(connection: &Connection, number: i64, at: Timestamp) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE delivery SET due_at = NULL, given_up_at = ?2, last_error = 'its notice cannot be read'
             WHERE number = ?1",
        )?
        .execute(params![number, at.0])?;
    Ok(())
}

/// Make everything due that somebody claimed: another process drives now, and
/// the claims of the one before it are void.
pub(super) fn unclaim(connection: &Connection, now: Timestamp) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE delivery SET due_at = ?1, claimed = 0 WHERE claimed = 1 AND due_at IS NOT NULL",
        )?
        .execute([now.0])?;
    Ok(())
}

fn settle(connection: &Connection, claimed: &Claimed, outcome: &Outcome, at: Timestamp) -> Result<(), Error> {
    let (due_at, error, delivered_at, given_up_at) = match outcome {
        Outcome::Delivered { .. } => (None, None, Some(at.0), None),
        Outcome::Postponed { error, until } | Outcome::ChannelRests { error, until } => {
            (Some(until.0), Some(error), None, None)
        }
        Outcome::GivenUp { error } => (None, Some(error), None, Some(at.0)),
    };
    connection
        .prepare_cached(
            "UPDATE delivery
             SET due_at = ?2, last_error = ?3, delivered_at = ?4, given_up_at = ?5, claimed = 0
             WHERE number = ?1 AND due_at IS NOT NULL",
        )?
        .execute(params![claimed.number, due_at, error, delivered_at, given_up_at])?;
    let destination = &claimed.destination;
    match outcome {
        Outcome::Delivered { thread, next } => {
            wake(connection, &destination.channel)?;
            if let Some(thread) = thread {
                keep(connection, claimed, thread)?;
            }
            if let Some(issue) = &destination.issue {
                wait(connection, &destination.channel, issue.as_str(), *next)?;
            }
        }
        Outcome::ChannelRests { error, until } => rest(connection, &destination.channel, error, *until)?,
        Outcome::Postponed { .. } | Outcome::GivenUp { .. } => {}
    }
    Ok(())
}

fn keep(connection: &Connection, claimed: &Claimed, thread: &Thread) -> Result<(), Error> {
    let Claimed { posted, destination, .. } = claimed;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO thread (deployment, channel, issue, body)
             VALUES ((SELECT number FROM deployment WHERE id = ?1), ?2, ?3, ?4)",
        )?
        .execute(params![
            posted.notice.deployment.as_str(),
            destination.channel.as_str(),
            destination.issue.as_ref().map_or("", |issue| issue.as_str()),
            thread.0
        ])?;
    Ok(())
}

fn wait(connection: &Connection, channel: &ChannelName, lane: &str, until: Timestamp) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE delivery SET due_at = ?3 WHERE channel = ?1 AND lane = ?2 AND due_at < ?3 AND claimed = 0",
        )?
        .execute(params![channel.as_str(), lane, until.0])?;
    Ok(())
}

/// Leave a channel alone: what waits for it, what was claimed and is not tried now, and what comes.
fn rest(connection: &Connection, channel: &ChannelName, error: &str, until: Timestamp) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO channel_rest (channel, until) VALUES (?1, ?2)")?
        .execute(params![channel.as_str(), until.0])?;
    connection
        .prepare_cached(
            "UPDATE delivery
             SET due_at = ?2, attempts = attempts - claimed, claimed = 0, last_error = coalesce(last_error, ?3)
             WHERE channel = ?1 AND (due_at < ?2 OR claimed = 1)",
        )?
        .execute(params![channel.as_str(), until.0, error])?;
    Ok(())
}

/// The channel takes messages.
fn wake(connection: &Connection, channel: &ChannelName) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM channel_rest WHERE channel = ?1")?.execute([channel.as_str()])?;
    Ok(())
}

/// What is not delivered, with its deployment. Found by its own index: of all that was ever
/// told, nearly everything is delivered.
const UNDELIVERED: &str = "
    SELECT delivery.number, id, topic, channel, issue, routed_at, attempts, last_error, given_up_at
    FROM delivery INDEXED BY delivery_of JOIN deployment ON deployment.number = delivery.deployment
    WHERE delivered_at IS NULL";

fn undelivered(connection: &Connection, which: &Which) -> Result<Vec<Undelivered>, Error> {
    let about = if which.deployment.is_some() {
        "delivery.deployment = (SELECT number FROM deployment WHERE id = ?1)"
    } else {
        "?1 IS NULL"
    };
    connection
        .prepare_cached(&format!(
            "{UNDELIVERED} AND {about} AND (?2 IS NULL OR channel = ?2) ORDER BY delivery.number LIMIT ?3"
        ))?
        .query_and_then(params![deployment(which), channel(which), LARGEST_PAGE], undelivered_row)?
        .collect()
}

/// Those of any deployment that were tried in vain, oldest first.
pub(super) fn tried_in_vain(connection: &Connection, limit: u32) -> Result<Vec<Undelivered>, Error> {
    connection
        .prepare_cached(&format!(
            "{UNDELIVERED} AND last_error IS NOT NULL ORDER BY delivery.number LIMIT ?1"
        ))?
        .query_and_then([limit.min(LARGEST_PAGE)], undelivered_row)?
        .collect()
}

/// How many these are, counted up to [`LARGEST_PAGE`].
pub(super) fn count_tried_in_vain(connection: &Connection) -> Result<u32, Error> {
    Ok(connection
        .prepare_cached(
            "SELECT count(*) FROM (
                 SELECT 1 FROM delivery INDEXED BY delivery_of
                 WHERE delivered_at IS NULL AND last_error IS NOT NULL LIMIT ?1
             )",
        )?
        .query_row([LARGEST_PAGE], |row| row.get(0))?)
}

fn undelivered_row(row: &Row<'_>) -> Result<Undelivered, Error> {
    Ok(Undelivered {
        number: row.get("number")?,
        deployment: row::parsed(row, "id")?,
        topic: row::parsed(row, "topic")?,
        destination: destination(row)?,
        routed_at: Timestamp(row.get("routed_at")?),
        attempts: row.get("attempts")?,
        last_error: row.get("last_error")?,
        given_up_at: row.get::<_, Option<i64>>("given_up_at")?.map(Timestamp),
    })
}

fn resend(connection: &Connection, which: &Which, at: Timestamp) -> Result<usize, Error> {
    connection
        .prepare_cached("DELETE FROM channel_rest WHERE ?1 IS NULL OR channel = ?1")?
        .execute([channel(which)])?;
    Ok(connection
        .prepare_cached(
            "UPDATE delivery SET due_at = ?3, routed_at = ?3, attempts = 0, given_up_at = NULL
             WHERE delivered_at IS NULL AND claimed = 0 AND (digest = 0 OR last_error IS NOT NULL)
                 AND (?1 IS NULL OR deployment = (SELECT number FROM deployment WHERE id = ?1))
                 AND (?2 IS NULL OR channel = ?2)",
        )?
        .execute(params![deployment(which), channel(which), at.0])?)
}

pub(super) fn destination(row: &Row<'_>) -> Result<Destination, Error> {
    let issue = if row::text(row, "issue")?.is_empty() { None } else { Some(row::parsed(row, "issue")?) };
    Ok(Destination { channel: row::parsed(row, "channel")?, issue })
}

fn deployment(which: &Which) -> Option<&str> {
    which.deployment.as_ref().map(DeploymentId::as_str)
}

fn channel(which: &Which) -> Option<&str> {
    which.channel.as_ref().map(ChannelName::as_str)
}
