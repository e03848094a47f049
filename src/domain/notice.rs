//! What people are told. The only kind of effect that the outbox carries.

use serde::{Deserialize, Serialize};

use super::id::DeploymentId;
use super::time::Timestamp;

/// One message about one deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Unique for ever: the deployment, the version it reached and the topic.
    /// A receiver that can de-duplicate does so by this key.
    pub key: String,
    /// About which deployment.
    pub deployment: DeploymentId,
    /// About what.
    pub topic: Topic,
    /// One sentence for people.
    pub text: String,
    /// When it happened.
    pub at: Timestamp,
}

/// What a notice is about, so that it can be routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// The deployment began.
    Started,
    /// A stage ended well.
    StageCompleted,
    /// People are asked for a decision.
    ApprovalRequested,
    /// A decision was made, or the request ended without one.
    ApprovalDecided,
    /// Something waits for a person: an unknown outcome, a Harness approval.
    NeedsHuman,
    /// An attempt failed and will be repeated.
    AttemptFailed,
    /// The deployment failed.
    Failed,
    /// The deployment ended well.
    Completed,
    /// The deployment was cancelled.
    Cancelled,
    /// The deployment was rolled back.
    RolledBack,
    /// A rollback failed: page somebody.
    RollbackFailed,
}
