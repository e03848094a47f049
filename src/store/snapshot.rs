//! One moment of the database, for reads that belong together.

use rusqlite::Connection;

use super::error::Error;
use super::queries;
use crate::domain::deployment::Deployment;
use crate::domain::id::{DeploymentId, EnvironmentName, Repository, Service};
use crate::domain::state::Version;

/// The database at one moment. The verbs are those of [`Store`](super::Store).
pub struct Snapshot<'c> {
    connection: &'c Connection,
}

impl<'c> Snapshot<'c> {
    pub(super) fn of(connection: &'c Connection) -> Self {
        Self { connection }
    }

    /// The deployment as it is stored.
    ///
    /// # Errors
    /// [`Error::NotFound`], or those of the database.
    pub fn load(&self, id: &DeploymentId) -> Result<Deployment, Error> {
        queries::load(self.connection, id)
    }

    /// The versions that an environment had, newest first.
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
        queries::versions(self.connection, service, repository, environment, limit)
    }
}
