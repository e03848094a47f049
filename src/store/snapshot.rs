//! One moment of the database, for reads that belong together.

use std::sync::Arc;

use rusqlite::Connection;

use super::decoded::Decoded;
use super::error::Error;
use super::place;
use super::queries;
use crate::domain::deployment::Deployment;
use crate::domain::entrance::{Facts, Lock, Stay};
use crate::domain::id::{DeploymentId, EnvironmentName, Repository, Service};
use crate::domain::place::Place;
use crate::domain::state::Version;

/// The database at one moment. The verbs are those of [`Store`](super::Store).
pub struct Snapshot<'c> {
    connection: &'c Connection,
    decoded: &'c Decoded,
}

impl<'c> Snapshot<'c> {
    pub(super) fn of(connection: &'c Connection, decoded: &'c Decoded) -> Self {
        Self { connection, decoded }
    }

    /// The deployment as it is stored.
    ///
    /// # Errors
    /// [`Error::NotFound`], or those of the database.
    pub fn load(&self, id: &DeploymentId) -> Result<Arc<Deployment>, Error> {
        queries::load_by(self.connection, id, |row| self.decoded.deployment(row))
    }

    /// What is known of an environment for a deployment that wants to go in.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn facts(&self, deployment: &Deployment, environment: &EnvironmentName) -> Result<Facts, Error> {
        place::facts(self.connection, deployment, environment)
    }

    /// The lock of one service in an environment, or of all services there.
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

    /// The services that were deployed to some environment, or one of them, with their repositories.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn services(&self, only: Option<&Service>) -> Result<Vec<(Service, Repository)>, Error> {
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
