//! Whole deployments over HTTP, in all eras of the protocol.

use deployment_orchestrator::harness::simulator::Script;
use reqwest::StatusCode;
use serde_json::json;

use crate::client::{Era, Mcp, http};
use crate::world::{APPROVER, USER, World};

#[tokio::test]
async fn a_deployment_in_the_oldest_era() {
    a_deployment(Era::Oldest).await;
}

#[tokio::test]
async fn a_deployment_in_the_legacy_era() {
    a_deployment(Era::Legacy).await;
}

#[tokio::test]
async fn a_deployment_in_the_modern_era() {
    a_deployment(Era::Modern).await;
}

async fn a_deployment(era: Era) {
    let world = World::new(Script::instant()).await;
    let agent = Mcp::open(&world, era).await;
    assert!(agent.tools().await.contains(&"start_deployment".to_owned()));

    let id = agent.start("prod").await;
    assert_eq!(agent.until(&id, "attention").await["state"], "awaiting-approval");
    let asked = agent.gives("approve", json!({ "deployment_id": id })).await;
    assert_eq!((&asked["approved"], &asked["request"]["approvers"]), (&json!(false), &json!([APPROVER])));
    let early = agent.refuses("transition", json!({ "deployment_id": id, "event": "APPROVED" })).await;
    assert_eq!(early, "guard-refused");

    let history = agent.gives("get_history", json!({ "deployment_id": id })).await;
    let created = &history["events"][0];
    assert_eq!(created["channel"], "mcp-http", "{created}");
    assert_eq!(created["by"], format!("agent test/1.0 for {USER}"), "{created}");
}

#[tokio::test]
async fn one_address_serves_both_eras_at_once() {
    let world = World::new(Script::instant()).await;
    let (old, new) = (Mcp::open(&world, Era::Legacy).await, Mcp::open(&world, Era::Modern).await);
    let id = old.start("dev").await;
    assert_eq!(new.until(&id, "ended").await["state"], "completed");
    assert_eq!(old.gives("get_status", json!({ "deployment_id": id })).await["state"], "completed");
    let discovered = new.ask("server/discover", json!({})).await;
    let versions = discovered["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!("2026-07-28")) && versions.contains(&json!("2025-06-18")));
}

#[tokio::test]
async fn a_session_ends_with_its_delete() {
    let world = World::new(Script::instant()).await;
    let agent = Mcp::open(&world, Era::Legacy).await;
    let session = agent.session.clone().unwrap();
    let ended = http().delete(world.url("/mcp")).header("mcp-session-id", session).send().await.unwrap();
    assert!(ended.status().is_success(), "{ended:?}");
    assert_eq!(agent.send("tools/list", json!({})).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_deployment_goes_on_when_its_agent_has_left() {
    let world = World::new(Script::instant()).await;
    let id = Mcp::open(&world, Era::Modern).await.start("dev").await;
    for era in Era::ALL {
        let other = Mcp::open(&world, era).await;
        assert_eq!(other.until(&id, "ended").await["state"], "completed");
    }
    assert!(!world.harness.runs().is_empty());
}
