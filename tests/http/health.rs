//! `/healthz` and `/readyz`: red when work stops, not only when the process does.

use std::time::Duration;

use deployment_orchestrator::harness::simulator::Script;
use reqwest::StatusCode;
use serde_json::Value;

use crate::client::{Era, Mcp, http};
use crate::world::World;

async fn look(world: &World, path: &str) -> (StatusCode, Value) {
    let answer = http().get(world.url(path)).send().await.unwrap();
    (answer.status(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn a_server_that_works_is_alive_and_ready() {
    let world = World::new(Script::instant()).await;
    let agent = Mcp::open(&world, Era::Modern).await;
    let id = agent.start("dev").await;
    agent.until(&id, "ended").await;
    for path in ["/healthz", "/readyz"] {
        let (status, report) = look(&world, path).await;
        assert_eq!((status, &report["ok"]), (StatusCode::OK, &Value::from(true)), "{path}: {report}");
    }
}

#[tokio::test]
async fn whoever_asks_for_health_need_not_know_our_name() {
    let world = World::new(Script::instant()).await;
    let answer = http().get(world.url("/healthz")).header("host", "10.1.2.3:8080").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

/// The loop had died, the probe was green, and promotions waited without an error
/// ([kargo#6790](https://github.com/akuity/kargo/issues/6790)).
#[tokio::test]
async fn a_dead_loop_is_not_healthy() {
    let mut world = World::new(Script::instant()).await;
    let agent = Mcp::open(&world, Era::Modern).await;
    let id = agent.start("dev").await;
    agent.until(&id, "ended").await;
    world.engine.cancel();
    world.driven.take().unwrap().await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    assert!(agent.tools().await.contains(&"get_status".to_owned()), "the process answers");
    for path in ["/healthz", "/readyz"] {
        let (status, report) = look(&world, path).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(report["why"].as_str().unwrap().starts_with("no pass of the engine"), "{report}");
    }
}
