//! What can go wrong with the store, in words that say what to do about it.

use std::path::PathBuf;
use std::sync::Arc;

use super::lookup::Use;
use super::quarantine::Quarantine;
use super::remark::Frozen;
use crate::domain::guard::Refusal;
use crate::domain::id::{DeploymentId, PrincipalName};
use crate::domain::place::Hold;
use crate::domain::record::Unreadable;

/// The cause below an error of ours. Shared, because one failed commit is told to everybody in it.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why the store did not do it. Unless a variant says otherwise, nothing has changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is no such deployment.
    #[error("there is no deployment {id}: check the id, or list the deployments")]
    NotFound {
        /// What was asked for.
        id: DeploymentId,
    },
    /// The deployment moved on since the caller looked.
    #[error("deployment {id} is at version {actual}, not {expected}: look at it again, then decide anew")]
    Stale {
        /// The deployment.
        id: DeploymentId,
        /// The version that the caller knows.
        expected: u64,
        /// The version that is stored.
        actual: u64,
    },
    /// The state machine said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The place that the deployment was to take cannot be had now.
    #[error("the place is not free: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Held(Vec<Hold>),
    /// An agent acts, and all of them are stopped.
    #[error("all agents were stopped by {} at {}: {}", .0.by.principal, .0.at.to_rfc3339(), .0.reason)]
    AgentsFrozen(Frozen),
    /// The commit was rolled back, or was to be, and nobody has released it since.
    #[error("the rollback of {} keeps {} of {} out, and nobody has released it since", .0.by, .0.commit, .0.service)]
    Quarantined(Quarantine),
    /// The agents of one person did so often what is counted as they may.
    #[error("the agents of {by} may do a {what} at most {most} times: wait, or let a person do it")]
    QuotaSpent {
        /// What is counted.
        what: Use,
        /// For whom they act.
        by: PrincipalName,
        /// How often they may.
        most: u32,
    },
    /// Another process drives now, or the lease was released.
    #[error("{holder} no longer holds the lease: stop driving, and take the lease again first")]
    LeaseLost {
        /// Who believed to hold it.
        holder: String,
    },
    /// The file was written by a newer version of this program.
    #[error(
        "the database has schema {found}, and this program knows schemas up to {known}: \
         use the newer version of the program that wrote it"
    )]
    NewerSchema {
        /// The schema of the file.
        found: u32,
        /// The newest schema that this program knows.
        known: u32,
    },
    /// The file cannot be used as our database. It was not touched.
    #[error("{} cannot be used as the database: {what}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: &'static str,
        /// What was seen, if there is more to it.
        #[source]
        source: Option<Cause>,
    },
    /// Another process kept the database locked for longer than we wait.
    #[error("the database is locked by another process: try again")]
    Busy,
    /// The disk is full. Reading still works.
    #[error("the disk is full: free some space, then try again")]
    Full,
    /// Something stored is not what this program writes.
    #[error("the database is damaged: {what}; restore a backup, and keep the damaged file")]
    Corrupt {
        /// What is wrong, and where.
        what: String,
    },
    /// SQLite or the disk failed. If this came from a write, it may or may not have happened: look.
    #[error("the database failed: check the disk and the permissions of the file")]
    Sqlite(#[source] Cause),
}

impl Error {
    /// Whether the connection that saw it must not be used any more.
    pub(super) fn is_fault(&self) -> bool {
        match self {
            Self::Sqlite(_) | Self::Full => true,
            Self::NotFound { .. }
            | Self::Stale { .. }
            | Self::Refused(_)
            | Self::Held(_)
            | Self::AgentsFrozen(_)
            | Self::Quarantined(_)
            | Self::QuotaSpent { .. }
            | Self::LeaseLost { .. }
            | Self::NewerSchema { .. }
            | Self::Unreadable { .. }
            | Self::Busy
            | Self::Corrupt { .. } => false,
        }
    }

    pub(super) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }
}

impl From<Unreadable> for Error {
    fn from(error: Unreadable) -> Self {
        Self::corrupt(error.to_string())
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
                ErrorCode::DiskFull => Self::Full,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::corrupt(error.to_string()),
                _ => Self::Sqlite(Arc::new(error)),
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => Self::corrupt(error.to_string()),
            _ => Self::Sqlite(Arc::new(error)),
        }
    }
}
