//! A stage whose execution takes longer than the config allows it.

use std::time::Duration;

use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus};
use deployment_orchestrator::domain::state::{FailureReason, State};

use super::fake_harness::Course;
use super::world::{Driving, World};

const TIMEOUT: Duration = Duration::from_mins(15);

/// A world whose tests and whose deploys to prod may take a quarter of an hour.
fn limited() -> (World, Driving) {
    World::driven_under(|policy| {
        let workflow = &mut policy.workflow;
        for run in [&mut workflow.test, &mut workflow.environments[2].deploy] {
            run.timeout_ms = Some(u64::try_from(TIMEOUT.as_millis()).unwrap());
        }
    })
}

/// Why it failed.
fn cause(state: &State) -> Option<(Cause, &str)> {
    match state {
        State::Failed { reason: FailureReason::StageErrored { failure }, .. } => {
            Some((failure.cause, &failure.message))
        }
        _ => None,
    }
}

const RUNS: Course = Course::Stays(ExecutionStatus::Running);

#[tokio::test(start_paused = true)]
async fn an_execution_that_takes_too_long_is_stopped_and_the_stage_is_tried_again() {
    let (world, _driving) = limited();
    (0..3).for_each(|_| world.harness.goes("run_tests", RUNS));
    let it = world.deploy().await;

    let failed = it.reaches("failed").await;

    let expected = (Cause::StageTimeout, "the execution took longer than 15m, and was stopped");
    assert_eq!(cause(&failed.progress.state), Some(expected));
    let runs = world.harness.runs_of("run_tests");
    assert_eq!((runs.len(), world.harness.aborts()), (3, 3));
    assert!(runs.iter().all(|run| run.status() == ExecutionStatus::Aborted));
    assert!(runs.windows(2).all(|pair| pair[1].started - pair[0].started >= TIMEOUT));
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn in_production_it_fails_when_harness_confirms_that_it_has_stopped_and_is_not_repeated() {
    let (world, _driving) = limited();
    world.harness.goes("deploy_prod", RUNS);
    world.harness.is_deaf(true);
    let it = world.deploy().await;
    it.asks(1).await;
    it.approve().await;
    world.until(|it| it.harness.aborts() == 2).await;
    assert_eq!(it.now().progress.state.name(), "deploying-prod", "it still runs");
    let status = world.app.status(it.id.as_str()).await.unwrap();
    assert!(status.waiting_for.contains("its timeout has passed"), "{}", status.waiting_for);
    world.harness.is_deaf(false);

    let failed = it.reaches("failed").await;
    world.pass(Duration::from_mins(10)).await;

    assert_eq!(cause(&failed.progress.state).map(|(cause, _)| cause), Some(Cause::StageTimeout));
    assert_eq!(world.harness.triggers_of("deploy_prod"), 1);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_success_while_nobody_looked_is_a_success() {
    let (world, driving) = limited();
    world.harness.goes("run_tests", RUNS);
    let it = world.deploy().await;
    it.reaches_in("testing", "running").await;
    driving.crash().await;
    world.harness.now("run_tests", ExecutionStatus::Succeeded);
    world.pass(TIMEOUT).await;
    world.drive_anew("second");

    it.asks(1).await;
    assert_eq!(world.harness.runs_of("run_tests").len(), 1);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn without_a_timeout_it_may_take_as_long_as_it_likes() {
    let (world, _driving) = limited();
    world.harness.goes("build_and_push", RUNS);
    let it = world.deploy().await;
    it.reaches_in("building", "running").await;
    world.pass(Duration::from_mins(50)).await;
    assert_eq!((world.harness.aborts(), it.now().progress.state.name().as_str()), (0, "building"));
}
