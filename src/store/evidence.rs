//! What proves the history of one deployment to somebody without the database.

use rusqlite::Connection;

use super::anchor;
use super::chain::{self, Stored};
use super::error::Error;
use super::row::signed;
use crate::domain::chain::{ChainHead, Hash, RawRecord};
use crate::domain::id::DeploymentId;

/// The chain from a deployment's first record to the head: its own records word
/// for word, and of all others nothing but a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The link before the first record.
    pub before: ChainHead,
    /// What comes after it, in order and without gaps. 32 bytes for each record of others.
    pub links: Vec<Link>,
    /// Where that leads.
    pub head: ChainHead,
}

/// One position of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// A record of the deployment, and the hash that is stored with it.
    Own {
        /// It.
        record: RawRecord,
        /// The hash.
        hash: Hash,
    },
    /// The digest of the body of another's record: the hash follows from it and the hash before.
    Body(Hash),
    /// The hash of another's record of format 1, which has to be believed.
    Hash(Hash),
}

pub(super) fn collect(connection: &Connection, id: &DeploymentId) -> Result<Evidence, Error> {
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
                _ if own => Link::Own { record, hash },
                1 => Link::Hash(hash),
                _ => Link::Body(record.body()),
            })
        })?
        .collect::<Result<_, Error>>()?;
    Ok(Evidence { before, links, head: chain::head(connection)? })
}
