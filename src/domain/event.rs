//! What moves a deployment.

use serde::{Deserialize, Serialize};

use super::decision::Decision;
use super::deployment::Spec;
use super::gate::Gate;
use super::id::{DeploymentId, EnvironmentName, FreezeName};
use super::place::Hold;
use super::run::RunEvent;
use super::state::Restore;
use super::subject::Digest;

/// An event's wire name, UPPER_SNAKE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventName(pub String);

impl std::fmt::Display for EventName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

/// Everything that can happen to a deployment. The stored events, applied in
/// order, give the stored row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// Something that moves the deployment from state to state, or its approval.
    Main(MainEvent),
    /// Something that happens to the present attempt inside a state.
    Run(RunEvent),
}

/// What moves the deployment from state to state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", tag = "event")]
pub enum MainEvent {
    /// The first event: what is to be deployed.
    Created {
        /// It.
        spec: Box<Spec>,
    },
    /// Begin.
    Start,
    /// The present stage is done. Its wire name depends on the stage.
    StageComplete {
        /// The claim.
        completion: Completion,
    },
    /// The present stage failed.
    Failure,
    /// It stays before the environment that is next. Recorded when other things hold it than before.
    Held {
        /// What.
        by: Vec<Hold>,
    },
    /// It is held for long: people are told.
    HeldLong,
    /// It has the environment for itself from now on.
    PlaceTaken {
        /// The environment.
        environment: EnvironmentName,
        /// What would have held it, and is waived on its path.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waived: Vec<Hold>,
    },
    /// Somebody lets it pass a freeze.
    FreezeOverridden {
        /// The freeze.
        freeze: FreezeName,
        /// Why, from the caller, shortened.
        reason: String,
    },
    /// A newer deployment goes into the environment instead.
    Superseded {
        /// That one.
        by: DeploymentId,
    },
    /// The engine asks people.
    ApprovalRequested {
        /// The rules as the config has them now.
        gate: Box<Gate>,
        /// The digest of what will happen.
        digest: Digest,
    },
    /// A person answered.
    DecisionMade {
        /// The answer with its signature.
        decision: Decision,
    },
    /// People are asked once more.
    ApprovalReminded,
    /// Nobody has decided for long: others are told, too.
    ApprovalEscalated,
    /// Somebody takes the request back before it is decided.
    ApprovalWithdrawn {
        /// Why, from the caller, shortened.
        reason: String,
    },
    /// The request no longer fits what would happen; another will be opened.
    ApprovalVoided {
        /// Why.
        reason: String,
    },
    /// What is stored is not what was recorded: nothing may rest on it.
    TamperingFound {
        /// What does not fit.
        what: String,
    },
    /// The approval rules are met.
    Approved,
    /// Somebody rejected.
    Rejected,
    /// Nobody decided in time.
    ApprovalExpired,
    /// Try the failed stage again with the same commit.
    Retry,
    /// Stop.
    Cancel {
        /// Why, from the caller, shortened.
        reason: String,
    },
    /// Nothing runs any more.
    Cancelled,
    /// Put the touched environments back.
    Rollback {
        /// Why, from the caller, shortened.
        reason: String,
        /// Production first: each touched environment and its last good version.
        targets: Vec<Restore>,
        /// The touched environments in which another deployment has been since. They
        /// keep what they have: it is not this deployment's any more.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        overtaken: Vec<EnvironmentName>,
        /// The touched environments of which no good version is known. They keep what they have, too.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unknown: Vec<EnvironmentName>,
    },
    /// The rollout failed, and cannot be undone without anybody asking.
    RollbackImpossible {
        /// Why not.
        reason: String,
    },
    /// Another deployment has been in the present environment since the rollback
    /// was asked for. It keeps what it has.
    RestoreOvertaken {
        /// The environment.
        environment: EnvironmentName,
        /// That deployment.
        by: DeploymentId,
    },
    /// The present environment of the rollback has its version back.
    EnvironmentRestored,
    /// All have.
    RollbackComplete,
    /// One could not be restored.
    RollbackFailed,
}

/// The claim that a stage is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "stage", content = "environment")]
pub enum Completion {
    /// `VALIDATION_COMPLETE`
    Validating,
    /// `BUILD_COMPLETE`
    Building,
    /// `TESTS_PASSED`
    Testing,
    /// `<ENV>_DEPLOYED`
    Deploying(EnvironmentName),
}

impl From<MainEvent> for Event {
    fn from(event: MainEvent) -> Self {
        Self::Main(event)
    }
}

impl From<RunEvent> for Event {
    fn from(event: RunEvent) -> Self {
        Self::Run(event)
    }
}

impl Event {
    /// The wire name.
    #[must_use]
    pub fn name(&self) -> EventName {
        let name = match self {
            Self::Main(event) => return event.name(),
            Self::Run(RunEvent::ValidationReported { .. }) => "VALIDATION_REPORTED",
            Self::Run(RunEvent::TriggerIntended { .. }) => "TRIGGER_INTENDED",
            Self::Run(RunEvent::TriggerAccepted { .. }) => "TRIGGER_ACCEPTED",
            Self::Run(RunEvent::TriggerLost { .. }) => "TRIGGER_LOST",
            Self::Run(RunEvent::AttemptFailed { .. }) => "ATTEMPT_FAILED",
            Self::Run(RunEvent::ExecutionObserved { .. }) => "EXECUTION_OBSERVED",
            Self::Run(RunEvent::HealthObserved { .. }) => "HEALTH_OBSERVED",
            Self::Run(RunEvent::HealthTimedOut) => "HEALTH_TIMED_OUT",
            Self::Run(RunEvent::AbortRequested) => "ABORT_REQUESTED",
            Self::Run(RunEvent::RetryScheduled { .. }) => "RETRY_SCHEDULED",
            Self::Run(RunEvent::OutcomeResolved) => "OUTCOME_RESOLVED",
        };
        EventName(name.to_owned())
    }
}

impl MainEvent {
    /// The wire name.
    #[must_use]
    pub fn name(&self) -> EventName {
        let name = match self {
            Self::Created { .. } => "CREATED",
            Self::Start => "START",
            Self::StageComplete { completion } => return completion.name(),
            Self::Failure => "FAILURE",
            Self::Held { .. } => "HELD",
            Self::HeldLong => "HELD_LONG",
            Self::PlaceTaken { .. } => "PLACE_TAKEN",
            Self::FreezeOverridden { .. } => "FREEZE_OVERRIDDEN",
            Self::Superseded { .. } => "SUPERSEDED",
            Self::ApprovalRequested { .. } => "APPROVAL_REQUESTED",
            Self::DecisionMade { .. } => "DECISION_MADE",
            Self::ApprovalReminded => "APPROVAL_REMINDED",
            Self::ApprovalEscalated => "APPROVAL_ESCALATED",
            Self::ApprovalWithdrawn { .. } => "APPROVAL_WITHDRAWN",
            Self::ApprovalVoided { .. } => "APPROVAL_VOIDED",
            Self::TamperingFound { .. } => "TAMPERING_FOUND",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::ApprovalExpired => "APPROVAL_EXPIRED",
            Self::Retry => "RETRY",
            Self::Cancel { .. } => "CANCEL",
            Self::Cancelled => "CANCELLED",
            Self::Rollback { .. } => "ROLLBACK",
            Self::RollbackImpossible { .. } => "ROLLBACK_IMPOSSIBLE",
            Self::RestoreOvertaken { .. } => "RESTORE_OVERTAKEN",
            Self::EnvironmentRestored => "ENVIRONMENT_RESTORED",
            Self::RollbackComplete => "ROLLBACK_COMPLETE",
            Self::RollbackFailed => "ROLLBACK_FAILED",
        };
        EventName(name.to_owned())
    }
}

impl Completion {
    /// The wire name.
    #[must_use]
    pub fn name(&self) -> EventName {
        EventName(match self {
            Self::Validating => "VALIDATION_COMPLETE".to_owned(),
            Self::Building => "BUILD_COMPLETE".to_owned(),
            Self::Testing => "TESTS_PASSED".to_owned(),
            Self::Deploying(environment) => {
                format!("{}_DEPLOYED", environment.as_str().to_ascii_uppercase().replace('-', "_"))
            }
        })
    }
}
