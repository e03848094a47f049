//! Where a deployment is, what it does there, and why it failed.

use schemars::JsonSchema;
use serde::Serialize;

use super::ApprovalSummary;
use crate::app::findings::ValidationView;
use crate::app::places::HoldView;
use crate::app::timeline::TimelineEntry;
use crate::app::{MessageView, PathView};

/// A deployment as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StatusView {
    /// Its handle.
    pub deployment_id: String,
    /// Where it is: `pending`, `validating`, `building`, `testing`, `deploying-<env>`, `awaiting-approval`, `deploying-prod`, `completed`, `failed`, `cancelling`, `cancelled`, `rolling-back`, `rolled-back` or `rollback-failed`.
    pub state: String,
    /// Rises with every event; pass it as `expected_version`.
    pub version: u64,
    /// Whether it is over.
    pub ended: bool,
    /// Since when it is in this state.
    pub state_since: String,
    /// Service.
    pub service: String,
    /// Repository.
    pub repository: String,
    /// Branch.
    pub branch: String,
    /// Commit.
    pub commit_sha: String,
    /// The environment that ends its way.
    pub target_environment: String,
    /// `auto` or `step`.
    pub mode: String,
    /// The named path that it takes instead of the ordinary way: tell people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathView>,
    /// What it waits for, and for whom, in one sentence.
    pub waiting_for: String,
    /// The stage at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<StageView>,
    /// What holds it before the next environment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<HoldView>,
    /// The open approval request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalSummary>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureView>,
    /// The events that `transition` would accept now.
    pub available_events: Vec<String>,
    /// Environments in which something of it ran or may have run.
    pub touched_environments: Vec<String>,
    /// Jira issues: those of the start, those found in the branch and the commits, and those linked later.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jira_issues: Vec<String>,
    /// What people were to be told of it, and were not: tell them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undelivered_messages: Vec<MessageView>,
    /// What must be known about this server's rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<String>,
    /// Every state with its duration and attempts; with `detail: full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Vec<TimelineEntry>>,
    /// What validation found; with `detail: full`, once it has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<ValidationView>,
}

/// The stage at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StageView {
    /// Its name.
    pub name: String,
    /// Which attempt.
    pub attempt: u32,
    /// Attempts per visit.
    pub max_attempts: u32,
    /// `not-started`, `triggering`, `outcome-unknown`, `queued`, `running`, `needs-human`, `probing`, `succeeded`, `failed` or `aborted`.
    pub execution_status: String,
    /// The Harness execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// Where a person can look at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_url: Option<String>,
    /// The backoff timer of the next attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<String>,
    /// Why the attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_untrusted: Option<String>,
}

/// Why a deployment failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailureView {
    /// The stage that RETRY returns to.
    pub stage: String,
    /// `validation-failed`, `tests-failed`, `stage-failed`, `stage-errored`, `stage-aborted`, `approval-rejected`, `approval-expired` or `tampered`.
    pub reason: String,
    /// Whether RETRY with the same commit is possible.
    pub retry_possible: bool,
    /// What was said.
    pub message_untrusted: String,
}

/// The answer to a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StartedView {
    /// `true` when this deployment was there before the call, and nothing was started.
    pub existing: bool,
    /// The deployment.
    pub deployment: StatusView,
}
