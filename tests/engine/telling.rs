//! Notices: none is lost, and each deployment's come in their order.

use std::collections::BTreeSet;
use std::time::Duration;

use deployment_orchestrator::domain::notice::{Notice, Topic};
use deployment_orchestrator::store::Which;

use tokio::time::Instant;

use super::world::World;

#[tokio::test(start_paused = true)]
async fn what_nobody_heard_is_told_later_in_order_and_once() {
    let (world, driving) = World::driven();
    let it = world.deploy().await;
    it.reaches("testing").await;
    *world.told.out_of_reach.lock().unwrap() = u32::MAX;
    it.asks(1).await;
    it.approve().await;
    it.reaches("completed").await;
    let heard = world.told.notices().len();
    *world.told.out_of_reach.lock().unwrap() = 0;

    world.until(|it| it.told.topics().last() == Some(&Topic::Completed)).await;
    driving.stop().await;
    world.drive("second");
    world.pass(Duration::from_mins(10)).await;

    let told = world.told.notices();
    assert!(told.len() > heard + 3, "{heard} before the outage, {} in all", told.len());
    assert_eq!(told.iter().map(|it| &it.key).collect::<BTreeSet<_>>().len(), told.len(), "each once");
    assert!(told.is_sorted_by_key(version), "{:?}", told.iter().map(version).collect::<Vec<_>>());
    assert_eq!(world.app.store.undelivered(&Which::about(&it.id)).unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn what_a_crashed_driver_was_telling_is_told_by_the_next() {
    let (world, driving) = World::driven();
    *world.told.takes.lock().unwrap() = Duration::from_hours(1);
    let it = world.deploy().await;
    it.reaches("testing").await;
    driving.crash().await;
    *world.told.takes.lock().unwrap() = Duration::ZERO;

    world.drive("second");
    let begin = Instant::now();
    world.until(|it| it.told.count(Topic::StageCompleted) >= 2).await;

    assert!(begin.elapsed() < Duration::from_secs(10), "it waited for {:?}", begin.elapsed());
    assert!(world.told.notices().is_sorted_by_key(version));
}

#[tokio::test(start_paused = true)]
async fn one_that_was_missed_holds_back_those_after_it() {
    let (world, _driving) = World::driven();
    *world.told.takes.lock().unwrap() = Duration::from_secs(15);
    let it = world.deploy().await;
    world.until(|it| it.told.count(Topic::Started) == 1).await;
    *world.told.out_of_reach.lock().unwrap() = 1;
    it.asks(1).await;

    world.until(|it| it.told.count(Topic::ApprovalRequested) == 1).await;

    assert!(world.told.notices().is_sorted_by_key(version));
    assert_eq!(world.told.count(Topic::StageCompleted), 5, "the missed one is among those before");
}

/// The version that the deployment reached with it.
fn version(notice: &Notice) -> u64 {
    notice.key.split(':').nth(1).unwrap().parse().unwrap()
}
