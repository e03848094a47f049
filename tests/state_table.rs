//! The whole machine as one text: every state with every event. A change of the
//! machine is a visible change of `snapshots/state_table__machine.snap`.
//!
//! One block per state. An arrow is a line; `guarded` names the guards that do not
//! hold in that sample; the events without an arrow are listed last.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is a test's own work")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use deployment_orchestrator::domain::approval::{ApprovalRequest, Withdrawal};
use deployment_orchestrator::domain::decision::{Decision, Verdict};
use deployment_orchestrator::domain::deployment::{Deployment, Mode};
use deployment_orchestrator::domain::event::{Completion, Event, MainEvent};
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Failure, HumanWait, Retry};
use deployment_orchestrator::domain::finding::{Finding, FindingCode, ValidationReport};
use deployment_orchestrator::domain::guard::Refusal;
use deployment_orchestrator::domain::health::{Answer, Probing};
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::place::{Held, Hold};
use deployment_orchestrator::domain::run::{Execution, Phase, Run, RunEvent, RunStatus};
use deployment_orchestrator::domain::state::{
    FailureReason, Permit, Restore, Rollback, State, Version, Work,
};
use deployment_orchestrator::domain::subject::Digest;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::domain::transition::Transition;
use deployment_orchestrator::domain::workflow::Stage;

use fixtures::{
    APPROVERS, INITIATOR, START, asks, decision, deployment, environment, gate, intends, private_key,
    statement,
};

mod fixtures;

/// When every event of the table happens: long after all backoff timers but the
/// one that is meant to hold.
const NOW: Timestamp = Timestamp(START.0 + 60_000);

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

fn dev() -> Stage {
    Stage::Deploying(environment("dev"))
}

fn prod() -> Stage {
    Stage::Deploying(environment("prod"))
}

fn failure(cause: Cause, retry: Retry) -> Failure {
    Failure { cause, message: "a message".to_owned(), retry }
}

const TRANSIENT: Retry = Retry::Retryable { after: None };

fn execution() -> Execution {
    Execution {
        id: "run-1".parse().unwrap(),
        pipeline: "a_pipeline".parse().unwrap(),
        key: "a-key".parse().unwrap(),
        since: START,
    }
}

fn asked_to_stop(after: Duration) -> RunStatus {
    let abort_requested_at = Some(START.plus(after));
    RunStatus::Live { execution: execution(), phase: Phase::Running, abort_requested_at }
}

fn probing(streak: u32, until: Timestamp) -> RunStatus {
    let health = Probing { until, next: NOW, streak, last: None };
    RunStatus::Probing { execution: execution(), health }
}

/// Every way an attempt can stand, each with its note.
fn runs() -> Vec<(&'static str, Run)> {
    let key = execution().key;
    let live = |phase| RunStatus::Live { execution: execution(), phase, abort_requested_at: None };
    let failed = |ran: bool, cause, retry| RunStatus::Failed {
        execution: ran.then(execution),
        failure: failure(cause, retry),
    };
    let first = |status| Run { attempt: 1, status };
    vec![
        ("", first(RunStatus::NotStarted { not_before: START })),
        (", backing off", first(RunStatus::NotStarted { not_before: NOW.plus(Duration::from_secs(1)) })),
        ("", first(RunStatus::Triggering { key: key.clone(), since: START })),
        ("", first(RunStatus::OutcomeUnknown { key, since: START })),
        ("", first(live(Phase::Queued))),
        ("", first(live(Phase::Running))),
        ("", first(live(Phase::NeedsHuman(HumanWait::Approval)))),
        (", asked to stop in its time", first(asked_to_stop(Duration::from_secs(20)))),
        (", asked to stop after its time", first(asked_to_stop(Duration::from_secs(30)))),
        (", unknown word", first(live(Phase::Unknown("Dreaming".to_owned())))),
        ("", first(probing(0, NOW.plus(Duration::from_secs(1))))),
        (", one good answer", first(probing(1, NOW.plus(Duration::from_secs(1))))),
        (", one good answer, too late", first(probing(1, NOW))),
        ("", first(RunStatus::Succeeded { execution: Some(execution()) })),
        (", for good", first(failed(true, Cause::PipelineFailed, Retry::Final))),
        (", frozen", first(failed(true, Cause::Frozen, Retry::Final))),
        (", transient, ran", first(failed(true, Cause::PipelineExpired, TRANSIENT))),
        (", transient, never ran", first(failed(false, Cause::Unreachable, TRANSIENT))),
        (", transient, lost", first(failed(false, Cause::Lost, TRANSIENT))),
        (
            ", transient, third attempt",
            Run { attempt: 3, status: failed(false, Cause::Unreachable, TRANSIENT) },
        ),
        ("", first(RunStatus::Aborted { execution: execution() })),
    ]
}

fn run(status: &str) -> Run {
    runs().into_iter().map(|(_, run)| run).find(|run| run.status.name() == status).unwrap()
}

fn request(decisions: &[(&str, Verdict)]) -> Box<ApprovalRequest> {
    let deployment = deployment(Mode::Auto);
    let digest = statement(&deployment, 1, &gate(), INITIATOR, Verdict::Approve).digest;
    let asked = ApprovalRequest::open(1, environment("prod"), digest, gate(), START);
    let decisions =
        decisions.iter().map(|(name, verdict)| decision(&deployment, 1, &gate(), name, *verdict)).collect();
    Box::new(ApprovalRequest { decisions, ..asked })
}

fn approved() -> Box<ApprovalRequest> {
    request(&[("bob", Verdict::Approve), ("carol", Verdict::Approve)])
}

fn restore(name: &str) -> Restore {
    let before = deployment(Mode::Auto);
    Restore {
        environment: environment(name),
        version: Version {
            deployment: DeploymentId::new(0, 7),
            commit: "beef123".parse().unwrap(),
            branch: before.spec.branch.clone(),
            variables: before.spec.variables.clone(),
        },
        delivered: false,
    }
}

fn rollback(stopping: Option<Work>, run: Run, then: &[&str]) -> State {
    State::RollingBack(Box::new(Rollback {
        stopping,
        run,
        now: restore("prod"),
        then: then.iter().map(|name| restore(name)).collect(),
    }))
}

/// A state to look at, with the words that tell it from its neighbours.
struct Sample {
    note: String,
    deployment: Deployment,
}

fn sample(note: impl Into<String>, touched: &[&str], state: State) -> Sample {
    let mut deployment = deployment(Mode::Auto);
    deployment.progress.state = state;
    deployment.progress.requests = 1;
    deployment.progress.touched = touched.iter().map(|name| environment(name)).collect();
    deployment.progress.place = deployment.progress.state.environment().cloned();
    Sample { note: note.into(), deployment }
}

fn samples() -> Vec<Sample> {
    let mut samples = vec![sample("", &[], State::Pending)];
    for stage in [Stage::Validating, Stage::Building, Stage::Testing, dev(), prod()] {
        for (note, run) in runs() {
            let permit =
                if stage == prod() { Permit::Approved { request: approved() } } else { Permit::Open };
            let touched: &[&str] = match (&stage, run.execution()) {
                (Stage::Deploying(_), Some(_)) if stage == prod() => &["dev", "prod"],
                (Stage::Deploying(_), Some(_)) => &["dev"],
                (Stage::Deploying(_), None) if stage == prod() => &["dev"],
                _ => &[],
            };
            samples.push(sample(
                note,
                touched,
                State::Active { work: Work { stage: stage.clone(), run }, permit },
            ));
        }
    }
    samples.push(sample(
        ", no permit",
        &["dev"],
        State::Active { work: Work::first(prod()), permit: Permit::Open },
    ));
    samples.extend(on_a_path());
    samples.extend(outside());
    samples.extend(awaiting_approval());
    samples.extend(cancelling());
    samples.extend(rolling_back());
    samples.push(sample("", &["dev", "prod"], State::Completed));
    samples.extend(failed());
    samples.push(sample(", dev touched", &["dev"], State::Cancelled));
    samples.push(sample(", nothing touched", &[], State::Cancelled));
    samples.push(sample("", &["dev", "prod"], State::RolledBack));
    let failure = failure(Cause::PipelineFailed, Retry::Final);
    samples.push(sample("", &["dev", "prod"], State::RollbackFailed { failure }));
    samples
}

/// Done with the build, on paths that leave out what comes next.
fn on_a_path() -> Vec<Sample> {
    let built = |note: &str, skipped: &[Stage]| {
        let work = Work { stage: Stage::Building, run: run("succeeded") };
        let mut built = sample(note, &[], State::Active { work, permit: Permit::Open });
        std::sync::Arc::make_mut(&mut built.deployment.spec).workflow.skipped = skipped.to_vec();
        built
    };
    vec![
        built(", testing left out", &[Stage::Testing]),
        built(", testing and dev left out", &[Stage::Testing, dev()]),
        built(", all but its gate left out", &[Stage::Building, Stage::Testing, dev(), prod()]),
    ]
}

/// Before an environment whose place they do not have.
fn outside() -> Vec<Sample> {
    let active = |note: &str, permit, stage| {
        let work = Work::first(stage);
        let mut outside = sample(note, &["dev"], State::Active { work, permit });
        outside.deployment.progress.place = None;
        outside
    };
    let held = Held { since: START, queued_since: None, by: vec![Hold::Full { most: 1 }], told: false };
    let mut waits = active(", held", Permit::Open, dev());
    waits.deployment.progress.held = Some(held.clone());
    let mut told = active(", held, people told", Permit::Open, dev());
    told.deployment.progress.held = Some(Held { told: true, ..held });
    let mut restores = sample("without its place", &["prod"], rollback(None, Run::first(), &[]));
    restores.deployment.progress.place = None;
    let approved = active(", without its place", Permit::Approved { request: approved() }, prod());
    vec![active(", without its place", Permit::Open, dev()), approved, waits, told, restores]
}

fn awaiting_approval() -> Vec<Sample> {
    let asked = |note: &str, request| {
        sample(note, &["dev"], State::AwaitingApproval { environment: environment("prod"), request })
    };
    let mut expired = request(&[]);
    expired.expires_at = NOW;
    let mut rejected_and_expired = request(&[("bob", Verdict::Reject)]);
    rejected_and_expired.expires_at = NOW;
    let mut taken_back = approved();
    taken_back.withdrawn = Some(Withdrawal { at: START, reason: "why".to_owned() });
    let mut long_ago = request(&[]);
    long_ago.requested_at = Timestamp(NOW.0 - 600_000);
    let glass =
        |names: &[&str]| request(&names.iter().map(|name| (*name, Verdict::BreakGlass)).collect::<Vec<_>>());
    vec![
        asked("nobody asked", None),
        asked("open", Some(request(&[]))),
        asked("one of two approved", Some(request(&[("bob", Verdict::Approve)]))),
        asked("approved", Some(approved())),
        asked("asked ten minutes ago", Some(long_ago)),
        asked("one broke the glass", Some(glass(&["erin"]))),
        asked("two broke the glass", Some(glass(&["bob", "erin"]))),
        asked("approved and taken back", Some(taken_back)),
        asked("rejected", Some(request(&[("bob", Verdict::Reject)]))),
        asked("expired", Some(expired)),
        asked("rejected and expired", Some(rejected_and_expired)),
    ]
}

fn cancelling() -> Vec<Sample> {
    let stopping = |stage: Stage, run| {
        let restoring = matches!(stage, Stage::Restoring(_)).then(|| Box::new(restore("prod")));
        sample("", &["dev", "prod"], State::Cancelling { stopping: Some(Work { stage, run }), restoring })
    };
    let mut samples = vec![sample("", &[], State::Cancelling { stopping: None, restoring: None })];
    samples.push(stopping(Stage::Validating, run("not-started")));
    samples.extend(runs().into_iter().map(|(_, run)| stopping(dev(), run)));
    for status in ["outcome-unknown", "running", "probing", "succeeded"] {
        samples.push(stopping(prod(), run(status)));
        samples.push(stopping(Stage::Restoring(environment("prod")), run(status)));
    }
    samples
}

fn rolling_back() -> Vec<Sample> {
    let both = &["dev", "prod"];
    let mut samples = Vec::new();
    for status in ["triggering", "outcome-unknown", "queued", "running", "needs-human"] {
        let stopping = Some(Work { stage: prod(), run: run(status) });
        samples.push(sample("", both, rollback(stopping, Run::first(), &["dev"])));
    }
    for (note, run) in runs() {
        samples.push(sample(note, both, rollback(None, run, &[])));
    }
    for status in ["running", "probing", "succeeded", "failed"] {
        samples.push(sample("", both, rollback(None, run(status), &["dev"])));
    }
    samples
}

fn failed() -> Vec<Sample> {
    let because = || failure(Cause::PipelineFailed, Retry::Final);
    [
        (Stage::Validating, FailureReason::ValidationFailed { failure: because() }),
        (Stage::Building, FailureReason::StageFailed { failure: because() }),
        (Stage::Testing, FailureReason::TestsFailed { failure: because() }),
        (Stage::Testing, FailureReason::StageErrored { failure: because() }),
        (dev(), FailureReason::StageAborted),
        (prod(), FailureReason::StageFailed { failure: because() }),
        (prod(), FailureReason::ApprovalRejected { message: "no".to_owned() }),
        (prod(), FailureReason::ApprovalExpired),
        (prod(), FailureReason::Superseded { by: DeploymentId::new(2, 2) }),
        (prod(), FailureReason::Tampered { what: "the spec".to_owned() }),
    ]
    .into_iter()
    .map(|(stage, reason)| {
        let touched: &[&str] = if matches!(stage, Stage::Deploying(_)) { &["dev"] } else { &[] };
        sample("", touched, State::Failed { stage, reason })
    })
    .collect()
}

/// Every event that can be said to `deployment`, each with its note. What needs
/// an identity has the present one, so that only the state decides.
fn events(deployment: &Deployment) -> Vec<(&'static str, Event)> {
    let mut events: Vec<(&str, Event)> = Vec::new();
    events.extend(main_events(deployment).into_iter().map(|(note, event)| (note, event.into())));
    events.extend(run_events(deployment));
    events
}

fn main_events(deployment: &Deployment) -> Vec<(&'static str, MainEvent)> {
    let decided =
        |name, verdict| MainEvent::DecisionMade { decision: decision(deployment, 1, &gate(), name, verdict) };
    let complete = |completion| MainEvent::StageComplete { completion };
    let rollback = |targets| MainEvent::Rollback { reason: "why".to_owned(), targets, overtaken: Vec::new() };
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
        ("", rollback(wanted.map(|name| restore(name)).collect())),
        ("(no targets)", rollback(Vec::new())),
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

/// A state in a few words.
fn shown(state: &State) -> String {
    let within = match state {
        State::Pending | State::Completed | State::Cancelled | State::RolledBack => return state.name(),
        State::Active { work, .. } => attempt(&work.run),
        State::AwaitingApproval { request: None, .. } => "no request".to_owned(),
        State::AwaitingApproval { request: Some(request), .. } => {
            format!("request {}, {} decisions", request.number, request.decisions.len())
        }
        State::Cancelling { stopping: None, .. } => "nothing".to_owned(),
        State::Cancelling { stopping: Some(work), .. } => format!("{} {}", work.stage, attempt(&work.run)),
        State::RollingBack(rollback) => {
            let first = match &rollback.stopping {
                Some(work) => format!("{} {}, then ", work.stage, attempt(&work.run)),
                None => String::new(),
            };
            let then = rollback.then.iter().fold(String::new(), |mut then, restore| {
                let _ = write!(then, ", then {}", restore.environment);
                then
            });
            format!("{first}{} {}{then}", rollback.stage(), attempt(&rollback.run))
        }
        State::Failed { stage, reason } => format!("{stage}, {}", reason.name()),
        State::RollbackFailed { failure } => failure.cause.as_str().to_owned(),
    };
    format!("{}[{within}]", state.name())
}

fn attempt(run: &Run) -> String {
    match run.attempt {
        1 => run.status.name().to_owned(),
        number => format!("{} #{number}", run.status.name()),
    }
}

fn accepted(transition: &Transition) -> String {
    let mut line = format!("→ {}", shown(&transition.progress.state));
    for notice in &transition.notices {
        let _ = write!(line, "  tells {}", notice.topic.as_str());
    }
    if let Some(deployed) = &transition.deployed {
        let own = deployed.version.deployment == deployment(Mode::Auto).id;
        let version = if own { "this version" } else { "the earlier version" };
        let _ = write!(line, "  {} has {version}", deployed.environment);
    }
    line
}

fn block(sample: &Sample) -> String {
    let mut block = shown(&sample.deployment.progress.state);
    if !sample.note.is_empty() {
        let _ = write!(block, " {}", sample.note.trim_start_matches(", "));
    }
    block.push('\n');
    let mut refused: Vec<String> = Vec::new();
    for (note, event) in events(&sample.deployment) {
        let name = format!("{}{note}", event.name());
        let outcome = match sample.deployment.apply(&event, NOW) {
            Ok(transition) => accepted(&transition),
            Err(Refusal::Guarded { guards, .. }) => {
                let unmet: Vec<&str> =
                    guards.iter().filter(|guard| !guard.holds).map(|guard| guard.name).collect();
                format!("guarded: {}", unmet.join(", "))
            }
            Err(Refusal::NotAllowed { .. }) => {
                if refused.last() != Some(&event.name().0) {
                    refused.push(event.name().0);
                }
                continue;
            }
        };
        let _ = writeln!(block, "    {name:<34}{outcome}");
    }
    let _ = writeln!(block, "    not-allowed: {}", refused.join(" "));
    block
}

#[test]
fn machine() {
    let table: Vec<String> = samples().iter().map(block).collect();
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("machine", table.join("\n"));
    });
}

/// How each guard refuses, in the first sample in which it does.
#[test]
fn refusals() {
    let mut refusals: BTreeMap<&str, String> = BTreeMap::new();
    for sample in samples() {
        for (_, event) in events(&sample.deployment) {
            let Err(Refusal::Guarded { guards, .. }) = sample.deployment.apply(&event, NOW) else { continue };
            for guard in guards.into_iter().filter(|guard| !guard.holds) {
                let from = guard.provenance();
                refusals.entry(guard.name).or_insert_with(|| {
                    format!(
                        "{}: {}\n    opens when {}\n    seen in {}, opened by {}",
                        guard.name, guard.saw, guard.opens_when, from.source, from.opened_by
                    )
                });
            }
        }
    }
    let all: Vec<String> = refusals.into_values().collect();
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("refusals", all.join("\n"));
    });
}

/// How each thing that holds a deployment before an environment is said.
#[test]
fn holds() {
    let other = DeploymentId::new(2, 2);
    let (dev, until) = (environment("dev"), START);
    let freeze =
        |why: &str, until| Hold::Frozen { freeze: "sale".parse().unwrap(), why: why.to_owned(), until };
    let holds = [
        Hold::Taken { by: other.clone(), ahead: 0 },
        Hold::Taken { by: other.clone(), ahead: 2 },
        Hold::Queued { behind: other.clone(), ahead: 1 },
        Hold::Queued { behind: other.clone(), ahead: 3 },
        Hold::Full { most: 2 },
        Hold::Locked { by: "dana".to_owned(), reason: "an audit".to_owned(), since: START },
        freeze("the shop is full", Some(until)),
        freeze("", None),
        Hold::Soaking { environment: dev, until },
        Hold::Unproven { rule: "tests-passed".to_owned(), saw: "no tests of abc have passed".to_owned() },
        Hold::Quarantined { by: other },
    ];
    let said: Vec<String> = holds
        .iter()
        .map(|hold| format!("{}: {hold}\n    until {}", hold.name(), hold.opens_when()))
        .collect();
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("holds", said.join("\n"));
    });
}

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

#[test]
fn an_explanation_is_the_same_computation() {
    for sample in samples() {
        for (_, event) in events(&sample.deployment) {
            let explained = sample.deployment.explain(&event, NOW);
            match sample.deployment.apply(&event, NOW) {
                Ok(_) => assert!(explained.unwrap().iter().all(|guard| guard.holds)),
                Err(Refusal::Guarded { guards, .. }) => assert_eq!(explained.unwrap(), guards),
                Err(refusal @ Refusal::NotAllowed { .. }) => assert_eq!(explained.unwrap_err(), refusal),
            }
        }
    }
}
