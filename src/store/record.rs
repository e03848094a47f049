//! The transaction of one event: load, apply, save, append, enqueue.
//!
//! All of it happens in one open transaction of the writer, or nothing does.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::chain::{self, Link};
use super::error::Error;
use super::lease::{self, Fence};
use super::outbox;
use super::queries;
use super::row::{self, signed, to_json};
use crate::domain::deployment::{Deployment, Progress, Spec};
use crate::domain::event::{Event, MainEvent};
use crate::domain::id::DeploymentId;
use crate::domain::notice::Notice;
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
            "SELECT id, version, created_at, spec, progress
             FROM deployment JOIN spec ON spec.deployment = number
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

/// What an entry makes of one version of a deployment. Pure work, which is best
/// done before the transaction, while others hold it.
pub(super) struct Draft {
    before: u64,
    after: Deployment,
    progress: String,
    notices: Vec<Notice>,
    deployed: Option<Deployed>,
}

/// An entry with what can be known of it before the transaction.
pub(super) struct Submission {
    entry: Entry,
    actor: String,
    event: String,
    draft: Option<Draft>,
}

impl Submission {
    /// `recent` is the deployment as it may still be. Whether it is, and whether
    /// an event that it refuses is refused, the transaction decides.
    pub(super) fn new(entry: &Entry, recent: Option<Arc<Deployment>>) -> Self {
        let draft = recent.and_then(|recent| draft(&recent, entry).ok());
        Self { entry: entry.clone(), actor: to_json(&entry.actor), event: to_json(&entry.event), draft }
    }

    /// Apply the entry to the stored deployment, and record what follows.
    pub(super) fn record(self, connection: &Connection) -> Result<Deployment, Error> {
        let Self { entry, actor, event, draft } = self;
        if let Authority::Driver(fence) = &entry.authority {
            lease::check(connection, fence)?;
        }
        // A version is never written twice, so a draft of the stored version is what it would be now.
        let draft = match draft {
            Some(draft) if save(connection, &draft, entry.at)? => draft,
            _ => {
                let draft = self::draft(&queries::load(connection, &entry.id)?, &entry)?;
                if !save(connection, &draft, entry.at)? {
                    let what = format!("{} changed in a transaction that excludes others", entry.id);
                    return Err(Error::corrupt(what));
                }
                draft
            }
        };
        let position = append(connection, &draft.after, &actor, &event, entry.at)?;
        for notice in &draft.notices {
            outbox::enqueue(connection, position, notice)?;
        }
        if let Some(deployed) = &draft.deployed {
            note_version(connection, &draft.after, deployed, entry.at)?;
        }
        Ok(draft.after)
    }
}

fn draft(deployment: &Deployment, entry: &Entry) -> Result<Draft, Error> {
    let before = deployment.progress.version;
    if let Expected::Version(expected) = entry.expected
        && expected != before
    {
        return Err(Error::Stale { id: entry.id.clone(), expected, actual: before });
    }
    let Transition { progress, notices, deployed } = deployment.apply(&entry.event, entry.at)?;
    let json = to_json(&progress);
    let after = Deployment {
        id: deployment.id.clone(),
        created_at: deployment.created_at,
        spec: deployment.spec.clone(),
        progress,
    };
    Ok(Draft { before, after, progress: json, notices, deployed })
}

fn insert(connection: &Connection, deployment: &Deployment) -> Result<(), Error> {
    let spec = &deployment.spec;
    let state = &deployment.progress.state;
    connection
        .prepare_cached(
            "INSERT INTO deployment (id, version, state, active, repository, service, environment,
                                     idempotency_key, created_at, due_at, progress)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
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
        ])?;
    connection
        .prepare_cached("INSERT INTO spec (deployment, spec) VALUES (?1, ?2)")?
        .execute(params![connection.last_insert_rowid(), to_json(spec)])?;
    Ok(())
}

/// Compare-and-swap on the version: whether the deployment was at the one that the draft is of.
fn save(connection: &Connection, draft: &Draft, at: Timestamp) -> Result<bool, Error> {
    let Progress { version, state, .. } = &draft.after.progress;
    let saved = connection
        .prepare_cached(
            "UPDATE deployment SET version = ?3, state = ?4, active = ?5, due_at = ?6, progress = ?7
             WHERE id = ?1 AND version = ?2",
        )?
        .execute(params![
            draft.after.id.as_str(),
            signed(draft.before),
            signed(*version),
            state.name(),
            !state.is_terminal(),
            plan::due_at(&draft.after, at).map(|due| due.0),
            draft.progress,
        ])?;
    Ok(saved == 1)
}

fn append(
    connection: &Connection,
    after: &Deployment,
    actor: &str,
    event: &str,
    at: Timestamp,
) -> Result<u64, Error> {
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
