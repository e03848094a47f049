//! Harness as an agent may use it: reads, and runs of pipelines that the config
//! lists for it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{App, Code, Error};
use crate::domain::execution::{ExecutionStatus, Observation};
use crate::domain::id::{Branch, CorrelationKey, DeploymentId, ExecutionId, PipelineId};
use crate::domain::principal::Actor;
use crate::domain::remark::Remark;
use crate::ports::{ExecutionDetail, ExecutionFilter, TriggerError, TriggerRequest};
use crate::store::About;

/// A run of a pipeline outside a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerPipelineRequest {
    /// The pipeline's identifier. It must be listed in the config as one that agents may run.
    pub pipeline_id: String,
    /// Pipeline variables.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// Input sets in Harness.
    #[serde(default)]
    pub input_sets: Vec<String>,
    /// The branch of the pipeline's own YAML, if it is kept in Git.
    pub branch: Option<String>,
}

/// Which executions to list.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListExecutionsRequest {
    /// Only of this pipeline.
    pub pipeline_id: Option<String>,
    /// Only with these statuses in Harness's words, such as `Running` or `Failed`.
    #[serde(default)]
    pub statuses: Vec<String>,
    /// At most so many: 10 by default, and never more than 100.
    pub limit: Option<u32>,
}

/// An execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExecutionView {
    /// Its id.
    pub execution_id: String,
    /// Its pipeline.
    pub pipeline_id: String,
    /// `queued`, `running`, `needs-human`, `succeeded`, `failed`, `aborted` or `unknown`.
    pub status: String,
    /// Whether it has ended.
    pub ended: bool,
    /// Harness's own word for the status.
    pub harness_status_untrusted: String,
    /// Where a person can look at it.
    pub url: String,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_untrusted: Option<String>,
    /// Its stages, when one execution was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<ExecutionStageView>,
}

/// One stage of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExecutionStageView {
    /// Its name.
    pub name_untrusted: String,
    /// Harness's word for its status.
    pub harness_status_untrusted: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_untrusted: Option<String>,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
}

/// Executions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExecutionsView {
    /// They.
    pub executions: Vec<ExecutionView>,
}

/// A run that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TriggeredView {
    /// The execution.
    pub execution_id: String,
    /// Its pipeline.
    pub pipeline_id: String,
    /// What its notes carry; it finds the run again.
    pub correlation_key: String,
    /// Where a person can look at it.
    pub url: String,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UrlView {
    /// The execution.
    pub execution_id: String,
    /// Where a person can look at it.
    pub url: String,
}

impl App {
    /// Run a pipeline that the config lists for agents. The call is made once;
    /// a lost reply is looked up once and is otherwise an `outcome-unknown`.
    ///
    /// # Errors
    /// When the pipeline is not listed or is behind a gate, and as Harness answers.
    pub async fn trigger_pipeline(
        &self,
        request: TriggerPipelineRequest,
        actor: &Actor,
    ) -> Result<TriggeredView, Error> {
        let pipeline: PipelineId = request.pipeline_id.parse()?;
        if self.policy.is_behind_a_gate(&pipeline) {
            return Err(Error::new(
                Code::PipelineNotAllowed,
                format!("{pipeline} deploys behind an approval and is never run by itself"),
                "start_deployment takes a commit through its gate",
            ));
        }
        if !self.policy.agent_may_trigger(&pipeline) {
            let listed: Vec<&str> = self.policy.triggerable.iter().map(PipelineId::as_str).collect();
            return Err(Error::new(
                Code::PipelineNotAllowed,
                format!("{pipeline} is not a pipeline that an agent may run"),
                if listed.is_empty() {
                    "the config lists none; an operator can add it under `agent.triggerable_pipelines`"
                        .to_owned()
                } else {
                    format!("the config allows: {}", listed.join(", "))
                },
            ));
        }
        self.permit_pipeline(actor).await?;
        let now = self.clock.now();
        let inputs = super::start::variables(request.inputs)?;
        let unique = DeploymentId::new(u64::try_from(now.0).unwrap_or(0), self.random.bits());
        let key = CorrelationKey::new(&unique, "by-agent", 1);
        let trigger = TriggerRequest {
            pipeline: pipeline.clone(),
            key: key.clone(),
            inputs,
            input_sets: request.input_sets,
            pipeline_branch: request.branch.map(|branch| branch.parse::<Branch>()).transpose()?,
        };
        let asked = Remark::PipelineAsked { pipeline: pipeline.clone(), key: key.clone() };
        self.remark(About::None, asked, actor).await?;
        let execution = match self.pipelines.trigger(&trigger).await {
            Ok(execution) => execution,
            Err(TriggerError::NotRun(error)) => return Err(error.into()),
            Err(TriggerError::Unknown(error)) => match self.executions.find(&pipeline, &key, now).await {
                Ok(Some(found)) => found.execution,
                Ok(None) | Err(_) => {
                    return Err(Error {
                        message_untrusted: Some(error.message),
                        ..Error::new(
                            Code::OutcomeUnknown,
                            format!("{pipeline} may or may not have been started"),
                            format!(
                                "look for the run with {key} in its notes with harness_list_executions before you call again"
                            ),
                        )
                    });
                }
            },
        };
        Ok(TriggeredView {
            url: self.executions.link(&pipeline, &execution),
            execution_id: execution.to_string(),
            pipeline_id: pipeline.to_string(),
            correlation_key: key.to_string(),
        })
    }

    /// One execution with its stages.
    ///
    /// # Errors
    /// As Harness answers.
    pub async fn execution(&self, id: &str) -> Result<ExecutionView, Error> {
        let id: ExecutionId = id.parse()?;
        let ExecutionDetail { observation, stages } = self.executions.get(&id).await?;
        let stages = stages
            .into_iter()
            .map(|stage| ExecutionStageView {
                name_untrusted: stage.name,
                harness_status_untrusted: stage.harness_status,
                message_untrusted: stage.failure,
                started_at: stage.started_at.map(|at| at.to_rfc3339()),
                ended_at: stage.ended_at.map(|at| at.to_rfc3339()),
            })
            .collect();
        Ok(ExecutionView { stages, ..self.execution_view(&observation) })
    }

    /// Executions, newest first.
    ///
    /// # Errors
    /// As Harness answers.
    pub async fn executions(&self, request: ListExecutionsRequest) -> Result<ExecutionsView, Error> {
        let filter = ExecutionFilter {
            pipeline: request.pipeline_id.map(|id| id.parse()).transpose()?,
            statuses: request.statuses,
            limit: request.limit.unwrap_or(10).clamp(1, 100),
        };
        let observations = self.executions.list(&filter).await?;
        Ok(ExecutionsView {
            executions: observations.iter().map(|observation| self.execution_view(observation)).collect(),
        })
    }

    /// Where a person can look at an execution.
    ///
    /// # Errors
    /// As Harness answers.
    pub async fn execution_url(&self, pipeline: &str, execution: &str) -> Result<UrlView, Error> {
        let (pipeline, execution): (PipelineId, ExecutionId) = (pipeline.parse()?, execution.parse()?);
        let url = self.executions.url(&pipeline, &execution).await?;
        Ok(UrlView { execution_id: execution.to_string(), url })
    }

    fn execution_view(&self, observation: &Observation) -> ExecutionView {
        let (status, message) = match &observation.status {
            ExecutionStatus::Queued => ("queued", None),
            ExecutionStatus::Running => ("running", None),
            ExecutionStatus::NeedsHuman(_) => ("needs-human", None),
            ExecutionStatus::Succeeded => ("succeeded", None),
            ExecutionStatus::Failed(failure) => ("failed", Some(failure.message.clone())),
            ExecutionStatus::Aborted => ("aborted", None),
            ExecutionStatus::Unknown(_) => ("unknown", None),
        };
        ExecutionView {
            execution_id: observation.execution.to_string(),
            pipeline_id: observation.pipeline.to_string(),
            status: status.to_owned(),
            ended: observation.status.is_final(),
            harness_status_untrusted: observation.harness_status.clone(),
            url: self.executions.link(&observation.pipeline, &observation.execution),
            started_at: observation.started_at.map(|at| at.to_rfc3339()),
            ended_at: observation.ended_at.map(|at| at.to_rfc3339()),
            message_untrusted: message,
            stages: Vec::new(),
        }
    }
}
