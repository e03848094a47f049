//! The seams to the outside world: what the engine and the use cases need of
//! Harness, and of whoever is told. Traits and their values; no implementation.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::digest::Digest;
use crate::domain::drift::{Rollout, Unread};
use crate::domain::execution::{Cause, Failure, Observation, Retry};
use crate::domain::health::Answer;
use crate::domain::id::{Branch, CorrelationKey, ExecutionId, IssueKey, PipelineId, VariableName};
use crate::domain::message::Message;
pub use crate::domain::message::Thread;
use crate::domain::rollback_way::HarnessRollback;
use crate::domain::runtime_input::RuntimeInputs;
use crate::domain::time::Timestamp;

/// A run that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerRequest {
    /// The pipeline to run.
    pub pipeline: PipelineId,
    /// What finds the run again when the reply is lost. Sent as a pipeline
    /// variable (its name is the client's setting) and in the run's notes.
    pub key: CorrelationKey,
    /// Runtime inputs: pipeline variables by name.
    pub inputs: BTreeMap<VariableName, String>,
    /// Input sets in Harness, merged below `inputs`.
    pub input_sets: Vec<String>,
    /// The branch of the pipeline's own YAML, for pipelines kept in Git.
    pub pipeline_branch: Option<Branch>,
}

/// A call to Harness that did not give what it should have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// The kind.
    pub cause: Cause,
    /// One sentence, safe to show: no key, no HTML, shortened.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retry: Retry,
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self { cause: error.cause, message: error.message, retry: error.retry }
    }
}

/// A trigger without an execution to show for it. The difference is what
/// decides whether the call may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TriggerError {
    /// It is certain that no run was started: Harness refused, or was never reached.
    #[error("the pipeline was not started: {0}")]
    NotRun(CallError),
    /// A run may or may not exist: the reply was lost, late, a server error or not Harness's.
    #[error("the pipeline may or may not have been started: {0}")]
    Unknown(CallError),
}

/// One execution in more detail, for `harness_get_execution`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionDetail {
    /// Status and times.
    pub observation: Observation,
    /// Its stages in the order in which Harness runs them.
    pub stages: Vec<StageDetail>,
}

/// One stage of a Harness execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageDetail {
    /// Its name, from outside, shortened.
    pub name: String,
    /// Harness's status word, shortened.
    pub harness_status: String,
    /// Why it failed, from outside, shortened.
    pub failure: Option<String>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Which executions to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// Only of this pipeline.
    pub pipeline: Option<PipelineId>,
    /// Only with these statuses, in Harness's display words (`Running`, `Failed`).
    pub statuses: Vec<String>,
    /// At most so many, 1 to 100.
    pub limit: u32,
}

/// Reads of Harness. Safe to repeat, and implementations do.
#[async_trait]
pub trait Executions: Send + Sync {
    /// The executions as they are now, in any order; one that Harness does not
    /// (yet) know is left out. Any number of ids: one request serves up to 100.
    async fn observe(&self, executions: &[ExecutionId]) -> Result<Vec<Observation>, CallError>;

    /// The run of `pipeline`, started at or after `since`, that carries `key`.
    async fn find(
        &self,
        pipeline: &PipelineId,
        key: &CorrelationKey,
        since: Timestamp,
    ) -> Result<Option<Observation>, CallError>;

    /// The rollback of this target that was begun at or after `since`. More than
    /// one cannot be told apart, which is an error.
    async fn find_rollback(
        &self,
        target: &HarnessRollback,
        since: Timestamp,
    ) -> Result<Option<Observation>, CallError>;

    /// One execution with its stages.
    async fn get(&self, execution: &ExecutionId) -> Result<ExecutionDetail, CallError>;

    /// Executions that pass the filter, newest first.
    async fn list(&self, filter: &ExecutionFilter) -> Result<Vec<Observation>, CallError>;

    /// The runs of `pipeline` that were started between the two times and have
    /// succeeded, whoever started them, with what they were given.
    async fn rollouts(
        &self,
        pipeline: &PipelineId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Rollout>, CallError>;

    /// What `pipeline` asks for when it is run, as it was some seconds ago at the
    /// most. [`Cause::NotFound`] where there is no such pipeline.
    async fn template(&self, pipeline: &PipelineId) -> Result<RuntimeInputs, CallError>;

    /// Where a person can look at the execution.
    async fn url(&self, pipeline: &PipelineId, execution: &ExecutionId) -> Result<String, CallError>;

    /// Where a person can look at the execution, made without a call; empty
    /// where it is not known which Harness this is.
    fn link(&self, pipeline: &PipelineId, execution: &ExecutionId) -> String;
}

/// Effects on Harness. Never repeated by an implementation.
#[async_trait]
pub trait Pipelines: Send + Sync {
    /// Start a run. A crash during the call leaves its outcome unknown: the
    /// caller has committed `request.key` before.
    async fn trigger(&self, request: &TriggerRequest) -> Result<ExecutionId, TriggerError>;

    /// Have Harness undo its last rollout. It takes no key: the caller has
    /// committed the intent, and looks for the rollback by its target.
    async fn roll_back(&self, target: &HarnessRollback) -> Result<ExecutionId, TriggerError>;

    /// Ask Harness to stop the run. `Ok` means that Harness took the request,
    /// or that the run is already over; the run stops some time later.
    async fn abort(&self, execution: &ExecutionId) -> Result<(), CallError>;
}

/// Asks an environment questions. Safe to repeat; each ends within [`PROBE_TIMEOUT`].
#[async_trait]
pub trait Probe: Send + Sync {
    /// Whether it is healthy. Whatever goes wrong is an answer, too.
    async fn ask(&self, url: &str) -> Answer;

    /// What it says with status 200: a text of at most [`MOST_SAID`] bytes, from
    /// outside and as it came.
    async fn read(&self, url: &str) -> Result<String, Unread>;
}

/// A way to tell people: one Slack channel, one mailbox, Jira.
#[async_trait]
pub trait Messenger: Send + Sync {
    /// Tell. It ends within [`TELL_TIMEOUT`]. May be called again for the same
    /// message after a crash or a lost reply; `message.notice.key` is the same
    /// then. Messages about one deployment come one at a time, in their order.
    ///
    /// Returns what it wants to be given as `telling.thread` with the next message
    /// about the same deployment to the same address; `None` leaves that as it was.
    async fn tell(&self, telling: &Telling<'_>) -> Result<Option<Thread>, TellError>;

    /// Tell many things at once, under the same conditions. A tracker is never asked to.
    async fn tell_together(&self, digest: &Digest) -> Result<(), TellError>;
}

/// A message, and where it belongs.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'a> {
    /// It.
    pub message: &'a Message,
    /// The Jira issue, for a tracker; `None` for whoever has one address.
    pub issue: Option<&'a IssueKey>,
    /// What the messenger returned last for this deployment and this address.
    pub thread: Option<&'a Thread>,
}

/// A message that was not told, or of which that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TellError {
    /// It is not taken now, and may be later. Each sentence is safe to show: no secret, shortened.
    #[error("{message}")]
    Later {
        /// One sentence.
        message: String,
        /// The earliest time at which another try makes sense, if the other side said so.
        after: Option<Duration>,
        /// What is to be left alone until then.
        of: Extent,
    },
    /// It will never be taken as things are: a person must change something first.
    #[error("{message}")]
    Never {
        /// One sentence with what to change.
        message: String,
    },
}

/// How much of a messenger does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it: it is out of reach, or takes nothing more for now.
    Messenger,
    /// One address: a Jira issue that is written to too often.
    Address,
}

/// Whoever knows issues.
#[async_trait]
pub trait Tracker: Send + Sync {
    /// Whether there is such an issue, and we can see it. Safe to repeat.
    async fn look_at(&self, issue: &IssueKey) -> Result<Sight, TellError>;
}

/// What a [`Tracker`] sees of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It is there.
    Visible,
    /// There is none, or none that we may see.
    Missing,
    /// Nobody looked: there is no tracker.
    NotAsked,
}

/// How long one call of [`Messenger::tell`] may take.
pub const TELL_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a call of [`Pipelines::trigger`] may take before its outcome counts as unknown.
pub const TRIGGER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an environment may take to answer a [`Probe`].
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// The most that is read of what an environment says: a version is a line or a small document.
pub const MOST_SAID: usize = 64 * 1024;
