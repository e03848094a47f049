//! What one deployment's history says: its times, its attempts, and what it did
//! to each environment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::id::{CommitSha, DeploymentId, EnvironmentName, Repository, Service};
use crate::domain::time::Timestamp;

/// Rises with every change of what a story says, so that none that an older
/// program told is taken for one of today.
pub const FORMAT: u32 = 2;

/// The story of one deployment up to its last record. Durations are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hotfix: bool,
    /// How it stands.
    pub outcome: Outcome,
    /// When it got there; `None` while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How long it was under way until it first was `completed`: without the time in which it
    /// had failed and nobody had retried it. `None` if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<u64>,
    /// Its stages by their wire names.
    pub stages: BTreeMap<String, StageTimes>,
    /// Every time that something was tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retries: Vec<Repeated>,
    /// Every time that people were asked, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Asked>,
    /// What it did to environments, in the order in which it came to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rollouts: Vec<Rollout>,
    /// The commit.
    pub commit: CommitSha,
    /// What it brings, newest first, as far as its caller said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<Brought>,
}

/// How a deployment stands, by wire names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
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
#[serde(deny_unknown_fields)]
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
#[serde(deny_unknown_fields)]
pub struct Repeated {
    /// The wire name of the stage.
    pub stage: String,
    /// Why the attempt before had failed: the wire name of a cause or, where no
    /// attempt had, of the reason for which the deployment was `failed`.
    pub cause: String,
    /// Whether somebody asked for it with RETRY; else the engine did it by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
}

/// People were asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The environment behind the gate.
    pub environment: EnvironmentName,
    /// When.
    pub requested_at: Timestamp,
    /// What came of it.
    pub answer: Answered,
    /// When somebody who was asked first opened it, as far as that was noted before anybody
    /// decided. `None` where it is not known: what was read elsewhere is noted nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
    /// When the last of the decisions was made that settled it; `None` if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// When the first trigger followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered_at: Option<Timestamp>,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// The environment.
    pub environment: EnvironmentName,
    /// Whether it is one of production.
    pub production: bool,
    /// When it first was deployed there, and healthy where that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived_at: Option<Timestamp>,
    /// When an execution first ran there and failed, or left it unhealthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Timestamp>,
    /// When it was first said that it be taken back there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_at: Option<Timestamp>,
    /// When the environment had its earlier version back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_at: Option<Timestamp>,
}

/// A commit that a deployment brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brought {
    /// Which.
    pub sha: CommitSha,
    /// When it was made, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
