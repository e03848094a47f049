//! Triggers whose reply is lost: one run for each attempt, whatever happens.

use std::time::Duration;

use deployment_orchestrator::domain::execution::Cause;
use deployment_orchestrator::domain::notice::Topic;

use super::fake_harness::{Answer, Shown, transient};
use super::world::{Talk, World, status_of};

/// An approved deployment whose trigger of prod got no reply.
async fn lost_in_production(world: &World, answer: Answer) -> Talk<'_> {
    world.harness.answers("deploy_prod", answer);
    let it = world.deploy().await;
    it.asks(1).await;
    it.approve().await;
    it.reaches_in("deploying-prod", "outcome-unknown").await;
    it
}

#[tokio::test(start_paused = true)]
async fn a_run_that_appears_before_settling_is_adopted() {
    let (world, _driving) = World::driven();
    world.harness.answers("deploy_dev", Answer::LostAndHidden);
    let it = world.deploy().await;

    it.reaches_in("deploying-dev", "outcome-unknown").await;
    world.pass(Duration::from_secs(40)).await;
    assert_eq!(status_of(&it.now()), "outcome-unknown");
    world.harness.show("deploy_dev", Shown::Everywhere);

    it.asks(1).await;
    assert_eq!(world.harness.triggers_of("deploy_dev"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_never_appears_is_another_attempt_after_settling() {
    let (world, _driving) = World::driven();
    world.harness.answers("deploy_dev", Answer::LostAndNotRun);
    let it = world.deploy().await;

    let lost = it.reaches_in("deploying-dev", "outcome-unknown").await.progress.updated_at;
    it.asks(1).await;

    let runs = world.harness.runs_of("deploy_dev");
    assert_eq!((world.harness.triggers_of("deploy_dev"), runs.len()), (2, 1));
    assert!(runs[0].key.to_string().ends_with('2'), "{} is the second attempt", runs[0].key);
    let waited = it.now().progress.updated_at.since(lost);
    assert!(waited >= Duration::from_secs(59), "{waited:?}: a run may take so long to appear");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn in_production_a_lost_run_is_waited_for_and_adopted_when_it_appears_late() {
    let (world, _driving) = World::driven();
    let it = lost_in_production(&world, Answer::LostAndHidden).await;
    world.pass(Duration::from_mins(20)).await;
    assert_eq!(status_of(&it.now()), "outcome-unknown");
    assert_eq!(world.told.count(Topic::NeedsHuman), 1, "people are told, and once");
    world.harness.show("deploy_prod", Shown::Everywhere);

    it.reaches("completed").await;
    assert_eq!(world.harness.triggers_of("deploy_prod"), 1);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_person_who_has_looked_lets_production_be_triggered_again() {
    let (world, _driving) = World::driven();
    let it = lost_in_production(&world, Answer::LostAndNotRun).await;
    world.pass(Duration::from_mins(10)).await;

    it.resolve().await;

    it.reaches("completed").await;
    let runs = world.harness.runs_of("deploy_prod");
    assert_eq!((world.harness.triggers_of("deploy_prod"), runs.len()), (2, 1));
    assert!(runs[0].key.to_string().ends_with('2'));
    assert_eq!(it.now().progress.requests, 1, "the approval still held");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_has_expired_does_not_let_production_be_triggered_again() {
    let (world, _driving) = World::driven();
    let it = lost_in_production(&world, Answer::LostAndNotRun).await;
    world.pass(super::people::OPEN_FOR).await;

    it.resolve().await;

    it.asks(2).await;
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(world.harness.triggers_of("deploy_prod"), 1, "people are asked again first");
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_never_answers_counts_as_lost() {
    let (world, _driving) = World::driven();
    let hours = Duration::from_hours(24);
    world.harness.answers("deploy_dev", Answer::Slow(hours, None));
    let it = world.deploy().await;

    it.reaches_in("deploying-dev", "outcome-unknown").await;
    it.asks(1).await;

    assert_eq!(world.harness.runs_of("deploy_dev").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_harness_answers_is_kept_when_an_event_comes_between() {
    let refused = Box::new(Answer::Refused(transient(Cause::RateLimited, "too many requests")));
    for (then, runs) in [(None, 1), (Some(refused), 0)] {
        let (world, _driving) = World::driven();
        world.harness.answers("deploy_prod", Answer::Slow(Duration::from_secs(10), then));
        let it = world.deploy().await;
        it.asks(1).await;
        it.approve().await;
        it.reaches_in("deploying-prod", "triggering").await;

        it.send("CANCEL").await;
        it.reaches("cancelled").await;

        assert_eq!(world.harness.runs_of("deploy_prod").len(), runs);
        assert_eq!(world.harness.aborts(), runs);
        assert_eq!(world.told.count(Topic::NeedsHuman), 0, "nothing was ever unknown");
        it.assert_sound();
    }
}
