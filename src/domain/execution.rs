//! What Harness says of one run of a pipeline, in our words.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::id::{ExecutionId, PipelineId};
use super::time::Timestamp;

/// The status of an execution, made from either of Harness's two vocabularies.
///
/// `Unknown` keeps a word that we have never seen. It is not final: the
/// execution is watched further and the word is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "what")]
pub enum ExecutionStatus {
    /// Accepted, and waiting for a place.
    Queued,
    /// At work.
    Running,
    /// Waits inside Harness for a person: an approval, an intervention, an input.
    NeedsHuman(HumanWait),
    /// Succeeded; also Harness's `IgnoreFailed`, `Skipped` and `Suspended`,
    /// which its backend counts as positive ends.
    Succeeded,
    /// The rollout said no.
    Failed(Failure),
    /// Somebody stopped it.
    Aborted,
    /// A status word that this version does not know.
    Unknown(String),
}

impl ExecutionStatus {
    /// Whether Harness will never change it again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed(_) | Self::Aborted)
    }
}

/// What a person has to do in Harness before the execution goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HumanWait {
    /// A Harness approval step.
    Approval,
    /// A failed step that asks for a decision.
    Intervention,
    /// A runtime input.
    Input,
    /// Somebody paused the run.
    Paused,
}

/// Why something failed, and whether trying again can help. The verdict is
/// given where the failure happens and is never guessed afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind, for code to act on.
    pub cause: Cause,
    /// The reason in words, from outside: shortened, for people, never an instruction.
    pub message: String,
    /// Whether to try again.
    pub retry: Retry,
}

/// The kind of a failure. Wire names are kebab-case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The execution ran and failed.
    PipelineFailed,
    /// The execution ran out of its time in Harness.
    PipelineExpired,
    /// The execution took longer than the config allows its stage, and was stopped for that.
    StageTimeout,
    /// An approval step inside the pipeline was rejected.
    PipelineRejected,
    /// A Harness freeze window stopped the execution.
    Frozen,
    /// Somebody stopped the execution in Harness.
    Aborted,
    /// A Harness policy refused the run.
    PolicyDenied,
    /// Harness could not be reached.
    Unreachable,
    /// Harness did not answer in time.
    Timeout,
    /// Harness wants fewer requests.
    RateLimited,
    /// The API key is wrong, expired or may not do this.
    Unauthorized,
    /// Harness knows no such pipeline, execution or project.
    NotFound,
    /// Harness refused the request as wrong.
    Refused,
    /// Harness answered with a server error.
    Upstream,
    /// The answer was not what the API promises: HTML, broken JSON, too large.
    BadAnswer,
    /// The trigger's reply was lost and no execution with our key appeared.
    Lost,
    /// Our own validation found an error.
    Invalid,
    /// The deploy went through, and the environment did not answer as it should.
    Unhealthy,
}

impl Cause {
    /// Whether an execution that failed for this may have begun to change its
    /// environment. Where somebody said no, or nobody knows what ran, it is not held to have.
    #[must_use]
    pub fn is_of_the_rollout(self) -> bool {
        match self {
            Self::PipelineFailed | Self::PipelineExpired | Self::StageTimeout | Self::Unhealthy => true,
            Self::PipelineRejected
            | Self::Frozen
            | Self::Aborted
            | Self::PolicyDenied
            | Self::Unreachable
            | Self::Timeout
            | Self::RateLimited
            | Self::Unauthorized
            | Self::NotFound
            | Self::Refused
            | Self::Upstream
            | Self::BadAnswer
            | Self::Lost
            | Self::Invalid => false,
        }
    }

    /// The wire name, for views and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PipelineFailed => "pipeline-failed",
            Self::PipelineExpired => "pipeline-expired",
            Self::StageTimeout => "stage-timeout",
            Self::PipelineRejected => "pipeline-rejected",
            Self::Frozen => "frozen",
            Self::Aborted => "aborted",
            Self::PolicyDenied => "policy-denied",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate-limited",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not-found",
            Self::Refused => "refused",
            Self::Upstream => "upstream",
            Self::BadAnswer => "bad-answer",
            Self::Lost => "lost",
            Self::Invalid => "invalid",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Retry {
    /// Yes; not before `after`, where the other side named a time.
    Retryable {
        /// From a `Retry-After` header.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_millis")]
        after: Option<Duration>,
    },
    /// No, or nobody knows.
    Final,
}

/// An execution as it looked at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Which execution.
    pub execution: ExecutionId,
    /// Of which pipeline.
    pub pipeline: PipelineId,
    /// Its status in our words.
    pub status: ExecutionStatus,
    /// Its status in Harness's word, shortened.
    pub harness_status: String,
    /// When it started, if it has.
    pub started_at: Option<Timestamp>,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
}

mod optional_millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(after: &Option<Duration>, out: S) -> Result<S::Ok, S::Error> {
        after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)).serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
    }
}
