//! The simulated project: its runs, and what each call does to them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::domain::id::{ExecutionId, PipelineId};
use crate::domain::time::Timestamp;

use super::answer::{self, Answer};
use super::call::{Call, Target};
use super::rollback;
use super::run::{Abort, Run, RunRecord};
use super::script::{Ending, Endpoint, Fault, Pipeline, Script};
use super::yaml;

/// How many runs are kept. The simulator lives in memory.
const RUN_LIMIT: usize = 200_000;

/// Everything that a simulator knows.
pub(super) struct World {
    pub(super) script: Script,
    /// In the order of their start.
    pub(super) runs: Vec<Run>,
    index: HashMap<ExecutionId, usize>,
    calls: BTreeMap<Endpoint, usize>,
    /// How many calls each fault of the script has matched.
    matched: Vec<u32>,
}

impl World {
    pub(super) fn new(script: Script) -> Self {
        Self { script, runs: Vec::new(), index: HashMap::new(), calls: BTreeMap::new(), matched: Vec::new() }
    }

    pub(super) fn records(&self, now: Timestamp) -> Vec<RunRecord> {
        self.runs.iter().map(|run| run.record(now)).collect()
    }

    pub(super) fn calls(&self) -> BTreeMap<Endpoint, usize> {
        self.calls.clone()
    }

    /// Count a call; its number among all calls, from 1, and the fault that befalls it.
    pub(super) fn count(&mut self, target: &Target) -> (usize, Option<Fault>) {
        *self.calls.entry(target.endpoint()).or_default() += 1;
        self.matched.resize(self.script.faults.len(), 0);
        let mut befalls = None;
        for (fault, matched) in self.script.faults.iter().zip(&mut self.matched) {
            let pipeline = fault.pipeline.as_deref();
            let for_pipeline =
                pipeline.is_none_or(|wanted| target.pipeline().is_some_and(|id| id.as_str() == wanted));
            if fault.on != target.endpoint() || !for_pipeline {
                continue;
            }
            *matched += 1;
            let due = fault.nth..fault.nth.saturating_add(fault.times);
            if befalls.is_none() && due.contains(matched) {
                befalls = Some(fault.clone());
            }
        }
        (self.calls.values().sum(), befalls)
    }

    /// Do what `call` asks for. `fresh` is the id of the run that it may start.
    pub(super) fn answer(&mut self, call: &Call, now: Timestamp, fresh: u128) -> Answer {
        for scope in ["accountIdentifier", "orgIdentifier", "projectIdentifier"] {
            if call.parameter(scope).is_none_or(str::is_empty) {
                return Answer::invalid(scope, "must not be empty");
            }
        }
        match &call.target {
            Target::Execute(pipeline) => self.start(pipeline, call, call.text(), Vec::new(), now, fresh),
            Target::ExecuteWithInputSets(pipeline) => {
                let body = call.json();
                let yaml = body.get("lastYamlToMerge").and_then(Value::as_str).unwrap_or_default();
                let sets = texts(body.get("inputSetReferences"));
                self.start(pipeline, call, yaml.to_owned(), sets, now, fresh)
            }
            Target::Interrupt(id) => self.interrupt(id, call, now),
            Target::RollBack => self.roll_back(&call.json(), now, fresh),
            Target::Outline => self.outline(call, now),
            Target::List => self.list(call, now),
            Target::Get(id) => match self.visible(id, now) {
                Some(run) => Answer::of(json!({ "pipelineExecutionSummary": answer::summary(run, now) })),
                None => Answer::no_execution(id.as_str()),
            },
            Target::Notes(id) => match self.visible(id, now) {
                Some(run) => Answer::of(json!({ "notes": run.notes })),
                None => Answer::no_execution(id.as_str()),
            },
            Target::Url => Answer::of(page(call)),
            Target::Template(pipeline) => self.template(pipeline),
        }
    }

    fn start(
        &mut self,
        pipeline: &PipelineId,
        call: &Call,
        input_yaml: String,
        input_sets: Vec<String>,
        now: Timestamp,
        fresh: u128,
    ) -> Answer {
        let Some(course) = self.scripted(pipeline).cloned() else { return Answer::no_pipeline(pipeline) };
        let inputs = match yaml::parse(&input_yaml) {
            Some((identifier, inputs)) if identifier.as_deref().is_none_or(|id| id == pipeline.as_str()) => {
                inputs
            }
            _ => return Answer::invalid("runtimeInputYaml", "is not the YAML of this pipeline's inputs"),
        };
        if self.runs.len() >= RUN_LIMIT {
            return Answer::invalid("pipeline", "the simulator is full: start it anew");
        }
        let run = Run {
            execution: execution(fresh),
            pipeline: pipeline.clone(),
            inputs,
            input_yaml,
            input_sets,
            undoes: None,
            branch: call.parameter("branch").map(str::to_owned),
            notes: call.parameter("notesForPipelineExecution").map(str::to_owned),
            started_at: now,
            ending: self.ending(pipeline, &course),
            course,
            abort: None,
        };
        let answer = Answer::of(answer::triggered(&run));
        self.keep(run);
        answer
    }

    pub(super) fn scripted(&self, pipeline: &PipelineId) -> Option<&Pipeline> {
        self.script.pipelines.get(pipeline.as_str()).or(self.script.other_pipelines.as_ref())
    }

    /// How the next run of `pipeline` ends.
    pub(super) fn ending(&self, pipeline: &PipelineId, course: &Pipeline) -> Ending {
        let earlier = self.runs.iter().filter(|run| run.pipeline == *pipeline).count();
        course.endings.get(earlier).or(course.endings.last()).cloned().unwrap_or_default()
    }

    pub(super) fn keep(&mut self, run: Run) {
        self.index.insert(run.execution.clone(), self.runs.len());
        self.runs.push(run);
    }

    fn template(&self, pipeline: &PipelineId) -> Answer {
        let Some(scripted) = self.scripted(pipeline) else { return Answer::no_pipeline(pipeline) };
        let yaml = scripted.template.clone().unwrap_or_else(|| yaml::usual_template(pipeline));
        Answer::of(json!({ "inputSetTemplateYaml": yaml, "replacedExpressions": [], "hasInputSets": false }))
    }

    fn interrupt(&mut self, id: &ExecutionId, call: &Call, now: Timestamp) -> Answer {
        let kind = call.parameter("interruptType").unwrap_or_default();
        if !matches!(kind, "AbortAll" | "UserMarkedFailure") {
            return Answer::invalid("interruptType", "must be AbortAll or UserMarkedFailure");
        }
        let takes = Duration::from_millis(self.script.abort_ms);
        let Some(run) = self.index.get(id).and_then(|index| self.runs.get_mut(*index)) else {
            return Answer::no_execution(id.as_str());
        };
        if run.abort.is_some() || run.ended_at(now).is_some() {
            let cause = "The execution is already ended or is already being aborted";
            return Answer::error(StatusCode::BAD_REQUEST, "ABORT_ALL_ALREADY_NG", cause);
        }
        run.abort = Some(Abort { asked_at: now, takes });
        Answer::of(json!({ "id": "simulated", "type": kind, "planExecutionId": id }))
    }

    fn outline(&self, call: &Call, now: Timestamp) -> Answer {
        let filter = call.json();
        let size = call.number("size").unwrap_or(10).clamp(1, self.script.page_limit.max(1));
        let last_seen = call.parameter("lastSeenExecutionId");
        let last_seen = last_seen.and_then(|id| self.index.get(&id.parse::<ExecutionId>().ok()?));
        let end = last_seen.copied().unwrap_or(self.runs.len());

        let mut matching = self.newest_first(end, &filter, now);
        let page: Vec<&Run> = matching.by_ref().take(size).collect();
        let last = page.last();
        Answer::of(json!({
            "content": page.iter().map(|run| answer::outline(run, now, self.script.hide_inputs)).collect::<Vec<_>>(),
            "currentSize": page.len(),
            "hasMore": matching.next().is_some(),
            "lastSeenExecutionId": last.map(|run| &run.execution),
            "lastSeenStartTime": last.map(|run| run.started_at),
        }))
    }

    fn list(&self, call: &Call, now: Timestamp) -> Answer {
        let filter = call.json();
        if filter.get("filterType").and_then(Value::as_str) != Some("PipelineExecution") {
            return Answer::invalid("filterType", "must be PipelineExecution");
        }
        let size = call.number("size").unwrap_or(10).clamp(1, self.script.page_limit.max(1));
        let number = call.number("page").unwrap_or(0);
        let matching = self.newest_first(self.runs.len(), &filter, now);
        let page: Vec<Value> =
            matching.skip(number * size).take(size).map(|run| answer::summary(run, now)).collect();
        Answer::of(json!({ "number": number, "size": size, "numberOfElements": page.len(), "content": page }))
    }

    /// The runs before `end` that are visible and pass `filter`.
    fn newest_first(&self, end: usize, filter: &Value, now: Timestamp) -> impl Iterator<Item = &Run> {
        let ids = texts(filter.get("planExecutionIds"));
        let statuses = texts(filter.get("status"));
        let mut pipelines = texts(filter.get("pipelineIdentifiers"));
        pipelines.extend(filter.get("pipelineIdentifier").and_then(Value::as_str).map(str::to_owned));
        let time = filter.get("timeRange").unwrap_or(&Value::Null);
        let (from, to) = (millis(time.get("startTime")), millis(time.get("endTime")));

        let mut wanted: Vec<usize> = match ids.as_slice() {
            [] => (0..self.runs.len()).collect(),
            ids => ids
                .iter()
                .filter_map(|id| self.index.get(&id.parse::<ExecutionId>().ok()?))
                .copied()
                .collect(),
        };
        wanted.retain(|index| *index < end);
        wanted.sort_unstable();
        wanted.dedup();
        wanted.into_iter().rev().filter_map(|index| self.runs.get(index)).filter(move |run| {
            run.is_visible(now)
                && (statuses.is_empty() || statuses.iter().any(|status| status == run.status(now)))
                && (pipelines.is_empty()
                    || pipelines.iter().any(|pipeline| pipeline == run.pipeline.as_str()))
                && rollback::is_of(run, filter)
                && from.is_none_or(|from| run.started_at.0 >= from)
                && to.is_none_or(|to| run.started_at.0 <= to)
        })
    }

    fn visible(&self, id: &ExecutionId, now: Timestamp) -> Option<&Run> {
        self.index.get(id).and_then(|index| self.runs.get(*index)).filter(|run| run.is_visible(now))
    }
}

/// The id of a new run.
pub(super) fn execution(fresh: u128) -> ExecutionId {
    let id = URL_SAFE_NO_PAD.encode(fresh.to_be_bytes());
    id.parse().expect("URL-safe base64 is an execution id")
}

/// A page for an execution; the simulator has none to show.
fn page(call: &Call) -> Value {
    let part = |name| call.parameter(name).unwrap_or_default();
    json!(format!(
        "https://harness.invalid/ng/account/{}/cd/orgs/{}/projects/{}/pipelines/{}/executions/{}/pipeline",
        part("accountIdentifier"),
        part("orgIdentifier"),
        part("projectIdentifier"),
        part("pipelineIdentifier"),
        part("planExecutionId"),
    ))
}

/// The texts in a JSON list; none where there is no list.
pub(super) fn texts(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Milliseconds, as a number or as text.
fn millis(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
