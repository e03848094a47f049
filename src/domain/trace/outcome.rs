//! What came of a part of a deployment, in the words of OpenTelemetry.

use crate::domain::execution::{Cause, ExecutionStatus, Failure};
use crate::domain::run::{Run, RunEvent, RunStatus};
use crate::domain::state::{FailureReason, State};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) result: Result,
    /// What kind of error it was, if it was one: the wire name of a cause or a reason.
    pub(super) error: Option<&'static str>,
    /// What Harness or an environment said, shortened: from outside.
    pub(super) message: Option<String>,
}

/// The values of `cicd.pipeline.result`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Result {
    /// It did what it was for.
    Success,
    /// It said no.
    Failure,
    /// It could not be done.
    Error,
    /// Its time was over.
    Timeout,
    /// It was stopped, or something else came between.
    Cancellation,
}

impl Result {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Cancellation => "cancellation",
        }
    }
}

impl Outcome {
    pub(super) const SUCCESS: Self = Self { result: Result::Success, error: None, message: None };
    pub(super) const CANCELLATION: Self = Self { result: Result::Cancellation, error: None, message: None };

    pub(super) fn error(result: Result, error: &'static str) -> Self {
        Self { result, error: Some(error), message: None }
    }

    pub(super) fn of_failure(failure: &Failure) -> Self {
        let result = match failure.cause {
            Cause::PipelineFailed
            | Cause::PipelineRejected
            | Cause::Frozen
            | Cause::PolicyDenied
            | Cause::Invalid
            | Cause::Unhealthy => Result::Failure,
            Cause::PipelineExpired | Cause::StageTimeout | Cause::Timeout => Result::Timeout,
            Cause::Aborted => return Self::CANCELLATION,
            Cause::Unreachable
            | Cause::RateLimited
            | Cause::Unauthorized
            | Cause::NotFound
            | Cause::Refused
            | Cause::Upstream
            | Cause::BadAnswer
            | Cause::Lost => Result::Error,
        };
        let message = Some(failure.message.clone()).filter(|message| !message.is_empty());
        Self { result, error: Some(failure.cause.as_str()), message }
    }

    /// Why a deployment failed. What people said of it is not repeated.
    pub(super) fn of_reason(reason: &FailureReason) -> Self {
        match reason {
            FailureReason::ValidationFailed { failure }
            | FailureReason::TestsFailed { failure }
            | FailureReason::StageFailed { failure }
            | FailureReason::StageErrored { failure } => Self::of_failure(failure),
            FailureReason::StageAborted | FailureReason::Superseded { .. } => Self::CANCELLATION,
            FailureReason::ApprovalRejected { .. } => Self::error(Result::Failure, reason.name()),
            FailureReason::ApprovalExpired => Self::error(Result::Timeout, reason.name()),
            FailureReason::Tampered { .. } => Self::error(Result::Error, reason.name()),
        }
    }

    /// What became of a deployment that is over.
    pub(super) fn of_end(state: &State) -> Self {
        match state {
            State::Completed => Self::SUCCESS,
            State::Failed { reason, .. } => Self::of_reason(reason),
            State::RolledBack => Self::error(Result::Failure, "rolled-back"),
            State::RollbackFailed { failure } => Self::of_failure(failure),
            State::Cancelled
            | State::Pending
            | State::Active { .. }
            | State::AwaitingApproval { .. }
            | State::Cancelling { .. }
            | State::RollingBack(_) => Self::CANCELLATION,
        }
    }

    /// What came of an attempt that is at rest, and still the present one.
    pub(super) fn of_run(run: &Run) -> Self {
        match &run.status {
            RunStatus::Succeeded { .. } => Self::SUCCESS,
            RunStatus::Failed { failure, .. } => Self::of_failure(failure),
            // A person has found that it did not run.
            RunStatus::NotStarted { .. } => Self::error(Result::Error, Cause::Lost.as_str()),
            RunStatus::Aborted { .. }
            | RunStatus::Triggering { .. }
            | RunStatus::OutcomeUnknown { .. }
            | RunStatus::Live { .. }
            | RunStatus::Probing { .. } => Self::CANCELLATION,
        }
    }

    /// What came of an attempt that was `run`, and with this event is no longer there.
    pub(super) fn of_left(run: &Run, event: Option<&RunEvent>) -> Self {
        match (event, &run.status) {
            (Some(RunEvent::ExecutionObserved { status: ExecutionStatus::Succeeded }), _) => Self::SUCCESS,
            (Some(RunEvent::ExecutionObserved { status: ExecutionStatus::Failed(failure) }), _)
            | (Some(RunEvent::AttemptFailed { failure }), _)
            | (_, RunStatus::Failed { failure, .. }) => Self::of_failure(failure),
            _ => Self::CANCELLATION,
        }
    }
}
