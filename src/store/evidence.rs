//! What proves the history of one deployment to somebody without the database.

use rusqlite::Connection;

use super::anchor;
use super::chain::{self, Stored};
use super::error::Error;
use super::row::signed;
use crate::domain::excerpt::{Excerpt, Link};
use crate::domain::id::DeploymentId;

pub(super) fn collect(connection: &Connection, id: &DeploymentId) -> Result<Excerpt, Error> {
    let anchor = anchor::find(connection, id)?;
    let first = chain::records_of(connection, anchor.number)?.into_iter().next();
    let Some(Stored { record: first, .. }) = first else {
        return Err(Error::corrupt(format!("{id} has no history")));
    };
    let before = chain::link_at(connection, first.position.saturating_sub(1))?;
    let links = connection
        .prepare_cached(
            "SELECT event.*, id FROM event LEFT JOIN deployment ON number = event.deployment
             WHERE position > ?1 ORDER BY position",
        )?
        .query_and_then([signed(before.position)], |row| {
            let Stored { record, hash } = chain::stored(row)?;
            let own = record.left.as_ref().is_some_and(|left| left.deployment == id.as_str());
            Ok(match record.format {
                _ if own => Link::Record(record),
                1 => Link::Hash(hash),
                _ => Link::Body(record.body()),
            })
        })?
        .collect::<Result<_, Error>>()?;
    Ok(Excerpt { before, links, head: chain::head(connection)? })
}
