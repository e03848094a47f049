//! What people are told. The only kind of effect that the outbox carries.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Statement, Verdict};
use super::deployment::{Deployment, Progress};
use super::event::{Event, MainEvent};
use super::execution::{ExecutionStatus, Failure};
use super::id::{DeploymentId, EnvironmentName, Malformed};
use super::run::RunEvent;
use super::state::{FailureReason, Permit, State};
use super::text::shortened;
use super::time::Timestamp;
use super::workflow::Stage;

/// One message about one deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Unique for ever: the deployment, the version it reached and the topic;
    /// of a remark, which reaches no version, its position, too.
    /// A receiver that can de-duplicate does so by this key.
    pub key: String,
    /// About which deployment.
    pub deployment: DeploymentId,
    /// About what.
    pub topic: Topic,
    /// The environment at hand, or else the one that ends the way. `None`: about all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentName>,
    /// One sentence for people.
    pub text: String,
    /// When it happened.
    pub at: Timestamp,
}

/// What a notice is about, so that it can be routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// The deployment began.
    Started,
    /// A stage ended well.
    StageCompleted,
    /// People are asked for a decision.
    ApprovalRequested,
    /// People were asked long ago, and nobody has decided.
    ApprovalEscalated,
    /// A decision was made, or the request ended without one.
    ApprovalDecided,
    /// The emergency door was used: everybody should know.
    BreakGlass,
    /// Something waits for a person: an unknown outcome, a Harness approval, a place that does not get free.
    NeedsHuman,
    /// A newer deployment took its place.
    Superseded,
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
    /// Somebody reached for what they may not, or something stored was changed.
    Security,
    /// A Jira issue was linked to it.
    IssueLinked,
}

/// What people are told when `event` takes `before` to `after`. At most one
/// notice per topic and version, so that no effect is enqueued twice.
#[must_use]
pub fn of(before: &Deployment, event: &Event, after: &Progress) -> Vec<Notice> {
    let Some((topic, text)) = news(before, event, after) else { return Vec::new() };
    let path = path(before, topic);
    vec![Notice {
        key: format!("{}:{}:{}", before.id, after.version, topic.as_str()),
        deployment: before.id.clone(),
        topic,
        environment: before.progress.state.environment().or(before.target()).cloned(),
        text: format!("{} {}: {text}{path}", before.spec.service, before.spec.commit),
        at: after.updated_at,
    }]
}

/// What people are told of a remark at `position`, in these words.
#[must_use]
pub fn of_remark(
    deployment: &DeploymentId,
    version: u64,
    (position, topic): (u64, Topic),
    text: String,
    at: Timestamp,
) -> Notice {
    Notice {
        key: format!("{deployment}:{version}:{}:{position}", topic.as_str()),
        deployment: deployment.clone(),
        topic,
        environment: None,
        text,
        at,
    }
}

fn news(before: &Deployment, event: &Event, after: &Progress) -> Option<(Topic, String)> {
    let stage = before.progress.state.work().map_or_else(String::new, |(stage, _)| stage.to_string());
    Some(match (event, &after.state) {
        (Event::Main(MainEvent::Start), _) => (Topic::Started, "deployment started".to_owned()),
        (_, State::Completed) => {
            (Topic::Completed, format!("completed on {}", before.target().map_or("", |name| name.as_str())))
        }
        (Event::Main(MainEvent::StageComplete { completion }), _) => {
            (Topic::StageCompleted, completion.name().to_string())
        }
        (Event::Main(MainEvent::ApprovalRequested { digest, .. }), _) => (
            Topic::ApprovalRequested,
            format!("approval needed, digest {digest}: deployment-orchestrator approve {}", before.id),
        ),
        (Event::Main(MainEvent::ApprovalReminded), _) => (
            Topic::ApprovalRequested,
            format!("approval still needed: deployment-orchestrator approve {}", before.id),
        ),
        (Event::Main(MainEvent::ApprovalEscalated), _) => (Topic::ApprovalEscalated, undecided(before)),
        (Event::Main(MainEvent::ApprovalWithdrawn { reason }), _) => {
            (Topic::ApprovalDecided, format!("the approval request is taken back: {reason}"))
        }
        (Event::Main(MainEvent::Approved), State::Active { permit: Permit::Approved { request }, .. })
            if request.is_open_past_the_rules(before.parties()) =>
        {
            (Topic::BreakGlass, break_glass(&request.decisions))
        }
        (Event::Main(MainEvent::ApprovalVoided { reason }), _) => {
            (Topic::ApprovalDecided, format!("the approval is void: {reason}"))
        }
        (Event::Main(MainEvent::DecisionMade { decision }), _) => {
            return Some(decided(&decision.statement));
        }
        (Event::Main(MainEvent::TamperingFound { what }), _) => {
            let reason = FailureReason::Tampered { what: what.clone() };
            let state = before.progress.state.name();
            (Topic::Security, format!("{} in {state}: {}", reason.name(), reason.message()))
        }
        (Event::Main(MainEvent::HeldLong), _) => (Topic::NeedsHuman, held(before)),
        (Event::Main(MainEvent::Superseded { by }), _) => {
            (Topic::Superseded, format!("superseded by {by}, which is newer"))
        }
        (Event::Main(MainEvent::FreezeOverridden { freeze, reason }), _) => {
            (Topic::BreakGlass, format!("passes the freeze `{freeze}`: {reason}"))
        }
        (Event::Run(RunEvent::TriggerLost { .. }), _) => (
            Topic::NeedsHuman,
            format!("{stage}: the reply to the trigger was lost; the execution is being looked up"),
        ),
        (Event::Run(RunEvent::ExecutionObserved { status: ExecutionStatus::NeedsHuman(_) }), _) => {
            (Topic::NeedsHuman, format!("{stage}: the execution waits for a person in Harness"))
        }
        (Event::Run(RunEvent::RetryScheduled { .. }), _) => {
            (Topic::AttemptFailed, format!("{stage}: the attempt failed and will be made again"))
        }
        (Event::Main(MainEvent::RollbackImpossible { reason: why }), State::Failed { stage, reason }) => (
            Topic::Failed,
            format!(
                "{} in {stage}: {}; it is not rolled back by itself, act now: {why}",
                reason.name(),
                reason.message()
            ),
        ),
        (Event::Main(MainEvent::RestoreOvertaken { environment, by }), State::RolledBack) => (
            Topic::RolledBack,
            format!(
                "rolled back, but for {environment}, which keeps what {by} has brought since{}",
                unrestored(before)
            ),
        ),
        (_, State::Failed { stage, reason }) => {
            (Topic::Failed, format!("{} in {stage}: {}", reason.name(), reason.message()))
        }
        (_, State::Cancelled) => (Topic::Cancelled, "cancelled".to_owned()),
        (_, State::RolledBack) => (Topic::RolledBack, format!("rolled back{}", unrestored(before))),
        (_, State::RollbackFailed { failure }) => {
            (Topic::RollbackFailed, format!("the rollback failed, act now: {}", not_back(before, failure)))
        }
        _ => return None,
    })
}

/// That it is not on the ordinary way; at its start and for those who approve, what that means and why.
fn path(deployment: &Deployment, topic: Topic) -> String {
    let next = deployment.progress.state.environment().or(deployment.target());
    let Some(shortcut) = next.and_then(|it| deployment.shortcut(&Stage::Deploying(it.clone()))) else {
        return String::new();
    };
    match topic {
        Topic::Started | Topic::ApprovalRequested => {
            format!(" — PATH {}; because: {}", shortcut.meaning(), shortcut.reason)
        }
        _ => format!(" (path {})", shortcut.path),
    }
}

/// What a rollback that failed leaves behind: where it failed and why, and what it did not get to.
fn not_back(deployment: &Deployment, failure: &Failure) -> String {
    let State::RollingBack(rollback) = &deployment.progress.state else { return failure.message.clone() };
    let then: Vec<&str> = rollback.then.iter().map(|restore| restore.environment.as_str()).collect();
    let left = if then.is_empty() { String::new() } else { format!("; not reached: {}", then.join(", ")) };
    let kept = unrestored(deployment);
    format!("{} could not be restored: {}{left}{kept}", rollback.now.environment, failure.message)
}

/// What its rollback does not reach, to be added to what became of it.
fn unrestored(deployment: &Deployment) -> String {
    deployment.kept_unrestored().map_or_else(String::new, |kept| format!("; {kept}"))
}

fn undecided(deployment: &Deployment) -> String {
    let State::AwaitingApproval { request: Some(request), .. } = &deployment.progress.state else {
        return "nobody has decided".to_owned();
    };
    format!(
        "nobody has decided on {} since {}, and at {} it fails: deployment-orchestrator approve {}",
        request.environment,
        request.requested_at.to_rfc3339(),
        request.expires_at.to_rfc3339(),
        deployment.id
    )
}

fn held(deployment: &Deployment) -> String {
    let environment = deployment.progress.state.environment().map_or("", |name| name.as_str());
    let Some(held) = &deployment.progress.held else { return format!("held before {environment}") };
    let by: Vec<String> = held.by.iter().map(|hold| format!("{hold}, until {}", hold.opens_when())).collect();
    format!("held before {environment} since {}: {}", held.since.to_rfc3339(), by.join("; "))
}

fn decided(statement: &Statement) -> (Topic, String) {
    let topic = match statement.verdict {
        Verdict::Approve | Verdict::Reject => Topic::ApprovalDecided,
        Verdict::BreakGlass => Topic::BreakGlass,
    };
    let caveat = statement.assurance.caveat().map_or_else(String::new, |caveat| format!(" ({caveat})"));
    let said = statement.verdict.past_tense();
    (topic, format!("{} {said} {}{caveat}", statement.person, statement.environment))
}

fn break_glass(decisions: &[Decision]) -> String {
    let reasons: Vec<String> = decisions
        .iter()
        .map(|decision| &decision.statement)
        .filter(|statement| statement.verdict == Verdict::BreakGlass)
        .map(|statement| format!("{}: {}", statement.person, statement.reason.as_deref().unwrap_or_default()))
        .collect();
    format!("BREAK GLASS: production rules were passed over, a review is due: {}", reasons.join("; "))
}

impl std::str::FromStr for Topic {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text).ok_or_else(|| Malformed {
            what: "a topic",
            value: shortened(text, 80),
            rule: "it is one of those that docs/config.md lists under `topics`",
        })
    }
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Started,
        Self::StageCompleted,
        Self::ApprovalRequested,
        Self::ApprovalEscalated,
        Self::ApprovalDecided,
        Self::BreakGlass,
        Self::NeedsHuman,
        Self::Superseded,
        Self::AttemptFailed,
        Self::Failed,
        Self::Completed,
        Self::Cancelled,
        Self::RolledBack,
        Self::RollbackFailed,
        Self::Security,
        Self::IssueLinked,
    ];

    /// Whether the deployment is over with it.
    #[must_use]
    pub fn is_an_end(self) -> bool {
        match self {
            Self::Superseded
            | Self::Failed
            | Self::Completed
            | Self::Cancelled
            | Self::RolledBack
            | Self::RollbackFailed => true,
            Self::Started
            | Self::StageCompleted
            | Self::ApprovalRequested
            | Self::ApprovalEscalated
            | Self::ApprovalDecided
            | Self::BreakGlass
            | Self::NeedsHuman
            | Self::AttemptFailed
            | Self::Security
            | Self::IssueLinked => false,
        }
    }

    /// The wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::StageCompleted => "stage-completed",
            Self::ApprovalRequested => "approval-requested",
            Self::ApprovalEscalated => "approval-escalated",
            Self::ApprovalDecided => "approval-decided",
            Self::BreakGlass => "break-glass",
            Self::NeedsHuman => "needs-human",
            Self::Superseded => "superseded",
            Self::AttemptFailed => "attempt-failed",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::RolledBack => "rolled-back",
            Self::RollbackFailed => "rollback-failed",
            Self::Security => "security",
            Self::IssueLinked => "issue-linked",
        }
    }
}
