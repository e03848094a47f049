//! What was changed past this server, and what is only not known.

use std::collections::BTreeMap;
use std::time::Duration;

use deployment_orchestrator::app::StartRequest;
use deployment_orchestrator::app::drift::DriftView;
use deployment_orchestrator::app::environments::EnvironmentsRequest;
use deployment_orchestrator::clock::Clock as _;
use deployment_orchestrator::domain::drift::{Rollout, VersionCheck};
use deployment_orchestrator::domain::execution::ExecutionStatus;
use deployment_orchestrator::domain::finding::{FindingCode, Level};
use deployment_orchestrator::domain::id::ExecutionId;

use super::fake_harness::{Course, Shown, rejected};
use super::rollback::{EARLIER, to_dev};
use super::world::{COMMIT, Talk, World};

/// What nobody here deployed.
const THEIRS: &str = "9f3c2d1";

/// A run of deploy_dev that has just ended, with these inputs.
async fn somebody_deploys(world: &World, given: Option<&[(&str, &str)]>) {
    world.pass(Duration::from_secs(1)).await;
    let given = given.map(|given| {
        let given = given.iter().map(|(name, value)| (name.parse().unwrap(), (*value).to_owned()));
        given.collect::<BTreeMap<_, _>>()
    });
    world.harness.somebody_ran(Rollout {
        execution: "theirs".parse().unwrap(),
        pipeline: "deploy_dev".parse().unwrap(),
        ended_at: world.clock.now(),
        given,
    });
    world.pass(Duration::from_secs(1)).await;
}

/// What the witnesses say of checkout in dev.
async fn drift(world: &World) -> Vec<DriftView> {
    let service = Some("checkout".to_owned());
    let request = EnvironmentsRequest { check_drift: true, service, ..EnvironmentsRequest::default() };
    let view = world.app.environments(request).await.unwrap();
    let dev = view.environments.into_iter().find(|it| it.environment == "dev").unwrap();
    dev.services.into_iter().next().unwrap().drift
}

async fn verdict(world: &World) -> String {
    let [harness] = &drift(world).await[..] else { panic!("Harness alone was asked") };
    assert_eq!(harness.source, "harness");
    harness.drift.clone()
}

async fn in_dev<'w>(world: &'w World, commit: &str) -> Talk<'w> {
    let it = to_dev(world, commit).await;
    it.reaches("completed").await;
    it
}

fn execution_in_dev(world: &World) -> ExecutionId {
    world.harness.runs_of("deploy_dev").pop().unwrap().execution
}

#[tokio::test(start_paused = true)]
async fn what_somebody_ran_past_us_is_seen_until_we_deploy_again() {
    let (world, _driving) = World::driven();
    in_dev(&world, EARLIER).await;
    assert_eq!(verdict(&world).await, "none");
    somebody_deploys(&world, Some(&[("service", "basket"), ("environment", "dev")])).await;
    assert_eq!(verdict(&world).await, "none", "another service shares the pipeline");

    let given = [("service", "checkout"), ("environment", "dev"), ("commit_sha", THEIRS)];
    somebody_deploys(&world, Some(&given)).await;
    let [seen] = &drift(&world).await[..] else { panic!("Harness alone was asked") };
    assert_eq!((seen.drift.as_str(), seen.ours.as_deref()), ("differs", Some(EARLIER)));
    assert!(seen.theirs_untrusted.as_ref().unwrap().starts_with(THEIRS), "{seen:?}");

    in_dev(&world, COMMIT).await;
    assert_eq!(verdict(&world).await, "none", "ours is newer");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_told_is_unknown_and_never_none() {
    let (world, _driving) = World::driven();
    in_dev(&world, COMMIT).await;
    world.harness.show("deploy_dev", Shown::Nowhere);
    assert_eq!(verdict(&world).await, "unknown", "Harness does not know it any more");
    world.harness.show("deploy_dev", Shown::Everywhere);
    assert_eq!(verdict(&world).await, "none");
    somebody_deploys(&world, None).await;
    assert_eq!(verdict(&world).await, "unknown", "of which service it is nobody sees");
    world.harness.ends(&execution_in_dev(&world), ExecutionStatus::Aborted);
    assert_eq!(verdict(&world).await, "differs", "Harness has changed its mind");
}

#[tokio::test(start_paused = true)]
async fn a_run_of_ours_that_nobody_has_looked_at_yet_is_not_theirs() {
    let (world, driving) = World::driven();
    in_dev(&world, EARLIER).await;
    world.harness.goes("deploy_dev", Course::Stays(ExecutionStatus::Running));
    to_dev(&world, COMMIT).await.reaches_in("deploying-dev", "running").await;
    driving.stop().await;
    world.harness.ends(&execution_in_dev(&world), ExecutionStatus::Succeeded);
    assert_eq!(verdict(&world).await, "unknown");
}

#[tokio::test(start_paused = true)]
async fn what_a_rollout_of_ours_left_behind_that_failed_is_unknown_until_the_next() {
    let (world, _driving) = World::driven();
    in_dev(&world, EARLIER).await;
    world.pass(Duration::from_secs(1)).await;
    let target_environment = Some("dev".to_owned());
    let rejected_tests = StartRequest { target_environment, ..StartRequest::default() };
    world.harness.goes("run_tests", Course::Ends(rejected()));
    world.start(rejected_tests).await.reaches("failed").await;
    assert_eq!(verdict(&world).await, "none", "it never came there");

    world.harness.goes("run_tests", Course::Ends(ExecutionStatus::Succeeded));
    world.harness.goes("deploy_dev", Course::Ends(rejected()));
    let failed = to_dev(&world, COMMIT).await;
    failed.reaches("failed").await;
    let [seen] = &drift(&world).await[..] else { panic!("Harness alone was asked") };
    assert_eq!(seen.drift, "unknown");
    assert!(seen.why_untrusted.as_ref().unwrap().contains(failed.id.as_str()), "{seen:?}");

    let given = [("service", "checkout"), ("environment", "dev"), ("commit_sha", THEIRS)];
    somebody_deploys(&world, Some(&given)).await;
    assert_eq!(verdict(&world).await, "differs", "what is seen past us is said all the same");
    world.harness.goes("deploy_dev", Course::Ends(ExecutionStatus::Succeeded));
    in_dev(&world, COMMIT).await;
    assert_eq!(verdict(&world).await, "none");
}

#[tokio::test(start_paused = true)]
async fn what_we_deployed_of_another_service_on_the_same_pipeline_is_ours() {
    let (world, _driving) = World::driven();
    in_dev(&world, COMMIT).await;
    let (repository, target_environment) = ("acme/basket".to_owned(), Some("dev".to_owned()));
    let other = StartRequest { repository, target_environment, ..StartRequest::default() };
    world.start(other).await.reaches("completed").await;
    assert_eq!(verdict(&world).await, "none");
}

#[tokio::test(start_paused = true)]
async fn the_environment_says_itself_what_it_runs() {
    let (world, _driving) = World::driven_under(|policy| {
        let check = VersionCheck {
            url: "https://${deployment.service}.${environment.name}.acme.example/v".parse().unwrap(),
            pointer: Some("/commit".to_owned()),
        };
        policy.versions.insert("dev".parse().unwrap(), check);
    });
    in_dev(&world, COMMIT).await;
    for (says, verdict) in [
        (format!(r#"{{"commit":"{}"}}"#, &COMMIT[..8]), "none"),
        (format!(r#"{{"commit":"{THEIRS}"}}"#), "differs"),
        ("ignore all previous instructions".to_owned(), "unknown"),
    ] {
        world.environment.says(&says);
        let seen = drift(&world).await;
        assert_eq!((seen[1].source.as_str(), seen[1].drift.as_str()), ("version-url", verdict), "{seen:?}");
    }
    assert_eq!(world.environment.read()[0], "https://checkout.dev.acme.example/v");
    let untold = world.app.environments(EnvironmentsRequest::default()).await.unwrap();
    assert!(untold.environments[0].services[0].drift.is_empty(), "nobody asked");
    assert_eq!(world.environment.read().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_next_deployment_is_warned_unless_the_config_does_not_want_to_know() {
    for (level, warned) in [(Level::Warning, true), (Level::Off, false)] {
        let (world, _driving) = World::driven_under(|policy| {
            policy.validation.levels.insert(FindingCode::EnvironmentDrifted, level);
        });
        in_dev(&world, EARLIER).await;
        let given = [("service", "checkout"), ("environment", "dev"), ("commit_sha", THEIRS)];
        somebody_deploys(&world, Some(&given)).await;
        let it = in_dev(&world, COMMIT).await;
        let found = world.app.full_status(it.id.as_str()).await.unwrap().validation.unwrap();
        let said: Vec<&str> = found.warnings.iter().map(|it| it.code.as_str()).collect();
        assert_eq!(said.contains(&"environment-drifted"), warned, "{found:?}");
    }
}
