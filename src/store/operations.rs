//! What is going on, in a few numbers: for whoever watches this server.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _};

use super::Store;
use super::error::Error;
use super::row::unsigned;
use crate::domain::time::Timestamp;

/// What is going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operations {
    /// The deployments under way, by the wire name of their state.
    pub in_flight: BTreeMap<String, u32>,
    /// How many notices are to be routed, and messages to be delivered: the depth of the outbox.
    pub waiting: u32,
    /// When the oldest of what they tell came about.
    pub oldest_waiting: Option<Timestamp>,
    /// The size of the database, without its log.
    pub database_bytes: u64,
}

impl Store {
    /// What is going on.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn operations(&self) -> Result<Operations, Error> {
        self.readers.read(read)
    }
}

fn read(connection: &Connection) -> Result<Operations, Error> {
    let in_flight = connection
        .prepare_cached("SELECT state, count(*) FROM deployment WHERE active = 1 GROUP BY state")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let (waiting, oldest) = connection
        .prepare_cached(
            "SELECT count(*), min(position) FROM (
                 SELECT position FROM notice WHERE due_at IS NOT NULL
                 UNION ALL
                 SELECT position FROM delivery WHERE due_at IS NOT NULL
             )",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?)))?;
    let oldest_waiting = connection
        .prepare_cached("SELECT at FROM event WHERE position = ?1")?
        .query_row([oldest], |row| row.get(0))
        .optional()?;
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let database_bytes = unsigned(pragma("page_count")?)? * unsigned(pragma("page_size")?)?;
    Ok(Operations { in_flight, waiting, oldest_waiting: oldest_waiting.map(Timestamp), database_bytes })
}
