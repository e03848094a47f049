//! Whether a name was ever heard here.

use rusqlite::Connection;

use super::Store;
use super::error::Error;
use crate::domain::id::{EnvironmentName, Service};

impl Store {
    /// Whether anything is known of a service: a deployment, an import or an incident. Reads
    /// many rows where there is none.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn knows_service(&self, service: &Service) -> Result<bool, Error> {
        let has_deployment = self.readers.read(|connection| {
            exists(
                connection,
                "SELECT EXISTS (SELECT 1 FROM deployment WHERE service = ?1)
                     OR EXISTS (SELECT 1 FROM imported_deployment WHERE service = ?1)",
                service.as_str(),
            )
        })?;
        Ok(has_deployment || self.incidents()?.iter().any(|incident| incident.service == *service))
    }

    /// Whether a deployment was ever to end in an environment, put something there, or was imported from there.
    ///
    /// # Errors
    /// Only those of the database.
    pub fn knows_environment(&self, environment: &EnvironmentName) -> Result<bool, Error> {
        self.readers.read(|connection| {
            exists(
                connection,
                "SELECT EXISTS (SELECT 1 FROM deployment WHERE environment = ?1)
                     OR EXISTS (SELECT 1 FROM environment_version WHERE environment = ?1)
                     OR EXISTS (SELECT 1 FROM imported_deployment WHERE environment = ?1)",
                environment.as_str(),
            )
        })
    }
}

fn exists(connection: &Connection, query: &str, name: &str) -> Result<bool, Error> {
    Ok(connection.prepare_cached(query)?.query_row([name], |row| row.get(0))?)
}
