//! What a channel is given to tell: a notice, and what people need to know
//! beside it. The same for every channel; each puts it into its own shape.
//!
//! A message is made when it is told, from the deployment as it is then. What
//! comes from outside, such as a commit's message, is already shortened, and is
//! data: whoever shows it escapes it.

use serde::{Deserialize, Serialize};

use super::assurance::Assurance;
use super::commit::Commit;
use super::deployment::Deployment;
use super::id::{
    Branch, CommitSha, DeploymentId, EnvironmentName, ExecutionId, IssueKey, PipelineId, PrincipalName,
    Repository, Service,
};
use super::notice::{Notice, Topic};
use super::principal::Principal;
use super::subject::Digest;
use super::time::Timestamp;

/// One message about one deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// What happened. `notice.key` is the same however often it is told.
    pub notice: Notice,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub about: About,
    /// The page about the deployment; `None` where nobody serves pages.
    pub page: Option<String>,
    /// Where a person can look at its last execution in Harness; `None` before there is one.
    pub execution: Option<String>,
    /// What people are asked, while they are: only where the notice is about an
    /// approval, and only while the request is open.
    pub asked: Option<Asked>,
    /// What was told of this deployment before, oldest first: the newest [`MOST_EARLIER`].
    pub earlier: Vec<Notice>,
}

/// How many earlier notices a message carries: enough for every stage of a
/// deployment and some retries.
pub const MOST_EARLIER: u32 = 30;

/// The deployment that a message is about, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct About {
    /// Its handle.
    pub deployment: DeploymentId,
    /// The repository.
    pub repository: Repository,
    /// The service.
    pub service: Service,
    /// The branch.
    pub branch: Branch,
    /// The commit.
    pub commit: CommitSha,
    /// The environment that ends its way.
    pub target: Option<EnvironmentName>,
    /// The state, by its wire name.
    pub state: String,
    /// Whether it is over.
    pub ended: bool,
    /// Who started it: a person, or an agent for a person.
    pub initiator: Principal,
    /// Its Jira issues.
    pub issues: Vec<IssueKey>,
}

/// What people are asked, and all that they should see before they answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The number of the request.
    pub request: u32,
    /// Where it goes.
    pub environment: EnvironmentName,
    /// What decisions are bound to.
    pub digest: Digest,
    /// The pipeline that will run.
    pub pipeline: PipelineId,
    /// When the request becomes a rejection.
    pub expires_at: Timestamp,
    /// Who may decide.
    pub approvers: Vec<PrincipalName>,
    /// How many approvals are needed.
    pub required: u32,
    /// Who has approved so far.
    pub approved_by: Vec<PrincipalName>,
    /// The channels over which an approval counts.
    pub accepts: Vec<Assurance>,
    /// What runs there now; `None` if nothing of this service that we know of.
    pub replaces: Option<Live>,
    /// What comes, newest first, as far as the caller said: down to what runs there now.
    pub commits: Vec<Commit>,
    /// What was seen of this commit on its way here, in that order.
    pub evidence: Vec<Seen>,
    /// What is unusual about it: stages left out, a freeze overridden, warnings of validation.
    pub cautions: Vec<String>,
    /// The page on which a person decides; `None` where nobody serves pages.
    pub page: Option<String>,
}

/// What runs in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Live {
    /// The commit.
    pub commit: CommitSha,
    /// The deployment that brought it.
    pub deployment: DeploymentId,
    /// Since when.
    pub since: Timestamp,
}

/// A stage that ended well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The stage: `testing`, `deploying-staging`.
    pub stage: String,
    /// The execution in Harness.
    pub execution: ExecutionId,
    /// Where a person can look at it; empty where it is not known which Harness this is.
    pub url: String,
    /// When it ended.
    pub at: Timestamp,
}

/// What a messenger needs to find again what it has said: the `ts` of a Slack
/// message, the id of a Jira comment. Its own words; no secret. Kept in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread(pub String);

/// How much something matters, from what is good to know to what somebody must act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody is asked for something.
    Action,
    /// Something went wrong, and is dealt with.
    Warning,
    /// Something went wrong, and somebody must look.
    Critical,
}

impl Severity {
    /// The wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Action => "action",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl Topic {
    /// How much news of it matters.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Started
            | Self::StageCompleted
            | Self::ApprovalDecided
            | Self::Completed
            | Self::IssueLinked => Severity::Info,
            Self::ApprovalRequested | Self::NeedsHuman => Severity::Action,
            Self::ApprovalEscalated
            | Self::AttemptFailed
            | Self::Superseded
            | Self::Cancelled
            | Self::RolledBack => Severity::Warning,
            Self::Failed | Self::RollbackFailed | Self::BreakGlass | Self::Security => Severity::Critical,
        }
    }
}

impl About {
    /// What a message says of a deployment.
    #[must_use]
    pub fn of(deployment: &Deployment, issues: Vec<IssueKey>) -> Self {
        let spec = &deployment.spec;
        Self {
            deployment: deployment.id.clone(),
            repository: spec.repository.clone(),
            service: spec.service.clone(),
            branch: spec.branch.clone(),
            commit: spec.commit.clone(),
            target: deployment.target().cloned(),
            state: deployment.progress.state.name(),
            ended: deployment.progress.state.is_terminal(),
            initiator: spec.initiator.principal.clone(),
            issues,
        }
    }
}
