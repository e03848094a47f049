//! What the workflow says of the attempts at one stage.

use std::time::Duration;

use super::execution::{Cause, Failure, Retry};
use super::health::HealthCheck;
use super::rollback_way::RollbackWay;
use super::run::Execution;
use super::time::{Timestamp, in_words};
use super::workflow::{Stage, Workflow};

/// The terms of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms<'a> {
    /// Whether an attempt is repeated only when it is known that the one before did not run.
    pub cautious: bool,
    /// What must be seen after the execution, before the stage has succeeded.
    pub health: Option<&'a HealthCheck>,
    /// How long an execution may take before it is stopped.
    pub timeout: Option<Duration>,
}

impl Terms<'_> {
    /// Why `execution` is not to go on at `at`, counted from the intent to start
    /// it; `None` while it may.
    #[must_use]
    pub fn overdue(&self, execution: &Execution, at: Timestamp) -> Option<Failure> {
        let timeout = self.timeout.filter(|timeout| at.since(execution.since) >= *timeout)?;
        Some(Failure {
            cause: Cause::StageTimeout,
            message: format!("the execution took longer than {}, and was stopped", in_words(timeout)),
            retry: Retry::Retryable { after: None },
        })
    }
}

impl Workflow {
    /// The terms of `stage`.
    #[must_use]
    pub fn terms(&self, stage: &Stage) -> Terms<'_> {
        let environment = stage.environment().and_then(|name| self.environment(name));
        let run = match (stage, environment.map(|environment| &environment.rollback)) {
            (Stage::Restoring(_), Some(RollbackWay::Pipeline(own))) => Some(own),
            _ => self.pipeline_run(stage),
        };
        let timeout = run.and_then(|run| run.timeout_ms);
        Terms {
            cautious: self.is_cautious(stage),
            health: environment.and_then(|environment| environment.health.as_ref()),
            timeout: timeout.map(Duration::from_millis),
        }
    }
}
