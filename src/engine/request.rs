//! What is about to be sent to Harness, and its digest.

use crate::domain::id::{CorrelationKey, ExecutionId};
use crate::domain::rollback_way::HarnessRollback;
use crate::domain::subject::{Digest, Subject};
use crate::ports::{Pipelines, TriggerError, TriggerRequest};

/// It, as the port takes it.
pub(super) enum Request {
    /// A run of a pipeline.
    Run(TriggerRequest),
    /// Undoing the last rollout. Harness takes no key with it.
    RollBack(HarnessRollback),
}

impl Request {
    /// The request that makes `subject` happen, with this key where one travels.
    pub(super) fn of(subject: &Subject, key: CorrelationKey) -> Self {
        match &subject.harness_rollback {
            Some(target) => Self::RollBack(target.clone()),
            None => Self::Run(TriggerRequest {
                pipeline: subject.pipeline_id.clone(),
                key,
                inputs: subject.inputs.clone(),
                input_sets: subject.input_sets.clone(),
                pipeline_branch: None,
            }),
        }
    }

    /// The digest of what is about to be sent, taken from the request itself.
    pub(super) fn digest(&self, subject: &Subject) -> Digest {
        Digest::of(&match self {
            Self::Run(request) => Subject {
                pipeline_id: request.pipeline.clone(),
                inputs: request.inputs.clone(),
                input_sets: request.input_sets.clone(),
                ..subject.clone()
            },
            Self::RollBack(target) => Subject { harness_rollback: Some(target.clone()), ..subject.clone() },
        })
    }

    /// Make the call, once.
    pub(super) async fn send(&self, pipelines: &dyn Pipelines) -> Result<ExecutionId, TriggerError> {
        match self {
            Self::Run(request) => pipelines.trigger(request).await,
            Self::RollBack(target) => pipelines.roll_back(target).await,
        }
    }
}
