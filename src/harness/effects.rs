//! The client as the [`Pipelines`] port: starting and stopping runs. Every call
//! is made once.

use async_trait::async_trait;
use reqwest::Method;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::domain::execution::{Cause, Retry};
use crate::domain::id::ExecutionId;
use crate::domain::rollback_way::HarnessRollback;
use crate::ports::{CallError, Pipelines, TriggerError, TriggerRequest};

use super::client::Client;
use super::error::{CallFailure, Effect};
use super::inputs::runtime_yaml;
use super::request::Request;
use super::wire::{RolledBack, Triggered};

/// Harness's code for "this run is already over" in answer to an abort.
const ALREADY_OVER: &str = "ABORT_ALL_ALREADY_NG";

#[async_trait]
impl Pipelines for Client {
    async fn trigger(&self, request: &TriggerRequest) -> Result<ExecutionId, TriggerError> {
        let triggered = self.effect(&self.trigger_request(request)).await;
        Ok(triggered.and_then(|triggered| started(&triggered))?)
    }

    async fn roll_back(&self, target: &HarnessRollback) -> Result<ExecutionId, TriggerError> {
        let request = self.request(Method::POST, &["ng", "api", "rollback", "trigger", "v2"]).json(json!({
            "serviceIdentifier": target.service,
            "envIdentifier": target.environment,
            "environmentType": target.environment_type,
            "infraIdentifier": target.infrastructure,
        }));
        Ok(self.effect(&request).await.and_then(|answer| rolling_back(&answer))?)
    }

    async fn abort(&self, execution: &ExecutionId) -> Result<(), CallError> {
        let path = ["pipeline", "api", "pipeline", "execute", "interrupt", execution.as_str()];
        let request = self.request(Method::PUT, &path).query("interruptType", "AbortAll");
        match self.effect::<IgnoredAny>(&request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.codes.iter().any(|code| code == ALREADY_OVER) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}

impl Client {
    fn trigger_request(&self, request: &TriggerRequest) -> Request {
        let marker = &self.settings.correlation_variable;
        // Whoever chose the inputs does not choose the marker.
        let inputs = request.inputs.iter().filter(|(name, _)| *name != marker);
        let inputs = inputs.map(|(name, value)| (name, value.as_str()));
        let yaml = runtime_yaml(&request.pipeline, inputs.chain([(marker, request.key.as_str())]));

        let mut path = vec!["pipeline", "api", "pipeline", "execute", request.pipeline.as_str()];
        if !request.input_sets.is_empty() {
            path.push("inputSetList");
        }
        let call = self.request(Method::POST, &path).query("notesForPipelineExecution", request.key.as_str());
        let call = match &request.pipeline_branch {
            // The second name is the one that pipelines kept in Git read.
            Some(branch) => {
                call.query("branch", branch.as_str()).query("pipelineBranchName", branch.as_str())
            }
            None => call,
        };
        if request.input_sets.is_empty() {
            return call.yaml(yaml);
        }
        call.json(json!({
            "inputSetReferences": request.input_sets,
            "withMergedPipelineYaml": false,
            "stageIdentifiers": [],
            "lastYamlToMerge": yaml,
        }))
    }
}

impl From<CallFailure> for TriggerError {
    fn from(failure: CallFailure) -> Self {
        match failure.effect {
            Effect::None => Self::NotRun(failure.error),
            Effect::Unknown => Self::Unknown(failure.error),
        }
    }
}

/// The rollback that a successful answer speaks of. It may say that there is none.
fn rolling_back(answer: &RolledBack) -> Result<ExecutionId, CallFailure> {
    if answer.rollback_triggered == Some(false) {
        let why = answer.message.as_deref().unwrap_or("it did not say why");
        let message = format!("Harness does not roll back: {why}");
        return Err(CallFailure::new(Cause::Refused, Retry::Final, Effect::None, &message));
    }
    answer.plan_execution_id.as_deref().and_then(|id| id.parse().ok()).ok_or_else(|| {
        let message = "Harness took the rollback and did not say which execution it is";
        CallFailure::new(Cause::BadAnswer, Retry::Final, Effect::Unknown, message)
    })
}

/// The execution that a successful answer speaks of.
fn started(triggered: &Triggered) -> Result<ExecutionId, CallFailure> {
    if triggered.is_denied() {
        let message = "a Harness policy forbids the run";
        return Err(CallFailure::new(Cause::PolicyDenied, Retry::Final, Effect::None, message));
    }
    triggered.execution().and_then(|id| id.parse().ok()).ok_or_else(|| {
        let message = "Harness took the run and did not say which execution it is";
        CallFailure::new(Cause::BadAnswer, Retry::Final, Effect::Unknown, message)
    })
}
