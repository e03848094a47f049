//! What a trace says of each part: attributes by the conventions of OpenTelemetry where there
//! are any, and else below `deployment_orchestrator.`.
//!
//! Not in here, and so in no trace: names of people and what they wrote, variables and
//! other inputs, keys and signatures. What Harness, environments and agents say of
//! themselves is marked `_untrusted`.

use super::outcome::Outcome;
use super::span::{Attribute, Value};
use crate::domain::deployment::{Deployment, Mode};
use crate::domain::event::{Event, MainEvent};
use crate::domain::execution::ExecutionStatus;
use crate::domain::health::Answer;
use crate::domain::id::{EnvironmentName, ExecutionId, PipelineId};
use crate::domain::place::Hold;
use crate::domain::principal::Principal;
use crate::domain::record::{EventRecord, What};
use crate::domain::remark::Remark;
use crate::domain::run::RunEvent;
use crate::domain::state::State;
use crate::domain::text::shortened;
use crate::domain::workflow::Stage;

/// The longest text from outside in a trace.
const LONGEST_TEXT: usize = 200;

const PIPELINE: &str = "cicd.pipeline.name";
const PIPELINE_RUN: &str = "cicd.pipeline.run.id";
const PIPELINE_RESULT: &str = "cicd.pipeline.result";
const STAGE: &str = "cicd.pipeline.task.name";
const STAGE_RESULT: &str = "cicd.pipeline.task.run.result";
const ENVIRONMENT: &str = "deployment.environment.name";
const ERROR: &str = "error.type";
const ATTEMPT: &str = "deployment_orchestrator.attempt";

/// How a deployment is called together with others of its kind, such as `checkout to prod`.
pub(super) fn kind_of(deployment: &Deployment) -> String {
    let service = &deployment.spec.service;
    deployment.target().map_or_else(|| service.to_string(), |target| format!("{service} to {target}"))
}

pub(super) fn of_deployment(deployment: &Deployment) -> Vec<Attribute> {
    let Deployment { id, spec, .. } = deployment;
    let text = |key: &'static str, text: &str| Attribute::text(key, text);
    let kind = kind_of(deployment);
    let repository = spec.repository.as_str();
    let (owner, name) =
        repository.rsplit_once('/').map_or((None, repository), |(owner, it)| (Some(owner), it));
    let mut attributes = vec![
        text(PIPELINE, &kind),
        text(PIPELINE_RUN, id.as_str()),
        text("cicd.pipeline.action.name", "RUN"),
        text("deployment.id", id.as_str()),
        text("vcs.repository.name", name),
        text("vcs.ref.head.type", "branch"),
        text("vcs.ref.head.name", spec.branch.as_str()),
        text("vcs.ref.head.revision", spec.commit.as_str()),
        text("deployment_orchestrator.service", spec.service.as_str()),
        text(
            "deployment_orchestrator.mode",
            match spec.mode {
                Mode::Auto => "auto",
                Mode::Step => "step",
            },
        ),
    ];
    attributes.extend(owner.map(|owner| text("vcs.owner.name", owner)));
    attributes.extend(deployment.target().map(of_environment));
    let path = spec.path.as_ref().map(|path| path.name.as_str());
    attributes.extend(path.map(|path| text("deployment_orchestrator.path", path)));
    let before = spec.restart_of.as_ref();
    attributes.extend(before.map(|id| text("deployment_orchestrator.restart_of", id.as_str())));
    attributes
}

/// How the deployment stands with the record that ends a span of it.
pub(super) fn of_state(state: &State) -> Vec<Attribute> {
    let reason = match state {
        State::Failed { reason, .. } => Some(reason.name()),
        _ => None,
    };
    let reason = reason.map(|reason| Attribute::text("deployment_orchestrator.reason", reason));
    [Attribute::text("deployment_orchestrator.state", state.name())].into_iter().chain(reason).collect()
}

pub(super) fn of_environment(environment: &EnvironmentName) -> Attribute {
    Attribute::text(ENVIRONMENT, environment.as_str())
}

/// Of a stage whose visit began with the record at `position`.
pub(super) fn of_stage(deployment: &Deployment, stage: &Stage, position: u64) -> Vec<Attribute> {
    let kind = match stage {
        Stage::Validating => None,
        Stage::Building => Some("build"),
        Stage::Testing => Some("test"),
        Stage::Deploying(_) | Stage::Restoring(_) => Some("deploy"),
    };
    let mut attributes = vec![
        Attribute::text(STAGE, stage.to_string()),
        Attribute::text("cicd.pipeline.task.run.id", format!("{}/{stage}/{position}", deployment.id)),
    ];
    attributes.extend(kind.map(|kind| Attribute::text("cicd.pipeline.task.type", kind)));
    attributes.extend(stage.environment().map(of_environment));
    attributes
}

pub(super) fn of_attempt(stage: &Stage, attempt: u32) -> Vec<Attribute> {
    let mut attributes = vec![Attribute::text(STAGE, stage.to_string()), Attribute::number(ATTEMPT, attempt)];
    attributes.extend(stage.environment().map(of_environment));
    attributes
}

pub(super) fn of_execution(pipeline: &PipelineId, execution: &ExecutionId) -> [Attribute; 2] {
    [Attribute::text(PIPELINE, pipeline.as_str()), Attribute::text(PIPELINE_RUN, execution.as_str())]
}

pub(super) fn of_request(environment: &EnvironmentName, number: u32) -> Vec<Attribute> {
    vec![of_environment(environment), Attribute::number("deployment_orchestrator.request", number)]
}

pub(super) fn of_answer(answer: &'static str) -> Attribute {
    Attribute::text("deployment_orchestrator.answer", answer)
}

/// What came of a run of a pipeline, ours or one in Harness.
pub(super) fn of_run(outcome: &Outcome) -> Vec<Attribute> {
    of_outcome(PIPELINE_RESULT, outcome)
}

/// What came of a stage.
pub(super) fn of_visit(outcome: &Outcome) -> Vec<Attribute> {
    of_outcome(STAGE_RESULT, outcome)
}

fn of_outcome(key: &'static str, outcome: &Outcome) -> Vec<Attribute> {
    let mut attributes = vec![Attribute::text(key, outcome.result.as_str())];
    attributes.extend(of_error(outcome));
    attributes
}

/// What went wrong, if anything did.
pub(super) fn of_error(outcome: &Outcome) -> Vec<Attribute> {
    let kind = outcome.error.map(|error| Attribute::text(ERROR, error));
    let message = outcome.message.as_deref().map(|message| {
        Attribute::text("deployment_orchestrator.message_untrusted", shortened(message, LONGEST_TEXT))
    });
    kind.into_iter().chain(message).collect()
}

/// What a line of the history says: where it stands, what kind of actor is behind it, and a word or two.
pub(super) fn of_record(record: &EventRecord) -> Vec<Attribute> {
    let actor = &record.actor;
    let mut attributes = vec![
        Attribute::number(
            "deployment_orchestrator.position",
            i64::try_from(record.position).unwrap_or(i64::MAX),
        ),
        Attribute::text("deployment_orchestrator.actor", actor.principal.kind()),
        Attribute::text("deployment_orchestrator.assurance", actor.assurance.as_str()),
    ];
    if let Principal::Agent { client, .. } = &actor.principal {
        attributes.push(Attribute::text(
            "deployment_orchestrator.agent_untrusted",
            shortened(client, LONGEST_TEXT),
        ));
    }
    match &record.what {
        What::Event(Event::Main(event)) => attributes.extend(of_main_event(event)),
        What::Event(Event::Run(event)) => attributes.extend(of_run_event(event)),
        What::Remark(Remark::DecisionRefused { code, .. } | Remark::AgentRefused { code, .. }) => {
            attributes.push(Attribute::text("deployment_orchestrator.code", code.as_str()));
        }
        What::Remark(_) => {}
    }
    attributes
}

fn of_main_event(event: &MainEvent) -> Option<Attribute> {
    match event {
        MainEvent::Held { by } => Some(Attribute {
            key: "deployment_orchestrator.holds",
            value: Value::Words(by.iter().map(Hold::name).map(str::to_owned).collect()),
        }),
        MainEvent::DecisionMade { decision } => {
            Some(Attribute::text("deployment_orchestrator.verdict", decision.statement.verdict.past_tense()))
        }
        MainEvent::FreezeOverridden { freeze, .. } => {
            Some(Attribute::text("deployment_orchestrator.freeze", freeze.as_str()))
        }
        MainEvent::Superseded { by } | MainEvent::RestoreOvertaken { by, .. } => {
            Some(Attribute::text("deployment_orchestrator.by", by.as_str()))
        }
        _ => None,
    }
}

fn of_run_event(event: &RunEvent) -> Vec<Attribute> {
    let count = |key, found: usize| Attribute::number(key, i64::try_from(found).unwrap_or(i64::MAX));
    match event {
        RunEvent::ValidationReported { report } => vec![
            count("deployment_orchestrator.errors", report.errors.len()),
            count("deployment_orchestrator.warnings", report.warnings.len()),
        ],
        RunEvent::ExecutionObserved { status } => {
            vec![Attribute::text("deployment_orchestrator.execution", word_of(status))]
        }
        RunEvent::HealthObserved { answer: Answer::Status(code) } => {
            vec![Attribute::number("http.response.status_code", *code)]
        }
        RunEvent::HealthObserved { answer } => vec![Attribute::text(ERROR, answer.to_string())],
        RunEvent::AttemptFailed { failure } => of_error(&Outcome::of_failure(failure)),
        RunEvent::TriggerIntended { .. }
        | RunEvent::TriggerAccepted { .. }
        | RunEvent::TriggerLost { .. }
        | RunEvent::HealthTimedOut
        | RunEvent::AbortRequested
        | RunEvent::RetryScheduled { .. }
        | RunEvent::OutcomeResolved => Vec::new(),
    }
}

fn word_of(status: &ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::Queued => "queued",
        ExecutionStatus::Running => "running",
        ExecutionStatus::NeedsHuman(_) => "needs-human",
        ExecutionStatus::Succeeded => "succeeded",
        ExecutionStatus::Failed(_) => "failed",
        ExecutionStatus::Aborted => "aborted",
        ExecutionStatus::Unknown(_) => "unknown",
    }
}
