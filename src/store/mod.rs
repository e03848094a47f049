//! Everything durable: one SQLite database, spoken to in verbs over domain types.
//!
//! # What a crash means
//!
//! What a call has returned survives the loss of the process and of power.
//! What was under way when the lights went out happened completely or not at
//! all, and the caller finds out by looking: [`Store::load`] after
//! [`Store::record`], the idempotency key after [`Store::create`].
//!
//! # How
//!
//! - One event is one transaction (`record.rs`): the row, the event, its notices
//!   and its version of the environment are there together or not at all. A
//!   remark (`remark.rs`) stands in the same history and moves no deployment.
//! - Calls that come together share one sync (`writer.rs`); readers have
//!   connections of their own and never wait (`connection.rs`).
//! - Checkpoints are left to SQLite, which makes one in the commit that fills
//!   1,000 pages of the WAL: a rare commit takes longer, and nothing has to be driven.
//! - The history is a hash chain that shows what was changed afterwards, in it or
//!   in the rows that follow from it ([`Store::verify_chain`], [`Store::intact`]).
//! - Several processes may share the file; one of them drives ([`Store::lease`]).
//!
//! Not in here: decisions, which are the domain's, and time, which is an argument.
//! Calls block for a disk sync; on an async runtime make them where blocking is
//! allowed, except [`Store::read_at_once`].

mod allowance;
mod anchor;
mod chain;
mod connection;
mod decoded;
mod delivery;
mod error;
mod evidence;
mod glance;
mod imported;
mod incident;
mod known;
mod lease;
mod look;
mod lookup;
mod operations;
mod outbox;
mod place;
mod quarantine;
mod queries;
mod recent;
mod record;
mod remark;
mod review;
mod rollback;
mod row;
mod schema;
mod snapshot;
mod story;
mod token;
mod told;
mod trace;
mod verify;
mod version;
mod writer;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::{Connection, params};

pub use allowance::Allowance;
#[doc(hidden)]
pub use connection::{Disk, Durability};
pub use delivery::{CLAIM_TIME, Claimed, Outcome, Undelivered, Which};
pub use error::{Cause, Error};
pub use imported::Import;
pub use incident::Report;
pub use lease::{Driver, Fence, Lease};
pub use look::Look;
pub use lookup::Use;
pub use operations::Operations;
pub use outbox::{Posted, Routed};
pub use quarantine::Quarantine;
pub use queries::{Activity, Cursor, Filter, LARGEST_PAGE, Page};
pub use record::{Authority, Created, Entry, Expected};
pub use remark::{About, Frozen, MOST_REMARKS, Remarked};
pub use review::OpenReview;
pub use snapshot::Snapshot;
pub use told::{Addressed, Standing, Told};
pub use trace::Stretch;
pub use verify::ChainError;

use crate::domain::chain::ChainHead;
use crate::domain::deployment::{Deployment, Spec};
use crate::domain::excerpt::Excerpt;
use crate::domain::id::{DeploymentId, EnvironmentName, ExecutionId, Repository, Service, TokenId};
use crate::domain::principal::Actor;
use crate::domain::record::{EventRecord, RemarkRecord};
use crate::domain::state::Version;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use connection::{Connector, Readers, locked};
use decoded::Decoded;
use recent::Recent;
use record::Submission;
use writer::Writer;

/// The database. Share it by [`Arc`](std::sync::Arc); every method takes `&self`.
pub struct Store {
    writer: Writer,
    readers: Readers,
    recent: Recent,
    decoded: Decoded,
    /// What was said in the log, where it is said once.
    said: Mutex<BTreeSet<String>>,
}

/// When to look at a deployment again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferral {
    /// The deployment.
    pub id: DeploymentId,
    /// Its version when that was decided. If an event came since, the deferral is void.
    pub version: u64,
    /// When.
    pub until: Timestamp,
}

impl Store {
    /// Open the database at `path`, create it with its folder where it is
    /// absent (for the owner only), and bring its schema up to date.
    ///
    /// # Errors
    /// [`Error::Unreadable`] and [`Error::NewerSchema`], with the file as it was.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_on(path, Disk::default())
    }

    /// [`Self::open`] on another ground, for tests of durability.
    #[doc(hidden)]
    pub fn open_on(path: &Path, disk: Disk) -> Result<Self, Error> {
        let (connector, connection) = Connector::prepare(path, disk)?;
        let writer = Writer::new(connector.clone(), connection);
        Ok(Self {
            writer,
            readers: Readers::new(connector),
            recent: Recent::default(),
            decoded: Decoded::default(),
            said: Mutex::default(),
        })
    }

    /// Create a deployment in state `pending`, with its event `CREATED` by
    /// `spec.initiator`. Once there, the same id or idempotency key gives
    /// [`Created::Existing`], whatever the spec: a start may be repeated after a crash.
    ///
    /// # Errors
    /// [`Error::AgentsFrozen`], [`Error::Quarantined`], [`Error::QuotaSpent`], or those of the database.
    pub fn create(
        &self,
        id: DeploymentId,
        spec: Spec,
        allowance: Allowance,
        at: Timestamp,
    ) -> Result<Created, Error> {
        let spec = Arc::new(spec);
        self.writer.write(move |connection| record::create(connection, &id, &spec, allowance, at))
    }

    /// Apply an event to the stored deployment, and record it with all that
    /// follows from it: the row's new version, the event in the chain, its
    /// notices, the environment's new version, and when to look again. Returns
    /// the deployment as it is after the event.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`], [`Error::Refused`],
    /// [`Error::AgentsFrozen`], [`Error::QuotaSpent`], [`Error::LeaseLost`], or
    /// those of the database.
    pub fn record(&self, entry: &Entry) -> Result<Deployment, Error> {
        let submission = Submission::new(entry, self.recent.get(&entry.id));
        let deployment = self.writer.write(move |connection| submission.record(connection))?;
        self.recent.put(&deployment);
        Ok(Arc::unwrap_or_clone(deployment))
    }

    /// Add a remark to the history, with its notice; one of a review closes
    /// those of its deployment. No version rises. Returns the remark's position,
    /// or `None` if it was left out because there are [`MOST_REMARKS`] already.
    ///
    /// # Errors
    /// [`Error::NotFound`], or those of the database.
    pub fn remark(&self, remarked: &Remarked) -> Result<Option<u64>, Error> {
        let remark = remarked.clone();
        let position = self.writer.write(move |connection| remark::add(connection, &remark))?;
        if position.is_none() {
            let about = match &remarked.about {
                About::Deployment { id, .. } => id.as_str(),
                About::None => "no deployment",
            };
            if self.is_new(&format!("remarks about {about}")) {
                tracing::warn!(about, "too many remarks; further ones are left out of the history");
            }
        }
        Ok(position)
    }

    /// Why agents may change nothing; `None` if they may. It stands in the history,
    /// and [`Self::create`] and [`Self::record`] hold to it.
    ///
    /// # Errors
    /// Only those of the database. Then nobody knows, and agents may not.
    pub fn agents_frozen(&self) -> Result<Option<Frozen>, Error> {
        self.readers.read(remark::frozen)
    }

    /// The approvals past the rules that nobody has looked at since, oldest
    /// first: at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// Only those of the database.
    pub fn open_reviews(&self) -> Result<Vec<OpenReview>, Error> {
        self.readers.read(|connection| review::list_open(connection, LARGEST_PAGE))
    }

    /// The deployment as it is stored.
    ///
    /// # Errors
    /// [`Error::NotFound`], or those of the database.
    pub fn load(&self, id: &DeploymentId) -> Result<Deployment, Error> {
        self.readers.read(|connection| queries::load(connection, id))
    }

    /// Read what belongs together, as it is at one moment.
    ///
    /// # Errors
    /// Those of `read`, or of the database.
    pub fn read<T>(&self, read: impl FnOnce(&Snapshot<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.readers.read(|connection| read(&Snapshot::of(connection, &self.decoded)))
    }

    /// [`Self::read`] for a caller who may not wait: nothing but what SQLite has
    /// to read stands between the call and its answer.
    ///
    /// # Errors
    /// [`Error::Busy`] where it would have to wait for another process or to
    /// open a connection; or as [`Self::read`].
    pub fn read_at_once<T>(&self, read: impl FnOnce(&Snapshot<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.readers.read_at_once(|connection| read(&Snapshot::of(connection, &self.decoded)))
    }

    /// A page of deployments, newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn list(&self, filter: &Filter) -> Result<Page, Error> {
        self.readers.read(|connection| queries::list(connection, filter))
    }

    /// The first events and remarks of a deployment at positions above `after`, in their
    /// order: at most `limit`, and at most [`LARGEST_PAGE`]. Empty for an unknown id.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn history(&self, id: &DeploymentId, after: u64, limit: u32) -> Result<Vec<EventRecord>, Error> {
        self.readers.read(|connection| queries::history(connection, id, after, limit))
    }

    /// All events and remarks of a deployment, in their order and however many they
    /// are: for what follows from every one of them. Empty for an unknown id.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn whole_history(&self, id: &DeploymentId) -> Result<Vec<EventRecord>, Error> {
        self.readers.read(|connection| queries::whole_history(connection, id))
    }

    /// The remarks about no deployment at positions above `after`, in their order:
    /// at most `limit`, and at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// Only those of the database.
    pub fn remarks(&self, after: u64, limit: u32) -> Result<Vec<RemarkRecord>, Error> {
        self.readers.read(|connection| queries::remarks(connection, after, limit))
    }

    /// The deployments under way that are to be looked at by `now`, oldest due
    /// first: at most `limit`, and at most [`LARGEST_PAGE`]. A row that cannot
    /// be read is left out and said in the log, once: one damaged deployment
    /// must not hold up the others.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Deployment>, Error> {
        let due = self.readers.read(|connection| queries::due(connection, now, limit))?;
        for what in due.unreadable {
            if self.is_new(&what) {
                tracing::error!(%what, "a deployment cannot be read and is not driven; restore it from a backup");
            }
        }
        Ok(due.deployments)
    }

    /// When the next deployment, notice or delivery is due; `None` if nothing is.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        self.readers.read(queries::next_due)
    }

    /// Say when deployments are to be looked at again: no event, no new
    /// version, all in one transaction. A deployment that has moved on since is
    /// left as it is.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or those of the database.
    pub fn defer(&self, fence: &Fence, deferrals: &[Deferral]) -> Result<(), Error> {
        let deferrals = deferrals.to_vec();
        self.write_as_driver(fence, move |connection| {
            let mut defer = connection.prepare_cached(
                "UPDATE deployment SET due_at = ?3 WHERE id = ?1 AND version = ?2 AND active = 1",
            )?;
            for Deferral { id, version, until } in &deferrals {
                defer.execute(params![id.as_str(), row::signed(*version), until.0])?;
            }
            Ok(())
        })
    }

    /// Make the deployments under way that mention `execution` due `now`, if
    /// they are not yet. Whether there are any. Nothing else changes: whoever
    /// drives looks sooner.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn hasten(&self, execution: &ExecutionId, now: Timestamp) -> Result<bool, Error> {
        if !self.readers.read(|connection| queries::waits_for(connection, execution, now))? {
            return Ok(false);
        }
        let execution = execution.clone();
        self.writer.write(move |connection| queries::hasten(connection, &execution, now))
    }

    /// Take the lease for `ttl`, or renew it. It is free when it has run out,
    /// was released, or ends later than two `ttl` from `now`, which happens when
    /// the clock was put back.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn lease(&self, holder: &str, now: Timestamp, ttl: Duration) -> Result<Lease, Error> {
        let holder = holder.to_owned();
        self.writer.write(move |connection| lease::take(connection, &holder, now, ttl))
    }

    /// Give the lease back, so that another need not wait for its end. Nothing
    /// happens if it is no longer held.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn release(&self, fence: &Fence) -> Result<(), Error> {
        let fence = fence.clone();
        self.writer.write(move |connection| lease::release(connection, &fence))
    }

    /// Who drives, and until when; that may be past. `None` if nobody took the
    /// lease or it was released.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn driver(&self) -> Result<Option<Driver>, Error> {
        self.readers.read(lease::driver)
    }

    /// The versions that an environment had, newest first: at most `limit`, and
    /// at most [`LARGEST_PAGE`]. The same version twice in a row is there twice.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn versions(
        &self,
        service: &Service,
        repository: &Repository,
        environment: &EnvironmentName,
        limit: u32,
    ) -> Result<Vec<Version>, Error> {
        self.readers.read(|connection| queries::versions(connection, service, repository, environment, limit))
    }

    /// Keep a new token, and in the history that `by` made it. Whether one is
    /// good is not decided here.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn add_token(&self, token: &Token, by: &Actor) -> Result<(), Error> {
        let (token, by) = (token.clone(), by.clone());
        self.writer.write(move |connection| token::add(connection, &token, &by))
    }

    /// Revoke a token, and keep that `by` did; the first time counts. `false` if there is none.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn revoke_token(&self, id: &TokenId, by: &Actor, at: Timestamp) -> Result<bool, Error> {
        let (id, by) = (id.clone(), by.clone());
        self.writer.write(move |connection| token::revoke(connection, &id, &by, at))
    }

    /// All tokens, good or not, the oldest first: at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// Only those of the database.
    pub fn tokens(&self) -> Result<Vec<Token>, Error> {
        self.readers.read(|connection| token::list(connection, LARGEST_PAGE))
    }

    /// Check every record against its hash, and replay every deployment: its
    /// row, spec, reviews and versions of environments are what its history makes,
    /// and the versions are in its order. No token is another than was made, nor
    /// good after it was revoked. Reads the whole history.
    ///
    /// # Errors
    /// [`ChainError::Broken`] with the first position that is not as recorded.
    pub fn verify_chain(&self) -> Result<ChainHead, ChainError> {
        self.readers.read(|connection| Ok(verify::verify(connection)))?
    }

    /// The same for one deployment: its records against the hashes before them,
    /// and its row, reviews and versions against its records. Reads little more
    /// than these. A chain that was computed anew from some record on is intact;
    /// only [`Self::verify_chain`] and a head that was noted elsewhere show that.
    ///
    /// # Errors
    /// [`ChainError::Broken`], or [`Error::NotFound`] or those of the database
    /// within [`ChainError::Store`].
    pub fn intact(&self, id: &DeploymentId) -> Result<(), ChainError> {
        self.readers.read(|connection| Ok(verify::intact(connection, id)))?
    }

    /// What proves the history of a deployment to somebody without the
    /// database. Not checked here; [`Excerpt::places`] does. Takes 32 bytes for each record of others
    /// since its first.
    ///
    /// # Errors
    /// [`Error::NotFound`], or those of the database.
    pub fn evidence(&self, id: &DeploymentId) -> Result<Excerpt, Error> {
        self.readers.read(|connection| evidence::collect(connection, id))
    }

    /// The last link of the chain, which is not checked here.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn chain_head(&self) -> Result<ChainHead, Error> {
        self.readers.read(chain::head)
    }

    /// Whether this was not said before.
    fn is_new(&self, what: &str) -> bool {
        locked(&self.said).insert(what.to_owned())
    }

    /// Write by the right of the process that drives.
    fn write_as_driver<T: Send + 'static>(
        &self,
        fence: &Fence,
        write: impl Fn(&Connection) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let fence = fence.clone();
        self.writer.write(move |connection| {
            lease::check(connection, &fence)?;
            write(connection)
        })
    }
}
