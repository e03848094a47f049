//! The client as the [`Executions`] port: what became of a run.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::domain::drift::Rollout;
use crate::domain::execution::{Cause, ExecutionStatus, Observation, Retry};
use crate::domain::id::{CorrelationKey, ExecutionId, PipelineId};
use crate::domain::rollback_way::HarnessRollback;
use crate::domain::runtime_input::RuntimeInputs;
use crate::domain::time::Timestamp;
use crate::ports::{CallError, ExecutionDetail, ExecutionFilter, Executions};

use super::client::Client;
use super::error::{CallFailure, Effect};
use super::reason::Reason;
use super::wire::{Detail, InputTemplate, Notes, Page, Run};
use super::{inputs, stages, status, template};

/// How many executions one request asks for.
const PAGE: usize = 100;

/// How many pages are followed. A search that would need more is an error, so
/// that "not found" always means that everything was looked at.
const PAGES: usize = 20;

/// How much earlier than we think a run may have started, in milliseconds: the
/// clocks differ.
const CLOCK_SKEW_MS: i64 = 60_000;

/// How much later than it was asked for a run may have started. It bounds what
/// Harness has to look through.
const SEARCH_WINDOW: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// Harness's words for a run that changed what is there. One that was skipped or
/// suspended counts as positive, and rolled nothing out.
const ROLLED_OUT: [&str; 2] = ["Success", "IgnoreFailed"];

/// What Harness calls the execution that undoes a rollout.
const ROLLBACK_MODE: &str = "POST_EXECUTION_ROLLBACK";

/// The root of the endpoints that read executions.
const EXECUTIONS: [&str; 4] = ["pipeline", "api", "pipelines", "execution"];

#[async_trait]
impl Executions for Client {
    async fn observe(&self, executions: &[ExecutionId]) -> Result<Vec<Observation>, CallError> {
        let mut observations = Vec::with_capacity(executions.len());
        for wanted in executions.chunks(PAGE) {
            for run in self.outline(json!({ "planExecutionIds": wanted })).await? {
                if wanted.iter().any(|id| id.as_str() == run.plan_execution_id) {
                    observations.extend(self.explained(run).await);
                }
            }
        }
        Ok(observations)
    }

    async fn find(
        &self,
        pipeline: &PipelineId,
        key: &CorrelationKey,
        since: Timestamp,
    ) -> Result<Option<Observation>, CallError> {
        let started = started(since);
        let mut first: Option<Run> = None;
        for run in self.outline(json!({ "pipelineIdentifier": pipeline, "timeRange": started })).await? {
            // A rerun in Harness copies the inputs, and the key with them: the
            // first run is the one that was asked for.
            let earlier = first.as_ref().is_none_or(|first| begun(&run) <= begun(first));
            if earlier && self.carries(&run, key).await? {
                first = Some(run);
            }
        }
        match first {
            Some(run) => self.explained(run).await.map(Some).ok_or_else(unreadable),
            None => Ok(None),
        }
    }

    async fn find_rollback(
        &self,
        target: &HarnessRollback,
        since: Timestamp,
    ) -> Result<Option<Observation>, CallError> {
        let mut rollbacks = self.runs_of(target, since).await?;
        rollbacks.retain(|run| run.execution_mode.as_deref() == Some(ROLLBACK_MODE));
        match rollbacks.as_slice() {
            [] => Ok(None),
            [run] => observation(run, reason(run)).map(Some).ok_or_else(unreadable),
            several => {
                let message = format!(
                    "Harness has made {} rollbacks of {} in {} since: which is ours cannot be told",
                    several.len(),
                    target.service,
                    target.environment
                );
                Err(CallFailure::new(Cause::BadAnswer, Retry::Final, Effect::None, &message).into())
            }
        }
    }

    async fn get(&self, execution: &ExecutionId) -> Result<ExecutionDetail, CallError> {
        let run = self.detail(execution.as_str()).await?;
        let nodes = run.layout_node_map.as_ref();
        let stages = nodes.map(|nodes| stages::in_order(run.starting_node_id.as_deref(), nodes));
        let observation = observation(&run, reason(&run)).ok_or_else(unreadable)?;
        Ok(ExecutionDetail { observation, stages: stages.unwrap_or_default() })
    }

    async fn list(&self, filter: &ExecutionFilter) -> Result<Vec<Observation>, CallError> {
        if let Some(word) = filter.statuses.iter().find(|word| !status::is_known(word)) {
            return Err(CallError {
                cause: Cause::Invalid,
                message: format!(
                    "`{}` is no status in Harness; such are Running, Success, Failed, Aborted and ApprovalWaiting",
                    status::shown(word)
                ),
                retry: Retry::Final,
            });
        }
        let limit = usize::try_from(filter.limit).unwrap_or(PAGE).clamp(1, PAGE);
        let request = self
            .request(Method::POST, &[&EXECUTIONS[..], &["summary"]].concat())
            .query("page", "0")
            .query("size", &limit.to_string())
            .json(json!({
                "filterType": "PipelineExecution",
                "status": filter.statuses,
                "pipelineIdentifiers": filter.pipeline.as_slice(),
            }));
        let page: Page = self.read(&request).await?;
        Ok(page.content.iter().take(limit).filter_map(|run| observation(run, reason(run))).collect())
    }

    async fn rollouts(
        &self,
        pipeline: &PipelineId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Rollout>, CallError> {
        let filter = json!({
            "pipelineIdentifier": pipeline,
            "status": ROLLED_OUT,
            "timeRange": {
                "startTime": since.0.max(0).to_string(),
                "endTime": until.0.saturating_add(CLOCK_SKEW_MS).to_string(),
            },
        });
        let runs = self.outline(filter).await?;
        let succeeded = |run: &&Run| run.status.as_deref().is_some_and(|word| ROLLED_OUT.contains(&word));
        Ok(runs.iter().filter(succeeded).filter_map(rollout).collect())
    }

    async fn template(&self, pipeline: &PipelineId) -> Result<RuntimeInputs, CallError> {
        if let Some(template) = self.templates.get(pipeline) {
            return Ok(template);
        }
        let request = self
            .request(Method::POST, &["pipeline", "api", "inputSets", "template"])
            .query("pipelineIdentifier", pipeline.as_str())
            .json(json!({}));
        let answer: InputTemplate = self.read(&request).await?;
        let yaml = answer.input_set_template_yaml.unwrap_or_default();
        let parsed = template::parse(&yaml, &self.settings.correlation_variable);
        parsed.inspect(|template| self.templates.keep(pipeline, template)).map_err(|fault| {
            let message =
                format!("Harness shows the inputs of {pipeline} as YAML that cannot be read: {fault}");
            CallFailure::new(Cause::BadAnswer, Retry::Final, Effect::None, &message).into()
        })
    }

    async fn url(&self, pipeline: &PipelineId, execution: &ExecutionId) -> Result<String, CallError> {
        let request = self
            .request(Method::POST, &[&EXECUTIONS[..], &["url"]].concat())
            .query("pipelineIdentifier", pipeline.as_str())
            .query("planExecutionId", execution.as_str());
        let url: String = self.read(&request).await?;
        let url = Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        url.map(String::from).ok_or_else(unreadable)
    }

    fn link(&self, pipeline: &PipelineId, execution: &ExecutionId) -> String {
        let settings = &self.settings;
        let path = ["ng", "account", &settings.account, "all", "orgs", &settings.org, "projects"];
        let rest = [&settings.project, "pipelines", pipeline.as_str(), "deployments", execution.as_str()];
        self.address(&[&path[..], &rest, &["pipeline"]].concat()).into()
    }
}

impl Client {
    /// All runs that a target's service and environment took part in.
    async fn runs_of(&self, target: &HarnessRollback, since: Timestamp) -> Result<Vec<Run>, CallError> {
        let filter = json!({
            "filterType": "PipelineExecution",
            "timeRange": started(since),
            "moduleProperties": { "cd": {
                "serviceIdentifiers": [target.service],
                "envIdentifiers": [target.environment],
            } },
        });
        let mut runs = Vec::new();
        for number in 0..PAGES {
            let request = self
                .request(Method::POST, &[&EXECUTIONS[..], &["summary"]].concat())
                .query("page", &number.to_string())
                .query("size", &PAGE.to_string())
                .json(filter.clone());
            let page: Page = self.read(&request).await?;
            if page.content.is_empty() {
                return Ok(runs);
            }
            runs.extend(page.content);
        }
        Err(too_many())
    }

    /// All runs in the outline that pass `filter`.
    async fn outline(&self, filter: Value) -> Result<Vec<Run>, CallError> {
        let mut runs = Vec::new();
        let mut after: Option<(String, i64)> = None;
        for _ in 0..PAGES {
            let mut request = self
                .request(Method::POST, &[&EXECUTIONS[..], &["summary", "outline"]].concat())
                .query("size", &PAGE.to_string())
                .json(filter.clone());
            if let Some((execution, started)) = &after {
                request = request
                    .query("lastSeenExecutionId", execution)
                    .query("lastSeenStartTime", &started.to_string());
            }
            let page: Page = self.read(&request).await?;
            let more = page.has_more == Some(true) && !page.content.is_empty();
            runs.extend(page.content);
            let next = page.last_seen_execution_id.zip(page.last_seen_start_time);
            if !more {
                return Ok(runs);
            }
            if next.is_none() || next == after {
                return Err(unreadable());
            }
            after = next;
        }
        Err(too_many())
    }

    /// `run`, with the reason if it failed. The outline gives a text at most;
    /// whether to try again depends on failure types, which only the get has.
    async fn explained(&self, run: Run) -> Option<Observation> {
        let told = reason(&run);
        let observed = observation(&run, told.clone())?;
        if !matches!(observed.status, ExecutionStatus::Failed(_)) || !told.failure_types.is_empty() {
            return Some(observed);
        }
        match self.detail(&run.plan_execution_id).await {
            Ok(detail) => observation(&run, reason(&detail).and(told)),
            // Harness has no more to say. A refused key says nothing about the run.
            Err(CallFailure { error, .. })
                if error.retry == Retry::Final && error.cause != Cause::Unauthorized =>
            {
                Some(observed)
            }
            // A verdict without its reason would be wrong for good, and an
            // error would hide the other executions: look again next time.
            Err(_) => {
                let status = ExecutionStatus::Unknown(observed.harness_status.clone());
                Some(Observation { status, ..observed })
            }
        }
    }

    async fn detail(&self, execution: &str) -> Result<Run, CallFailure> {
        let request = self.request(Method::GET, &[&EXECUTIONS[..], &["v2", execution]].concat());
        let detail: Detail = self.read(&request).await?;
        Ok(detail.pipeline_execution_summary)
    }

    /// Whether `run` was started with `key`. Its inputs decide, if they have
    /// our variable; else its notes do.
    async fn carries(&self, run: &Run, key: &CorrelationKey) -> Result<bool, CallError> {
        let marker = self.settings.correlation_variable.as_str();
        match &run.runtime_input_yaml {
            Some(yaml) if contains_word(yaml, marker) => Ok(contains_word(yaml, key.as_str())),
            _ => Ok(contains_word(&self.notes(&run.plan_execution_id).await?, key.as_str())),
        }
    }

    /// The notes of an execution; empty if it has none.
    async fn notes(&self, execution: &str) -> Result<String, CallError> {
        let request = self.request(Method::GET, &[&EXECUTIONS[..], &[execution, "notes"]].concat());
        match self.read(&request).await {
            Ok(Notes::Text(notes) | Notes::Field { notes: Some(notes) }) => Ok(notes),
            Ok(Notes::Field { notes: None }) => Ok(String::new()),
            Err(failure) if failure.error.cause == Cause::NotFound => Ok(String::new()),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Whether `word` is in `text` and not merely part of a longer key or name:
/// the first attempt's key is a prefix of the tenth's.
fn contains_word(text: &str, word: &str) -> bool {
    let joins = |next: char| next.is_ascii_alphanumeric() || "_-.:$".contains(next);
    text.match_indices(word).any(|(at, _)| {
        let (before, rest) = text.split_at(at);
        let after = rest.get(word.len()..).unwrap_or_default();
        !before.ends_with(joins) && !after.starts_with(joins)
    })
}

/// When `run` began, for comparing; a run that has not begun comes last.
fn begun(run: &Run) -> i64 {
    run.start_ts.unwrap_or(i64::MAX)
}

/// Why `run` failed: its own reason, completed by those of its stages.
fn reason(run: &Run) -> Reason {
    let own = Reason::of_failure(run.failure_info.as_ref());
    let nodes = run.layout_node_map.iter().flat_map(|nodes| nodes.values());
    nodes.map(stages::failure).fold(own, Reason::and)
}

/// `run` in our words; nothing if its identifiers are none.
fn observation(run: &Run, reason: Reason) -> Option<Observation> {
    let word = run.status.as_deref().unwrap_or_default();
    Some(Observation {
        execution: run.plan_execution_id.parse().ok()?,
        pipeline: run.pipeline_identifier.parse().ok()?,
        status: status::status(word, reason),
        harness_status: status::shown(word),
        started_at: run.start_ts.map(Timestamp),
        ended_at: run.end_ts.map(Timestamp),
    })
}

/// `run` as one that has succeeded; nothing if it has no time at all.
fn rollout(run: &Run) -> Option<Rollout> {
    Some(Rollout {
        execution: run.plan_execution_id.parse().ok()?,
        pipeline: run.pipeline_identifier.parse().ok()?,
        ended_at: Timestamp(run.end_ts.or(run.start_ts)?),
        given: run.runtime_input_yaml.as_deref().and_then(inputs::given),
    })
}

/// When a run may have started that was asked for at `since`, as a filter.
fn started(since: Timestamp) -> Value {
    json!({
        "startTime": since.0.saturating_sub(CLOCK_SKEW_MS).max(0).to_string(),
        "endTime": since.plus(SEARCH_WINDOW).0.to_string(),
    })
}

fn too_many() -> CallError {
    let message = format!("Harness has more than {} executions to look through", PAGE * PAGES);
    CallFailure::new(Cause::BadAnswer, Retry::Final, Effect::None, &message).into()
}

fn unreadable() -> CallError {
    let message = "Harness answered with something else than was asked for";
    CallFailure::new(Cause::BadAnswer, Retry::Final, Effect::None, message).into()
}
