//! Stories: what the records of each deployment tell, kept so that numbers over many
//! of them need not read all their records again.
//!
//! The table follows from the history and from nothing else. It is brought up to the
//! end of the history by whoever reads it, in steps: each reads in a snapshot of its
//! own, and writes in one short transaction. So whatever drives is not held up, and
//! no event costs more because somebody counts. [`Store::misremembered`] compares the
//! table with the history.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::Store;
use super::chain;
use super::error::Error;
use super::row::{self, from_bytes, signed, to_bytes, unsigned};
use crate::domain::id::{DeploymentId, Service};
use crate::domain::metrics::story::{FORMAT, Story};
use crate::domain::metrics::tell::tell;
use crate::domain::metrics::window::Window;
use crate::domain::record::EventRecord;

/// How many records one step goes on. Some hundred deployments end in so many:
/// their stories are written in a few milliseconds.
const RECORDS_AT_ONCE: u64 = 4_000;

/// How far the history is told, and in which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    format: u32,
    position: u64,
}

/// A deployment, and its story; `None` where its records tell none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    number: i64,
    service: String,
    story: Option<Story>,
}

impl Store {
    /// Hand out the stories of the deployments of a service, or of all, that ended in `window`,
    /// and of those that ever did something to production: each once, in no order. They
    /// are up to date with all that was recorded before the call, and of one moment.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn each_story(
        &self,
        service: Option<&Service>,
        window: Window,
        mut each: impl FnMut(&Story),
    ) -> Result<(), Error> {
        self.tell_stories()?;
        self.readers.read(|connection| {
            for query in [IN_WINDOW, IN_PRODUCTION] {
                let mut select = connection.prepare_cached(query)?;
                let service = service.map(Service::as_str);
                let mut rows = select.query(params![window.from.0, window.until.0, service])?;
                while let Some(row) = rows.next()? {
                    each(&from_bytes(row::bytes(row, "story")?, || "a story".to_owned())?);
                }
            }
            Ok(())
        })
    }

    /// How many deployments have records that tell no story: what was recorded cannot have
    /// happened, or a newer program recorded it.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn untold(&self) -> Result<u32, Error> {
        self.readers.read(|connection| {
            let mut count = connection.prepare_cached("SELECT count(*) FROM story WHERE story IS NULL")?;
            Ok(count.query_row([], |row| row.get(0))?)
        })
    }

    /// Compare every story with what the records tell, and say whose differ: how many
    /// were compared, and the first that do. Reads the whole history.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn misremembered(&self) -> Result<(u64, Vec<DeploymentId>), Error> {
        self.tell_stories()?;
        let mut compared = 0;
        let mut different = Vec::new();
        let mut after = 0;
        loop {
            let page = self.readers.read(|connection| compare(connection, after))?;
            let Some((last, _, _)) = page.last() else { return Ok((compared, different)) };
            after = *last;
            compared += page.len() as u64;
            different.extend(page.into_iter().filter(|(_, _, same)| !same).map(|(_, id, _)| id));
        }
    }

    /// Forget all stories. The next who reads them has them told anew.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn forget_stories(&self) -> Result<(), Error> {
        self.writer.write(forget)
    }

    /// Bring the table up to the end that the history has now.
    fn tell_stories(&self) -> Result<(), Error> {
        let (mark, end) =
            self.readers.read(|connection| Ok((mark(connection)?, chain::head(connection)?)))?;
        if mark.format != FORMAT {
            self.forget_stories()?;
        }
        while self.readers.read(mark_position)? < end.position {
            let (before, after, told) = self.readers.read(next_told)?;
            self.writer.write(move |connection| keep(connection, before, after, &told))?;
        }
        Ok(())
    }
}

/// What ended in the window, of a service or of all.
const IN_WINDOW: &str = "SELECT story FROM story
    WHERE ended_at >= ?1 AND ended_at < ?2 AND story IS NOT NULL AND (?3 IS NULL OR service = ?3)";

/// What else ever did something to production.
const IN_PRODUCTION: &str = "SELECT story FROM story
    WHERE production = 1 AND (ended_at IS NULL OR ended_at < ?1 OR ended_at >= ?2)
      AND story IS NOT NULL AND (?3 IS NULL OR service = ?3)";

fn mark(connection: &Connection) -> Result<Mark, Error> {
    let kept = connection
        .prepare_cached("SELECT format, position FROM story_mark")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (format, position) = kept.unwrap_or((FORMAT, 0));
    Ok(Mark { format, position: unsigned(position)? })
}

fn mark_position(connection: &Connection) -> Result<u64, Error> {
    mark(connection).map(|mark| mark.position)
}

fn forget(connection: &Connection) -> Result<(), Error> {
    connection.execute("DELETE FROM story", [])?;
    set_mark(connection, Mark { format: FORMAT, position: 0 })
}

fn set_mark(connection: &Connection, mark: Mark) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO story_mark (only, format, position) VALUES (1, ?1, ?2)")?
        .execute(params![mark.format, signed(mark.position)])?;
    Ok(())
}

/// The next step: from where, to where, and the stories of those deployments whose
/// last record is there. The others have one later, and are told with that.
fn next_told(connection: &Connection) -> Result<(Mark, Mark, Vec<Told>), Error> {
    let before = mark(connection)?;
    let head = chain::head(connection)?;
    let after = Mark { format: FORMAT, position: head.position.min(before.position + RECORDS_AT_ONCE) };
    let told = connection
        .prepare_cached(
            "SELECT number, service FROM event JOIN deployment ON number = event.deployment
             WHERE position > ?1 AND position <= ?2 AND last_record = position",
        )?
        .query_and_then(params![signed(before.position), signed(after.position)], |row| {
            let (number, service) = (row.get("number")?, row.get("service")?);
            Ok(Told { number, service, story: story_of(connection, number)? })
        })?
        .collect::<Result<_, Error>>()?;
    Ok((before, after, told))
}

/// What the records of a deployment tell; `None` if that is nothing.
fn story_of(connection: &Connection, number: i64) -> Result<Option<Story>, Error> {
    let stored = match chain::records_of(connection, number) {
        Err(Error::Corrupt { .. }) => return Ok(None),
        stored => stored?,
    };
    let records: Result<Vec<EventRecord>, _> =
        stored.iter().map(|stored| EventRecord::try_from(&stored.record)).collect();
    Ok(records.ok().and_then(|records| tell(&records).ok()))
}

/// Write one step, in the open transaction, unless somebody else has made it meanwhile.
fn keep(connection: &Connection, before: Mark, after: Mark, told: &[Told]) -> Result<(), Error> {
    if mark(connection)? != before {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO story (deployment, service, ended_at, production, story)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for Told { number, service, story } in told {
        insert.execute(params![
            number,
            service,
            story.as_ref().and_then(|story| story.ended_at).map(|at| at.0),
            story.as_ref().is_some_and(Story::reached_production),
            story.as_ref().map(to_bytes),
        ])?;
    }
    set_mark(connection, after)
}

/// How many stories are compared in one snapshot.
const COMPARED_AT_ONCE: u32 = 200;

/// The next deployments with what says whether the table has of each what its records
/// tell. One that moved on since the table was brought up to date is not judged.
fn compare(connection: &Connection, after: i64) -> Result<Vec<(i64, DeploymentId, bool)>, Error> {
    let told = unsigned_mark(connection)?;
    connection
        .prepare_cached(
            "SELECT number, id, deployment.service, last_record, story.service AS told_of, ended_at, production, story
             FROM deployment LEFT JOIN story ON story.deployment = number
             WHERE number > ?1 ORDER BY number LIMIT ?2",
        )?
        .query_and_then(params![after, COMPARED_AT_ONCE], |row| {
            let number = row.get("number")?;
            let moved_on = row.get::<_, i64>("last_record")? > told;
            let same = moved_on || is_kept(row, story_of(connection, number)?.as_ref())?;
            Ok((number, row::parsed(row, "id")?, same))
        })?
        .collect()
}

fn unsigned_mark(connection: &Connection) -> Result<i64, Error> {
    mark_position(connection).map(signed)
}

fn is_kept(row: &Row<'_>, story: Option<&Story>) -> Result<bool, Error> {
    Ok(row.get::<_, Option<String>>("told_of")? == Some(row.get("service")?)
        && row.get::<_, Option<i64>>("ended_at")? == story.and_then(|it| it.ended_at).map(|at| at.0)
        && row.get::<_, Option<bool>>("production")? == Some(story.is_some_and(Story::reached_production))
        && row.get::<_, Option<Vec<u8>>>("story")? == story.map(to_bytes))
}
