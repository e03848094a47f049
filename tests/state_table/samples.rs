//! Deployments to look at: every state, with the ways in which an attempt can stand inside.

use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::domain::approval::{ApprovalRequest, Withdrawal};
use deployment_orchestrator::domain::decision::Verdict;
use deployment_orchestrator::domain::deployment::{Deployment, Mode};
use deployment_orchestrator::domain::execution::{Cause, Failure, HumanWait, Retry};
use deployment_orchestrator::domain::health::Probing;
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::place::{Held, Hold};
use deployment_orchestrator::domain::run::{Execution, Phase, Run, RunStatus};
use deployment_orchestrator::domain::state::{
    FailureReason, Permit, Restore, Rollback, State, Version, Work,
};
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::domain::workflow::Stage;

use super::NOW;
use super::fixtures::{INITIATOR, START, decision, deployment, environment, gate, statement};

/// A state to look at, with the words that tell it from its neighbours.
pub(crate) struct Sample {
    pub(crate) note: String,
    pub(crate) deployment: Deployment,
}

pub(crate) fn samples() -> Vec<Sample> {
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

fn dev() -> Stage {
    Stage::Deploying(environment("dev"))
}

pub(crate) fn prod() -> Stage {
    Stage::Deploying(environment("prod"))
}

pub(crate) fn failure(cause: Cause, retry: Retry) -> Failure {
    Failure { cause, message: "a message".to_owned(), retry }
}

pub(crate) const TRANSIENT: Retry = Retry::Retryable { after: None };

pub(crate) fn execution() -> Execution {
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

pub(crate) fn approved() -> Box<ApprovalRequest> {
    request(&[("bob", Verdict::Approve), ("carol", Verdict::Approve)])
}

pub(crate) fn restore(name: &str) -> Restore {
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

pub(crate) fn sample(note: impl Into<String>, touched: &[&str], state: State) -> Sample {
    let mut deployment = deployment(Mode::Auto);
    deployment.progress.state = state;
    deployment.progress.requests = 1;
    deployment.progress.touched = touched.iter().map(|name| environment(name)).collect();
    deployment.progress.place = deployment.progress.state.environment().cloned();
    Sample { note: note.into(), deployment }
}

/// Done with the build, on paths that leave out what comes next.
fn on_a_path() -> Vec<Sample> {
    let built = |note: &str, skipped: &[Stage]| {
        let work = Work { stage: Stage::Building, run: run("succeeded") };
        let mut built = sample(note, &[], State::Active { work, permit: Permit::Open });
        Arc::make_mut(&mut built.deployment.spec).workflow.skipped = skipped.to_vec();
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
