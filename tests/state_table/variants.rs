//! A sample of everything: no state, status, reason or event is left out of the table.

use std::collections::BTreeSet;

use deployment_orchestrator::domain::event::{Completion, Event, MainEvent};
use deployment_orchestrator::domain::execution::ExecutionStatus;
use deployment_orchestrator::domain::run::{Phase, RunEvent, RunStatus};
use deployment_orchestrator::domain::state::{FailureReason, State};
use deployment_orchestrator::domain::workflow::Stage;

use super::events::events;
use super::samples::samples;

/// A function that names the variant of a value, by an exhaustive match, and the
/// list of all names. A new variant does not compile until it is named here, and
/// then fails the test until there is a sample of it.
macro_rules! variants {
    ($name:ident, $all:ident, $of:ty, { $($pattern:pat => $label:literal,)+ }) => {
        fn $name(value: &$of) -> &'static str {
            match value { $($pattern => $label,)+ }
        }
        const $all: &[&str] = &[$($label),+];
    };
}

variants!(state_variant, STATES, State, {
    State::Pending => "Pending",
    State::Active { .. } => "Active",
    State::AwaitingApproval { .. } => "AwaitingApproval",
    State::Cancelling { .. } => "Cancelling",
    State::RollingBack(_) => "RollingBack",
    State::Completed => "Completed",
    State::Failed { .. } => "Failed",
    State::Cancelled => "Cancelled",
    State::RolledBack => "RolledBack",
    State::RollbackFailed { .. } => "RollbackFailed",
});

variants!(stage_variant, STAGES, Stage, {
    Stage::Validating => "Validating",
    Stage::Building => "Building",
    Stage::Testing => "Testing",
    Stage::Deploying(_) => "Deploying",
    Stage::Restoring(_) => "Restoring",
});

variants!(run_variant, RUNS, RunStatus, {
    RunStatus::NotStarted { .. } => "NotStarted",
    RunStatus::Triggering { .. } => "Triggering",
    RunStatus::OutcomeUnknown { .. } => "OutcomeUnknown",
    RunStatus::Live { phase: Phase::Queued, .. } => "Live, Queued",
    RunStatus::Live { phase: Phase::Running, .. } => "Live, Running",
    RunStatus::Live { phase: Phase::NeedsHuman(_), .. } => "Live, NeedsHuman",
    RunStatus::Live { phase: Phase::Unknown(_), .. } => "Live, Unknown",
    RunStatus::Probing { .. } => "Probing",
    RunStatus::Succeeded { .. } => "Succeeded",
    RunStatus::Failed { .. } => "Failed",
    RunStatus::Aborted { .. } => "Aborted",
});

variants!(reason_variant, REASONS, FailureReason, {
    FailureReason::ValidationFailed { .. } => "ValidationFailed",
    FailureReason::TestsFailed { .. } => "TestsFailed",
    FailureReason::StageFailed { .. } => "StageFailed",
    FailureReason::StageErrored { .. } => "StageErrored",
    FailureReason::StageAborted => "StageAborted",
    FailureReason::Superseded { .. } => "Superseded",
    FailureReason::ApprovalRejected { .. } => "ApprovalRejected",
    FailureReason::ApprovalExpired => "ApprovalExpired",
    FailureReason::Tampered { .. } => "Tampered",
});

variants!(event_variant, EVENTS, Event, {
    Event::Main(MainEvent::Created { .. }) => "Created",
    Event::Main(MainEvent::Start) => "Start",
    Event::Main(MainEvent::StageComplete { completion: Completion::Validating }) => "Complete, Validating",
    Event::Main(MainEvent::StageComplete { completion: Completion::Building }) => "Complete, Building",
    Event::Main(MainEvent::StageComplete { completion: Completion::Testing }) => "Complete, Testing",
    Event::Main(MainEvent::StageComplete { completion: Completion::Deploying(_) }) => "Complete, Deploying",
    Event::Main(MainEvent::Failure) => "Failure",
    Event::Main(MainEvent::Held { .. }) => "Held",
    Event::Main(MainEvent::HeldLong) => "HeldLong",
    Event::Main(MainEvent::PlaceTaken { .. }) => "PlaceTaken",
    Event::Main(MainEvent::FreezeOverridden { .. }) => "FreezeOverridden",
    Event::Main(MainEvent::Superseded { .. }) => "Superseded",
    Event::Main(MainEvent::ApprovalRequested { .. }) => "ApprovalRequested",
    Event::Main(MainEvent::DecisionMade { .. }) => "DecisionMade",
    Event::Main(MainEvent::ApprovalReminded) => "ApprovalReminded",
    Event::Main(MainEvent::ApprovalEscalated) => "ApprovalEscalated",
    Event::Main(MainEvent::ApprovalWithdrawn { .. }) => "ApprovalWithdrawn",
    Event::Main(MainEvent::ApprovalVoided { .. }) => "ApprovalVoided",
    Event::Main(MainEvent::TamperingFound { .. }) => "TamperingFound",
    Event::Main(MainEvent::Approved) => "Approved",
    Event::Main(MainEvent::Rejected) => "Rejected",
    Event::Main(MainEvent::ApprovalExpired) => "ApprovalExpired",
    Event::Main(MainEvent::Retry) => "Retry",
    Event::Main(MainEvent::Cancel { .. }) => "Cancel",
    Event::Main(MainEvent::Cancelled) => "Cancelled",
    Event::Main(MainEvent::Rollback { .. }) => "Rollback",
    Event::Main(MainEvent::RollbackImpossible { .. }) => "RollbackImpossible",
    Event::Main(MainEvent::RestoreOvertaken { .. }) => "RestoreOvertaken",
    Event::Main(MainEvent::EnvironmentRestored) => "EnvironmentRestored",
    Event::Main(MainEvent::RollbackComplete) => "RollbackComplete",
    Event::Main(MainEvent::RollbackFailed) => "RollbackFailed",
    Event::Run(RunEvent::ValidationReported { .. }) => "ValidationReported",
    Event::Run(RunEvent::TriggerIntended { .. }) => "TriggerIntended",
    Event::Run(RunEvent::TriggerAccepted { .. }) => "TriggerAccepted",
    Event::Run(RunEvent::TriggerLost { .. }) => "TriggerLost",
    Event::Run(RunEvent::AttemptFailed { .. }) => "AttemptFailed",
    Event::Run(RunEvent::ExecutionObserved { status: ExecutionStatus::Queued, .. }) => "Observed, Queued",
    Event::Run(RunEvent::ExecutionObserved { status: ExecutionStatus::Running, .. }) => "Observed, Running",
    Event::Run(RunEvent::ExecutionObserved { status: ExecutionStatus::NeedsHuman(_), .. }) => "Observed, NeedsHuman",
    Event::Run(RunEvent::ExecutionObserved { status: ExecutionStatus::Succeeded, .. }) => "Observed, Succeeded",
    Event::Run(RunEvent::ExecutionObserved { status: ExecutionStatus::Failed(_), .. }) => "Observed, Failed",
    Event::Run(RunEvent::ExecutionObserved { status: ExecutionStatus::Aborted, .. }) => "Observed, Aborted",
    Event::Run(RunEvent::ExecutionObserved { status: ExecutionStatus::Unknown(_), .. }) => "Observed, Unknown",
    Event::Run(RunEvent::HealthObserved { .. }) => "HealthObserved",
    Event::Run(RunEvent::HealthTimedOut) => "HealthTimedOut",
    Event::Run(RunEvent::AbortRequested) => "AbortRequested",
    Event::Run(RunEvent::RetryScheduled { .. }) => "RetryScheduled",
    Event::Run(RunEvent::OutcomeResolved) => "OutcomeResolved",
});

#[test]
fn every_variant_has_a_sample() {
    let samples = samples();
    let states: Vec<&State> = samples.iter().map(|sample| &sample.deployment.progress.state).collect();
    assert_samples(STATES, states.iter().map(|state| state_variant(state)));
    let works: Vec<_> = states.iter().filter_map(|state| state.work()).collect();
    assert_samples(STAGES, works.iter().map(|(stage, _)| stage_variant(stage)));
    for stage in STAGES {
        let runs = works.iter().filter(|(present, _)| stage_variant(present) == *stage);
        assert_samples(RUNS, runs.map(|(_, run)| run_variant(&run.status)));
    }
    let reasons = states.iter().filter_map(|state| match state {
        State::Failed { reason, .. } => Some(reason_variant(reason)),
        _ => None,
    });
    assert_samples(REASONS, reasons);
    for sample in &samples {
        assert_samples(EVENTS, events(&sample.deployment).iter().map(|(_, event)| event_variant(event)));
    }
}

#[track_caller]
fn assert_samples<'a>(all: &[&'a str], seen: impl Iterator<Item = &'a str>) {
    assert_eq!(seen.collect::<BTreeSet<_>>(), all.iter().copied().collect::<BTreeSet<_>>());
}
