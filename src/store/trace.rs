//! How far the history is told as traces.
//!
//! Whoever drives reads the next stretch, tells what it has ended, and then moves the mark. A
//! crash in between tells the same stretch once more, which says the same. Nothing here is
//! asked for by an event: deployments do not wait for whoever hears of them.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Store;
use super::chain;
use super::error::Error;
use super::lease;
use super::row::{signed, unsigned};
use crate::domain::record::EventRecord;

/// How many records a stretch has at the most. Each ends four spans at the most, so that
/// those of a stretch fit into one message.
const RECORDS_AT_ONCE: u64 = 128;

/// A part of the history that is not told yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The position up to which everything was told.
    pub after: u64,
    /// The position of its last record.
    pub until: u64,
    /// All records up to `until` of each deployment that has one in it.
    pub histories: Vec<Vec<EventRecord>>,
    /// How many deployments have one in it and cannot be read.
    pub unreadable: u32,
}

impl Store {
    /// Somebody wants traces. The first time, what there is by now counts as told: whoever waits
    /// for traces waits for what comes.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn want_traces(&self) -> Result<(), Error> {
        if self.readers.read(mark)?.is_some() {
            return Ok(());
        }
        self.writer.write(|connection| match mark(connection)? {
            Some(_) => Ok(()),
            None => set_mark(connection, chain::head(connection)?.position),
        })
    }

    /// The next stretch that is not told; `None` at the end of the history, and where nobody ever wanted traces.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn untold_traces(&self) -> Result<Option<Stretch>, Error> {
        self.readers.read(next)
    }

    /// Note that `stretch` is told, by the process that drives as `holder`. Nothing happens
    /// if somebody else has told it meanwhile.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or those of the database.
    pub fn traces_told(&self, holder: &str, stretch: &Stretch) -> Result<(), Error> {
        let (holder, after, until) = (holder.to_owned(), stretch.after, stretch.until);
        self.writer.write(move |connection| {
            if lease::driver(connection)?.is_none_or(|driver| driver.holder != holder) {
                return Err(Error::LeaseLost { holder: holder.clone() });
            }
            if mark(connection)? == Some(after) { set_mark(connection, until) } else { Ok(()) }
        })
    }
}

fn mark(connection: &Connection) -> Result<Option<u64>, Error> {
    let position: Option<i64> = connection
        .prepare_cached("SELECT position FROM trace_mark")?
        .query_row([], |row| row.get(0))
        .optional()?;
    position.map(unsigned).transpose()
}

fn set_mark(connection: &Connection, position: u64) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO trace_mark (only, position) VALUES (1, ?1)")?
        .execute([signed(position)])?;
    Ok(())
}

fn next(connection: &Connection) -> Result<Option<Stretch>, Error> {
    let Some(after) = mark(connection)? else { return Ok(None) };
    let end = chain::head(connection)?.position;
    if end <= after {
        return Ok(None);
    }
    let until = end.min(after + RECORDS_AT_ONCE);
    let moved: Vec<i64> = connection
        .prepare_cached(
            "SELECT DISTINCT deployment FROM event
             WHERE position > ?1 AND position <= ?2 AND deployment IS NOT NULL",
        )?
        .query_map(params![signed(after), signed(until)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut stretch = Stretch { after, until, histories: Vec::new(), unreadable: 0 };
    for number in moved {
        match history(connection, number, until)? {
            Some(records) => stretch.histories.push(records),
            None => stretch.unreadable += 1,
        }
    }
    Ok(Some(stretch))
}

/// The records of a deployment up to a position; `None` if one of them says nothing that we know.
fn history(connection: &Connection, number: i64, until: u64) -> Result<Option<Vec<EventRecord>>, Error> {
    let stored = match chain::records_of(connection, number) {
        Err(Error::Corrupt { .. }) => return Ok(None),
        stored => stored?,
    };
    let records = stored.iter().filter(|stored| stored.record.position <= until);
    Ok(records.map(|stored| EventRecord::try_from(&stored.record)).collect::<Result<_, _>>().ok())
}
