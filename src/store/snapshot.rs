//! One moment of the database, for reads that belong together.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::Connection;

use super::chain;
use super::decoded::Decoded;
use super::error::Error;
use super::outbox;
use super::place;
use super::quarantine::{self, Quarantine};
use super::queries;
use super::remark::{self, Frozen};
use super::rollback;
use super::token;
use crate::domain::deployment::Deployment;
use crate::domain::entrance::{Facts, Lock, Rules, Stay};
use crate::domain::event::MainEvent;
use crate::domain::id::{
    CommitSha, DeploymentId, EnvironmentName, ExecutionId, IssueKey, Repository, Service, TokenId,
};
use crate::domain::notice::Notice;
use crate::domain::place::Place;
use crate::domain::record::EventRecord;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;

/// The database at one moment. The verbs are those of [`Store`](super::Store).
pub struct Snapshot<'c> {
    connection: &'c Connection,
    decoded: &'c Decoded,
}

impl<'c> Snapshot<'c> {
    pub(super) fn of(connection: &'c Connection, decoded: &'c Decoded) -> Self {
        Self { connection, decoded }
    }

    /// For the verbs that are beside what they read.
    pub(super) fn parts(&self) -> (&'c Connection, &'c Decoded) {
        (self.connection, self.decoded)
    }

    /// The deployment as it is stored.
    ///
    /// # Errors
    /// [`Error::NotFound`], or those of the database.
    pub fn load(&self, id: &DeploymentId) -> Result<Arc<Deployment>, Error> {
        queries::load_by(self.connection, id, |row| self.decoded.deployment(row))
    }

    /// The first events and remarks of a deployment, in their order: at most
    /// [`LARGEST_PAGE`](super::LARGEST_PAGE), and of a longer history no later ones.
    /// Empty for an unknown id.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn history(&self, id: &DeploymentId) -> Result<Vec<EventRecord>, Error> {
        queries::history(self.connection, id, 0, u32::MAX)
    }

    /// Every execution of the deployments that have brought something to some
    /// environment since then, or are under way. Reads their histories.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn executions_since(&self, since: Timestamp) -> Result<BTreeSet<ExecutionId>, Error> {
        queries::executions_since(self.connection, since)
    }

    /// The deployments of a service whose history has grown since then, newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn grown_since(
        &self,
        service: &Service,
        repository: &Repository,
        since: Timestamp,
    ) -> Result<Vec<DeploymentId>, Error> {
        queries::grown_since(self.connection, service, repository, since)
    }

    /// What is known of an environment for a deployment that wants to go in, as far as its rules ask.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn facts(
        &self,
        deployment: &Deployment,
        environment: &EnvironmentName,
        rules: &Rules,
    ) -> Result<Facts, Error> {
        place::facts(self.connection, deployment, environment, rules)
    }

    /// The lock that keeps a service out of an environment: that of all services there, or its own.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn lock(&self, environment: &EnvironmentName, service: &Service) -> Result<Option<Lock>, Error> {
        place::lock(self.connection, service, environment)
    }

    /// The lock of one service in an environment; without a service, that of all.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn own_lock(
        &self,
        environment: &EnvironmentName,
        service: Option<&Service>,
    ) -> Result<Option<Lock>, Error> {
        place::own_lock(self.connection, environment, service)
    }

    /// The services of which there is something in some environment or before it, or one of
    /// them, with their repositories; and those that are locked somewhere, without one if that is all.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn services(&self, only: Option<&Service>) -> Result<Vec<(Service, Option<Repository>)>, Error> {
        place::services(self.connection, only)
    }

    /// What was in an environment, newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn stays(
        &self,
        service: &Service,
        repository: &Repository,
        environment: &EnvironmentName,
        limit: u32,
    ) -> Result<Vec<Stay>, Error> {
        place::stays(self.connection, service, repository, environment, limit)
    }

    /// The deployment that has a place.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn place_taken_by(&self, place: &Place) -> Result<Option<DeploymentId>, Error> {
        place::taken_by(self.connection, &place.to_string())
    }

    /// Who waits for a place, first the one whose turn it is.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn queue(&self, place: &Place) -> Result<Vec<DeploymentId>, Error> {
        place::queue(self.connection, &place.to_string())
    }

    /// The deployments that are before a place or in it, in the order of their creation.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn at_hand(&self, place: &Place) -> Result<Vec<DeploymentId>, Error> {
        place::at_hand(self.connection, &place.to_string())
    }

    /// The token of this id, which is not judged here.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn token(&self, id: &TokenId) -> Result<Option<Token>, Error> {
        token::find(self.connection, id)
    }

    /// Why agents may change nothing; `None` if they may.
    ///
    /// # Errors
    /// Only those of the database. Then nobody knows, and agents may not.
    pub fn agents_frozen(&self) -> Result<Option<Frozen>, Error> {
        remark::frozen(self.connection)
    }

    /// What people were told of a deployment before the record at `position`,
    /// oldest first: the newest `limit`.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn earlier_notices(
        &self,
        id: &DeploymentId,
        position: u64,
        limit: u32,
    ) -> Result<Vec<Notice>, Error> {
        outbox::earlier(self.connection, id, position, limit)
    }

    /// The issues that were linked to a deployment after its start.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn linked_issues(&self, id: &DeploymentId) -> Result<Vec<IssueKey>, Error> {
        remark::linked_issues(self.connection, id)
    }

    /// The last position of the history; 0 while it is empty. It rises with all that is recorded.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn last_position(&self) -> Result<u64, Error> {
        Ok(chain::head(self.connection)?.position)
    }

    /// The newest deployments under way, with their versions.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn active_versions(&self, limit: u32) -> Result<Vec<(DeploymentId, u64)>, Error> {
        queries::active_versions(self.connection, limit)
    }

    /// Every rollback that keeps a commit of a service out, newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn quarantines(&self, service: &Service, commit: &CommitSha) -> Result<Vec<Quarantine>, Error> {
        quarantine::all(self.connection, service, commit)
    }

    /// The ROLLBACK that would put back whatever a deployment touched, as far as
    /// there is something to go back to. The machine says whether that is enough.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn rollback_of(&self, deployment: &Deployment, reason: &str) -> Result<MainEvent, Error> {
        rollback::of(self.connection, deployment, reason)
    }
}
