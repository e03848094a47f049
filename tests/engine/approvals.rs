//! The gate before prod: what opens it, and what closes it again.

use std::time::Duration;

use deployment_orchestrator::domain::decision::Verdict;
use deployment_orchestrator::domain::execution::{Cause, Retry};
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::ports::CallError;

use super::fake_harness::Answer;
use super::world::{World, waits_until};

#[tokio::test(start_paused = true)]
async fn a_rejection_ends_it() {
    let (world, _driving) = World::driven();
    let it = world.deploy().await;
    it.asks(1).await;

    it.decide(Verdict::Reject).await;

    it.reaches("failed").await;
    assert!(it.main_events().contains(&"REJECTED".to_owned()));
    assert_eq!(world.harness.triggers_of("deploy_prod"), 0);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_goes_back_does_not_cost_the_approval() {
    let (world, _driving) = World::driven();
    let busy = CallError {
        cause: Cause::RateLimited,
        message: "too many requests".to_owned(),
        retry: Retry::Retryable { after: Some(Duration::from_secs(30)) },
    };
    world.harness.answers("deploy_prod", Answer::Refused(busy));
    let it = world.deploy().await;
    it.asks(1).await;
    it.approve().await;
    it.until(|it| waits_until(it).is_some()).await;

    world.clock.jump(-60);

    it.reaches("completed").await;
    assert_eq!(it.now().progress.requests, 1);
}

#[tokio::test(start_paused = true)]
async fn people_who_do_not_decide_are_asked_again_and_then_others_are_told() {
    let (world, _driving) = World::driven_under(|policy| {
        policy.timing.remind_after = Duration::from_mins(10);
        policy.timing.escalate_after = Duration::from_mins(24);
    });
    let it = world.deploy().await;
    it.asks(1).await;
    world.until(|it| it.told.count(Topic::ApprovalRequested) == 1).await;
    world.pass(Duration::from_mins(9)).await;
    assert_eq!(world.told.count(Topic::ApprovalRequested), 1);
    world.pass(Duration::from_mins(2)).await;
    assert_eq!(world.told.count(Topic::ApprovalRequested), 2, "a reminder");
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(
        (world.told.count(Topic::ApprovalRequested), world.told.count(Topic::ApprovalEscalated)),
        (3, 0)
    );
    world.pass(Duration::from_mins(5)).await;
    assert_eq!(world.told.count(Topic::ApprovalEscalated), 1, "once");
    let told = world.told.notices();
    let escalated = told.iter().find(|it| it.topic == Topic::ApprovalEscalated).unwrap();
    assert!(escalated.text.contains("nobody has decided on prod since"), "{}", escalated.text);

    it.approve().await;
    it.reaches("completed").await;
    let asked = world.told.count(Topic::ApprovalRequested);
    world.pass(Duration::from_mins(60)).await;
    assert_eq!(world.told.count(Topic::ApprovalRequested), asked, "nobody is asked who has decided");
}
