//! What one deployment's history says: its times, its attempts, and what it did
//! to each environment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::id::{CommitSha, DeploymentId, EnvironmentName, Repository, Service};
use crate::domain::time::Timestamp;

/// Rises with every change of what a story says or of how it is written, so that none
/// that an older program told is taken for one of today.
pub const FORMAT: u32 = 3;

/// The story of one deployment up to its last record. Durations are milliseconds.
///
/// It is kept without the names of its fields, by their order: every change here raises [`FORMAT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The service.
    pub service: Service,
    /// The repository.
    pub repository: Repository,
    /// The environment that ends its way.
    pub target: EnvironmentName,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether it was started on a named path, which is the way of what is urgent.
    pub hotfix: bool,
    /// How it stands.
    pub outcome: Outcome,
    /// When it got there; `None` while it is under way.
    pub ended_at: Option<Timestamp>,
    /// How long it was under way until it first was `completed`: without the time in which it
    /// had failed and nobody had retried it. `None` if it never was.
    pub total_ms: Option<u64>,
    /// Its stages by their wire names.
    pub stages: BTreeMap<String, StageTimes>,
    /// Every time that something was tried again.
    pub retries: Vec<Repeated>,
    /// Every time that people were asked, in order.
    pub approvals: Vec<Asked>,
    /// What it did to environments, in the order in which it came to them.
    pub rollouts: Vec<Rollout>,
    /// The commit.
    pub commit: CommitSha,
    /// What it brings, newest first, as far as its caller said.
    pub commits: Vec<Brought>,
}

/// How a deployment stands, by wire names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// It is not over.
    UnderWay,
    /// The target environment runs the commit.
    Completed,
    /// It ended without success.
    Failed {
        /// The wire name of the reason.
        reason: String,
    },
    /// A person stopped it.
    Cancelled,
    /// It was taken back.
    RolledBack,
    /// Taking it back failed.
    RollbackFailed,
}

impl Outcome {
    /// The wire name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::UnderWay => "under-way",
            Self::Completed => "completed",
            Self::Failed { .. } => "failed",
            Self::Cancelled => "cancelled",
            Self::RolledBack => "rolled-back",
            Self::RollbackFailed => "rollback-failed",
        }
    }

    /// The wire name of the reason, where there is one.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed { reason } => Some(reason),
            _ => None,
        }
    }
}

/// What a stage took, all its visits together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageTimes {
    /// How long nothing ran yet.
    pub queue_ms: u64,
    /// How long it was worked on.
    pub run_ms: u64,
    /// How long a person or a timer was waited for.
    pub wait_ms: u64,
    /// How often it was tried.
    pub attempts: u32,
}

/// Something was tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeated {
    /// The wire name of the stage.
    pub stage: String,
    /// Why the attempt before had failed: the wire name of a cause or, where no
    /// attempt had, of the reason for which the deployment was `failed`.
    pub cause: String,
    /// Whether somebody asked for it with RETRY; else the engine did it by itself.
    pub asked: bool,
}

/// People were asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The environment behind the gate.
    pub environment: EnvironmentName,
    /// When.
    pub requested_at: Timestamp,
    /// What came of it.
    pub answer: Answered,
    /// When somebody who was asked first opened it, as far as that was noted before anybody
    /// decided. `None` where it is not known: what was read elsewhere is noted nowhere.
    pub seen_at: Option<Timestamp>,
    /// When the last of the decisions was made that settled it; `None` if none did.
    pub decided_at: Option<Timestamp>,
    /// When the first trigger followed.
    pub triggered_at: Option<Timestamp>,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Answered {
    /// It is open.
    Open,
    /// The gate was opened.
    Approved,
    /// Somebody said no.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// It no longer fitted what would happen.
    Voided,
    /// Whoever asked took it back.
    Withdrawn,
    /// The deployment was stopped, taken back or found tampered with meanwhile.
    Abandoned,
}

impl Answered {
    /// The wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Voided => "voided",
            Self::Withdrawn => "withdrawn",
            Self::Abandoned => "abandoned",
        }
    }
}

/// What a deployment did to an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// The environment.
    pub environment: EnvironmentName,
    /// Whether it is one of production.
    pub production: bool,
    /// When it first was deployed there, and healthy where that is asked.
    pub arrived_at: Option<Timestamp>,
    /// When an execution first ran there and failed, or left it unhealthy.
    pub failed_at: Option<Timestamp>,
    /// When it was first said that it be taken back there.
    pub rolled_back_at: Option<Timestamp>,
    /// When the environment had its earlier version back.
    pub restored_at: Option<Timestamp>,
    /// The commit of that version, as far as somebody asked for it.
    pub goes_back_to: Option<CommitSha>,
}

/// A commit that a deployment brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    /// Which.
    pub sha: CommitSha,
    /// When it was made, as far as that is known.
    pub at: Option<Timestamp>,
}

impl Story {
    /// Whether it did something to an environment of production.
    #[must_use]
    pub fn reached_production(&self) -> bool {
        self.rollouts.iter().any(|rollout| rollout.production)
    }
}

impl StageTimes {
    /// How long it took altogether.
    #[must_use]
    pub fn total_ms(&self) -> u64 {
        self.queue_ms + self.run_ms + self.wait_ms
    }
}
