//! A server that is told to stop finishes what it has begun.

use std::time::Duration;

use deployment_orchestrator::harness::simulator::{Pipeline, Script};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Era, Mcp, answer_of, http};
use crate::world::{PATIENCE, World};

#[tokio::test]
async fn a_call_that_waits_is_answered_and_then_nobody_listens() {
    let script = Script::instant().with("deploy_dev", Pipeline::lasting(3_600_000));
    let mut world = World::new(script).await;
    for era in Era::ALL {
        let agent = Mcp::open(&world, era).await;
        let id = agent.start("dev").await;
        agent.until(&id, "deploying-dev").await;
    }
    let agent = Mcp::open(&world, Era::Modern).await;
    let listed = agent.gives("list_deployments", json!({})).await;
    let id = listed["deployments"][0]["deployment_id"].clone();
    let arguments = json!({ "deployment_id": id, "until": "ended", "timeout_seconds": 50 });
    let call = json!({ "name": "wait_for_deployment", "arguments": arguments });
    let waiting = tokio::spawn(agent.request("tools/call", call).send());
    // Connections are accepted in their order: once this one is answered, the call is under way.
    http().get(world.url("/healthz")).send().await.unwrap();

    world.shutdown.cancel();
    let answer = answer_of(timeout(PATIENCE, waiting).await.unwrap().unwrap().unwrap()).await;
    let result = &answer["result"]["structuredContent"];
    assert_eq!((&result["condition_met"], &result["state"]), (&json!(false), &json!("deploying-dev")));
    timeout(Duration::from_secs(20), world.served.take().unwrap()).await.expect("it ends").unwrap();
    assert!(TcpStream::connect(world.address).await.is_err());
}

#[tokio::test]
async fn a_stream_that_waits_for_news_does_not_hold_the_end() {
    let mut world = World::new(Script::instant()).await;
    let agent = Mcp::open(&world, Era::Legacy).await;
    let stream = http()
        .get(world.url("/mcp"))
        .header("accept", "text/event-stream")
        .header("mcp-session-id", agent.session.clone().unwrap())
        .send()
        .await
        .unwrap();
    assert!(stream.status().is_success(), "{stream:?}");
    world.shutdown.cancel();
    timeout(PATIENCE, world.served.take().unwrap()).await.expect("it ends").unwrap();
    let _ = stream.text().await;
}

#[tokio::test]
async fn an_open_session_of_the_oldest_era_does_not_hold_the_end() {
    let mut world = World::new(Script::instant()).await;
    let agent = Mcp::open(&world, Era::Oldest).await;
    agent.tools().await;
    world.shutdown.cancel();
    timeout(PATIENCE, world.served.take().unwrap()).await.expect("it ends").unwrap();
    agent.stream.unwrap().ended().await;
}
