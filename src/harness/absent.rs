//! Harness where no credentials are: commands that only read the database work
//! without them, and everything else says what to set.

use async_trait::async_trait;

use crate::domain::drift::Rollout;
use crate::domain::execution::{Cause, Observation, Retry};
use crate::domain::id::{CorrelationKey, ExecutionId, PipelineId};
use crate::domain::rollback_way::HarnessRollback;
use crate::domain::runtime_input::RuntimeInputs;
use crate::domain::time::Timestamp;
use crate::ports::{
    CallError, ExecutionDetail, ExecutionFilter, Executions, Pipelines, TriggerError, TriggerRequest,
};

/// Answers every call with what is missing.
#[derive(Debug, Clone)]
pub struct Absent {
    /// One sentence with what to set.
    pub reason: String,
}

impl Absent {
    fn refuse<T>(&self) -> Result<T, CallError> {
        Err(CallError { cause: Cause::Unauthorized, message: self.reason.clone(), retry: Retry::Final })
    }
}

#[async_trait]
impl Executions for Absent {
    async fn observe(&self, _: &[ExecutionId]) -> Result<Vec<Observation>, CallError> {
        self.refuse()
    }

    async fn find(
        &self,
        _: &PipelineId,
        _: &CorrelationKey,
        _: Timestamp,
    ) -> Result<Option<Observation>, CallError> {
        self.refuse()
    }

    async fn find_rollback(
        &self,
        _: &HarnessRollback,
        _: Timestamp,
    ) -> Result<Option<Observation>, CallError> {
        self.refuse()
    }

    async fn get(&self, _: &ExecutionId) -> Result<ExecutionDetail, CallError> {
        self.refuse()
    }

    async fn list(&self, _: &ExecutionFilter) -> Result<Vec<Observation>, CallError> {
        self.refuse()
    }

    async fn rollouts(&self, _: &PipelineId, _: Timestamp, _: Timestamp) -> Result<Vec<Rollout>, CallError> {
        self.refuse()
    }

    async fn template(&self, _: &PipelineId) -> Result<RuntimeInputs, CallError> {
        self.refuse()
    }

    async fn url(&self, _: &PipelineId, _: &ExecutionId) -> Result<String, CallError> {
        self.refuse()
    }

    fn link(&self, _: &PipelineId, _: &ExecutionId) -> String {
        String::new()
    }
}

#[async_trait]
impl Pipelines for Absent {
    async fn trigger(&self, _: &TriggerRequest) -> Result<ExecutionId, TriggerError> {
        self.refuse().map_err(TriggerError::NotRun)
    }

    async fn roll_back(&self, _: &HarnessRollback) -> Result<ExecutionId, TriggerError> {
        self.refuse().map_err(TriggerError::NotRun)
    }

    async fn abort(&self, _: &ExecutionId) -> Result<(), CallError> {
        self.refuse()
    }
}
