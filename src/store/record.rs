//! The transaction of one event: load, apply, save, append, enqueue.
//!
//! All of it happens in one open transaction of the writer, or nothing does.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::allowance::{self, Allowance};
use super::anchor::{self, Anchor};
use super::chain::{self, Line};
use super::error::Error;
use super::lease::{self, Fence};
use super::lookup::Lookup;
use super::outbox::{self, Sealed};
use super::place::Move;
use super::quarantine;
use super::queries;
use super::remark;
use super::review;
use super::row::{self, signed, to_json};
use super::version;
use crate::domain::chain::{ChainHead, Standing};
use crate::domain::deployment::{Deployment, Progress, Spec};
use crate::domain::event::{Event, MainEvent};
use crate::domain::id::DeploymentId;
use crate::domain::plan;
use crate::domain::principal::Actor;
use crate::domain::time::Timestamp;
use crate::domain::transition::{Deployed, Review, Transition};

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
    /// How often this may be done.
    pub allowance: Allowance,
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
    id: &DeploymentId,
    spec: &Arc<Spec>,
    allowance: Allowance,
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
    let deployment = Deployment::create(id.clone(), spec.clone(), at);
    let actor = &deployment.spec.initiator;
    remark::refuse_frozen(connection, actor)?;
    quarantine::refuse(connection, &spec.service, &spec.commit)?;
    let event = Event::Main(MainEvent::Created { spec: Box::new(Spec::clone(spec)) });
    let lookup = Lookup::of_event(&event, actor);
    allowance::check(connection, allowance, lookup.as_ref())?;
    let head = chain::head(connection)?;
    let number = insert(connection, &deployment, &head)?;
    let line = Line {
        at,
        actor: to_json(actor),
        event: to_json(&event),
        lookup: lookup.map(|lookup| lookup.to_string()),
        left: Some((number, standing(&deployment, &deployment.progress.state.name(), 0))),
    };
    chain::append(connection, &head, line)?;
    Ok(Created::Fresh(deployment))
}

/// What an entry makes of one version of a deployment. Pure work, which is best
/// done before the transaction, while others hold it.
pub(super) struct Draft {
    before: u64,
    after: Arc<Deployment>,
    state: String,
    due_at: Option<Timestamp>,
    progress: String,
    notices: Vec<Sealed>,
    deployed: Option<Deployed>,
    review: Option<Review>,
    moved: Option<Move>,
}

/// An entry with what can be known of it before the transaction.
pub(super) struct Submission {
    entry: Entry,
    actor: String,
    event: String,
    lookup: Option<Lookup>,
    draft: Option<Draft>,
}

impl Submission {
    /// `recent` is the deployment as it may still be. Whether it is, and whether
    /// an event that it refuses is refused, the transaction decides.
    pub(super) fn new(entry: &Entry, recent: Option<Arc<Deployment>>) -> Self {
        Self {
            entry: entry.clone(),
            actor: to_json(&entry.actor),
            event: to_json(&entry.event),
            lookup: Lookup::of_event(&entry.event, &entry.actor),
            draft: recent.and_then(|recent| draft(&recent, entry).ok()),
        }
    }

    /// Apply the entry to the stored deployment, and record what follows.
    /// Whatever may be refused is refused before anything is written.
    pub(super) fn record(&self, connection: &Connection) -> Result<Arc<Deployment>, Error> {
        let Self { entry, actor, event, lookup, draft } = self;
        if let Authority::Driver(fence) = &entry.authority {
            lease::check(connection, fence)?;
        }
        remark::refuse_frozen(connection, &entry.actor)?;
        let anchor = anchor::find(connection, &entry.id)?;
        // A version is never written twice, so a draft of the stored version is what it would be now.
        let redrafted;
        let draft = match draft {
            Some(draft) if draft.before == anchor.version => draft,
            _ => {
                redrafted = self::draft(&queries::load(connection, &entry.id)?, entry)?;
                &redrafted
            }
        };
        allowance::check(connection, entry.allowance, lookup.as_ref())?;
        if let Some(moved) = &draft.moved {
            moved.check(connection, &draft.after)?;
        }
        let head = chain::head(connection)?;
        let position = head.position + 1;
        save(connection, &anchor, draft, position)?;
        if let Some(moved) = &draft.moved {
            moved.save(connection, anchor.number, entry.at)?;
        }
        let line = Line {
            at: entry.at,
            actor: actor.clone(),
            event: event.clone(),
            lookup: lookup.as_ref().map(ToString::to_string),
            left: Some((anchor.number, standing(&draft.after, &draft.state, anchor.last_record))),
        };
        chain::append(connection, &head, line)?;
        for notice in &draft.notices {
            outbox::enqueue(connection, position, anchor.number, notice)?;
        }
        if let Some(deployed) = &draft.deployed {
            version::note(connection, &draft.after, deployed, entry.at)?;
        }
        if let Some(asked) = &draft.review {
            review::open(connection, anchor.number, position, asked)?;
        }
        Ok(draft.after.clone())
    }
}

fn draft(deployment: &Deployment, entry: &Entry) -> Result<Draft, Error> {
    let before = deployment.progress.version;
    if let Expected::Version(expected) = entry.expected
        && expected != before
    {
        return Err(Error::Stale { id: entry.id.clone(), expected, actual: before });
    }
    let Transition { progress, notices, deployed, review } = deployment.apply(&entry.event, entry.at)?;
    let after = Deployment {
        id: deployment.id.clone(),
        created_at: deployment.created_at,
        spec: deployment.spec.clone(),
        progress,
    };
    Ok(Draft {
        before,
        state: after.progress.state.name(),
        due_at: plan::due_at(&after, entry.at),
        progress: to_json(&after.progress),
        notices: notices.iter().map(Sealed::from).collect(),
        moved: Move::between(deployment, &after),
        after: Arc::new(after),
        deployed,
        review,
    })
}

/// Where an event leaves its deployment.
fn standing(after: &Deployment, state: &str, previous: u64) -> Standing {
    Standing {
        deployment: after.id.to_string(),
        version: after.progress.version,
        state: state.to_owned(),
        previous,
    }
}

/// The row of a deployment whose first record comes after `head`. Returns its number.
fn insert(connection: &Connection, deployment: &Deployment, head: &ChainHead) -> Result<i64, Error> {
    let spec = &deployment.spec;
    let state = &deployment.progress.state;
    connection
        .prepare_cached(
            "INSERT INTO deployment (id, version, state, active, repository, service, environment,
                                     idempotency_key, created_at, due_at, progress, last_record)
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
            signed(head.position + 1),
        ])?;
    let number = connection.last_insert_rowid();
    connection
        .prepare_cached("INSERT INTO spec (deployment, spec) VALUES (?1, ?2)")?
        .execute(params![number, to_json(spec)])?;
    Ok(number)
}

/// Bring the row to what the draft makes of it, with the record at `position`
/// as its last. Its version was compared in this transaction, which excludes
/// all other writers.
fn save(connection: &Connection, anchor: &Anchor, draft: &Draft, position: u64) -> Result<(), Error> {
    let Progress { version, state, .. } = &draft.after.progress;
    connection
        .prepare_cached(
            "UPDATE deployment
             SET version = ?2, state = ?3, active = ?4, due_at = ?5, progress = ?6, last_record = ?7
             WHERE number = ?1",
        )?
        .execute(params![
            anchor.number,
            signed(*version),
            draft.state,
            !state.is_terminal(),
            draft.due_at.map(|due| due.0),
            draft.progress,
            signed(position),
        ])?;
    Ok(())
}
