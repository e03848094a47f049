//! Freezes at the trigger: nothing goes in while one is on, and what waits goes on when it ends.

use std::time::Duration;

use deployment_orchestrator::app::Code;
use deployment_orchestrator::config;
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::time::Timestamp;

use super::world::{Driving, World};

/// When the tests' clocks begin: Tuesday, 14 November 2023, 22:13:20 in UTC.
pub(super) const BEGIN: Timestamp = Timestamp(1_700_000_000_000);

/// An installation with this freeze of prod, which Grace may override.
pub(super) fn frozen(from: Duration, to: Duration) -> (World, Driving) {
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
    World::driven_under(|policy| policy.freezes = freezes)
}

fn person(name: &str) -> Actor {
    Actor::at_command_line(name.parse().unwrap())
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
