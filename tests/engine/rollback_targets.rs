//! What comes back where not every environment has something good to go back to.

use std::sync::Arc;

use deployment_orchestrator::config::policy::Policy;
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::domain::record::What;
use deployment_orchestrator::domain::rollback_way::RollbackWay;

use super::fake_harness::{Course, rejected};
use super::rollback::{EARLIER, admin, at_prod, by_itself, completed, given, healthz, prod, undo};
use super::world::{COMMIT, World};

/// What is deployed after the bad one.
const NEXT: &str = "abcdef0123";

fn commits(world: &World, pipeline: &str) -> Vec<String> {
    world.harness.runs_of(pipeline).iter().map(|run| given(run, "commit_sha")).collect()
}

/// An earlier commit is in staging and prod; dev was added to the config after that.
async fn before_dev(world: &mut World) {
    let whole = Arc::clone(&world.app.policy);
    let mut before = Policy::clone(&whole);
    before.workflow.environments.retain(|it| it.name.as_str() != "dev");
    world.app.policy = Arc::new(before);
    completed(world, EARLIER).await;
    world.app.policy = whole;
}

#[tokio::test(start_paused = true)]
async fn production_comes_back_although_dev_has_nothing_to_go_back_to() {
    let (mut world, _driving) = World::driven();
    before_dev(&mut world).await;
    let it = completed(&world, COMMIT).await;

    it.send("ROLLBACK").await;
    it.reaches("rolled-back").await;

    assert_eq!(commits(&world, "deploy_prod"), [EARLIER, COMMIT, EARLIER]);
    assert_eq!(commits(&world, "deploy_staging"), [EARLIER, COMMIT, EARLIER]);
    assert_eq!(commits(&world, "deploy_dev"), [COMMIT], "dev keeps what it has");
    let What::Event(Event::Main(MainEvent::Rollback { targets, unknown, .. })) =
        it.record_of("ROLLBACK").what
    else {
        panic!()
    };
    let restored: Vec<&str> = targets.iter().map(|restore| restore.environment.as_str()).collect();
    assert_eq!(restored, ["prod", "staging"], "production first");
    assert_eq!(unknown, ["dev".parse().unwrap()]);
    let keeps = "dev keeps what it has: no earlier good version is known";
    world.until(|it| it.told.count(Topic::RolledBack) == 1).await;
    let text = world.told.notices().into_iter().find(|it| it.topic == Topic::RolledBack).unwrap().text;
    assert!(text.ends_with(&format!("rolled back; {keeps}")), "{text}");
    let status = world.app.status(it.id.as_str()).await.unwrap();
    assert!(status.caveats.contains(&format!("rollback: {keeps}")), "{:?}", status.caveats);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn it_comes_back_by_itself_too() {
    let (mut world, _driving) = by_itself();
    before_dev(&mut world).await;
    world.harness.goes("deploy_prod", Course::Ends(rejected()));
    let it = at_prod(&world, COMMIT).await;
    it.reaches("rolled-back").await;

    assert_eq!(commits(&world, "deploy_prod"), [EARLIER, COMMIT, EARLIER]);
    assert_eq!(commits(&world, "deploy_dev"), [COMMIT]);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn what_is_quarantined_does_not_come_back_until_it_is_released() {
    for released in [false, true] {
        let (world, _driving) = prod(|prod| prod.rollback = RollbackWay::Harness(undo()));
        completed(&world, EARLIER).await;
        let bad = completed(&world, COMMIT).await;
        world.harness.goes("deploy_prod", Course::Ends(rejected()));
        bad.send("ROLLBACK").await;
        bad.reaches("rollback-failed").await;
        if released {
            world.app.release_commit("checkout", COMMIT, "mended by hand", &admin()).await.unwrap();
        }
        let it = completed(&world, NEXT).await;

        it.send("ROLLBACK").await;
        it.reaches("rolled-back").await;

        let back = if released { COMMIT } else { EARLIER };
        for pipeline in ["deploy_staging", "deploy_dev"] {
            assert_eq!(commits(&world, pipeline).last().unwrap(), back, "{pipeline}");
        }
        let last = world.harness.runs_of("deploy_prod").pop().unwrap();
        let undoes = last.undoes.is_some();
        assert_eq!(undoes, released, "undoing the last rollout would bring the bad one back");
        assert!(undoes || given(&last, "commit_sha") == EARLIER);
        it.assert_sound();
    }
}

#[tokio::test(start_paused = true)]
async fn what_did_not_get_healthy_does_not_come_back() {
    let (world, _driving) = prod(|prod| {
        prod.health = Some(healthz());
    });
    completed(&world, EARLIER).await;
    world.environment.answers(&[503]);
    let unhealthy = at_prod(&world, COMMIT).await;
    unhealthy.reaches("failed").await;
    let it = at_prod(&world, NEXT).await;
    it.reaches("failed").await;

    world.environment.answers(&[200]);
    it.send("ROLLBACK").await;
    it.reaches("rolled-back").await;

    assert_eq!(commits(&world, "deploy_prod"), [EARLIER, COMMIT, NEXT, EARLIER]);
    it.assert_sound();
}
