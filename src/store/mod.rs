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
//!   and its version of the environment are there together or not at all.
//! - Calls that come together share one sync (`writer.rs`); readers have
//!   connections of their own and never wait (`connection.rs`).
//! - Checkpoints are left to SQLite, which makes one in the commit that fills
//!   1,000 pages of the WAL: a rare commit takes longer, and nothing has to be driven.
//! - The events are a hash chain that shows what was changed afterwards ([`Store::verify_chain`]).
//! - Several processes may share the file; one of them drives ([`Store::lease`]).
//!
//! Not in here: decisions, which are the domain's, and time, which is an argument.
//! Calls block for a disk sync; on an async runtime make them where blocking is allowed.

mod chain;
mod connection;
mod error;
mod lease;
mod outbox;
mod queries;
mod recent;
mod record;
mod row;
mod schema;
mod writer;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::{Connection, params};

pub use chain::{ChainError, ChainHead};
#[doc(hidden)]
pub use connection::{Disk, Durability};
pub use error::{Cause, Error};
pub use lease::{Driver, Fence, Lease};
pub use outbox::{CLAIM_TIME, Claimed, TRIES_IN_ORDER};
pub use queries::{Activity, Cursor, Filter, LARGEST_PAGE, Page};
pub use record::{Authority, Created, Entry, Expected};

use crate::domain::deployment::{Deployment, Spec};
use crate::domain::id::{DeploymentId, EnvironmentName, Repository, Service};
use crate::domain::record::EventRecord;
use crate::domain::state::Version;
use crate::domain::time::Timestamp;
use connection::{Connector, Readers, locked};
use recent::Recent;
use record::Submission;
use writer::Writer;

/// The database. Share it by [`Arc`](std::sync::Arc); every method takes `&self`.
pub struct Store {
    writer: Writer,
    readers: Readers,
    recent: Recent,
    /// What was said of damaged rows.
    unreadable: Mutex<BTreeSet<String>>,
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
            unreadable: Mutex::default(),
        })
    }

    /// Create a deployment in state `pending`, with its event `CREATED` by
    /// `spec.initiator`. Once there, the same id or idempotency key gives
    /// [`Created::Existing`], whatever the spec, so that a start may be repeated
    /// after a crash.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn create(&self, id: DeploymentId, spec: Spec, at: Timestamp) -> Result<Created, Error> {
        self.writer.write(move |connection| record::create(connection, id, spec, at))
    }

    /// Apply an event to the stored deployment, and record it with all that
    /// follows from it: the row's new version, the event in the chain, its
    /// notices, the environment's new version, and when to look again. Returns
    /// the deployment as it is after the event.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`], [`Error::Refused`],
    /// [`Error::LeaseLost`], or those of the database.
    pub fn record(&self, entry: &Entry) -> Result<Deployment, Error> {
        let submission = Submission::new(entry, self.recent.get(&entry.id));
        let deployment = self.writer.write(move |connection| submission.record(connection))?;
        self.recent.put(&deployment);
        Ok(deployment)
    }

    /// The deployment as it is stored.
    ///
    /// # Errors
    /// [`Error::NotFound`], or those of the database.
    pub fn load(&self, id: &DeploymentId) -> Result<Deployment, Error> {
        self.readers.read(|connection| queries::load(connection, id))
    }

    /// A page of deployments, newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn list(&self, filter: &Filter) -> Result<Page, Error> {
        self.readers.read(|connection| queries::list(connection, filter))
    }

    /// The events of a deployment with a version above `after`, in their order:
    /// at most `limit`, and at most [`LARGEST_PAGE`]. Empty for an unknown id.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn history(&self, id: &DeploymentId, after: u64, limit: u32) -> Result<Vec<EventRecord>, Error> {
        self.readers.read(|connection| queries::history(connection, id, after, limit))
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
            if locked(&self.unreadable).insert(what.clone()) {
                tracing::error!(%what, "a deployment cannot be read and is not driven; restore it from a backup");
            }
        }
        Ok(due.deployments)
    }

    /// When the next deployment or notice is due; `None` if nothing is.
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

    /// Take notices that are due, in their order, to tell them now. They become
    /// due again at `now` and [`CLAIM_TIME`], unless completed or postponed: a
    /// notice is told at least once, and a crash may repeat it.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or those of the database.
    pub fn claim_notices(&self, fence: &Fence, now: Timestamp, limit: u32) -> Result<Vec<Claimed>, Error> {
        if !self.readers.read(|connection| outbox::is_due(connection, now))? {
            return Ok(Vec::new());
        }
        self.write_as_driver(fence, move |connection| outbox::claim(connection, now, limit.min(LARGEST_PAGE)))
    }

    /// Note that a notice was told. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or those of the database.
    pub fn complete_notice(&self, fence: &Fence, key: &str, at: Timestamp) -> Result<(), Error> {
        let key = key.to_owned();
        self.write_as_driver(fence, move |connection| outbox::complete(connection, &key, at))
    }

    /// Note why a notice could not be told, and that it is due again at `until`.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or those of the database.
    pub fn postpone_notice(
        &self,
        fence: &Fence,
        key: &str,
        until: Timestamp,
        error: &str,
    ) -> Result<(), Error> {
        let (key, error) = (key.to_owned(), error.to_owned());
        self.write_as_driver(fence, move |connection| outbox::postpone(connection, &key, until, &error))
    }

    /// Take the lease for `ttl`, or renew it. It is free when it has run out,
    /// was released, or ends later than two `ttl` from `now`, which happens when
    /// the clock was put back.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn lease(&self, holder: &str, now: Timestamp, ttl: Duration) -> Result<Lease, Error> {
        let holder = holder.to_owned();
        self.writer.write(move |connection| lease::take(connection, holder, now, ttl))
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

    /// How many notices about a deployment nobody has been told yet.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn undelivered(&self, id: &DeploymentId) -> Result<u32, Error> {
        self.readers.read(|connection| outbox::undelivered(connection, id))
    }

    /// Check every event against its hash, and every deployment against its
    /// last event. Reads the whole history.
    ///
    /// # Errors
    /// [`ChainError::Broken`] with the first position that is not as recorded.
    pub fn verify_chain(&self) -> Result<ChainHead, ChainError> {
        self.readers.read(|connection| Ok(chain::verify(connection)))?
    }

    /// Write by the right of the process that drives.
    fn write_as_driver<T: Send + 'static>(
        &self,
        fence: &Fence,
        write: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let fence = fence.clone();
        self.writer.write(move |connection| {
            lease::check(connection, &fence)?;
            write(connection)
        })
    }
}
