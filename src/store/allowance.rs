//! How much agents may do for one person, counted from the history in the
//! transaction that adds to it: no race spends more.

use rusqlite::{Connection, params};

use super::error::Error;
use super::lookup::Lookup;
use crate::domain::time::Timestamp;

/// How often what is about to be recorded may be done. Only what an agent does
/// is counted, and of that only starting and rolling back ([`Use`](super::Use)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// As often as one likes.
    Unlimited,
    /// So often for one person, else [`Error::QuotaSpent`].
    AtMost {
        /// This one included.
        most: u32,
        /// Since when.
        since: Timestamp,
    },
}

/// Whether a record of this `lookup` may be added, in the open transaction.
pub(super) fn check(
    connection: &Connection,
    allowance: Allowance,
    lookup: Option<&Lookup>,
) -> Result<(), Error> {
    let (Allowance::AtMost { most, since }, Some(found_by @ Lookup::Use(what, by))) = (allowance, lookup)
    else {
        return Ok(());
    };
    let spent: u32 = connection
        .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM event WHERE lookup = ?1 AND at >= ?2 LIMIT ?3)")?
        .query_row(params![found_by.to_string(), since.0, most], |row| row.get(0))?;
    if spent < most { Ok(()) } else { Err(Error::QuotaSpent { what: *what, by: by.clone(), most }) }
}
