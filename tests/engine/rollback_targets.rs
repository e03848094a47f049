//! What comes back where not every environment has something good to go back to.

use std::sync::Arc;

use deployment_orchestrator::config::policy::Policy;
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::domain::record::What;

use super::fake_harness::{Course, rejected};
use super::rollback::{EARLIER, at_prod, by_itself, completed, given};
use super::world::{COMMIT, World};

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
