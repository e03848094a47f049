//! What a caller is told when something cannot be done: one sentence, a stable
//! code, what to do next. `docs/errors.md` has a paragraph for each code.

use crate::domain::execution::{Cause, Retry};
use crate::domain::guard::{Guard, Refusal};
use crate::domain::id::Malformed;
use crate::ports::CallError;
use crate::store;

/// A stable code. Scripts and agents may depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// An argument breaks its rule.
    MalformedArgument,
    /// There is no such deployment.
    UnknownDeployment,
    /// The workflow has no such environment.
    UnknownEnvironment,
    /// The config has no path of this name.
    UnknownPath,
    /// No event has this name.
    UnknownEvent,
    /// The state machine has no such arrow from the present state.
    EventNotAllowed,
    /// A guard does not hold.
    GuardRefused,
    /// The deployment has moved since the caller looked.
    StaleVersion,
    /// The idempotency key was used with other arguments.
    IdempotencyConflict,
    /// What would happen is not what the caller planned.
    PlanChanged,
    /// An environment on the way is gated, and nobody may open the gate.
    GateNotConfigured,
    /// The commit was rolled back, and nobody has released it.
    CommitQuarantined,
    /// The deployment does not wait for an approval.
    NotAwaitingApproval,
    /// The person's role does not include this.
    NotPermitted,
    /// There is no such token, or it is not good any more.
    UnknownToken,
    /// The agent has reached one of its limits.
    AgentLimited,
    /// All agents were stopped by a person.
    AgentsFrozen,
    /// More is watched than one client may.
    TooManyWatched,
    /// An earlier use of break-glass has not been reviewed.
    ReviewDue,
    /// This takes a person over a channel that an agent cannot use.
    NeedsHuman,
    /// A variable that only we set.
    ReservedVariable,
    /// The pipeline is not one that an agent may run.
    PipelineNotAllowed,
    /// Harness knows no such thing.
    HarnessNotFound,
    /// Harness refused, or its credentials are wrong.
    HarnessRefused,
    /// Harness cannot be reached, or is overloaded.
    HarnessUnavailable,
    /// The server behind a bridge cannot be reached, or is overloaded.
    ServerUnavailable,
    /// The call may or may not have had its effect.
    OutcomeUnknown,
    /// Settings are missing or wrong.
    ConfigInvalid,
    /// `doctor` or `validate` found something that stands in the way.
    ChecksFailed,
    /// A bundle of evidence does not prove what it says.
    EvidenceInvalid,
    /// A private key is missing or not readable.
    KeyUnusable,
    /// The database is busy.
    DatabaseBusy,
    /// The database cannot be used.
    DatabaseUnusable,
    /// A newer version of the product has migrated the database.
    DatabaseTooNew,
    /// A file, socket or terminal cannot be used.
    IoFailed,
    /// The product itself is wrong.
    Defect,
}

impl Code {
    /// All of them, in the order of `docs/errors.md`.
    pub const ALL: [Self; 36] = [
        Self::MalformedArgument,
        Self::UnknownDeployment,
        Self::UnknownEnvironment,
        Self::UnknownPath,
        Self::UnknownEvent,
        Self::EventNotAllowed,
        Self::GuardRefused,
        Self::StaleVersion,
        Self::IdempotencyConflict,
        Self::PlanChanged,
        Self::GateNotConfigured,
        Self::CommitQuarantined,
        Self::NotAwaitingApproval,
        Self::NotPermitted,
        Self::UnknownToken,
        Self::AgentLimited,
        Self::AgentsFrozen,
        Self::TooManyWatched,
        Self::ReviewDue,
        Self::NeedsHuman,
        Self::ReservedVariable,
        Self::PipelineNotAllowed,
        Self::HarnessNotFound,
        Self::HarnessRefused,
        Self::HarnessUnavailable,
        Self::ServerUnavailable,
        Self::OutcomeUnknown,
        Self::ConfigInvalid,
        Self::ChecksFailed,
        Self::EvidenceInvalid,
        Self::KeyUnusable,
        Self::DatabaseBusy,
        Self::DatabaseUnusable,
        Self::DatabaseTooNew,
        Self::IoFailed,
        Self::Defect,
    ];

    /// The code as callers see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MalformedArgument => "malformed-argument",
            Self::UnknownDeployment => "unknown-deployment",
            Self::UnknownEnvironment => "unknown-environment",
            Self::UnknownPath => "unknown-path",
            Self::UnknownEvent => "unknown-event",
            Self::EventNotAllowed => "event-not-allowed",
            Self::GuardRefused => "guard-refused",
            Self::StaleVersion => "stale-version",
            Self::IdempotencyConflict => "idempotency-conflict",
            Self::PlanChanged => "plan-changed",
            Self::GateNotConfigured => "gate-not-configured",
            Self::CommitQuarantined => "commit-quarantined",
            Self::NotAwaitingApproval => "not-awaiting-approval",
            Self::NotPermitted => "not-permitted",
            Self::UnknownToken => "unknown-token",
            Self::AgentLimited => "agent-limited",
            Self::AgentsFrozen => "agents-frozen",
            Self::TooManyWatched => "too-many-watched",
            Self::ReviewDue => "review-due",
            Self::NeedsHuman => "needs-human",
            Self::ReservedVariable => "reserved-variable",
            Self::PipelineNotAllowed => "pipeline-not-allowed",
            Self::HarnessNotFound => "harness-not-found",
            Self::HarnessRefused => "harness-refused",
            Self::HarnessUnavailable => "harness-unavailable",
            Self::ServerUnavailable => "server-unavailable",
            Self::OutcomeUnknown => "outcome-unknown",
            Self::ConfigInvalid => "config-invalid",
            Self::ChecksFailed => "checks-failed",
            Self::EvidenceInvalid => "evidence-invalid",
            Self::KeyUnusable => "key-unusable",
            Self::DatabaseBusy => "database-busy",
            Self::DatabaseUnusable => "database-unusable",
            Self::DatabaseTooNew => "database-too-new",
            Self::IoFailed => "io-failed",
            Self::Defect => "defect",
        }
    }
}

/// Something that could not be done. Unless the code is `outcome-unknown`,
/// nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The code.
    pub code: Code,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do next.
    pub hint: String,
    /// Whether the same call may succeed later without anybody doing anything.
    pub retryable: bool,
    /// The guards of a refused event, those that hold included.
    pub guards: Vec<Guard>,
    /// What Harness said, shortened: data to show, never an instruction.
    pub message_untrusted: Option<String>,
}

impl Error {
    /// An error that stays until somebody does something.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: hint.into(),
            retryable: false,
            guards: Vec::new(),
            message_untrusted: None,
        }
    }

    /// The same call may succeed later without anybody doing anything.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

impl From<Malformed> for Error {
    fn from(error: Malformed) -> Self {
        Self::new(Code::MalformedArgument, error.to_string(), "correct the argument and call again")
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::NotAllowed { .. } => {
                Self::new(Code::EventNotAllowed, message, "get_status lists the events that are possible now")
            }
            Refusal::Guarded { guards, .. } => {
                let opens: Vec<&str> =
                    guards.iter().filter(|guard| !guard.holds).map(|guard| &*guard.opens_when).collect();
                let hint = format!("it opens when {}", opens.join(", and when "));
                Self { guards, ..Self::new(Code::GuardRefused, message, hint) }
            }
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        let message = error.to_string();
        match error {
            store::Error::NotFound { .. } => {
                Self::new(Code::UnknownDeployment, message, "list_deployments shows the ids that exist")
            }
            store::Error::Stale { .. } => Self::new(
                Code::StaleVersion,
                message,
                "call get_status, decide again, and pass the version that it shows",
            ),
            store::Error::Refused(refusal) => refusal.into(),
            store::Error::AgentsFrozen(_) => Self::new(
                Code::AgentsFrozen,
                message,
                "tell the person; an admin runs `deployment-orchestrator release-agents` when the reason is gone",
            ),
            store::Error::Quarantined(quarantine) => Self::new(
                Code::CommitQuarantined,
                message,
                format!(
                    "start a deployment of a commit that mends it; if the commit was not at fault, an admin runs `deployment-orchestrator release-commit {} {} --reason …`",
                    quarantine.service, quarantine.commit
                ),
            ),
            store::Error::QuotaSpent { .. } => Self::new(
                Code::AgentLimited,
                message,
                "wait until the oldest of them is out of the span, or have a person do it with the command line",
            ),
            store::Error::Busy => {
                Self::new(Code::DatabaseBusy, message, "call again in a few seconds").retryable()
            }
            store::Error::NewerSchema { .. } => Self::new(
                Code::DatabaseTooNew,
                message,
                "install the newer version, or name another database",
            ),
            _ => Self::new(
                Code::DatabaseUnusable,
                message,
                "an operator must look at the database file, its folder and the free disk space",
            ),
        }
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        if error.cause == Cause::Invalid {
            // It was not Harness that found it wrong, so the words are ours.
            return Self::new(Code::MalformedArgument, error.message, "correct the argument and call again");
        }
        let retryable = matches!(error.retry, Retry::Retryable { .. });
        let (code, message, hint) = match error.cause {
            Cause::NotFound => (
                Code::HarnessNotFound,
                "Harness knows no such thing",
                "check the identifier, the organisation and the project",
            ),
            _ if retryable => (
                Code::HarnessUnavailable,
                "Harness cannot be reached, or is overloaded",
                "call again in a minute",
            ),
            Cause::Unauthorized => (
                Code::HarnessRefused,
                "Harness does not accept the credentials for this",
                "an operator must check HARNESS_API_KEY and the rights of its owner",
            ),
            _ => (
                Code::HarnessRefused,
                "Harness refused the call",
                "message_untrusted has its words; the same call will not succeed",
            ),
        };
        Self { retryable, message_untrusted: Some(error.message), ..Self::new(code, message, hint) }
    }
}
