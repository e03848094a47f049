//! The engine, with a world behind it that does as it likes.

use std::time::Duration;

use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::guard::Refusal;
use deployment_orchestrator::domain::id::PipelineId;
use deployment_orchestrator::domain::place::Hold;
use deployment_orchestrator::domain::plan::{Otherwise, Step};
use deployment_orchestrator::domain::run::RunEvent;

use super::anybody::{answer, execution, failure, report, status};
use super::choices::{Choices, goes_in};
use super::fixtures::{asks, gate, intends};
use super::walk::{Walk, rollback};

/// Says what the plan says next; checks that the plan's own events are accepted.
pub(crate) fn follow(walk: &mut Walk, step: Step, choices: &mut Choices, text: &str) {
    let own = match &step {
        Step::Record(event) | Step::LookUp { otherwise: Otherwise::Record(event), .. } => Some(event.clone()),
        _ => None,
    };
    if let Some(event) = own {
        let outcome = walk.deployment.apply(&event, walk.now);
        assert!(outcome.is_ok(), "the plan's own event is refused: {}", outcome.unwrap_err());
    }
    let triggers = matches!(step, Step::Trigger { .. });
    let Some(event) = engine_says(walk, step, choices, text) else { return };
    if let Err(refusal) = walk.say(&event) {
        let Refusal::Guarded { guards, .. } = &refusal else { panic!("{refusal}") };
        assert!(triggers, "{refusal}");
        let unmet: Vec<&str> = guards.iter().filter(|guard| !guard.holds).map(|guard| guard.name).collect();
        assert_eq!(unmet, ["request-is-open"], "{refusal}");
        walk.say(&MainEvent::ApprovalVoided { reason: refusal.to_string() }.into()).unwrap();
    }
}

/// What the engine would say to `step`, with a world behind it that does as it likes.
fn engine_says(walk: &Walk, step: Step, choices: &mut Choices, text: &str) -> Option<Event> {
    let deployment = &walk.deployment;
    let accepted = |pipeline: PipelineId, choices: &mut Choices| {
        RunEvent::TriggerAccepted { execution: execution(choices), pipeline }.into()
    };
    Some(match step {
        Step::Record(event) => event,
        Step::Validate => report(choices, text).into(),
        Step::RequestApproval { .. } => asks(deployment, &gate()),
        Step::Trigger { stage } if deployment.progress.place.as_ref() != stage.environment() => {
            // Whoever has no choices left goes in.
            match choices.below(4) {
                3 => MainEvent::Held { by: vec![Hold::Full { most: 1 }] }.into(),
                _ => goes_in(deployment),
            }
        }
        Step::Trigger { stage } => {
            let policy = deployment.spec.workflow.is_gated(&stage).then(|| gate().version());
            intends(deployment, &stage, policy)
        }
        Step::LookUp { pipeline, otherwise, .. } => match choices.below(4) {
            // The reply comes after all, or the look-up finds it.
            0 | 1 => accepted(pipeline, choices),
            2 if matches!(otherwise, Otherwise::Record(_)) => {
                RunEvent::AttemptFailed { failure: failure(choices, text) }.into()
            }
            _ => match otherwise {
                Otherwise::Record(event) => event,
                Otherwise::LookAgain => return None,
            },
        },
        Step::Observe { .. } => RunEvent::ExecutionObserved { status: status(choices, text) }.into(),
        Step::Probe { .. } => RunEvent::HealthObserved { answer: answer(choices) }.into(),
        Step::RollBack { .. } => match choices.below(3) {
            0 => MainEvent::RollbackImpossible { reason: "why".to_owned() }.into(),
            _ => rollback(deployment).into(),
        },
        Step::Abort { .. } => RunEvent::AbortRequested.into(),
        Step::ScheduleRetry { .. } => {
            RunEvent::RetryScheduled { not_before: walk.now.plus(Duration::from_secs(2)) }.into()
        }
    })
}
