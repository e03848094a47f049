//! The lease: of all processes that share the database, one drives.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::delivery;
use super::error::Error;
use super::row::{signed, unsigned};
use crate::domain::time::Timestamp;

/// Proof of having taken the lease. A write that carries it is refused once
/// somebody else has taken the lease, however late it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// Who took it.
    pub holder: String,
    /// Rises whenever the holder changes.
    pub token: u64,
}

/// The answer to a process that wants to drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// It drives, until the lease runs out or is renewed.
    Held(Fence),
    /// Another does.
    HeldBy(Driver),
}

/// Who drives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    /// The process, as it calls itself.
    pub holder: String,
    /// Until when, if it does not renew.
    pub until: Timestamp,
}

/// Take or renew the lease, in the open transaction.
pub(super) fn take(
    connection: &Connection,
    holder: &str,
    now: Timestamp,
    ttl: Duration,
) -> Result<Lease, Error> {
    let stored = stored(connection)?;
    let before = stored.as_ref().map(|(_, token)| *token);
    let token = match stored {
        None => 1,
        Some((Some(driver), token)) if driver.holder == holder => token,
        Some((Some(driver), _)) if !is_free(&driver, now, ttl) => return Ok(Lease::HeldBy(driver)),
        Some((_, token)) => token + 1,
    };
    connection
        .prepare_cached("INSERT OR REPLACE INTO lease (only, holder, token, until) VALUES (1, ?1, ?2, ?3)")?
        .execute(params![holder, signed(token), now.plus(ttl).0])?;
    if before.is_none_or(|before| before != token) {
        delivery::unclaim(connection, now)?;
    }
    Ok(Lease::Held(Fence { holder: holder.to_owned(), token }))
}

/// A lease that ends too far ahead was taken before the clock jumped back.
fn is_free(driver: &Driver, now: Timestamp, ttl: Duration) -> bool {
    driver.until <= now || driver.until > now.plus(ttl * 2)
}

/// Give the lease back, in the open transaction. Nothing, if another has it.
pub(super) fn release(connection: &Connection, fence: &Fence) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE lease SET holder = NULL WHERE holder = ?1 AND token = ?2")?
        .execute(params![fence.holder, signed(fence.token)])?;
    Ok(())
}

/// Refuse unless the lease is still the one that `fence` proves.
pub(super) fn check(connection: &Connection, fence: &Fence) -> Result<(), Error> {
    let holds = connection
        .prepare_cached("SELECT 1 FROM lease WHERE holder = ?1 AND token = ?2")?
        .exists(params![fence.holder, signed(fence.token)])?;
    if holds { Ok(()) } else { Err(Error::LeaseLost { holder: fence.holder.clone() }) }
}

pub(super) fn driver(connection: &Connection) -> Result<Option<Driver>, Error> {
    Ok(stored(connection)?.and_then(|(driver, _)| driver))
}

fn stored(connection: &Connection) -> Result<Option<(Option<Driver>, u64)>, Error> {
    let row = connection
        .prepare_cached("SELECT holder, token, until FROM lease")?
        .query_row([], |row| {
            let holder: Option<String> = row.get(0)?;
            let until = Timestamp(row.get(2)?);
            Ok((holder.map(|holder| Driver { holder, until }), row.get(1)?))
        })
        .optional()?;
    row.map(|(driver, token)| Ok((driver, unsigned(token)?))).transpose()
}
