//! Executions that were lost, doubled, stuck or brought back to life.

use std::time::Duration;

use deployment_orchestrator::domain::execution::ExecutionStatus;
use deployment_orchestrator::engine::Tick;

use super::{carried, signed};
use crate::fake_harness::{Answer, Course, Shown, rejected};
use crate::sharing::{commit, suspended_before_the_build};
use crate::world::{World, status_of};

/// A copy that somebody had read long ago was saved over `SUCCEEDED`, and 39
/// pipelines ran for ever ([spinnaker#7921](https://github.com/spinnaker/spinnaker/issues/7921)).
#[tokio::test(start_paused = true)]
async fn a_terminal_state_is_not_resurrected_by_a_late_copy() {
    let world = World::new();
    let it = world.deploy().await;
    let mut suspended = suspended_before_the_build(&it).await;

    let _other = world.drive("other");
    it.asks(1).await;
    it.approve().await;
    let before = it.reaches("completed").await;
    suspended.finish().await;

    assert_eq!(suspended.tick().await.unwrap(), Tick::Standby);
    assert_eq!(it.now(), before);
    assert_eq!(world.harness.triggers_of("build_and_push"), 1);
    it.assert_sound();
}

/// A trigger succeeded, its reply timed out, and it was sent five times
/// ([spinnaker#5085](https://github.com/spinnaker/spinnaker/issues/5085)).
#[tokio::test(start_paused = true)]
async fn a_trigger_that_timed_out_after_it_succeeded_is_adopted() {
    for pipeline in ["build_and_push", "deploy_prod"] {
        let (world, _driving) = World::driven();
        world.harness.answers(pipeline, Answer::LostButRuns);
        let it = world.deploy().await;
        it.asks(1).await;
        it.approve().await;

        it.reaches("completed").await;
        assert_eq!(world.harness.runs().len(), 5);
        assert_eq!(world.harness.triggers_of(pipeline), 1);
        it.assert_sound();
    }
}

/// The database was away, the server restarted, and what had been running was lost
/// ([spinnaker#4426](https://github.com/spinnaker/spinnaker/issues/4426)).
#[tokio::test(start_paused = true)]
async fn what_ran_during_an_outage_is_picked_up_where_it_is() {
    let (world, driving) = World::driven();
    world.harness.goes("deploy_dev", Course::Stays(ExecutionStatus::Running));
    let it = world.deploy().await;
    it.reaches_in("deploying-dev", "running").await;
    driving.crash().await;
    world.pass(Duration::from_hours(12)).await;
    world.harness.now("deploy_dev", ExecutionStatus::Succeeded);

    let _driving = world.drive_anew("second");

    it.asks(1).await;
    assert_eq!(world.harness.triggers_of("deploy_dev"), 1);
    it.assert_sound();
}

/// One or two of a hundred executions never began
/// ([spinnaker#5952](https://github.com/spinnaker/spinnaker/issues/5952)).
#[tokio::test(start_paused = true)]
async fn every_start_that_was_accepted_begins() {
    const MANY: usize = 40;
    let world = World::new();
    let mut all = Vec::new();
    for number in 0..MANY / 2 {
        all.push(world.start(commit(number)).await);
    }
    let driving = world.drive("first");
    all[0].reaches("building").await;
    driving.crash().await;
    for number in MANY / 2..MANY {
        all.push(world.start(commit(number)).await);
    }

    let _driving = world.drive_anew("second");

    for it in &all {
        let begins = ["pending", "validating", "building"];
        it.until(|it| !begins.contains(&it.progress.state.name().as_str())).await;
        assert!(it.main_events().contains(&"BUILD_COMPLETE".to_owned()));
    }
    assert_eq!(world.harness.runs_of("build_and_push").len(), MANY, "each once");
}

/// "Cancelled", it said, and went on
/// ([spinnaker#6224](https://github.com/spinnaker/spinnaker/issues/6224),
/// [argo-rollouts#3756](https://github.com/argoproj/argo-rollouts/issues/3756),
/// [#2929](https://github.com/argoproj/argo-rollouts/issues/2929),
/// [#2048](https://github.com/argoproj/argo-rollouts/issues/2048)).
#[tokio::test(start_paused = true)]
async fn cancel_says_done_only_when_it_is() {
    let (world, _driving) = World::driven();
    world.harness.goes("deploy_dev", Course::Stays(ExecutionStatus::Running));
    world.harness.is_deaf(true);
    let it = world.deploy().await;
    it.reaches_in("deploying-dev", "running").await;

    it.send("CANCEL").await;
    world.until(|it| it.harness.aborts() == 1).await;
    world.pass(Duration::from_secs(45)).await;
    assert_eq!(it.now().progress.state.name(), "cancelling", "it still runs");
    world.until(|it| it.harness.aborts() == 2).await;
    world.harness.is_deaf(false);

    it.reaches("cancelled").await;
    assert_eq!(world.harness.runs_of("deploy_dev")[0].status(), ExecutionStatus::Aborted);
    assert!(world.harness.runs_of("deploy_staging").is_empty());
    it.assert_sound();
}

/// What nobody runs any more was `RUNNING` until somebody followed the runbook for it
/// ([spinnaker.github.io#1054](https://github.com/spinnaker/spinnaker.github.io/pull/1054)).
#[tokio::test(start_paused = true)]
async fn a_zombie_ends_without_a_runbook() {
    let (world, _driving) = World::driven();
    world.harness.goes("build_and_push", Course::Stays(ExecutionStatus::Running));
    let it = world.deploy().await;
    it.reaches_in("building", "running").await;

    world.harness.show("build_and_push", Shown::Nowhere);
    world.pass(Duration::from_secs(40)).await;
    assert_eq!(status_of(&it.now()), "running", "a list may lag behind");

    it.reaches("failed").await;
    assert_eq!(world.harness.runs_of("build_and_push").len(), 1);
}

/// A promotion failed, and all that came after it waited behind it
/// ([kargo#3053](https://github.com/akuity/kargo/pull/3053)).
#[tokio::test(start_paused = true)]
async fn one_failed_deployment_does_not_block_the_next() {
    for (pipeline, state) in [("run_tests", "testing"), ("deploy_dev", "deploying-dev")] {
        let (world, _driving) = World::driven();
        world.harness.goes(pipeline, Course::Stays(ExecutionStatus::Running));
        let failed = world.deploy().await;
        failed.reaches_in(state, "running").await;
        let next = world.start(commit(1)).await;
        next.reaches("deploying-dev").await;

        world.harness.ends(&world.harness.runs_of(pipeline)[0].execution, rejected());
        failed.reaches("failed").await;

        next.asks(1).await;
        next.approve().await;
        next.reaches("completed").await;
        failed.assert_sound();
    }
}

/// A second click made a second deployment
/// ([Octopus#3370](https://github.com/OctopusDeploy/Issues/issues/3370)).
#[tokio::test(start_paused = true)]
async fn humans_double_click() {
    let (world, _driving) = World::driven();
    let [it, again] = [world.deploy().await, world.deploy().await];
    assert_eq!(it.id, again.id, "the same start is the same deployment");
    it.asks(1).await;
    let token = signed(&it, "grace").await;
    assert_eq!(carried(&it, &token).await, Ok(()));
    carried(&it, &token).await.unwrap_err();
    it.reaches("completed").await;
    for pipeline in ["build_and_push", "deploy_dev", "deploy_prod"] {
        assert_eq!(world.harness.triggers_of(pipeline), 1, "{pipeline}");
    }
    it.assert_sound();
}

/// Nobody could tell which execution a trigger had become
/// ([spinnaker#2667](https://github.com/spinnaker/spinnaker/issues/2667)).
#[tokio::test(start_paused = true)]
async fn a_trigger_and_its_execution_name_each_other() {
    let (world, _driving) = World::driven();
    world.harness.goes("deploy_dev", Course::Stays(ExecutionStatus::Running));
    let it = world.deploy().await;
    it.reaches_in("deploying-dev", "running").await;

    let run = world.harness.runs_of("deploy_dev").pop().unwrap();
    assert!(run.key.to_string().contains(it.id.as_str()), "{}", run.key);
    let stage = world.app.status(it.id.as_str()).await.unwrap().stage.unwrap();
    assert_eq!(stage.execution_id.as_deref(), Some(run.execution.as_str()));
    assert!(stage.execution_url.unwrap().contains(run.execution.as_str()));
}
