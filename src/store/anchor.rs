//! Where the history of a deployment goes on: what its row says about it, and
//! nothing that would have to be parsed, so that a damaged row has one, too.

use rusqlite::{Connection, params};

use super::error::Error;
use super::row::{signed, unsigned};
use crate::domain::chain::Standing;
use crate::domain::id::DeploymentId;

/// The end of a deployment's history.
pub(super) struct Anchor {
    /// The number of the row.
    pub(super) number: i64,
    pub(super) version: u64,
    pub(super) state: String,
    /// The position of the last record.
    pub(super) last_record: u64,
    /// How many of the records are remarks.
    pub(super) remarks: u64,
}

pub(super) fn find(connection: &Connection, id: &DeploymentId) -> Result<Anchor, Error> {
    connection
        .prepare_cached("SELECT number, version, state, last_record, remarks FROM deployment WHERE id = ?1")?
        .query_and_then([id.as_str()], |row| {
            Ok(Anchor {
                number: row.get(0)?,
                version: unsigned(row.get(1)?)?,
                state: row.get(2)?,
                last_record: unsigned(row.get(3)?)?,
                remarks: unsigned(row.get(4)?)?,
            })
        })?
        .next()
        .unwrap_or_else(|| Err(Error::NotFound { id: id.clone() }))
}

impl Anchor {
    /// Where a remark leaves the deployment: where it was.
    pub(super) fn unmoved(&self, id: &DeploymentId) -> Standing {
        Standing {
            deployment: id.to_string(),
            version: self.version,
            state: self.state.clone(),
            previous: self.last_record,
        }
    }

    /// Note that a remark at `position` is the last record now.
    pub(super) fn remarked(&self, connection: &Connection, position: u64) -> Result<(), Error> {
        connection
            .prepare_cached(
                "UPDATE deployment SET last_record = ?2, remarks = remarks + 1 WHERE number = ?1",
            )?
            .execute(params![self.number, signed(position)])?;
        Ok(())
    }
}
