//! What is said to every sample.

use deployment_orchestrator::domain::decision::{Decision, Verdict};
use deployment_orchestrator::domain::deployment::Deployment;
use deployment_orchestrator::domain::event::{Completion, Event, MainEvent};
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, HumanWait, Retry};
use deployment_orchestrator::domain::finding::{Finding, FindingCode, ValidationReport};
use deployment_orchestrator::domain::health::Answer;
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::place::Hold;
use deployment_orchestrator::domain::run::RunEvent;
use deployment_orchestrator::domain::subject::Digest;
use deployment_orchestrator::domain::workflow::Stage;

use super::NOW;
use super::fixtures::{
    APPROVERS, INITIATOR, asks, decision, environment, gate, intends, private_key, statement,
};
use super::samples::{TRANSIENT, failure, restore};

/// Every event that can be said to `deployment`, each with its note. What needs
/// an identity has the present one, so that only the state decides.
pub(crate) fn events(deployment: &Deployment) -> Vec<(&'static str, Event)> {
    let mut events: Vec<(&str, Event)> = Vec::new();
    events.extend(main_events(deployment).into_iter().map(|(note, event)| (note, event.into())));
    events.extend(run_events(deployment));
    events
}

fn main_events(deployment: &Deployment) -> Vec<(&'static str, MainEvent)> {
    let decided =
        |name, verdict| MainEvent::DecisionMade { decision: decision(deployment, 1, &gate(), name, verdict) };
    let complete = |completion| MainEvent::StageComplete { completion };
    let rollback = |targets, unknown| MainEvent::Rollback {
        reason: "why".to_owned(),
        targets,
        overtaken: Vec::new(),
        unknown,
    };
    let overtaken = |by| MainEvent::RestoreOvertaken { environment: environment("prod"), by };
    let touched = deployment.touched();
    let wanted = ["prod", "dev"].iter().filter(|name| touched.contains(&environment(name)));
    let Event::Main(asked) = asks(deployment, &gate()) else { panic!("asking is a main event") };
    let forged =
        Decision::sign(statement(deployment, 1, &gate(), "dave", Verdict::Approve), &private_key("mallory"));
    vec![
        ("", MainEvent::Created { spec: Box::new((*deployment.spec).clone()) }),
        ("", MainEvent::Start),
        ("", complete(Completion::Validating)),
        ("", complete(Completion::Building)),
        ("", complete(Completion::Testing)),
        ("", complete(Completion::Deploying(environment("dev")))),
        ("", complete(Completion::Deploying(environment("prod")))),
        ("", MainEvent::Failure),
        ("", MainEvent::Held { by: vec![Hold::Full { most: 1 }] }),
        ("", MainEvent::HeldLong),
        ("(dev)", MainEvent::PlaceTaken { environment: environment("dev"), waived: Vec::new() }),
        ("(prod)", MainEvent::PlaceTaken { environment: environment("prod"), waived: Vec::new() }),
        ("", MainEvent::FreezeOverridden { freeze: "holidays".parse().unwrap(), reason: "why".to_owned() }),
        ("", MainEvent::Superseded { by: DeploymentId::new(2, 2) }),
        ("(older)", MainEvent::Superseded { by: DeploymentId::new(0, 2) }),
        ("", asked),
        ("(approve)", decided(APPROVERS[3], Verdict::Approve)),
        ("(reject)", decided(APPROVERS[3], Verdict::Reject)),
        ("(initiator approves)", decided(INITIATOR, Verdict::Approve)),
        ("(forged)", MainEvent::DecisionMade { decision: forged }),
        ("(breaks the glass)", decided("erin", Verdict::BreakGlass)),
        ("", MainEvent::ApprovalReminded),
        ("", MainEvent::ApprovalEscalated),
        ("", MainEvent::ApprovalWithdrawn { reason: "why".to_owned() }),
        ("", MainEvent::ApprovalVoided { reason: "why".to_owned() }),
        ("", MainEvent::TamperingFound { what: "the spec".to_owned() }),
        ("", MainEvent::Approved),
        ("", MainEvent::Rejected),
        ("", MainEvent::ApprovalExpired),
        ("", MainEvent::Retry),
        ("", MainEvent::Cancel { reason: "why".to_owned() }),
        ("", MainEvent::Cancelled),
        ("", rollback(wanted.map(|name| restore(name)).collect(), Vec::new())),
        ("(dev unknown)", rollback(vec![restore("prod")], vec![environment("dev")])),
        ("(no targets)", rollback(Vec::new(), Vec::new())),
        ("", overtaken(DeploymentId::new(2, 2))),
        ("(by itself)", overtaken(deployment.id.clone())),
        ("", MainEvent::EnvironmentRestored),
        ("", MainEvent::RollbackImpossible { reason: "nothing to go back to".to_owned() }),
        ("", MainEvent::RollbackComplete),
        ("", MainEvent::RollbackFailed),
    ]
}

fn run_events(deployment: &Deployment) -> Vec<(&'static str, Event)> {
    let stage = deployment.progress.state.work().map_or(Stage::Building, |(stage, _)| stage);
    let policy = deployment.spec.workflow.is_gated(&stage).then(|| gate().version());
    let report =
        |errors| RunEvent::ValidationReported { report: ValidationReport { errors, warnings: Vec::new() } };
    let error = Finding::new(FindingCode::PipelineNotFound, "a subject", "a message", "a fix");
    let stale = RunEvent::TriggerIntended {
        key: "stale".parse().unwrap(),
        digest: Digest::of(&"another"),
        policy: None,
    };
    let observed = |status| RunEvent::ExecutionObserved { status };
    let mut events = vec![("", intends(deployment, &stage, policy)), ("(stale)", stale.into())];
    let others = vec![
        ("(clean)", report(Vec::new())),
        ("(error)", report(vec![error])),
        (
            "",
            RunEvent::TriggerAccepted {
                execution: "run-2".parse().unwrap(),
                pipeline: "a_pipeline".parse().unwrap(),
            },
        ),
        ("", RunEvent::TriggerLost { message: "what was seen".to_owned() }),
        ("", RunEvent::AttemptFailed { failure: failure(Cause::Unreachable, TRANSIENT) }),
        ("(queued)", observed(ExecutionStatus::Queued)),
        ("(running)", observed(ExecutionStatus::Running)),
        ("(needs-human)", observed(ExecutionStatus::NeedsHuman(HumanWait::Intervention))),
        ("(succeeded)", observed(ExecutionStatus::Succeeded)),
        ("(failed)", observed(ExecutionStatus::Failed(failure(Cause::PipelineFailed, Retry::Final)))),
        ("(aborted)", observed(ExecutionStatus::Aborted)),
        ("(unknown word)", observed(ExecutionStatus::Unknown("Dreaming".to_owned()))),
        ("(good)", RunEvent::HealthObserved { answer: Answer::Status(200) }),
        ("(bad)", RunEvent::HealthObserved { answer: Answer::Status(503) }),
        ("", RunEvent::HealthTimedOut),
        ("", RunEvent::AbortRequested),
        ("", RunEvent::RetryScheduled { not_before: NOW }),
        ("", RunEvent::OutcomeResolved),
    ];
    events.extend(others.into_iter().map(|(note, event)| (note, event.into())));
    events
}
