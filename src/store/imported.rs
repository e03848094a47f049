//! What was imported, and the incidents that were linked: in the history, or with an import.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};

use super::Store;
use super::error::Error;
use super::incident;
use super::row;
use crate::domain::id::{IncidentId, PrincipalName};
use crate::domain::metrics::imported::{Ended, ImportedCommit, ImportedDeployment, Kind};
use crate::domain::metrics::incident::{Incident, Word};
use crate::domain::time::Timestamp;

/// Rows to import. All of them, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Import {
    /// Deployments.
    Deployments(Vec<ImportedDeployment>),
    /// Commits. One that was imported before gets what is said of it now.
    Commits(Vec<ImportedCommit>),
    /// Incidents. As with commits.
    Incidents(Vec<Incident>),
}

impl Store {
    /// Keep imported rows, marked with who brought them and when. Returns how many
    /// changed something: the others were there as they are.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn import(&self, import: Import, by: PrincipalName, at: Timestamp) -> Result<usize, Error> {
        self.writer.write(move |connection| match &import {
            Import::Deployments(rows) => deployments(connection, rows, &by, at),
            Import::Commits(rows) => commits(connection, rows, &by, at),
            Import::Incidents(rows) => incidents(connection, rows, &by, at),
        })
    }

    /// The imported deployments.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn imported_deployments(&self) -> Result<Vec<ImportedDeployment>, Error> {
        self.readers.read(|connection| {
            connection
                .prepare_cached("SELECT * FROM imported_deployment ORDER BY number")?
                .query_and_then([], deployment)?
                .collect()
        })
    }

    /// The imported commits.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn imported_commits(&self) -> Result<Vec<ImportedCommit>, Error> {
        self.readers.read(|connection| {
            connection
                .prepare_cached("SELECT * FROM imported_commit ORDER BY number")?
                .query_and_then([], commit)?
                .collect()
        })
    }

    /// All incidents, by their ids. What the history says of one last counts, and more than an
    /// import: one that a person took back is none, whoever imported it.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn incidents(&self) -> Result<Vec<Incident>, Error> {
        let known = self.readers.read(|connection| {
            let mut known: BTreeMap<IncidentId, Incident> = BTreeMap::new();
            let mut imported = connection.prepare_cached("SELECT * FROM imported_incident")?;
            for incident in imported.query_and_then([], imported_incident)? {
                let incident = incident?;
                known.insert(incident.id.clone(), incident);
            }
            for word in incident::words(connection, None)? {
                match word {
                    Word::Linked { incident, .. } => drop(known.insert(incident.id.clone(), incident)),
                    Word::Unlinked(id) => drop(known.remove(&id)),
                }
            }
            Ok(known)
        })?;
        Ok(known.into_values().collect())
    }
}

fn deployments(
    connection: &Connection,
    rows: &[ImportedDeployment],
    by: &PrincipalName,
    at: Timestamp,
) -> Result<usize, Error> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO imported_deployment (service, repository, environment, production, commit_sha,
                                          kind, result, started_at, finished_at, imported_at, imported_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT DO UPDATE SET production = excluded.production, result = excluded.result,
             finished_at = excluded.finished_at, imported_at = excluded.imported_at,
             imported_by = excluded.imported_by
         WHERE (production, result, finished_at)
            IS NOT (excluded.production, excluded.result, excluded.finished_at)",
    )?;
    let mut changed = 0;
    for row in rows {
        changed += insert.execute(params![
            row.service.as_str(),
            row.repository.as_str(),
            row.environment.as_str(),
            row.production,
            row.commit.as_str(),
            row.kind.as_str(),
            row.result.as_str(),
            row.started_at.0,
            row.finished_at.0,
            at.0,
            by.as_str(),
        ])?;
    }
    Ok(changed)
}

fn commits(
    connection: &Connection,
    rows: &[ImportedCommit],
    by: &PrincipalName,
    at: Timestamp,
) -> Result<usize, Error> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO imported_commit (repository, commit_sha, committed_at, deployed_with, imported_at, imported_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET committed_at = excluded.committed_at, deployed_with = excluded.deployed_with,
             imported_at = excluded.imported_at, imported_by = excluded.imported_by
         WHERE (committed_at, deployed_with) IS NOT (excluded.committed_at, excluded.deployed_with)",
    )?;
    let mut changed = 0;
    for row in rows {
        let deployed_with = row.deployed_with.as_ref().map(|commit| commit.as_str());
        changed += insert.execute(params![
            row.repository.as_str(),
            row.commit.as_str(),
            row.committed_at.0,
            deployed_with,
            at.0,
            by.as_str(),
        ])?;
    }
    Ok(changed)
}

fn incidents(
    connection: &Connection,
    rows: &[Incident],
    by: &PrincipalName,
    at: Timestamp,
) -> Result<usize, Error> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO imported_incident (id, service, began_at, resolved_at, imported_at, imported_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET service = excluded.service, began_at = excluded.began_at,
             resolved_at = excluded.resolved_at, imported_at = excluded.imported_at,
             imported_by = excluded.imported_by
         WHERE (service, began_at, resolved_at) IS NOT (excluded.service, excluded.began_at, excluded.resolved_at)",
    )?;
    let mut changed = 0;
    for row in rows {
        changed += insert.execute(params![
            row.id.as_str(),
            row.service.as_str(),
            row.began_at.0,
            row.resolved_at.map(|at| at.0),
            at.0,
            by.as_str(),
        ])?;
    }
    Ok(changed)
}

fn deployment(row: &Row<'_>) -> Result<ImportedDeployment, Error> {
    Ok(ImportedDeployment {
        service: row::parsed(row, "service")?,
        repository: row::parsed(row, "repository")?,
        environment: row::parsed(row, "environment")?,
        production: row.get("production")?,
        commit: row::parsed(row, "commit_sha")?,
        kind: word(row, "kind", &Kind::ALL, Kind::as_str)?,
        result: word(row, "result", &Ended::ALL, Ended::as_str)?,
        started_at: Timestamp(row.get("started_at")?),
        finished_at: Timestamp(row.get("finished_at")?),
    })
}

fn commit(row: &Row<'_>) -> Result<ImportedCommit, Error> {
    Ok(ImportedCommit {
        repository: row::parsed(row, "repository")?,
        commit: row::parsed(row, "commit_sha")?,
        committed_at: Timestamp(row.get("committed_at")?),
        deployed_with: row::optional(row, "deployed_with")?,
    })
}

fn imported_incident(row: &Row<'_>) -> Result<Incident, Error> {
    Ok(Incident {
        id: row::parsed(row, "id")?,
        service: row::parsed(row, "service")?,
        began_at: Timestamp(row.get("began_at")?),
        resolved_at: row.get::<_, Option<i64>>("resolved_at")?.map(Timestamp),
        deployment: None,
    })
}

/// The one of `all` that a column says.
fn word<T: Copy>(row: &Row<'_>, column: &str, all: &[T], said: fn(T) -> &'static str) -> Result<T, Error> {
    let text = row::text(row, column)?;
    let known = all.iter().copied().find(|word| said(*word) == text);
    known.ok_or_else(|| Error::corrupt(format!("{column}: `{text}` is no word of ours")))
}
