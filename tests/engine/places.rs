//! Several deployments before one environment: who goes in, who waits, and why.

use std::time::Duration;

use deployment_orchestrator::app::StartRequest;
use deployment_orchestrator::domain::entrance::{OnConflict, Proof, Rules, WhileWaiting};
use deployment_orchestrator::domain::execution::ExecutionStatus;
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::state::{FailureReason, State};

use super::fake_harness::{Course, FakeRun, rejected};
use super::rollback::{EARLIER, to_dev};
use super::world::{COMMIT, Driving, Talk, World};

const OTHER_COMMIT: &str = "0ddba11000000000000000000000000000000000";

/// An installation whose rules for `environment` are changed before it drives.
pub(super) fn ruled(environment: &str, change: impl FnOnce(&mut Rules)) -> (World, Driving) {
    World::driven_under(|policy| change(policy.rules.get_mut(&environment.parse().unwrap()).unwrap()))
}

/// A deployment that runs in dev until a test says how it ends.
async fn first_in_dev(world: &World) -> Talk<'_> {
    world.harness.goes("deploy_dev", Course::Stays(ExecutionStatus::Running));
    let first = world.deploy().await;
    first.reaches_in("deploying-dev", "running").await;
    first
}

pub(super) async fn another(world: &World) -> Talk<'_> {
    world.start(StartRequest { commit_sha: OTHER_COMMIT.to_owned(), ..StartRequest::default() }).await
}

/// Another, which has found the way barred.
async fn another_that_waits(world: &World) -> Talk<'_> {
    let second = another(world).await;
    second.until(|it| it.progress.held.is_some()).await;
    second
}

fn holds(it: &Talk<'_>) -> Vec<&'static str> {
    it.now().progress.held.map_or_else(Vec::new, |held| held.by.iter().map(|hold| hold.name()).collect())
}

pub(super) fn person() -> Actor {
    Actor::at_command_line("ada".parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_second_waits_until_the_first_is_done_there() {
    let (world, _driving) = World::driven();
    let first = first_in_dev(&world).await;
    let second = another_that_waits(&world).await;
    assert_eq!(holds(&second), ["taken"]);
    let status = world.app.status(second.id.as_str()).await.unwrap();
    assert!(status.waiting_for.contains(first.id.as_str()), "{}", status.waiting_for);
    assert_eq!(world.harness.runs_of("deploy_dev").len(), 1, "one at a time");

    world.harness.now("deploy_dev", ExecutionStatus::Succeeded);
    first.reaches("awaiting-approval").await;
    second.reaches("awaiting-approval").await;
    assert_eq!(world.harness.runs_of("deploy_dev").len(), 2);
    first.assert_sound();
    second.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn the_others_follow_in_the_order_in_which_they_came() {
    let (world, _driving) = World::driven();
    first_in_dev(&world).await;
    another_that_waits(&world).await;
    let third =
        world.start(StartRequest { commit_sha: "abcdef0".to_owned(), ..StartRequest::default() }).await;
    third.until(|it| it.progress.held.is_some()).await;

    world.harness.now("deploy_dev", ExecutionStatus::Succeeded);
    third.reaches("awaiting-approval").await;
    let runs = world.harness.runs_of("deploy_dev");
    let commits: Vec<&str> =
        runs.iter().map(|run| run.inputs[&"commit_sha".parse().unwrap()].as_str()).collect();
    assert_eq!(commits[1..], [OTHER_COMMIT, "abcdef0"]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_keeps_everybody_out_until_it_is_taken_off() {
    let (world, _driving) = World::driven();
    world.app.lock("dev", Some("checkout"), "the disk is being moved", &person()).await.unwrap();
    let it = world.deploy().await;
    it.until(|it| it.progress.held.is_some()).await;
    assert_eq!(holds(&it), ["locked"]);
    world.pass(Duration::from_mins(5)).await;
    assert!(world.harness.runs_of("deploy_dev").is_empty());

    assert!(world.app.unlock("dev", None, "done", &person()).await.is_err(), "it is locked for one service");
    world.app.unlock("dev", Some("checkout"), "done", &person()).await.unwrap();
    it.reaches("awaiting-approval").await;
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn where_the_config_says_so_the_place_is_held_while_people_are_asked() {
    let (world, _driving) = ruled("prod", |rules| rules.while_waiting = WhileWaiting::Hold);
    let first = world.deploy().await;
    first.asks(1).await;
    let second = another_that_waits(&world).await;
    assert_eq!(holds(&second), ["taken"]);
    assert_eq!(second.now().progress.requests, 0, "nobody is asked yet");

    first.approve().await;
    first.reaches("completed").await;
    second.asks(1).await;
}

#[tokio::test(start_paused = true)]
async fn the_newest_supersedes_those_that_wait_and_they_say_so() {
    let (world, _driving) = ruled("prod", |rules| rules.on_conflict = OnConflict::Supersede);
    let older = world.deploy().await;
    older.asks(1).await;
    let newer = another(&world).await;
    newer.asks(1).await;
    assert_eq!(older.now().progress.state.name(), "awaiting-approval", "nothing was approved yet");
    newer.approve().await;
    newer.reaches("completed").await;

    let ended = older.reaches("failed").await;
    let State::Failed { reason: FailureReason::Superseded { by }, .. } = ended.progress.state else {
        panic!("{:?}", ended.progress.state)
    };
    assert_eq!(by, newer.id);
    world.until(|it| it.told.count(Topic::Superseded) == 1).await;
    older.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn where_the_config_refuses_to_wait_the_second_fails() {
    let (world, _driving) = ruled("dev", |rules| rules.on_conflict = OnConflict::Refuse);
    let first = first_in_dev(&world).await;
    let second = another(&world).await;
    let failed = second.reaches("failed").await;
    let State::Failed { reason, .. } = failed.progress.state else { panic!() };
    assert!(reason.message().contains(first.id.as_str()), "{}", reason.message());

    world.harness.now("deploy_dev", ExecutionStatus::Succeeded);
    first.reaches("awaiting-approval").await;
    second.send("RETRY").await;
    second.reaches("awaiting-approval").await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_soaks_in_the_environment_before() {
    let (world, _driving) = ruled("staging", |rules| rules.soak = Duration::from_mins(20));
    let began = world.app.clock.now();
    let it = world.deploy().await;
    it.until(|it| it.progress.held.is_some()).await;
    assert_eq!(holds(&it), ["soaking"]);
    it.reaches("awaiting-approval").await;
    assert!(world.app.clock.now().since(began) >= Duration::from_mins(20));
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_left_too_early_does_not_soak_for_ever() {
    let (world, _driving) = ruled("staging", |rules| rules.soak = Duration::from_mins(20));
    let first = world.deploy().await;
    first.until(|it| it.progress.held.is_some()).await;
    let second = another(&world).await;
    first.until(|it| it.progress.held.as_ref().is_some_and(|held| held.by[0].name() == "unproven")).await;
    second.reaches("awaiting-approval").await;
    assert_eq!(holds(&first), ["unproven"], "another commit is in dev");
}

#[tokio::test(start_paused = true)]
async fn a_later_failure_of_the_same_commit_keeps_it_out() {
    let (world, _driving) = ruled("prod", |rules| {
        rules.require.insert(Proof::NoNewerFailure);
    });
    let first = world.deploy().await;
    first.asks(1).await;
    world.harness.goes("run_tests", Course::Ends(rejected()));
    let again =
        world.start(StartRequest { target_environment: Some("dev".to_owned()), ..StartRequest::default() });
    again.await.reaches("failed").await;
    first.approve().await;
    first.until(|it| it.progress.held.is_some()).await;
    assert_eq!(holds(&first), ["unproven"]);
    assert!(world.harness.runs_of("deploy_prod").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_was_rolled_back_later_keeps_its_abbreviation_out() {
    let (world, _driving) = ruled("prod", |rules| {
        rules.require.insert(Proof::NoNewerFailure);
    });
    to_dev(&world, EARLIER).await.reaches("completed").await;
    let first = world.start(StartRequest { commit_sha: COMMIT[..7].to_owned(), ..StartRequest::default() });
    let first = first.await;
    first.asks(1).await;
    let failed_since = || {
        let (deployment, prod) = (first.now(), "prod".parse().unwrap());
        let rules = world.app.policy.rules_of(&prod);
        world.app.store.read(|snapshot| snapshot.facts(&deployment, &prod, &rules)).unwrap().failed_since
    };
    let again = to_dev(&world, COMMIT).await;
    again.reaches("completed").await;
    assert_eq!(failed_since(), None);

    again.send("ROLLBACK").await;
    again.reaches("rolled-back").await;
    assert_eq!(failed_since(), Some(again.id.clone()));
    let commit = COMMIT.parse().unwrap();
    let kept_out = world.app.store.read(|it| it.quarantines(&"checkout".parse().unwrap(), &commit)).unwrap();
    assert!(kept_out.is_empty(), "the same commit came back: it is free, and did not go well all the same");

    let rejects = world.start(StartRequest { commit_sha: COMMIT[..9].to_owned(), ..StartRequest::default() });
    world.harness.goes("run_tests", Course::Ends(rejected()));
    let rejects = rejects.await;
    rejects.reaches("failed").await;
    assert_eq!(failed_since(), Some(rejects.id.clone()), "the newest is named");
}

#[tokio::test(start_paused = true)]
async fn a_full_environment_holds_rollouts_and_no_rollback() {
    let (world, _driving) = World::driven_under(|policy| {
        policy.workflow.environments[0].concurrency = Some(1);
    });
    to_dev(&world, EARLIER).await.reaches("completed").await;
    let bad = to_dev(&world, COMMIT).await;
    bad.reaches("completed").await;
    let of = |service: &str| StartRequest { service: Some(service.to_owned()), ..StartRequest::default() };
    world.harness.goes("deploy_dev", Course::Stays(ExecutionStatus::Running));
    world.start(of("billing")).await.reaches_in("deploying-dev", "running").await;
    let newer = world.start(of("search")).await;
    newer.until(|it| it.progress.held.is_some()).await;
    assert_eq!(holds(&newer), ["full"]);

    world.harness.goes("deploy_dev", Course::Ends(ExecutionStatus::Succeeded));
    bad.send("ROLLBACK").await;
    bad.reaches("rolled-back").await;
    assert_eq!(holds(&newer), ["full"], "the other rollout is still there");
    bad.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_place_outlives_the_process_that_took_it() {
    let (world, driving) = World::driven();
    let first = first_in_dev(&world).await;
    driving.crash().await;
    let _other = world.drive_anew("second");
    let second = another_that_waits(&world).await;
    world.harness.now("deploy_dev", ExecutionStatus::Succeeded);
    first.reaches("awaiting-approval").await;
    second.reaches("awaiting-approval").await;
    assert_eq!(world.harness.runs_of("deploy_dev").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_deployment_gives_its_place_back_when_harness_confirms() {
    let (world, _driving) = World::driven();
    let first = first_in_dev(&world).await;
    let second = another_that_waits(&world).await;
    first.send("CANCEL").await;
    first.reaches("cancelled").await;
    second.reaches("awaiting-approval").await;
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_had_to_wait_does_not_undo_what_came_meanwhile() {
    for (ends, kept) in [(ExecutionStatus::Succeeded, true), (rejected(), false)] {
        let (world, _driving) = World::driven();
        to_dev(&world, EARLIER).await.reaches("completed").await;
        let bad = to_dev(&world, COMMIT).await;
        bad.reaches("completed").await;
        world.harness.goes("deploy_dev", Course::Stays(ExecutionStatus::Running));
        let newer = to_dev(&world, OTHER_COMMIT).await;
        newer.reaches_in("deploying-dev", "running").await;
        bad.send("ROLLBACK").await;
        bad.until(|it| it.progress.held.is_some()).await;

        world.harness.now("deploy_dev", ends);
        bad.reaches("rolled-back").await;

        let brought = |run: &FakeRun| run.inputs[&"commit_sha".parse().unwrap()].clone();
        let last = world.harness.runs_of("deploy_dev").last().map(brought).unwrap();
        assert_eq!(last, if kept { OTHER_COMMIT } else { EARLIER });
        assert_eq!(bad.main_events().contains(&"RESTORE_OVERTAKEN".to_owned()), kept);
        world.until(|world| world.told.count(Topic::RolledBack) == 1).await;
        let told = world.told.notices().into_iter().find(|it| it.topic == Topic::RolledBack).unwrap().text;
        assert_eq!(told.contains(newer.id.as_str()), kept, "{told}");
        bad.assert_sound();
    }
}
