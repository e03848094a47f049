//! After a deploy the environment is asked whether it is healthy, and the stage
//! is done when it is, whatever anybody says.

use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::app::{Code, RequestedMode, StartRequest, TransitionRequest};
use deployment_orchestrator::domain::deployment::Deployment;
use deployment_orchestrator::domain::finding::{FindingCode, Level};
use deployment_orchestrator::domain::health::HealthCheck;
use deployment_orchestrator::domain::state::{FailureReason, State};
use deployment_orchestrator::store::LARGEST_PAGE;

use super::people::agent;
use super::world::{COMMIT, Driving, Talk, World, status_of};

/// How long dev may take to get healthy.
const DEADLINE: Duration = Duration::from_mins(2);

/// A world whose dev must give three good answers in a row, five seconds apart.
fn checked() -> (World, Driving) {
    World::driven_under(|policy| {
        policy.workflow.environments[0].health = Some(HealthCheck {
            url: "https://${deployment.service}.${environment.name}.acme.example/healthz?key=hush"
                .parse()
                .unwrap(),
            status: 200,
            successes: 3,
            interval_ms: 5_000,
            timeout_ms: u64::try_from(DEADLINE.as_millis()).unwrap(),
        });
        // These tests count the questions after a deploy, and nobody is to ask before it.
        policy.validation.levels.insert(FindingCode::TargetUnhealthy, Level::Off);
    })
}

/// The usual commit to dev, in this mode.
async fn to_dev(world: &World, mode: RequestedMode) -> Talk<'_> {
    commit_to_dev(world, COMMIT, mode).await
}

async fn commit_to_dev<'w>(world: &'w World, commit: &str, mode: RequestedMode) -> Talk<'w> {
    let request = StartRequest {
        commit_sha: commit.to_owned(),
        mode: Some(mode),
        target_environment: Some("dev".to_owned()),
        ..StartRequest::default()
    };
    world.start(request).await
}

/// How often an event of this name is in the history.
fn count(it: &Talk<'_>, name: &str) -> usize {
    let history = it.world.app.store.history(&it.id, 0, LARGEST_PAGE).unwrap();
    history.iter().filter(|record| record.what.name().0 == name).count()
}

fn versions_of_dev(world: &World, it: &Talk<'_>) -> usize {
    let (spec, dev) = (it.now().spec, "dev".parse().unwrap());
    world.app.store.versions(&spec.service, &spec.repository, &dev, 10).unwrap().len()
}

fn failure(deployment: &Deployment) -> String {
    match &deployment.progress.state {
        State::Failed { reason: FailureReason::StageFailed { failure }, .. } => {
            format!("{}: {}", failure.cause.as_str(), failure.message)
        }
        other => format!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_deploy_is_done_after_enough_good_answers_in_a_row() {
    let (world, _driving) = checked();
    world.environment.answers(&[503, 503, 200, 200, 503, 200]);
    let it = to_dev(&world, RequestedMode::Auto).await;

    it.reaches("completed").await;

    let asked = world.environment.asked();
    assert_eq!(asked.len(), 8, "the third good answer in a row is the eighth of all");
    assert!(asked.iter().all(|(_, url)| url == "https://checkout.dev.acme.example/healthz?key=hush"));
    assert!(asked.windows(2).all(|pair| pair[1].0 - pair[0].0 >= Duration::from_secs(5)));
    assert_eq!(count(&it, "HEALTH_OBSERVED"), 7, "the same bad answer once more is no news");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn one_that_never_gets_healthy_fails_for_good_and_says_what_was_seen() {
    let (world, _driving) = checked();
    world.environment.answers(&[200, 200, 500]);
    let it = to_dev(&world, RequestedMode::Auto).await;
    it.reaches_in("deploying-dev", "probing").await;
    let status = world.app.status(it.id.as_str()).await.unwrap();
    let waits = status.waiting_for;
    assert!(waits.starts_with("https://checkout.dev.acme.example/healthz to be healthy"), "{waits}");
    assert!(!waits.contains("hush"), "{waits}");
    assert_eq!(versions_of_dev(&world, &it), 1, "dev runs it, healthy or not");

    let failed = it.reaches("failed").await;

    let said = failure(&failed);
    assert!(
        said.starts_with("unhealthy: ") && said.contains("within 2m") && said.ends_with("HTTP 500"),
        "{said}"
    );
    let (first, last) = (world.environment.asked()[0].0, world.environment.asked().pop().unwrap().0);
    assert!(last - first < DEADLINE, "nobody asks after the deadline");
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(world.harness.runs_of("deploy_dev").len(), 1, "it is not repeated by itself");
    assert_eq!(count(&it, "HEALTH_OBSERVED"), 3);

    world.environment.answers(&[200]);
    it.send("RETRY").await;
    it.reaches("completed").await;
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_too_slowly_is_not_healthy() {
    let (world, _driving) = checked();
    world.environment.takes(Duration::from_secs(4));
    let it = to_dev(&world, RequestedMode::Auto).await;
    it.reaches("completed").await;

    world.environment.takes(Duration::from_hours(1));
    let it = to_dev(&world, RequestedMode::Auto).await;
    let failed = it.reaches("failed").await;
    assert!(failure(&failed).ends_with("no answer in time"), "{}", failure(&failed));
    it.assert_sound();

    // Nor does the last question outlast the deadline, before which it was asked.
    world.environment.takes(Duration::from_secs(4));
    world.environment.answers(&[503]);
    let before = world.environment.asked().len();
    to_dev(&world, RequestedMode::Auto).await.reaches("failed").await;
    let began = world.environment.asked()[before].0;
    assert!(began.elapsed() < DEADLINE + Duration::from_secs(1), "it took {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_another_process_asks_on_until_the_same_deadline() {
    let (world, driving) = checked();
    world.environment.answers(&[200, 200, 503]);
    let it = to_dev(&world, RequestedMode::Auto).await;
    world.until(|it| it.environment.asked().len() == 2).await;
    it.until(|_| count(&it, "HEALTH_OBSERVED") == 2).await;
    let first = world.environment.asked()[0].0;
    driving.crash().await;
    world.pass(Duration::from_mins(1)).await;
    world.environment.answers(&[503]);
    world.drive_anew("second");

    it.reaches("failed").await;

    assert!(world.environment.asked().len() > 3, "the second one asked, too");
    let took = first.elapsed();
    assert!(
        took >= DEADLINE - Duration::from_secs(1) && took < DEADLINE + Duration::from_secs(2),
        "{took:?}"
    );
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn good_answers_before_a_crash_count_after_it() {
    let (world, driving) = checked();
    let it = to_dev(&world, RequestedMode::Auto).await;
    it.until(|_| count(&it, "HEALTH_OBSERVED") == 2).await;
    driving.crash().await;
    world.drive_anew("second");

    it.reaches("completed").await;
    assert_eq!(world.environment.asked().len(), 3);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_does_not_wait_for_health() {
    let (world, _driving) = checked();
    world.environment.answers(&[503]);
    let it = to_dev(&world, RequestedMode::Auto).await;
    it.until(|_| count(&it, "HEALTH_OBSERVED") == 1).await;
    let asked = world.environment.asked().len();

    it.send("CANCEL").await;
    it.reaches("cancelled").await;

    world.pass(DEADLINE).await;
    assert!(world.environment.asked().len() <= asked + 1, "nobody asks any more");
    assert_eq!(world.harness.aborts(), 0, "nothing ran that could be stopped");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_claim_does_not_make_it_healthy() {
    let (world, _driving) = checked();
    world.environment.answers(&[503]);
    let it = to_dev(&world, RequestedMode::Step).await;
    for (status, event) in [
        ("", "START"),
        ("succeeded", "VALIDATION_COMPLETE"),
        ("succeeded", "BUILD_COMPLETE"),
        ("succeeded", "TESTS_PASSED"),
    ] {
        it.until(|it| status_of(it) == status).await;
        it.send(event).await;
    }
    it.reaches_in("deploying-dev", "probing").await;

    let claim = TransitionRequest {
        deployment_id: it.id.to_string(),
        event: "DEV_DEPLOYED".to_owned(),
        expected_version: None,
        reason: None,
    };
    let refused = world.app.transition(claim, agent()).await.unwrap_err();
    assert_eq!(refused.code, Code::GuardRefused);
    let unmet: Vec<&str> = refused.guards.iter().filter(|it| !it.holds).map(|it| it.name).collect();
    assert_eq!(unmet, ["healthy"]);

    world.environment.answers(&[200]);
    it.reaches_in("deploying-dev", "succeeded").await;
    it.send("DEV_DEPLOYED").await;
    it.reaches("completed").await;
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_restore_is_done_when_the_environment_is_healthy_again() {
    let (world, _driving) = checked();
    let before = to_dev(&world, RequestedMode::Auto).await;
    before.reaches("completed").await;
    for (commit, codes, ends) in
        [("aaaaaaa", &[503, 200][..], "rolled-back"), ("bbbbbbb", &[503], "rollback-failed")]
    {
        world.environment.answers(&[200]);
        let it = commit_to_dev(&world, commit, RequestedMode::Auto).await;
        it.reaches("completed").await;
        world.environment.answers(codes);
        it.send("ROLLBACK").await;
        it.reaches_in("rolling-back", "probing").await;
        it.reaches(ends).await;
        it.assert_sound();
    }
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_is_unhealthy_before_the_deploy_is_said_and_blocks_nothing() {
    let (mut world, driving) = checked();
    driving.stop().await;
    let mut policy = (*world.app.policy).clone();
    policy.validation.levels.clear();
    world.app.policy = Arc::new(policy);
    let _driving = world.drive("second");
    world.environment.answers(&[503, 200]);
    let it = to_dev(&world, RequestedMode::Auto).await;
    it.reaches("completed").await;
    let found = world.app.full_status(it.id.as_str()).await.unwrap().validation.unwrap();
    assert_eq!(found.warnings[0].code, "target-unhealthy");
    assert!(found.warnings[0].message_untrusted.contains("503"), "{:?}", found.warnings);
}
