//! The transaction of one event: load, apply, save, append, enqueue.
//!
//! All of it happens in one open transaction of the writer, or nothing does.

use rusqlite::{Connection, params};

use super::chain::{self, Link};
use super::error::Error;
use super::lease::{self, Fence};
use super::outbox;
use super::queries;
use super::row::{self, signed, to_json};
use crate::domain::deployment::{Deployment, Spec};
use crate::domain::event::{Event, MainEvent};
use crate::domain::id::DeploymentId;
use crate::domain::plan;
use crate::domain::principal::Actor;
use crate::domain::time::Timestamp;
use crate::domain::transition::{Deployed, Transition};

/// What [`create`](super::Store::create) found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// Nothing, so it made this.
    Fresh(Deployment),
    /// This, with the same id or idempotency key. Whether it is what the caller meant, the caller compares.
    Existing(Deployment),
}

/// An event that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The deployment.
    pub id: DeploymentId,
    /// What happened.
    pub event: Event,
    /// Who did it.
    pub actor: Actor,
    /// What the deployment must look like.
    pub expected: Expected,
    /// By what right.
    pub authority: Authority,
    /// When.
    pub at: Timestamp,
}

/// Which version of the deployment an event was meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whichever is stored; the state machine decides.
    Any,
    /// This one; else [`Error::Stale`].
    Version(u64),
}

/// By what right an event is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// Anybody's: a tool call or a person, in any process.
    Caller,
    /// That of the process that drives; [`Error::LeaseLost`] once it no longer does.
    Driver(Fence),
}

/// Insert a new deployment with its first event.
pub(super) fn create(
    connection: &Connection,
    id: DeploymentId,
    spec: Spec,
    at: Timestamp,
) -> Result<Created, Error> {
    let existing = connection
        .prepare_cached(
            "SELECT id, version, created_at, spec, progress FROM deployment
             WHERE id = ?1 OR (idempotency_key IS NOT NULL AND idempotency_key = ?2)
             ORDER BY idempotency_key = ?2 DESC LIMIT 1",
        )?
        .query_and_then(params![id.as_str(), spec.idempotency_key.as_ref().map(|key| key.as_str())], |row| {
            row::deployment(row)
        })?
        .next()
        .transpose()?;
    if let Some(existing) = existing {
        return Ok(Created::Existing(existing));
    }
    let deployment = Deployment::create(id, spec, at);
    insert(connection, &deployment)?;
    let event = Event::Main(MainEvent::Created { spec: Box::new(deployment.spec.clone()) });
    append(connection, &deployment, &to_json(&deployment.spec.initiator), &to_json(&event), at)?;
    Ok(Created::Fresh(deployment))
}

/// Apply `entry` to the stored deployment and record what follows.
/// `actor` and `event` are those of the entry in JSON.
pub(super) fn record(
    connection: &Connection,
    entry: &Entry,
    actor: &str,
    event: &str,
) -> Result<Deployment, Error> {
    if let Authority::Driver(fence) = &entry.authority {
        lease::check(connection, fence)?;
    }
    let mut deployment = queries::load(connection, &entry.id)?;
    let actual = deployment.progress.version;
    if let Expected::Version(expected) = entry.expected
        && expected != actual
    {
        return Err(Error::Stale { id: entry.id.clone(), expected, actual });
    }
    let Transition { progress, notices, deployed } = deployment.apply(&entry.event, entry.at)?;
    deployment.progress = progress;
    save(connection, &deployment, actual, entry.at)?;
    append(connection, &deployment, actor, event, entry.at)?;
    for notice in &notices {
        outbox::enqueue(connection, notice)?;
    }
    if let Some(deployed) = &deployed {
        note_version(connection, &deployment, deployed, entry.at)?;
    }
    Ok(deployment)
}

fn insert(connection: &Connection, deployment: &Deployment) -> Result<(), Error> {
    let spec = &deployment.spec;
    let state = &deployment.progress.state;
    connection
        .prepare_cached(
            "INSERT INTO deployment (id, version, state, active, repository, service, environment,
                                     idempotency_key, created_at, due_at, progress, spec)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            deployment.id.as_str(),
            signed(deployment.progress.version),
            state.name(),
            !state.is_terminal(),
            spec.repository.as_str(),
            spec.service.as_str(),
            deployment.target().map(|environment| environment.as_str()),
            spec.idempotency_key.as_ref().map(|key| key.as_str()),
            deployment.created_at.0,
            plan::due_at(deployment, deployment.created_at).map(|due| due.0),
            to_json(&deployment.progress),
            to_json(spec),
        ])?;
    Ok(())
}

/// Compare-and-swap on the version.
fn save(connection: &Connection, deployment: &Deployment, before: u64, at: Timestamp) -> Result<(), Error> {
    let progress = &deployment.progress;
    let saved = connection
        .prepare_cached(
            "UPDATE deployment SET version = ?3, state = ?4, active = ?5, due_at = ?6, progress = ?7
             WHERE id = ?1 AND version = ?2",
        )?
        .execute(params![
            deployment.id.as_str(),
            signed(before),
            signed(progress.version),
            progress.state.name(),
            !progress.state.is_terminal(),
            plan::due_at(deployment, at).map(|due| due.0),
            to_json(progress),
        ])?;
    if saved == 1 {
        Ok(())
    } else {
        Err(Error::corrupt(format!("{} changed inside a transaction that excludes others", deployment.id)))
    }
}

fn append(
    connection: &Connection,
    after: &Deployment,
    actor: &str,
    event: &str,
    at: Timestamp,
) -> Result<(), Error> {
    let link = Link {
        deployment: after.id.as_str(),
        version: after.progress.version,
        at,
        actor,
        event,
        state: &after.progress.state.name(),
    };
    chain::append(connection, &link)
}

fn note_version(
    connection: &Connection,
    by: &Deployment,
    deployed: &Deployed,
    at: Timestamp,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO environment_version (service, repository, environment, deployment, at, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            by.spec.service.as_str(),
            by.spec.repository.as_str(),
            deployed.environment.as_str(),
            by.id.as_str(),
            at.0,
            to_json(&deployed.version),
        ])?;
    Ok(())
}
