//! Anything that anybody could say: callers, approvers and liars.

use std::time::Duration;

use deployment_orchestrator::domain::decision::{Decision, Verdict};
use deployment_orchestrator::domain::door::doors;
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Failure, HumanWait, Retry};
use deployment_orchestrator::domain::finding::{Finding, FindingCode, ValidationReport};
use deployment_orchestrator::domain::gate::Gate;
use deployment_orchestrator::domain::health::Answer;
use deployment_orchestrator::domain::id::{DeploymentId, ExecutionId};
use deployment_orchestrator::domain::run::RunEvent;
use deployment_orchestrator::domain::state::State;
use deployment_orchestrator::domain::subject::Digest;

use super::choices::Choices;
use super::fixtures::{INITIATOR, asks, environment, gate, intends, person, private_key, statement};
use super::walk::{Walk, a_pipeline, prod, rollback_but_for};

/// Anything that anybody could say, with right and wrong identities.
pub(crate) fn any_event(walk: &Walk, choices: &mut Choices, text: &str) -> Event {
    let deployment = &walk.deployment;
    let stage = deployment.progress.state.work().map_or_else(prod, |(stage, _)| stage);
    let weaker = Gate { required_approvals: 1, allow_self_approval: true, ..gate() };
    match choices.below(19) {
        0..4 => {
            let mut doors: Vec<MainEvent> = doors(&deployment.spec.workflow, text).collect();
            if choices.below(4) > 0 {
                doors.retain(|door| !matches!(door, MainEvent::Cancel { .. }));
            }
            choices.of(doors).into()
        }
        4 => {
            let unknown = choices.of(vec![&[][..], &["dev"], &["prod"], &["prod", "dev"]]);
            rollback_but_for(deployment, unknown).into()
        }
        5 => MainEvent::Created { spec: Box::new((*deployment.spec).clone()) }.into(),
        6 => asks(deployment, &gate()),
        7..10 => MainEvent::DecisionMade { decision: any_decision(walk, choices) }.into(),
        10 => MainEvent::ApprovalVoided { reason: text.to_owned() }.into(),
        11 => report(choices, text).into(),
        12 => {
            let policy = choices.of(vec![None, Some(gate().version()), Some(weaker.version())]);
            intends(deployment, &stage, policy)
        }
        13 => {
            let key = choices.of(vec![deployment.next_key(&stage), "stale".parse().unwrap()]);
            let digest = Digest::of(&"something else");
            RunEvent::TriggerIntended { key, digest, policy: Some(gate().version()) }.into()
        }
        14 => {
            let execution = execution(choices);
            let lost = RunEvent::TriggerLost { message: text.to_owned() };
            let failed = RunEvent::AttemptFailed { failure: failure(choices, text) };
            let accepted = RunEvent::TriggerAccepted { execution, pipeline: a_pipeline() };
            choices.of(vec![accepted, lost, failed]).into()
        }
        15 => RunEvent::ExecutionObserved { status: status(choices, text) }.into(),
        18 => {
            let environment = choices.of(vec![environment("dev"), environment("prod")]);
            let newer = choices.of(vec![DeploymentId::new(2, 2), DeploymentId::new(0, 2)]);
            let freeze = "holidays".parse().unwrap();
            let freeze = MainEvent::FreezeOverridden { freeze, reason: text.to_owned() };
            let superseded = MainEvent::Superseded { by: newer };
            let overtaken =
                MainEvent::RestoreOvertaken { environment: environment.clone(), by: DeploymentId::new(2, 2) };
            let impossible = MainEvent::RollbackImpossible { reason: text.to_owned() };
            let place = MainEvent::PlaceTaken { environment, waived: Vec::new() };
            let others = vec![
                MainEvent::HeldLong,
                MainEvent::ApprovalEscalated,
                freeze,
                superseded,
                place,
                impossible,
                overtaken,
            ];
            choices.of(others).into()
        }
        17 if choices.below(8) == 0 => MainEvent::TamperingFound { what: text.to_owned() }.into(),
        16 => {
            let observed = RunEvent::HealthObserved { answer: answer(choices) };
            choices
                .of(vec![
                    RunEvent::AbortRequested,
                    RunEvent::OutcomeResolved,
                    RunEvent::HealthTimedOut,
                    observed,
                ])
                .into()
        }
        _ => RunEvent::RetryScheduled { not_before: walk.now.plus(Duration::from_secs(2)) }.into(),
    }
}

/// Where people are asked, somebody answers, or the engine asks anew, and APPROVED is tried.
pub(crate) fn at_a_request(walk: &mut Walk, choices: &mut Choices) {
    let State::AwaitingApproval { request: Some(_), .. } = &walk.deployment.progress.state else { return };
    if choices.below(16) == 0 {
        walk.say(&MainEvent::ApprovalWithdrawn { reason: "on second thoughts".to_owned() }.into()).ok();
    }
    if choices.below(8) == 0 {
        walk.say(&MainEvent::ApprovalVoided { reason: "a new config".to_owned() }.into()).ok();
        walk.say(&asks(&walk.deployment, &gate())).ok();
    }
    for _ in 0..choices.below(4) {
        let decision = any_decision(walk, choices);
        walk.say(&MainEvent::DecisionMade { decision }.into()).ok();
    }
    walk.say(&MainEvent::Approved.into()).ok();
}

/// A decision, honest or not.
fn any_decision(walk: &Walk, choices: &mut Choices) -> Decision {
    let deployment = &walk.deployment;
    let request = deployment.progress.requests;
    let name = choices.of(vec!["bob", "carol", "dave", INITIATOR, "mallory", "erin", "frank"]);
    let verdict = match choices.below(16) {
        0 => Verdict::Reject,
        1..4 => Verdict::BreakGlass,
        _ => Verdict::Approve,
    };
    let honest = statement(deployment, request, &gate(), name, verdict);
    let mut changed = honest.clone();
    match choices.below(6) {
        0 => changed.deployment_id = DeploymentId::new(9, 9),
        1 => changed.environment = environment("dev"),
        2 => changed.request = request.wrapping_add(1),
        3 => changed.request = request.saturating_sub(1),
        4 => changed.digest = Digest::of(&"something else"),
        _ => changed.person = person("carol"),
    }
    let said: Vec<Decision> = walk
        .accepted
        .iter()
        .filter_map(|(event, _)| match event {
            Event::Main(MainEvent::DecisionMade { decision }) => Some(decision.clone()),
            _ => None,
        })
        .collect();
    match choices.below(8) {
        0 => Decision::sign(changed, &private_key(name)),
        1 => Decision { statement: changed, ..Decision::sign(honest, &private_key(name)) },
        2 => Decision::sign(honest, &private_key("mallory")),
        3 | 4 if !said.is_empty() => choices.of(said),
        _ => Decision::sign(honest, &private_key(name)),
    }
}

pub(crate) fn execution(choices: &mut Choices) -> ExecutionId {
    format!("run-{}", choices.below(3)).parse().unwrap()
}

pub(crate) fn failure(choices: &mut Choices, text: &str) -> Failure {
    let cause = choices.of(vec![
        Cause::PipelineFailed,
        Cause::Unreachable,
        Cause::Lost,
        Cause::Frozen,
        Cause::Invalid,
    ]);
    let after = choices.of(vec![None, Some(Duration::from_millis(1_500))]);
    let retry = choices.of(vec![Retry::Retryable { after }, Retry::Final]);
    Failure { cause, message: text.to_owned(), retry }
}

pub(crate) fn status(choices: &mut Choices, text: &str) -> ExecutionStatus {
    let failure = failure(choices, text);
    choices.of(vec![
        ExecutionStatus::Succeeded,
        ExecutionStatus::Queued,
        ExecutionStatus::Running,
        ExecutionStatus::NeedsHuman(HumanWait::Input),
        ExecutionStatus::Failed(failure),
        ExecutionStatus::Aborted,
        ExecutionStatus::Unknown(text.to_owned()),
        ExecutionStatus::Succeeded,
        ExecutionStatus::Succeeded,
        ExecutionStatus::Succeeded,
    ])
}

pub(crate) fn answer(choices: &mut Choices) -> Answer {
    choices.of(vec![Answer::Status(200), Answer::Status(200), Answer::Status(503), Answer::Unreachable])
}

pub(crate) fn report(choices: &mut Choices, text: &str) -> RunEvent {
    let finding = Finding::new(FindingCode::InputUnknown, text, text, text);
    let errors = choices.of(vec![Vec::new(), Vec::new(), vec![finding.clone()]]);
    RunEvent::ValidationReported { report: ValidationReport { errors, warnings: vec![finding] } }
}
