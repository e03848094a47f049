//! Environments get their last good version back: in which way, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use deployment_orchestrator::app::StartRequest;
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Failure, Retry};
use deployment_orchestrator::domain::health::HealthCheck;
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::domain::principal::{Actor, Principal};
use deployment_orchestrator::domain::record::What;
use deployment_orchestrator::domain::rollback_way::{EnvironmentType, HarnessRollback, RollbackWay};
use deployment_orchestrator::domain::run::RunEvent;
use deployment_orchestrator::domain::workflow::{Environment, PipelineRun};
use deployment_orchestrator::engine::Engine;
use deployment_orchestrator::ports::CallError;
use deployment_orchestrator::store::{Allowance, Authority, Entry, Expected};

use super::fake_harness::{Answer, Course, FakeRun, rejected};
use super::world::{COMMIT, Driving, Talk, World};

/// What was deployed before.
pub(super) const EARLIER: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";

/// An installation whose prod is changed before it drives.
pub(super) fn prod(change: impl FnOnce(&mut Environment)) -> (World, Driving) {
    World::driven_under(|policy| change(policy.workflow.environments.last_mut().unwrap()))
}

/// One good answer is enough.
pub(super) fn healthz() -> HealthCheck {
    HealthCheck {
        url: "https://checkout.acme.example/healthz".parse().unwrap(),
        status: 200,
        successes: 1,
        interval_ms: 5_000,
        timeout_ms: 60_000,
    }
}

/// Harness undoes what it rolled out of checkout in prod.
pub(super) fn undo() -> HarnessRollback {
    HarnessRollback {
        service: "checkout".parse().unwrap(),
        environment: "prod".parse().unwrap(),
        environment_type: EnvironmentType::Production,
        infrastructure: "k8s_prod".parse().unwrap(),
    }
}

fn undoing() -> (World, Driving) {
    prod(|prod| prod.rollback = RollbackWay::Harness(undo()))
}

pub(super) async fn at_prod<'w>(world: &'w World, commit: &str) -> Talk<'w> {
    let it = world.start(StartRequest { commit_sha: commit.to_owned(), ..StartRequest::default() }).await;
    it.asks(1).await;
    it.approve().await;
    it
}

pub(super) async fn completed<'w>(world: &'w World, commit: &str) -> Talk<'w> {
    let it = at_prod(world, commit).await;
    it.reaches("completed").await;
    it
}

pub(super) async fn to_dev<'w>(world: &'w World, commit: &str) -> Talk<'w> {
    let target_environment = Some("dev".to_owned());
    world
        .start(StartRequest { commit_sha: commit.to_owned(), target_environment, ..StartRequest::default() })
        .await
}

pub(super) fn given(run: &FakeRun, variable: &str) -> String {
    run.inputs.get(&variable.parse().unwrap()).cloned().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_of_its_own_is_told_what_comes_back_and_what_goes() {
    let (world, _driving) = prod(|prod| {
        prod.rollback = RollbackWay::Pipeline(PipelineRun {
            pipeline: "rollback_prod".parse().unwrap(),
            input_sets: Vec::new(),
            variables: BTreeMap::from([(
                "image".parse().unwrap(),
                "checkout:${deployment.commit_sha}".parse().unwrap(),
            )]),
            timeout_ms: None,
        });
    });
    let earlier = completed(&world, EARLIER).await;
    let it = completed(&world, COMMIT).await;

    it.send("ROLLBACK").await;
    it.reaches("rolled-back").await;

    let [run] = &world.harness.runs_of("rollback_prod")[..] else { panic!("it runs once") };
    assert_eq!(given(run, "commit_sha"), EARLIER);
    assert_eq!(given(run, "rolled_back_commit_sha"), COMMIT);
    assert_eq!(given(run, "restored_deployment_id"), earlier.id.as_str());
    assert_eq!(given(run, "environment"), "prod");
    assert_eq!(given(run, "image"), format!("checkout:{EARLIER}"), "placeholders speak of what comes back");
    assert_eq!(given(run, "region"), "eu-west-1", "of the version that comes back");
    let dev = world.harness.runs_of("deploy_dev").pop().unwrap();
    assert_eq!(given(&dev, "commit_sha"), EARLIER, "the others are redeployed");
    assert_eq!(given(&dev, "rolled_back_commit_sha"), "", "a pipeline that deploys is not given more");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn harness_undoes_what_it_rolled_out() {
    let (world, _driving) = undoing();
    completed(&world, EARLIER).await;
    let it = completed(&world, COMMIT).await;

    it.send("ROLLBACK").await;
    it.reaches("rolled-back").await;

    let runs = world.harness.runs_of("deploy_prod");
    assert_eq!(runs.len(), 3);
    assert_eq!(runs[2].undoes, Some(undo()));
    assert!(world.harness.runs_of("deploy_dev")[2].undoes.is_none(), "dev has the usual way");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn harness_is_not_asked_to_undo_a_rollout_that_failed() {
    let (world, _driving) = undoing();
    completed(&world, EARLIER).await;
    world.harness.goes("deploy_prod", Course::Ends(rejected()));
    let it = at_prod(&world, COMMIT).await;
    it.reaches("failed").await;

    it.send("ROLLBACK").await;
    it.reaches("rolled-back").await;

    let last = world.harness.runs_of("deploy_prod").pop().unwrap();
    assert_eq!(last.undoes, None, "Harness would go behind the version that is still there");
    assert_eq!(given(&last, "commit_sha"), EARLIER);
}

#[tokio::test(start_paused = true)]
async fn harness_undoes_nothing_of_another_service() {
    let (world, _driving) = undoing();
    let payments = |commit: &str| StartRequest {
        commit_sha: commit.to_owned(),
        service: Some("payments".to_owned()),
        ..StartRequest::default()
    };
    for commit in [EARLIER, COMMIT] {
        let it = world.start(payments(commit)).await;
        it.asks(1).await;
        it.approve().await;
        it.reaches("completed").await;
        if commit == COMMIT {
            it.send("ROLLBACK").await;
            it.reaches("rolled-back").await;
        }
    }
    assert!(world.harness.runs().iter().all(|run| run.undoes.is_none()), "it would undo checkout");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_of_harness_whose_reply_is_lost_is_found_by_its_target() {
    let (world, _driving) = undoing();
    completed(&world, EARLIER).await;
    let it = completed(&world, COMMIT).await;
    world.harness.answers("deploy_prod", Answer::LostButRuns);

    it.send("ROLLBACK").await;
    it.reaches("rolled-back").await;

    assert_eq!(world.harness.runs_of("deploy_prod").len(), 3, "and is not made twice");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_rollback_of_harness_that_is_not_found_waits_for_a_person() {
    let (world, _driving) = undoing();
    completed(&world, EARLIER).await;
    let it = completed(&world, COMMIT).await;
    world.harness.answers("deploy_prod", Answer::LostAndNotRun);

    it.send("ROLLBACK").await;
    it.reaches_in("rolling-back", "outcome-unknown").await;
    world.pass(Duration::from_hours(1)).await;
    assert_eq!(world.harness.triggers_of("deploy_prod"), 3, "nothing is repeated on a guess");
    let status = world.app.status(it.id.as_str()).await.unwrap();
    assert!(status.waiting_for.contains("rollback of checkout in prod"), "{}", status.waiting_for);

    it.resolve().await;
    it.reaches("rolled-back").await;
    assert_eq!(world.harness.runs_of("deploy_prod")[2].status(), ExecutionStatus::Succeeded);
    it.assert_sound();
}

/// An installation that rolls back by itself what fails in prod.
pub(super) fn by_itself() -> (World, Driving) {
    prod(|prod| prod.automatic_rollback = true)
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_fails_is_rolled_back_without_anybody_asking() {
    let (world, _driving) = by_itself();
    completed(&world, EARLIER).await;
    world.harness.goes("deploy_prod", Course::Ends(rejected()));
    let it = at_prod(&world, COMMIT).await;
    it.reaches("rolled-back").await;

    let last = world.harness.runs_of("deploy_prod").pop().unwrap();
    assert_eq!(given(&last, "commit_sha"), EARLIER);
    let rollback = it.record_of("ROLLBACK");
    assert_eq!(rollback.actor.principal, Principal::System);
    let What::Event(Event::Main(MainEvent::Rollback { reason, .. })) = rollback.what else { panic!() };
    assert_eq!(reason, "deploying-prod failed: the cluster did not answer");
    assert!(!it.main_events().contains(&"FAILURE".to_owned()), "nobody is told that it is over before it is");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_get_healthy_is_rolled_back_too() {
    let (world, _driving) = prod(|prod| {
        prod.automatic_rollback = true;
        prod.rollback = RollbackWay::Harness(undo());
        prod.health = Some(healthz());
    });
    completed(&world, EARLIER).await;
    world.environment.answers(&[503]);
    let it = at_prod(&world, COMMIT).await;
    it.reaches_in("rolling-back", "probing").await;
    let runs = world.harness.runs_of("deploy_prod");
    assert_eq!(runs[2].undoes, Some(undo()), "the rollout was there to be undone");
    assert!(!it.main_events().contains(&"ENVIRONMENT_RESTORED".to_owned()), "and what is back is asked, too");

    world.environment.answers(&[200]);
    it.reaches("rolled-back").await;
    let What::Event(Event::Main(MainEvent::Rollback { reason, .. })) = it.record_of("ROLLBACK").what else {
        panic!()
    };
    assert!(reason.starts_with("deploying-prod failed: ") && reason.ends_with("HTTP 503"), "{reason}");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_too_long_is_rolled_back_too() {
    let (world, _driving) = prod(|prod| {
        prod.automatic_rollback = true;
        prod.deploy.timeout_ms = Some(60_000);
    });
    completed(&world, EARLIER).await;
    world.harness.goes("deploy_prod", Course::Stays(ExecutionStatus::Running));
    let it = at_prod(&world, COMMIT).await;
    it.reaches("rolled-back").await;

    let [_, late, last] = &world.harness.runs_of("deploy_prod")[..] else { panic!("it is not repeated") };
    assert_eq!(late.status(), ExecutionStatus::Aborted);
    assert_eq!(given(last, "commit_sha"), EARLIER);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_rolled_back_by_itself_is_said_once() {
    let (world, _driving) = by_itself();
    world.harness.goes("deploy_prod", Course::Ends(rejected()));
    let it = at_prod(&world, COMMIT).await;
    it.reaches("failed").await;
    world.pass(Duration::from_hours(1)).await;

    world.until(|it| it.told.count(Topic::Failed) == 1).await;
    let text = world.told.notices().into_iter().find(|it| it.topic == Topic::Failed).unwrap().text;
    assert!(text.contains("not rolled back by itself") && text.contains("none for prod"), "{text}");
    assert_eq!(it.main_events().iter().filter(|it| *it == "ROLLBACK_IMPOSSIBLE").count(), 1);
    assert_eq!(world.harness.triggers_of("deploy_prod"), 1);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_automatic_rollback_that_fails_pages_and_is_not_made_again() {
    let (world, _driving) = by_itself();
    completed(&world, EARLIER).await;
    world.harness.goes("deploy_prod", Course::Ends(rejected()));
    world.harness.goes("deploy_prod", Course::Ends(rejected()));
    let it = at_prod(&world, COMMIT).await;
    it.reaches("rollback-failed").await;
    world.until(|it| it.told.count(Topic::RollbackFailed) == 1).await;
    let text = world.told.notices().into_iter().find(|it| it.topic == Topic::RollbackFailed).unwrap().text;
    assert!(
        text.contains("act now: prod could not be restored: ") && text.contains("staging, dev"),
        "{text}"
    );
    world.pass(Duration::from_hours(1)).await;

    assert_eq!(world.harness.triggers_of("deploy_prod"), 3);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_rolled_back_where_nobody_knows_what_ran_or_a_person_said_no() {
    let refused = CallError { cause: Cause::Unauthorized, message: "no".to_owned(), retry: Retry::Final };
    let said_no = ExecutionStatus::Failed(Failure {
        cause: Cause::PipelineRejected,
        message: "an approver in Harness rejected it".to_owned(),
        retry: Retry::Final,
    });
    for course in [None, Some(ExecutionStatus::Aborted), Some(said_no)] {
        let (world, _driving) = by_itself();
        completed(&world, EARLIER).await;
        match course {
            Some(status) => world.harness.goes("deploy_prod", Course::Ends(status)),
            None => world.harness.answers("deploy_prod", Answer::Refused(refused.clone())),
        }
        let it = at_prod(&world, COMMIT).await;
        it.reaches("failed").await;
        world.pass(Duration::from_mins(10)).await;
        assert!(!it.main_events().contains(&"ROLLBACK".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn an_automatic_rollback_survives_a_crash_and_a_person_who_cancels_it_is_heeded() {
    let (world, driving) = by_itself();
    completed(&world, EARLIER).await;
    world.harness.goes("deploy_prod", Course::Ends(rejected()));
    world.harness.goes("deploy_prod", Course::Stays(ExecutionStatus::Running));
    let it = at_prod(&world, COMMIT).await;
    it.reaches_in("rolling-back", "running").await;
    driving.crash().await;
    let _other = world.drive_anew("second");
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(world.harness.triggers_of("deploy_prod"), 3, "nothing is begun twice");

    it.send("CANCEL").await;
    it.reaches("cancelled").await;
    world.pass(Duration::from_hours(1)).await;
    assert_eq!(it.now().progress.state.name(), "cancelled", "it is not begun again");
    it.assert_sound();
}

/// A person was faster than the engine: the deployment is theirs.
#[tokio::test(start_paused = true)]
async fn who_cancels_a_failed_rollout_before_the_engine_looks_keeps_it_as_it_is() {
    let (world, driving) = by_itself();
    completed(&world, EARLIER).await;
    world.harness.goes("deploy_prod", Course::Stays(ExecutionStatus::Running));
    let it = at_prod(&world, COMMIT).await;
    let running = it.reaches_in("deploying-prod", "running").await;
    driving.stop().await;
    let failed = RunEvent::ExecutionObserved { status: rejected() };
    let entry = Entry {
        id: it.id.clone(),
        event: failed.into(),
        actor: Actor::ENGINE,
        expected: Expected::Version(running.progress.version),
        authority: Authority::Caller,
        allowance: Allowance::Unlimited,
        at: world.app.clock.now(),
    };
    world.app.store.record(&entry).unwrap();
    let mut engine = Engine::new(world.parts(), "late".to_owned());

    it.send("CANCEL").await;
    while !it.now().progress.state.is_terminal() {
        engine.tick().await.unwrap();
        engine.finish().await;
    }
    assert_eq!(it.now().progress.state.name(), "cancelled");
    assert_eq!(world.harness.triggers_of("deploy_prod"), 2);
}

pub(super) fn admin() -> Actor {
    Actor::at_command_line("ada".parse().unwrap())
}

/// Lesson: chat and tickets were down together with the shop, and so was the way back.
#[tokio::test(start_paused = true)]
async fn a_rollback_needs_nobody_who_is_told() {
    let (world, _driving) = World::driven();
    completed(&world, EARLIER).await;
    let it = completed(&world, COMMIT).await;
    *world.told.out_of_reach.lock().unwrap() = u32::MAX;
    *world.told.takes.lock().unwrap() = Duration::from_secs(25);
    let begin = world.app.clock.now();

    it.send("ROLLBACK").await;
    it.reaches("rolled-back").await;

    assert!(world.app.clock.now().since(begin) < Duration::from_mins(1));
    it.assert_sound();
}

/// Lesson: the way back stood in the same queue as the next release.
#[tokio::test(start_paused = true)]
async fn a_rollback_goes_in_before_those_who_wait_longer() {
    let (world, _driving) = World::driven();
    completed(&world, EARLIER).await;
    let bad = to_dev(&world, COMMIT).await;
    bad.reaches("completed").await;
    world.harness.goes("deploy_dev", Course::Stays(ExecutionStatus::Running));
    let has_it = to_dev(&world, "abcdef1").await;
    has_it.reaches_in("deploying-dev", "running").await;
    let waits = to_dev(&world, "abcdef2").await;
    waits.until(|it| it.progress.held.is_some()).await;

    bad.send("ROLLBACK").await;
    let held = bad.until(|it| it.progress.held.is_some()).await.progress.held.unwrap();
    assert_eq!(held.by[0].name(), "taken", "one at a time");
    has_it.send("CANCEL").await;
    bad.reaches("rolled-back").await;
    waits.reaches("completed").await;

    let runs = world.harness.runs_of("deploy_dev");
    let commits: Vec<String> = runs.iter().skip(3).map(|run| given(run, "commit_sha")).collect();
    assert_eq!(commits, [EARLIER, "abcdef2"]);
}

#[tokio::test(start_paused = true)]
async fn a_persons_lock_holds_a_rollback_and_the_status_says_so() {
    let (world, _driving) = World::driven();
    completed(&world, EARLIER).await;
    let it = completed(&world, COMMIT).await;
    world.app.lock("prod", None, "the database moves", &admin()).await.unwrap();
    it.send("ROLLBACK").await;
    it.until(|it| it.progress.held.is_some()).await;
    let status = world.app.status(it.id.as_str()).await.unwrap();
    assert!(status.waiting_for.contains("the database moves"), "{}", status.waiting_for);
    assert!(status.waiting_for.contains("unlock"), "{}", status.waiting_for);
    assert_eq!(world.harness.triggers_of("deploy_prod"), 2);

    world.app.unlock("prod", None, "done", &admin()).await.unwrap();
    it.reaches("rolled-back").await;
    it.assert_sound();
}

/// Lesson: while production burns, the next release has long been in dev.
#[tokio::test(start_paused = true)]
async fn production_is_rolled_back_although_a_newer_deployment_is_in_dev() {
    let (world, _driving) = World::driven();
    completed(&world, EARLIER).await;
    let bad = completed(&world, COMMIT).await;
    let newer = to_dev(&world, "abcdef0123").await;
    newer.reaches("completed").await;
    bad.send("ROLLBACK").await;
    bad.reaches("rolled-back").await;

    let commits = |pipeline: &str| -> Vec<String> {
        let sent = "commit_sha".parse().unwrap();
        world.harness.runs_of(pipeline).iter().map(|run| run.inputs[&sent].clone()).collect()
    };
    assert_eq!(commits("deploy_prod"), [EARLIER, COMMIT, EARLIER]);
    assert_eq!(commits("deploy_dev"), [EARLIER, COMMIT, "abcdef0123"], "dev keeps what is newer");
    bad.assert_sound();
}
