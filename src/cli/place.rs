//! Where things are: the folders of the XDG convention.

use std::path::PathBuf;

use etcetera::base_strategy::{BaseStrategy as _, choose_base_strategy};

use super::Global;
use crate::app::{Code, Error};
use crate::domain::id::PrincipalName;

const FOLDER: &str = "deployment-orchestrator";

impl Global {
    /// The database. The trial with a simulator has its own, so that it never
    /// meets real deployments.
    pub(super) fn database(&self, simulate: bool) -> Result<PathBuf, Error> {
        if let Some(path) = &self.db {
            return Ok(path.clone());
        }
        let name = if simulate { "simulated.db" } else { "orchestrator.db" };
        Ok(base()?.data_dir().join(FOLDER).join(name))
    }

    /// The config file: the one that is named, or the one at its usual place if it is there.
    pub(super) fn config_file(&self) -> Result<Option<PathBuf>, Error> {
        if self.config.is_some() {
            return Ok(self.config.clone());
        }
        let usual = base()?.config_dir().join(FOLDER).join("config.toml");
        Ok(usual.exists().then_some(usual))
    }
}

/// A person's private key unless it is named.
pub(super) fn key_file(person: &PrincipalName) -> Result<PathBuf, Error> {
    Ok(base()?.config_dir().join(FOLDER).join(format!("{person}.key")))
}

/// The server's private key unless the config names it.
pub(super) fn server_key() -> Result<PathBuf, Error> {
    Ok(base()?.config_dir().join(FOLDER).join("server-private.key"))
}

fn base() -> Result<impl etcetera::BaseStrategy, Error> {
    choose_base_strategy().map_err(|error| {
        Error::new(
            Code::ConfigInvalid,
            format!("the home folder of this user is not known: {error}"),
            "set HOME, or name the files with --db, --config and --key",
        )
    })
}
