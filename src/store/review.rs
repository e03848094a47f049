//! Approvals past the rules that a person has yet to look at.
//!
//! The table says what the history says: an event opens a review, and the next
//! `REVIEWED` of its deployment closes it.

use rusqlite::{Connection, params};

use super::error::Error;
use super::row::{self, signed, unsigned};
use crate::domain::id::{DeploymentId, EnvironmentName};
use crate::domain::replay::Reviewing;
use crate::domain::time::Timestamp;
use crate::domain::transition::Review;

/// An approval past the rules that nobody has looked at since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReview {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The approval.
    pub review: Review,
    /// Since when it is open.
    pub opened_at: Timestamp,
}

/// Open a review, in the transaction of the event at `position`.
pub(super) fn open(
    connection: &Connection,
    number: i64,
    position: u64,
    review: &Review,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO review (opened_by, deployment, environment, request) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![signed(position), number, review.environment.as_str(), review.request])?;
    Ok(())
}

/// Close all of a deployment, in the transaction of the remark at `position`.
pub(super) fn close(connection: &Connection, number: i64, position: u64) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE review SET closed_by = ?2 WHERE deployment = ?1 AND closed_by IS NULL")?
        .execute(params![number, signed(position)])?;
    Ok(())
}

/// The open ones, oldest first: at most `limit`.
pub(super) fn list_open(connection: &Connection, limit: u32) -> Result<Vec<OpenReview>, Error> {
    connection
        .prepare_cached(
            "SELECT id, review.environment, request, at
             FROM review JOIN event ON position = opened_by JOIN deployment ON number = review.deployment
             WHERE closed_by IS NULL ORDER BY opened_by LIMIT ?1",
        )?
        .query_and_then([limit], |row| {
            let environment: EnvironmentName = row::parsed(row, "environment")?;
            let review = Review { environment, request: row.get("request")? };
            Ok(OpenReview {
                deployment: row::parsed(row, "id")?,
                review,
                opened_at: Timestamp(row.get("at")?),
            })
        })?
        .collect()
}

/// Those of a deployment, in their order.
pub(super) fn list_of(connection: &Connection, number: i64) -> Result<Vec<Reviewing>, Error> {
    connection
        .prepare_cached(
            "SELECT opened_by, environment, request, closed_by FROM review
             WHERE deployment = ?1 ORDER BY opened_by",
        )?
        .query_and_then([number], |row| {
            let environment: EnvironmentName = row::parsed(row, "environment")?;
            Ok(Reviewing {
                opened: unsigned(row.get("opened_by")?)?,
                review: Review { environment, request: row.get("request")? },
                closed: row.get::<_, Option<i64>>("closed_by")?.map(unsigned).transpose()?,
            })
        })?
        .collect()
}
