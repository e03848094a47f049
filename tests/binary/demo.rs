//! The demo, as a visitor runs it.

use deployment_orchestrator::harness::simulator::Script;

use crate::room::{Room, ended};

#[tokio::test]
async fn two_demos_at_once_complete() {
    let (first, second) = tokio::join!(Room::empty(Script::instant()), Room::empty(Script::instant()));
    let demo = |room: &Room| {
        let mut command = room.command();
        command.arg("demo");
        ended(command)
    };
    let (one, other) = tokio::join!(demo(&first), demo(&second));
    for demo in [one, other] {
        demo.assert_done();
        let last = demo.stdout.lines().last().unwrap();
        assert!(last.starts_with("completed after "), "{}", demo.stdout);
        // Five stages, one of which meets a broken connection and is tried again.
        assert!(last.ends_with("6 pipeline runs at Harness, one for each attempt"), "{last}");
        assert!(demo.stdout.contains("approved: false. People decide"), "{}", demo.stdout);
        assert!(demo.stdout.contains("approved by dana, signed over digest"), "{}", demo.stdout);
        assert_eq!(demo.stderr, "", "a clean show");
    }
    for room in [first, second] {
        assert_eq!(room.files(), [], "the demo leaves nothing behind");
    }
}

#[tokio::test]
async fn every_scenario_ends_as_it_claims_and_says_why() {
    let room = Room::empty(Script::instant()).await;
    let play = |scenario: &'static str| {
        let mut command = room.command();
        command.args(["demo", "--scenario", scenario]);
        ended(command)
    };
    let (freeze, hotfix, rollback) = tokio::join!(play("freeze"), play("hotfix"), play("rollback"));
    freeze.assert_done();
    assert!(freeze.stdout.contains("`big-sale` forbids it now"), "{}", freeze.stdout);
    assert!(freeze.stdout.contains("completed after"), "{}", freeze.stdout);
    assert!(freeze.stdout.contains("because the freeze was judged at the trigger"), "{}", freeze.stdout);
    hotfix.assert_done();
    assert!(hotfix.stdout.contains("approved by erin"), "{}", hotfix.stdout);
    assert!(hotfix.stdout.contains("2 pipeline runs at Harness"), "{}", hotfix.stdout);
    assert!(hotfix.stdout.contains("because two people approved"), "{}", hotfix.stdout);
    rollback.assert_done();
    assert!(rollback.stdout.contains("rolled-back after"), "{}", rollback.stdout);
    assert!(rollback.stdout.contains("because the rollout to prod failed"), "{}", rollback.stdout);
}
