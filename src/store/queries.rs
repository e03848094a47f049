//! Reading: one deployment, pages of them, histories, and what is due.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};

use super::chain;
use super::error::Error;
use super::row::{self, signed};
use crate::domain::deployment::Deployment;
use crate::domain::id::{DeploymentId, EnvironmentName, ExecutionId, Malformed, Repository, Service};
use crate::domain::record::{EventRecord, RemarkRecord};
use crate::domain::state::Version;
use crate::domain::time::Timestamp;

/// The most rows that one call returns, whatever its limit. Bounds an answer's memory.
pub const LARGEST_PAGE: u32 = 1_000;

/// Which deployments to list. What is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those in the state of this wire name.
    pub state: Option<String>,
    /// Those of this repository.
    pub repository: Option<Repository>,
    /// Those with this target.
    pub environment: Option<EnvironmentName>,
    /// Those under way, or those that are over.
    pub activity: Activity,
    /// At most so many, and at most [`LARGEST_PAGE`].
    pub limit: u32,
    /// Where the page before ended.
    pub before: Option<Cursor>,
}

/// Whether a deployment is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Activity {
    /// That does not matter.
    #[default]
    Any,
    /// It is.
    Active,
    /// It is over.
    Ended,
}

/// A part of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The deployments.
    pub deployments: Vec<Deployment>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Cursor>,
}

/// Where a page ended. Give it back as it is; it stays valid while deployments are added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(u64);

impl fmt::Display for Cursor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "before-{}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.strip_prefix("before-").and_then(|number| number.parse().ok()).map(Self).ok_or_else(|| {
            Malformed {
                what: "a cursor",
                value: crate::domain::text::shortened(text, 40),
                rule: "it is given back exactly as the page before returned it",
            }
        })
    }
}

pub(super) fn load(connection: &Connection, id: &DeploymentId) -> Result<Deployment, Error> {
    load_by(connection, id, row::deployment)
}

/// [`load`] with another way from the row to the deployment.
pub(super) fn load_by<T>(
    connection: &Connection,
    id: &DeploymentId,
    decode: impl FnMut(&Row<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    connection
        .prepare_cached(
            "SELECT id, version, created_at, spec, progress
             FROM deployment JOIN spec ON spec.deployment = number WHERE id = ?1",
        )?
        .query_and_then([id.as_str()], decode)?
        .next()
        .unwrap_or_else(|| Err(Error::NotFound { id: id.clone() }))
}

pub(super) fn list(connection: &Connection, filter: &Filter) -> Result<Page, Error> {
    let limit = filter.limit.clamp(1, LARGEST_PAGE);
    let before = filter.before.as_ref().map_or(i64::MAX, |cursor| signed(cursor.0));
    let mut sql = String::from(
        "SELECT number, id, version, created_at, spec, progress
         FROM deployment JOIN spec ON spec.deployment = number WHERE number < ?",
    );
    let mut values: Vec<&dyn ToSql> = vec![&before];
    match filter.activity {
        Activity::Any => {}
        // By what is due, because by their numbers all that is over would be passed.
        Activity::Active => sql.push_str(
            " AND number IN (SELECT number FROM deployment INDEXED BY deployment_active WHERE active = 1)",
        ),
        Activity::Ended => sql.push_str(" AND active = 0"),
    }
    if let Some(state) = &filter.state {
        sql.push_str(" AND state = ?");
        values.push(state);
    }
    let repository = filter.repository.as_ref().map(Repository::as_str);
    if let Some(repository) = &repository {
        sql.push_str(" AND repository = ?");
        values.push(repository);
    }
    let environment = filter.environment.as_ref().map(EnvironmentName::as_str);
    if let Some(environment) = &environment {
        sql.push_str(" AND environment = ?");
        values.push(environment);
    }
    let one_more = limit + 1;
    sql.push_str(" ORDER BY number DESC LIMIT ?");
    values.push(&one_more);

    let mut rows: Vec<(u64, Deployment)> = connection
        .prepare_cached(&sql)?
        .query_and_then(values.as_slice(), |row| {
            Ok((row::unsigned(row.get("number")?)?, row::deployment(row)?))
        })?
        .collect::<Result<_, Error>>()?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|(number, _)| Cursor(*number));
    Ok(Page { deployments: rows.into_iter().map(|(_, deployment)| deployment).collect(), next })
}

pub(super) fn active_versions(
    connection: &Connection,
    limit: u32,
) -> Result<Vec<(DeploymentId, u64)>, Error> {
    connection
        .prepare_cached(
            "SELECT id, version FROM deployment INDEXED BY deployment_active
             WHERE active = 1 ORDER BY number DESC LIMIT ?1",
        )?
        .query_and_then([limit.min(LARGEST_PAGE)], |row| {
            Ok((row::parsed(row, "id")?, row::unsigned(row.get("version")?)?))
        })?
        .collect()
}

pub(super) fn history(
    connection: &Connection,
    id: &DeploymentId,
    after: u64,
    limit: u32,
) -> Result<Vec<EventRecord>, Error> {
    connection
        .prepare_cached(
            "WITH RECURSIVE list (position) AS (
                 SELECT last_record FROM deployment WHERE id = ?1 AND last_record > ?2
                 UNION ALL
                 SELECT previous FROM list JOIN event USING (position)
                 WHERE previous > ?2 AND previous < position
             )
             SELECT event.*, ?1 AS id FROM list JOIN event USING (position) ORDER BY position LIMIT ?3",
        )?
        .query_and_then(params![id.as_str(), signed(after), limit.min(LARGEST_PAGE)], |row| {
            Ok(EventRecord::try_from(&chain::raw(row)?)?)
        })?
        .collect()
}

/// All records of a deployment, however many they are.
pub(super) fn whole_history(connection: &Connection, id: &DeploymentId) -> Result<Vec<EventRecord>, Error> {
    let number = connection
        .prepare_cached("SELECT number FROM deployment WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?;
    let Some(number) = number else { return Ok(Vec::new()) };
    let stored = chain::records_of(connection, number)?;
    stored.iter().map(|stored| Ok(EventRecord::try_from(&stored.record)?)).collect()
}

/// The remarks about no deployment.
pub(super) fn remarks(connection: &Connection, after: u64, limit: u32) -> Result<Vec<RemarkRecord>, Error> {
    connection
        .prepare_cached(
            "SELECT *, NULL AS id FROM event WHERE deployment IS NULL AND position > ?1 ORDER BY position LIMIT ?2",
        )?
        .query_and_then(params![signed(after), limit.min(LARGEST_PAGE)], |row| {
            Ok(RemarkRecord::try_from(&chain::raw(row)?)?)
        })?
        .collect()
}

/// What is due. A row that cannot be read must not hold up the others.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) deployments: Vec<Deployment>,
    /// What is wrong with each row that cannot be read.
    pub(super) unreadable: Vec<String>,
}

pub(super) fn due(connection: &Connection, now: Timestamp, limit: u32) -> Result<Due, Error> {
    let mut due = Due::default();
    let mut select = connection.prepare_cached(
        "SELECT id, version, created_at, spec, progress
         FROM deployment JOIN spec ON spec.deployment = number
         WHERE active = 1 AND due_at <= ?1 ORDER BY due_at, number LIMIT ?2",
    )?;
    for deployment in select.query_and_then(params![now.0, limit.min(LARGEST_PAGE)], row::deployment)? {
        match deployment {
            Ok(deployment) => due.deployments.push(deployment),
            Err(Error::Corrupt { what }) => due.unreadable.push(what),
            Err(error) => return Err(error),
        }
    }
    Ok(due)
}

/// Those of this execution that are not due yet. An id in quotes is a whole one.
const WAITS_FOR: &str = "active = 1 AND due_at > ?2 AND instr(progress, ?1) > 0";

/// Whether a deployment that is not due yet mentions the execution.
pub(super) fn waits_for(
    connection: &Connection,
    execution: &ExecutionId,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(connection
        .prepare_cached(&format!("SELECT 1 FROM deployment WHERE {WAITS_FOR}"))?
        .exists(params![quoted(execution), now.0])?)
}

/// Every execution of the deployments that have brought something to some
/// environment since then, or are under way.
pub(super) fn executions_since(
    connection: &Connection,
    since: Timestamp,
) -> Result<BTreeSet<ExecutionId>, Error> {
    connection
        .prepare_cached(
            "WITH RECURSIVE history (position) AS (
                 SELECT last_record FROM deployment
                 WHERE active = 1 OR id IN (SELECT deployment FROM environment_version WHERE at >= ?1)
                 UNION ALL
                 SELECT previous FROM history JOIN event USING (position)
                 WHERE previous > 0 AND previous < position
             )
             SELECT event ->> '$.execution' AS execution FROM history JOIN event USING (position)
             WHERE event ->> '$.event' = 'TRIGGER_ACCEPTED'",
        )?
        .query_and_then([since.0], |row| row::parsed(row, "execution"))?
        .collect()
}

/// The deployments of a service whose history has grown since then, newest first.
pub(super) fn grown_since(
    connection: &Connection,
    service: &Service,
    repository: &Repository,
    since: Timestamp,
) -> Result<Vec<DeploymentId>, Error> {
    connection
        .prepare_cached(
            "SELECT id FROM deployment JOIN event ON position = last_record
             WHERE service = ?1 AND repository = ?2 AND at > ?3 ORDER BY number DESC LIMIT ?4",
        )?
        .query_and_then(params![service.as_str(), repository.as_str(), since.0, LARGEST_PAGE], |row| {
            row::parsed(row, "id")
        })?
        .collect()
}

/// Make them due, in the open transaction. Whether there were any.
pub(super) fn hasten(
    connection: &Connection,
    execution: &ExecutionId,
    now: Timestamp,
) -> Result<bool, Error> {
    let found = connection
        .prepare_cached(&format!("UPDATE deployment SET due_at = ?2 WHERE {WAITS_FOR}"))?
        .execute(params![quoted(execution), now.0])?;
    Ok(found > 0)
}

fn quoted(execution: &ExecutionId) -> String {
    format!("\"{execution}\"")
}

pub(super) fn next_due(connection: &Connection) -> Result<Option<Timestamp>, Error> {
    let earliest: Option<i64> = connection
        .prepare_cached(
            "SELECT min(due_at) FROM (
                 SELECT min(due_at) AS due_at FROM deployment WHERE active = 1
                 UNION ALL
                 SELECT min(due_at) FROM notice WHERE due_at IS NOT NULL
                 UNION ALL
                 SELECT min(due_at) FROM delivery WHERE due_at IS NOT NULL
             )",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(earliest.map(Timestamp))
}

pub(super) fn versions(
    connection: &Connection,
    service: &Service,
    repository: &Repository,
    environment: &EnvironmentName,
    limit: u32,
) -> Result<Vec<Version>, Error> {
    connection
        .prepare_cached(
            "SELECT version FROM environment_version
             WHERE service = ?1 AND repository = ?2 AND environment = ?3
             ORDER BY number DESC LIMIT ?4",
        )?
        .query_and_then(
            params![service.as_str(), repository.as_str(), environment.as_str(), limit.min(LARGEST_PAGE)],
            |row| row::from_json(row::text(row, "version")?, || format!("a version on {environment}")),
        )?
        .collect()
}
