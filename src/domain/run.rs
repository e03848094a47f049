//! One visit of a stage: its attempts and the execution of the present one.
//!
//! This is the inner machine. It knows how an attempt becomes an execution and
//! how that ends; what the end means for the deployment is decided outside.

use serde::{Deserialize, Serialize};

use super::execution::{Cause, ExecutionStatus, Failure, HumanWait, Retry};
use super::finding::ValidationReport;
use super::gate::PolicyVersion;
use super::guard::Guard;
use super::health::{Answer, Probing};
use super::id::{CorrelationKey, ExecutionId, PipelineId};
use super::retry::MAX_ATTEMPTS;
use super::subject::Digest;
use super::terms::Terms;
use super::time::Timestamp;

/// The present attempt of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Which attempt of this visit, from 1 to [`MAX_ATTEMPTS`].
    pub attempt: u32,
    /// How far it is.
    pub status: RunStatus,
}

/// How far an attempt is. Wire names are kebab-case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
pub enum RunStatus {
    /// Nothing was sent.
    NotStarted {
        /// The backoff timer.
        not_before: Timestamp,
    },
    /// The intent is committed; the call is on its way, or its process died.
    Triggering {
        /// The key that finds the execution.
        key: CorrelationKey,
        /// Since when.
        since: Timestamp,
    },
    /// The trigger may or may not have happened.
    OutcomeUnknown {
        /// The key that finds the execution.
        key: CorrelationKey,
        /// When the intent was committed.
        since: Timestamp,
    },
    /// Harness has the execution and has not ended it.
    Live {
        /// The execution.
        execution: Execution,
        /// What Harness does with it.
        phase: Phase,
        /// When Harness took a request to stop it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        abort_requested_at: Option<Timestamp>,
    },
    /// The execution succeeded, and the environment is asked whether it is healthy.
    Probing {
        /// The execution.
        execution: Execution,
        /// How far the asking is.
        health: Probing,
    },
    /// The attempt ended well. Validation has no execution.
    Succeeded {
        /// The execution.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        execution: Option<Execution>,
    },
    /// The attempt failed. Without an execution it is known not to have run,
    /// or, with the cause [`Cause::Lost`], it never appeared.
    Failed {
        /// The execution.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        execution: Option<Execution>,
        /// Why.
        failure: Failure,
    },
    /// Harness confirms that the execution was stopped.
    Aborted {
        /// The execution.
        execution: Execution,
    },
}

/// An execution that an attempt owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// Harness's id.
    pub id: ExecutionId,
    /// The pipeline.
    pub pipeline: PipelineId,
    /// The key that it carries.
    pub key: CorrelationKey,
    /// When the intent to start it was committed.
    pub since: Timestamp,
}

/// What Harness does with an execution that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "what")]
pub enum Phase {
    /// It waits for a place.
    Queued,
    /// It runs.
    Running,
    /// It waits inside Harness for a person.
    NeedsHuman(HumanWait),
    /// Harness said a word that we do not know; it is watched further.
    Unknown(String),
}

/// What happens to an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", tag = "event")]
pub enum RunEvent {
    /// Validation has looked at everything.
    ValidationReported {
        /// What it found.
        report: ValidationReport,
    },
    /// About to call Harness. Committed before the call, so that a crash leaves
    /// a key to look for.
    TriggerIntended {
        /// The fresh key of this attempt.
        key: CorrelationKey,
        /// The digest of what will be sent.
        digest: Digest,
        /// The policy of the gate as the config has it now; `None` where there is no gate.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy: Option<PolicyVersion>,
    },
    /// Harness runs it: by the reply to the call, or found by its key.
    TriggerAccepted {
        /// The execution.
        execution: ExecutionId,
        /// Its pipeline.
        pipeline: PipelineId,
    },
    /// The reply was lost.
    TriggerLost {
        /// What was seen instead, from outside, shortened.
        message: String,
    },
    /// The attempt failed without an execution.
    AttemptFailed {
        /// Why.
        failure: Failure,
    },
    /// Harness reports a status that differs from the stored one.
    ExecutionObserved {
        /// The new status.
        status: ExecutionStatus,
    },
    /// The environment was asked whether it is healthy.
    HealthObserved {
        /// What came back.
        answer: Answer,
    },
    /// It did not get healthy in time.
    HealthTimedOut,
    /// Harness took the request to stop the execution.
    AbortRequested,
    /// The failed attempt will be made again.
    RetryScheduled {
        /// When.
        not_before: Timestamp,
    },
    /// A person has looked in Harness: the lost trigger did not run.
    OutcomeResolved,
}

impl Run {
    /// The first attempt, due at once.
    #[must_use]
    pub fn first() -> Self {
        Self { attempt: 1, status: RunStatus::NotStarted { not_before: Timestamp::EPOCH } }
    }

    /// Whether nothing of it runs or may run in Harness.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        match self.status {
            RunStatus::NotStarted { .. }
            | RunStatus::Probing { .. }
            | RunStatus::Succeeded { .. }
            | RunStatus::Failed { .. }
            | RunStatus::Aborted { .. } => true,
            RunStatus::Triggering { .. } | RunStatus::OutcomeUnknown { .. } | RunStatus::Live { .. } => false,
        }
    }

    /// The execution, if it is known.
    #[must_use]
    pub fn execution(&self) -> Option<&Execution> {
        match &self.status {
            RunStatus::Live { execution, .. }
            | RunStatus::Probing { execution, .. }
            | RunStatus::Aborted { execution } => Some(execution),
            RunStatus::Succeeded { execution } | RunStatus::Failed { execution, .. } => execution.as_ref(),
            RunStatus::NotStarted { .. }
            | RunStatus::Triggering { .. }
            | RunStatus::OutcomeUnknown { .. } => None,
        }
    }

    /// Whether the failed attempt may be made again at a stage that is
    /// `cautious` or not.
    #[must_use]
    pub fn may_repeat(&self, cautious: bool) -> bool {
        match &self.status {
            RunStatus::Failed { execution, failure } => {
                let known_not_to_have_run = execution.is_none() && failure.cause != Cause::Lost;
                matches!(failure.retry, Retry::Retryable { .. })
                    && self.attempt < MAX_ATTEMPTS
                    && (!cautious || known_not_to_have_run)
            }
            _ => false,
        }
    }

    /// The attempt after `event`, with the guards of that arrow; `None` where
    /// there is no such arrow.
    #[must_use]
    pub fn after(
        &self,
        event: &RunEvent,
        terms: Terms<'_>,
        at: Timestamp,
    ) -> Option<(RunStatus, Vec<Guard>)> {
        use RunStatus::{Failed, Live, NotStarted, OutcomeUnknown, Probing, Succeeded, Triggering};
        let Terms { cautious, health, .. } = terms;
        let plain = |status| Some((status, Vec::new()));
        match (&self.status, event) {
            (NotStarted { .. }, RunEvent::ValidationReported { report }) => {
                plain(match report.errors.first() {
                    None => Succeeded { execution: None },
                    Some(error) => Failed {
                        execution: None,
                        failure: Failure {
                            cause: Cause::Invalid,
                            message: error.message.clone(),
                            retry: Retry::Final,
                        },
                    },
                })
            }
            (NotStarted { not_before }, RunEvent::TriggerIntended { key, .. }) => Some((
                Triggering { key: key.clone(), since: at },
                vec![Guard::new(
                    "backoff-elapsed",
                    at >= *not_before,
                    format!("due at {}", not_before.to_rfc3339()),
                    "the backoff timer has run out",
                )],
            )),
            (NotStarted { .. } | Triggering { .. }, RunEvent::AttemptFailed { failure }) => {
                plain(Failed { execution: None, failure: failure.clone() })
            }
            (OutcomeUnknown { .. }, RunEvent::AttemptFailed { failure }) => Some((
                Failed { execution: None, failure: failure.clone() },
                vec![Guard::new(
                    "repeatable",
                    !cautious,
                    if cautious { "a production stage" } else { "not a production stage" },
                    "a person has looked in Harness and resolved the outcome",
                )],
            )),
            (
                Triggering { key, since } | OutcomeUnknown { key, since },
                RunEvent::TriggerAccepted { execution, pipeline },
            ) => plain(Live {
                execution: Execution {
                    id: execution.clone(),
                    pipeline: pipeline.clone(),
                    key: key.clone(),
                    since: *since,
                },
                phase: Phase::Queued,
                abort_requested_at: None,
            }),
            (Triggering { key, since }, RunEvent::TriggerLost { .. }) => {
                plain(OutcomeUnknown { key: key.clone(), since: *since })
            }
            (OutcomeUnknown { .. }, RunEvent::OutcomeResolved) => plain(NotStarted { not_before: at }),
            (Live { execution, abort_requested_at, .. }, RunEvent::ExecutionObserved { status }) => {
                plain(observed(execution.clone(), *abort_requested_at, status, terms, at))
            }
            (Probing { execution, health: probing }, RunEvent::HealthObserved { answer }) => {
                let check = health?;
                let probing = check.after(probing, *answer, at);
                let execution = execution.clone();
                plain(if check.is_met(&probing) {
                    Succeeded { execution: Some(execution) }
                } else {
                    Probing { execution, health: probing }
                })
            }
            (Probing { execution, health: probing }, RunEvent::HealthTimedOut) => Some((
                Failed { execution: Some(execution.clone()), failure: health?.failure(probing) },
                vec![Guard::new(
                    "its-time-is-over",
                    at >= probing.until,
                    format!("it has time until {}", probing.until.to_rfc3339()),
                    "that time has passed",
                )],
            )),
            (Live { execution, phase, .. }, RunEvent::AbortRequested) => plain(Live {
                execution: execution.clone(),
                phase: phase.clone(),
                abort_requested_at: Some(at),
            }),
            (Failed { .. }, RunEvent::RetryScheduled { not_before }) => Some((
                NotStarted { not_before: *not_before },
                vec![Guard::new(
                    "repeatable",
                    self.may_repeat(cautious),
                    format!("attempt {} of {MAX_ATTEMPTS}", self.attempt),
                    "the failure is retryable, attempts are left, and a production attempt did not run",
                )],
            )),
            // No arrow; the table of `tests/state_table` has each such pair.
            _ => None,
        }
    }

    /// The number of the attempt once its status is `next`.
    #[must_use]
    pub fn advanced(&self, next: RunStatus, event: &RunEvent) -> Self {
        let repeated = matches!(event, RunEvent::RetryScheduled { .. });
        Self { attempt: self.attempt + u32::from(repeated), status: next }
    }
}

fn observed(
    execution: Execution,
    abort_requested_at: Option<Timestamp>,
    status: &ExecutionStatus,
    terms: Terms<'_>,
    at: Timestamp,
) -> RunStatus {
    let live = |execution, phase| RunStatus::Live { execution, phase, abort_requested_at };
    match status {
        ExecutionStatus::Queued => live(execution, Phase::Queued),
        ExecutionStatus::Running => live(execution, Phase::Running),
        ExecutionStatus::NeedsHuman(wait) => live(execution, Phase::NeedsHuman(*wait)),
        ExecutionStatus::Unknown(word) => live(execution, Phase::Unknown(word.clone())),
        ExecutionStatus::Succeeded => match terms.health {
            Some(check) => RunStatus::Probing { execution, health: check.begin(at) },
            None => RunStatus::Succeeded { execution: Some(execution) },
        },
        ExecutionStatus::Failed(failure) => {
            RunStatus::Failed { execution: Some(execution), failure: failure.clone() }
        }
        // We asked for it because its time was over, or somebody else stopped it.
        ExecutionStatus::Aborted => {
            match abort_requested_at.and_then(|asked| terms.overdue(&execution, asked)) {
                Some(failure) => RunStatus::Failed { execution: Some(execution), failure },
                None => RunStatus::Aborted { execution },
            }
        }
    }
}

impl RunEvent {
    /// Whether something is tried with this event, at a run that is `status`: validation
    /// reports, the engine is about to call Harness, or could not even do that.
    #[must_use]
    pub fn begins_an_attempt(&self, status: &RunStatus) -> bool {
        match self {
            Self::ValidationReported { .. } | Self::TriggerIntended { .. } => true,
            Self::AttemptFailed { .. } => matches!(status, RunStatus::NotStarted { .. }),
            _ => false,
        }
    }
}

impl RunStatus {
    /// The wire name of the execution status inside a stage.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotStarted { .. } => "not-started",
            Self::Triggering { .. } => "triggering",
            Self::OutcomeUnknown { .. } => "outcome-unknown",
            Self::Live { phase: Phase::Queued, .. } => "queued",
            Self::Live { phase: Phase::Running | Phase::Unknown(_), .. } => "running",
            Self::Live { phase: Phase::NeedsHuman(_), .. } => "needs-human",
            Self::Probing { .. } => "probing",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Aborted { .. } => "aborted",
        }
    }
}
