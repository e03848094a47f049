//! A deployment on its way: stages, their failures, and what is repeated.

use std::collections::BTreeSet;
use std::time::Duration;

use deployment_orchestrator::app::StartRequest;
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, HumanWait, Retry};
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::ports::CallError;
use deployment_orchestrator::store::Which;

use super::fake_harness::{Answer, Course, Shown, rejected, unlucky};
use super::world::{COMMIT, World, waits_until};

/// The way to prod when nothing goes wrong.
const WAY: [&str; 14] = [
    "CREATED",
    "START",
    "VALIDATION_COMPLETE",
    "BUILD_COMPLETE",
    "TESTS_PASSED",
    "PLACE_TAKEN",
    "DEV_DEPLOYED",
    "PLACE_TAKEN",
    "STAGING_DEPLOYED",
    "APPROVAL_REQUESTED",
    "DECISION_MADE",
    "APPROVED",
    "PLACE_TAKEN",
    "PROD_DEPLOYED",
];

#[tokio::test(start_paused = true)]
async fn a_deployment_goes_all_the_way_with_one_signature() {
    let (world, driving) = World::driven();
    let it = world.deploy().await;

    it.reaches("awaiting-approval").await;
    it.asks(1).await;
    assert!(world.harness.runs_of("deploy_prod").is_empty(), "nobody has approved");
    it.approve().await;
    it.reaches("completed").await;

    assert_eq!(it.main_events(), WAY);
    let runs = world.harness.runs();
    let pipelines: Vec<&str> = runs.iter().map(|run| run.pipeline.as_str()).collect();
    assert_eq!(pipelines, ["build_and_push", "run_tests", "deploy_dev", "deploy_staging", "deploy_prod"]);
    assert!(runs.iter().all(|run| run.inputs[&"commit_sha".parse().unwrap()] == COMMIT));
    assert_eq!(runs.iter().map(|run| &run.key).collect::<BTreeSet<_>>().len(), 5, "each has its own key");
    world.until(|it| it.told.topics().last() == Some(&Topic::Completed)).await;
    driving.stop().await;
    assert_eq!(world.app.store.undelivered(&Which::about(&it.id)).unwrap(), []);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_transient_failure_is_repeated_when_its_timer_runs_out_even_in_another_process() {
    let (world, driving) = World::driven();
    world.harness.goes("deploy_dev", Course::Ends(unlucky()));
    world.harness.goes("deploy_dev", Course::Ends(unlucky()));
    let it = world.deploy().await;

    let due = waits_until(&it.until(|it| waits_until(it).is_some()).await).unwrap();
    driving.crash().await;
    world.drive("second");
    it.asks(1).await;

    let runs = world.harness.runs_of("deploy_dev");
    assert_eq!(runs.len(), 3, "two failed, the third did not");
    let pause = runs[1].started - runs[0].started;
    assert!(pause >= Duration::from_millis(3_500), "{pause:?} is the run and the backoff");
    assert!(due.0 > 0);
    let keys: Vec<String> = runs.iter().map(|run| run.key.to_string()).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 3, "each attempt has a key of its own: {keys:?}");
    world.until(|it| it.told.count(Topic::AttemptFailed) == 2).await;
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn the_third_failure_is_the_last_and_people_are_told() {
    let (world, _driving) = World::driven();
    (0..3).for_each(|_| world.harness.goes("run_tests", Course::Ends(unlucky())));
    let it = world.deploy().await;

    it.reaches("failed").await;
    world.until(|it| it.told.count(Topic::Failed) == 1).await;

    assert_eq!(world.harness.runs_of("run_tests").len(), 3);
    assert!(world.harness.runs_of("deploy_dev").is_empty());

    it.send("RETRY").await;
    it.asks(1).await;
    assert_eq!(world.harness.runs_of("run_tests").len(), 4, "a person may ask for three more");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_final_failure_is_not_repeated() {
    let (world, _driving) = World::driven();
    world.harness.goes("deploy_staging", Course::Ends(rejected()));
    let it = world.deploy().await;

    it.reaches("failed").await;
    world.pass(Duration::from_mins(10)).await;

    assert_eq!(world.harness.runs_of("deploy_staging").len(), 1);
    assert_eq!(it.now().progress.state.name(), "failed");
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_failed_in_production_is_never_repeated_by_itself() {
    let (world, _driving) = World::driven();
    world.harness.goes("deploy_prod", Course::Ends(unlucky()));
    let it = world.deploy().await;
    it.asks(1).await;
    it.approve().await;

    it.reaches("failed").await;
    world.pass(Duration::from_mins(10)).await;

    assert_eq!(world.harness.triggers_of("deploy_prod"), 1);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_is_known_not_to_have_run_is_repeated_in_production_too() {
    let (world, _driving) = World::driven();
    let after = Some(Duration::from_secs(17));
    let busy = CallError {
        cause: Cause::RateLimited,
        message: "too many requests".to_owned(),
        retry: Retry::Retryable { after },
    };
    world.harness.answers("deploy_prod", Answer::Refused(busy));
    let it = world.deploy().await;
    it.asks(1).await;
    it.approve().await;

    let waiting = it.until(|it| waits_until(it).is_some()).await;
    let due = waits_until(&waiting).unwrap();
    assert!(due >= waiting.progress.updated_at.plus(Duration::from_secs(16)), "Retry-After is honoured");
    it.reaches("completed").await;

    assert_eq!(world.harness.triggers_of("deploy_prod"), 2);
    assert_eq!(world.harness.runs_of("deploy_prod").len(), 1);
    assert_eq!(it.now().progress.requests, 1, "the approval still holds");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_waits_for_a_person_or_says_a_strange_word_is_watched_further() {
    let (world, driving) = World::driven();
    world.harness.goes("deploy_dev", Course::Stays(ExecutionStatus::NeedsHuman(HumanWait::Approval)));
    let it = world.deploy().await;

    it.reaches_in("deploying-dev", "needs-human").await;
    world.until(|it| it.told.count(Topic::NeedsHuman) == 1).await;
    driving.crash().await;
    world.drive("second");
    world.harness.now("deploy_dev", ExecutionStatus::Unknown("Frobnicating".to_owned()));
    it.reaches_in("deploying-dev", "running").await;
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(it.now().progress.state.name(), "deploying-dev");
    world.harness.now("deploy_dev", ExecutionStatus::Succeeded);

    it.asks(1).await;
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_no_list_shows_is_asked_for_by_its_id() {
    let (world, _driving) = World::driven();
    world.harness.goes("build_and_push", Course::Stays(ExecutionStatus::Running));
    let it = world.deploy().await;
    it.reaches_in("building", "running").await;

    world.harness.show("build_and_push", Shown::ByItsIdOnly);
    world.harness.now("build_and_push", ExecutionStatus::Succeeded);

    it.reaches("testing").await;
}

#[tokio::test(start_paused = true)]
async fn in_step_mode_the_caller_moves_it_on() {
    let (world, _driving) = World::driven();
    let it = world
        .start(StartRequest {
            mode: serde_json::from_value("step".into()).unwrap(),
            ..StartRequest::default()
        })
        .await;
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(it.now().progress.state.name(), "pending");

    it.send("START").await;
    it.reaches_in("validating", "succeeded").await;
    it.send("VALIDATION_COMPLETE").await;
    it.reaches_in("building", "succeeded").await;
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(it.now().progress.state.name(), "building");
    it.send("BUILD_COMPLETE").await;
    it.reaches_in("testing", "succeeded").await;

    assert_eq!(world.harness.runs().len(), 2);
    it.assert_sound();
}
