//! Queues before an environment, and those who stand in them.

use std::time::Duration;

use deployment_orchestrator::domain::notice::Topic;

use crate::places::{another, person, ruled};
use crate::world::World;

/// An approval that nobody gave held the whole group for thirteen days
/// ([agenticos#1832](https://github.com/vstorm-co/agenticos/issues/1832)).
#[tokio::test(start_paused = true)]
async fn a_waiting_approval_holds_nobody_up() {
    let (world, _driving) = World::driven();
    let first = world.deploy().await;
    first.asks(1).await;
    let second = another(&world).await;
    second.asks(1).await;
    second.approve().await;
    second.reaches("completed").await;

    // People looked at what was there before the second.
    first.approve().await;
    first.asks(2).await;
    first.approve().await;
    first.reaches("completed").await;
    first.assert_sound();
}

/// The same thirteen days: nothing had failed, so nobody was told.
#[tokio::test(start_paused = true)]
async fn a_blocked_queue_tells_somebody() {
    let (world, _driving) = ruled("dev", |rules| rules.alert_after = Duration::from_mins(10));
    world.app.lock("dev", None, "an audit", &person()).await.unwrap();
    let it = world.deploy().await;
    it.until(|it| it.progress.held.as_ref().is_some_and(|held| held.told)).await;
    world.pass(Duration::from_hours(3)).await;
    assert_eq!(world.told.count(Topic::NeedsHuman), 1, "and does not tell it again and again");
    let text = world.told.notices().pop().unwrap().text;
    assert!(text.contains("an audit") && text.contains("unlock"), "{text}");
    it.assert_sound();
}
