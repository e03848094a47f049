//! The client as the [`Pipelines`] port: starting and stopping runs. Every call
//! is made once.

use async_trait::async_trait;
use reqwest::Method;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::domain::execution::{Cause, Retry};
use crate::domain::id::ExecutionId;
use crate::ports::{CallError, Pipelines, TriggerError, TriggerRequest};

use super::client::Client;
use super::error::{CallFailure, Effect};
use super::inputs::runtime_yaml;
use super::request::Request;
use super::wire::Triggered;

/// Harness's code for "this run is already over" in answer to an abort.
const ALREADY_OVER: &str = "ABORT_ALL_ALREADY_NG";

#[async_trait]
impl Pipelines for Client {
    async fn trigger(&self, request: &TriggerRequest) -> Result<ExecutionId, TriggerError> {
        let triggered = self.effect(&self.trigger_request(request)).await;
        triggered.and_then(|triggered| started(&triggered)).map_err(|failure| match failure.effect {
            Effect::None => TriggerError::NotRun(failure.error),
            Effect::Unknown => TriggerError::Unknown(failure.error),
        })
    }

    async fn abort(&self, execution: &ExecutionId) -> Result<(), CallError> {
        let path = ["pipeline", "api", "pipeline", "execute", "interrupt", execution.as_str()];
        let request = self.request(Method::PUT, &path).query("interruptType", "AbortAll");
        match self.effect::<IgnoredAny>(&request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.codes.iter().any(|code| code == ALREADY_OVER) => Ok(()),
            Err(failure) => Err(failure.error),
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
