//! Windows in which nothing may be deployed.

use std::time::Duration;

use crate::freezing::{BEGIN, frozen};
use crate::rollback::completed;
use crate::world::World;

/// A deployment that waits before prod, approved; what it waits for.
async fn hold_of_prod(world: &World) -> &'static str {
    let it = world.deploy().await;
    it.asks(1).await;
    it.approve().await;
    let held = it.until(|it| it.progress.held.is_some()).await.progress.held.unwrap();
    it.send("CANCEL").await;
    it.reaches("cancelled").await;
    held.by[0].name()
}

/// A window that denied deployments did so outside its time, too
/// ([argo-cd#5590](https://github.com/argoproj/argo-cd/issues/5590)).
#[tokio::test(start_paused = true)]
async fn a_deny_window_blocks_only_in_its_time() {
    let (from, to) = (Duration::from_mins(10), Duration::from_mins(30));
    let (world, _driving) = frozen(from, to);
    completed(&world, "0a0a0a0").await;
    assert!(world.app.clock.now() < BEGIN.plus(from), "it came through before");
    world.pass(from).await;
    assert_eq!(hold_of_prod(&world).await, "frozen");
    world.pass(to - from).await;
    completed(&world, "0b0b0b0").await;
    assert_eq!(world.harness.runs_of("deploy_prod").len(), 2);
}

/// What a window had held was not taken up again when it was over
/// ([argo-cd#21692](https://github.com/argoproj/argo-cd/issues/21692)).
#[tokio::test(start_paused = true)]
async fn work_is_resumed_when_the_freeze_lifts() {
    let (world, _driving) = frozen(Duration::ZERO, Duration::from_mins(20));
    let it = world.deploy().await;
    it.asks(1).await;
    it.approve().await;
    let held = it.until(|it| it.progress.held.is_some()).await.progress.held.unwrap();
    assert_eq!(held.by[0].name(), "frozen");
    let status = world.app.status(it.id.as_str()).await.unwrap();
    assert!(status.waiting_for.contains("the shop is full"), "{}", status.waiting_for);
    assert!(world.harness.runs_of("deploy_prod").is_empty());
    let found = world.app.full_status(it.id.as_str()).await.unwrap().validation.unwrap();
    let warned: Vec<&str> = found.warnings.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(warned, ["environment-frozen"], "and it was said before anything ran");

    it.reaches("completed").await;
    let ran = world.harness.runs_of("deploy_prod")[0].started;
    assert!(ran.elapsed() < Duration::from_mins(1), "it went on at once");
    assert!(world.app.clock.now() >= BEGIN.plus(Duration::from_mins(20)));
    it.assert_sound();
}
