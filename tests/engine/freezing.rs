//! Freezes at the trigger: nothing goes in while one is on, and what waits goes on when it ends.

use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::app::Code;
use deployment_orchestrator::config::{self, Policy};
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::time::Timestamp;

use super::world::{Driving, World};

/// When the tests' clocks begin: Tuesday, 14 November 2023, 22:13:20 in UTC.
const BEGIN: Timestamp = Timestamp(1_700_000_000_000);

/// An installation with this freeze of prod, which Grace may override.
fn frozen(from: Duration, to: Duration) -> (World, Driving) {
    let mut world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let at = |offset| BEGIN.plus(offset).to_rfc3339();
    let text = format!(
        "[people.grace]\n[[environments]]\nname = \"prod\"\n\
         [[freezes]]\nname = \"big-sale\"\nreason = \"the shop is full\"\nenvironments = [\"prod\"]\n\
         from = \"{}\"\nto = \"{}\"\ntime_zone = \"UTC\"\noverride = [\"grace\"]\n",
        at(from),
        at(to)
    );
    std::fs::write(&path, text).unwrap();
    let freezes = config::load(Some(&path), "ada").unwrap().policy.freezes;
    world.app.policy = Arc::new(Policy { freezes, ..Policy::clone(&world.app.policy) });
    let driving = world.drive("first");
    (world, driving)
}

fn person(name: &str) -> Actor {
    Actor::at_command_line(name.parse().unwrap())
}

/// Lesson: work that a deny window held was not resumed when it was lifted.
#[tokio::test(start_paused = true)]
async fn what_a_freeze_holds_goes_on_when_it_ends() {
    let (world, _driving) = frozen(Duration::ZERO, Duration::from_mins(20));
    let it = world.deploy().await;
    it.asks(1).await;
    it.approve().await;
    let held = it.until(|it| it.progress.held.is_some()).await.progress.held.unwrap();
    assert_eq!(held.by[0].name(), "frozen");
    let status = world.app.status(it.id.as_str()).await.unwrap();
    assert!(status.waiting_for.contains("the shop is full"), "{}", status.waiting_for);
    assert!(world.harness.runs_of("deploy_prod").is_empty());

    it.reaches("completed").await;
    let ran = world.harness.runs_of("deploy_prod")[0].started;
    assert!(ran.elapsed() < Duration::from_mins(1), "it went on at once");
    assert!(world.app.clock.now() >= BEGIN.plus(Duration::from_mins(20)));
    it.assert_sound();
}

/// Lesson: a freeze that begins between the approval and the trigger counts.
#[tokio::test(start_paused = true)]
async fn a_freeze_is_judged_at_the_trigger_and_not_at_the_approval() {
    let (world, _driving) = frozen(Duration::from_mins(10), Duration::from_mins(50));
    let it = world.deploy().await;
    it.asks(1).await;
    world.pass(Duration::from_mins(11)).await;
    it.approve().await;
    it.until(|it| it.progress.held.is_some()).await;
    assert!(world.harness.runs_of("deploy_prod").is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_who_is_named_overrides_a_freeze_and_everybody_is_told() {
    let (world, _driving) = frozen(Duration::ZERO, Duration::from_hours(48));
    let it = world.deploy().await;
    it.asks(1).await;
    it.approve().await;
    it.until(|it| it.progress.held.is_some()).await;

    let id = it.id.as_str();
    let agent = super::people::agent();
    assert_eq!(world.app.override_freeze(id, "now", &agent).await.unwrap_err().code, Code::NeedsHuman);
    let refused = world.app.override_freeze(id, "now", &person("ada")).await.unwrap_err();
    assert_eq!(refused.code, Code::NotPermitted);
    assert!(refused.hint.contains("grace"), "{}", refused.hint);
    world.app.override_freeze(id, "the fix cannot wait", &person("grace")).await.unwrap();
    it.reaches("completed").await;
    world.until(|it| it.told.count(Topic::BreakGlass) == 1).await;
    assert!(it.main_events().contains(&"FREEZE_OVERRIDDEN".to_owned()));
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_rollback_passes_a_freeze() {
    let (world, _driving) = frozen(Duration::from_mins(10), Duration::from_hours(48));
    let good = world.deploy().await;
    good.asks(1).await;
    good.approve().await;
    good.reaches("completed").await;
    let bad = world
        .start(deployment_orchestrator::app::StartRequest {
            commit_sha: "0ddba11".to_owned(),
            ..Default::default()
        })
        .await;
    bad.asks(1).await;
    bad.approve().await;
    bad.reaches("completed").await;
    world.pass(Duration::from_mins(15)).await;
    bad.send("ROLLBACK").await;
    bad.reaches("rolled-back").await;
    bad.assert_sound();
}
