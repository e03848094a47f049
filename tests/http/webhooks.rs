//! What Harness says unasked, and what others say in its name.

use std::time::Duration;

use deployment_orchestrator::harness::simulator::{Endpoint, Pipeline, Script};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use crate::client::{Era, Mcp, http};
use crate::raw;
use crate::world::{SECRET, World};

fn hint(world: &World, body: impl Into<reqwest::Body>) -> RequestBuilder {
    http().post(world.url("/webhooks/harness")).header("x-webhook-secret", SECRET).body(body)
}

fn about(execution: &str) -> String {
    json!({ "eventData": { "planExecutionId": execution, "eventType": "PipelineEnd", "nodeStatus": "started" } })
        .to_string()
}

/// Sooner than anything that is waited for.
const SOON: Duration = Duration::from_secs(5);

/// An hour.
const HOUR: u64 = 3_600_000;

/// A deployment whose execution runs for an hour, and would be looked at when the next begins.
async fn unwatched() -> (World, Mcp, String, String) {
    let script = Script::instant().with("build_and_push", Pipeline::lasting(HOUR));
    let world = World::looking_every(script, "1h").await;
    let agent = Mcp::open(&world, Era::Modern).await;
    let id = agent.start("dev").await;
    let status = loop {
        let status = agent.gives("get_status", json!({ "deployment_id": id })).await;
        if status["stage"]["execution_id"].is_string() {
            break status;
        }
        agent.until_change(&id, &status["version"]).await;
    };
    let execution = status["stage"]["execution_id"].as_str().unwrap().to_owned();
    // The first look comes at once; the next when the next hour begins.
    let far = world.app.clock.now().plus(Duration::from_secs(5));
    while world.app.store.next_due().unwrap().is_none_or(|due| due < far) {
        tokio::task::yield_now().await;
    }
    (world, agent, id, execution)
}

fn looks(world: &World) -> usize {
    let calls = world.harness.calls();
    calls.get(&Endpoint::Outline).copied().unwrap_or(0) + calls.get(&Endpoint::List).copied().unwrap_or(0)
}

#[tokio::test]
async fn a_hint_makes_the_engine_look_and_is_not_believed() {
    let (world, agent, id, execution) = unwatched().await;
    let before = looks(&world);
    let taken = timeout(SOON, hint(&world, about(&execution)).send()).await.unwrap().unwrap();
    assert_eq!(taken.status(), StatusCode::ACCEPTED);
    while looks(&world) == before {
        tokio::task::yield_now().await;
    }
    let status = agent.gives("get_status", json!({ "deployment_id": id })).await;
    assert_eq!(status["state"], "building", "Harness says that it runs");
}

#[tokio::test]
async fn what_has_ended_is_seen_with_the_hint_and_not_an_hour_later() {
    let (world, agent, id, execution) = unwatched().await;
    // By somebody at Harness: then it cannot end before the first look, however slow this machine is.
    world.app.pipelines.abort(&execution.parse().unwrap()).await.unwrap();
    while world.harness.runs()[0].status != "Aborted" {
        tokio::task::yield_now().await;
    }
    let before = agent.gives("get_status", json!({ "deployment_id": id })).await;
    assert_eq!(before["state"], "building", "nobody looks by themselves: {before}");
    for _ in 0..3 {
        assert_eq!(hint(&world, about(&execution)).send().await.unwrap().status(), StatusCode::ACCEPTED);
    }
    let after = agent.until(&id, "ended").await;
    assert!(after["version"].as_u64() > before["version"].as_u64(), "{after}");
    world.app.store.verify_chain().unwrap();
}

#[tokio::test]
async fn whoever_does_not_know_the_secret_is_not_heard() {
    let (world, _, _, execution) = unwatched().await;
    let before = looks(&world);
    for secret in ["", "x", &SECRET[1..], &format!("{SECRET}x"), &"x".repeat(10_000)] {
        let request = http().post(world.url("/webhooks/harness")).header("x-webhook-secret", secret);
        let status = request.body(about(&execution)).send().await.unwrap().status();
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{secret}");
    }
    let half = format!(
        "POST /webhooks/harness HTTP/1.1\r\nhost: {}\r\ncontent-length: 100\r\n\r\n{{",
        world.address
    );
    let stranger = raw::rest(raw::began(world.address, &half).await);
    assert!(timeout(SOON, stranger).await.unwrap().starts_with("HTTP/1.1 401 "), "nobody waits for its body");
    let without = http().post(world.url("/webhooks/harness")).body(about(&execution)).send().await.unwrap();
    assert_eq!(without.status(), StatusCode::UNAUTHORIZED);
    let page = hint(&world, about(&execution)).header("origin", "https://evil.example").send().await.unwrap();
    assert_eq!(page.status(), StatusCode::FORBIDDEN);
    assert_eq!(looks(&world), before);
}

#[tokio::test]
async fn what_names_no_execution_of_ours_does_nothing() {
    let (world, agent, id, execution) = unwatched().await;
    let before = looks(&world);
    for (body, status) in [
        (String::new(), StatusCode::BAD_REQUEST),
        ("[]".to_owned(), StatusCode::BAD_REQUEST),
        ("{\"eventData\":null}".to_owned(), StatusCode::BAD_REQUEST),
        ("{\"eventData\":".repeat(10_000), StatusCode::BAD_REQUEST),
        (about("<+pipeline.executionId>"), StatusCode::BAD_REQUEST),
        (about("${jndi:ldap://x}"), StatusCode::BAD_REQUEST),
        (about("%' OR '1'='1"), StatusCode::BAD_REQUEST),
        (about(""), StatusCode::BAD_REQUEST),
        (about("nobody-s-execution"), StatusCode::ACCEPTED),
        // A part of the id is not the id.
        (about(&execution[..execution.len() - 1]), StatusCode::ACCEPTED),
    ] {
        let answer = hint(&world, body.clone()).send().await.unwrap();
        assert_eq!(answer.status(), status, "{}", &body[..body.len().min(200)]);
    }
    let huge =
        format!("POST /webhooks/harness HTTP/1.1\r\nhost: localhost\r\nx-webhook-secret: {SECRET}\r\n");
    let huge = raw::began(world.address, &(huge + "content-length: 104857600\r\n\r\n")).await;
    assert!(raw::rest(huge).await.starts_with("HTTP/1.1 413 "));
    assert_eq!(looks(&world), before);
    assert_eq!(agent.gives("get_status", json!({ "deployment_id": id })).await["state"], "building");
}

#[tokio::test]
async fn duplicates_are_slowed_down() {
    let (world, _, _, execution) = unwatched().await;
    let many = (0..200).map(|_| hint(&world, about(&execution)).send());
    let answers = futures::future::join_all(many).await;
    let of = |status| answers.iter().filter(|it| it.as_ref().unwrap().status() == status).count();
    let (taken, slowed_down) = (of(StatusCode::ACCEPTED), of(StatusCode::TOO_MANY_REQUESTS));
    assert!(taken >= 80 && slowed_down > 0 && taken + slowed_down == 200, "{taken} + {slowed_down}");
    assert_eq!(world.harness.runs().len(), 1);
}
