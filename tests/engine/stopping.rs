//! A person stops a deployment, or puts the environments back.

use std::time::Duration;

use deployment_orchestrator::app::StartRequest;
use deployment_orchestrator::domain::execution::ExecutionStatus;
use deployment_orchestrator::domain::notice::Topic;

use super::fake_harness::{Course, rejected};
use super::world::{COMMIT, Talk, World};

/// What was deployed before.
const EARLIER: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";

#[tokio::test(start_paused = true)]
async fn a_success_of_the_last_stage_beats_the_cancellation() {
    let (world, _driving) = World::driven();
    world.harness.goes("deploy_prod", Course::Stays(ExecutionStatus::Running));
    world.harness.is_deaf(true);
    let it = world.deploy().await;
    it.asks(1).await;
    it.approve().await;
    it.reaches_in("deploying-prod", "running").await;

    it.send("CANCEL").await;
    world.until(|it| it.harness.aborts() == 1).await;
    world.harness.now("deploy_prod", ExecutionStatus::Succeeded);

    it.reaches("completed").await;
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_success_of_an_inner_stage_does_not() {
    let (world, _driving) = World::driven();
    world.harness.goes("run_tests", Course::Stays(ExecutionStatus::Running));
    world.harness.is_deaf(true);
    let it = world.deploy().await;
    it.reaches_in("testing", "running").await;

    it.send("CANCEL").await;
    world.until(|it| it.harness.aborts() == 1).await;
    world.harness.now("run_tests", ExecutionStatus::Succeeded);

    it.reaches("cancelled").await;
    world.pass(Duration::from_mins(5)).await;
    assert!(world.harness.runs_of("deploy_dev").is_empty(), "nothing further is triggered");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_rollback_from_prod_stops_what_runs_and_restores_production_first() {
    let (world, _driving) = World::driven();
    completed(&world, EARLIER).await;
    world.harness.goes("deploy_prod", Course::Stays(ExecutionStatus::Running));
    let it = deploying_prod(&world).await;

    it.send("ROLLBACK").await;
    it.reaches("rolled-back").await;

    let prod = &world.harness.runs_of("deploy_prod")[1];
    assert_eq!(prod.status(), ExecutionStatus::Aborted, "what ran is stopped first");
    let restored: Vec<(String, String)> = world
        .harness
        .runs()
        .split_off(10)
        .into_iter()
        .map(|run| (run.pipeline.to_string(), run.inputs[&"commit_sha".parse().unwrap()].clone()))
        .collect();
    let expected = ["deploy_prod", "deploy_staging", "deploy_dev"];
    assert_eq!(restored, expected.map(|pipeline| (pipeline.to_owned(), EARLIER.to_owned())));
    let first = &world.harness.runs()[10];
    assert!(first.started >= prod.started + Duration::from_secs(2), "not before the other had stopped");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_fails_is_not_repeated_and_people_are_paged() {
    let (world, _driving) = World::driven();
    completed(&world, EARLIER).await;
    world.harness.goes("deploy_prod", Course::Stays(ExecutionStatus::Running));
    world.harness.goes("deploy_prod", Course::Ends(rejected()));
    let it = deploying_prod(&world).await;

    it.send("ROLLBACK").await;
    it.reaches("rollback-failed").await;
    world.until(|it| it.told.count(Topic::RollbackFailed) == 1).await;
    world.pass(Duration::from_mins(10)).await;

    assert_eq!(world.harness.runs_of("deploy_prod").len(), 3);
    assert_eq!(world.harness.runs_of("deploy_staging").len(), 2, "nothing else is touched");
    it.assert_sound();
}

async fn completed(world: &World, commit: &str) {
    let it = world.start(StartRequest { commit_sha: commit.to_owned(), ..StartRequest::default() }).await;
    it.asks(1).await;
    it.approve().await;
    it.reaches("completed").await;
}

async fn deploying_prod(world: &World) -> Talk<'_> {
    let it = world.start(StartRequest { commit_sha: COMMIT.to_owned(), ..StartRequest::default() }).await;
    it.asks(1).await;
    it.approve().await;
    it.reaches_in("deploying-prod", "running").await;
    it
}
