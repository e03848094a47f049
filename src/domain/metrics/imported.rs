//! What is known of the time before this server, or of what went past it: rows
//! that somebody imported. They stand beside the history, and are not part of it.

use crate::domain::id::{CommitSha, EnvironmentName, Repository, Service};
use crate::domain::time::Timestamp;

/// A deployment to one environment that another tool made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedDeployment {
    /// The service.
    pub service: Service,
    /// The repository.
    pub repository: Repository,
    /// The environment.
    pub environment: EnvironmentName,
    /// Whether that is one of production, by the config at the time of the import.
    pub production: bool,
    /// The commit.
    pub commit: CommitSha,
    /// What kind of a deployment it was.
    pub kind: Kind,
    /// How it ended.
    pub result: Ended,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// What kind of a deployment it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It brought something, as planned.
    Deploy,
    /// It brought something in a hurry.
    Hotfix,
    /// It put an earlier version back.
    Rollback,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The environment ran the commit.
    Succeeded,
    /// It had begun to change the environment, and failed.
    Failed,
}

/// A commit of which it is known when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedCommit {
    /// The repository.
    pub repository: Repository,
    /// The commit.
    pub commit: CommitSha,
    /// When it was made.
    pub committed_at: Timestamp,
    /// The commit that was deployed and brought this one; `None` where it is not known.
    pub deployed_with: Option<CommitSha>,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deploy, Self::Hotfix, Self::Rollback];

    /// The word for it in files and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Hotfix => "hotfix",
            Self::Rollback => "rollback",
        }
    }
}

impl Ended {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Succeeded, Self::Failed];

    /// The word for it in files and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}
