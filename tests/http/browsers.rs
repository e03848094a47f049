//! Pages in a browser on the same machine: what gives them away, and which may call.

use deployment_orchestrator::harness::simulator::Script;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::client::{Era, Mcp, http};
use crate::world::{FRIEND, World};

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused() {
    let world = World::new(Script::instant()).await;
    let agent = Mcp::open(&world, Era::Modern).await;
    for (host, status) in [
        ("evil.example", StatusCode::FORBIDDEN),
        ("evil.example:80", StatusCode::FORBIDDEN),
        ("localhost.evil.example", StatusCode::FORBIDDEN),
        ("169.254.169.254", StatusCode::FORBIDDEN),
        ("0.0.0.0", StatusCode::FORBIDDEN),
        ("localhost", StatusCode::OK),
        ("LocalHost:8080", StatusCode::OK),
        ("deploy.acme.example", StatusCode::OK),
    ] {
        let answer = agent.request("tools/list", json!({})).header("host", host).send().await.unwrap();
        assert_eq!(answer.status(), status, "{host}");
    }
}

#[tokio::test]
async fn a_page_of_somebody_else_is_refused() {
    let world = World::new(Script::instant()).await;
    let agent = Mcp::open(&world, Era::Modern).await;
    let own = world.url("");
    for (origin, status) in [
        ("https://evil.example", StatusCode::FORBIDDEN),
        ("null", StatusCode::FORBIDDEN),
        ("file://", StatusCode::FORBIDDEN),
        ("http://localhost:1", StatusCode::FORBIDDEN),
        ("http://dashboard.acme.example", StatusCode::FORBIDDEN),
        ("https://dashboard.acme.example.evil.example", StatusCode::FORBIDDEN),
        (&own, StatusCode::OK),
        ("https://deploy.acme.example", StatusCode::OK),
        (FRIEND, StatusCode::OK),
    ] {
        let answer = agent.request("tools/list", json!({})).header("origin", origin).send().await.unwrap();
        assert_eq!(answer.status(), status, "{origin}");
        let may_read = answer.headers().get("access-control-allow-origin");
        assert_eq!(may_read.map(|it| it.to_str().unwrap()), (origin == FRIEND).then_some(FRIEND), "{origin}");
    }
}

#[tokio::test]
async fn only_pages_that_the_config_names_are_told_that_they_may_call() {
    let world = World::new(Script::instant()).await;
    let asks = |origin: &str| {
        http()
            .request(Method::OPTIONS, world.url("/mcp"))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type, authorization")
            .send()
    };
    let friend = asks(FRIEND).await.unwrap();
    assert_eq!(friend.status(), StatusCode::NO_CONTENT);
    let allowed = friend.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("authorization") && allowed.contains("mcp-session-id"), "{allowed}");
    let stranger = asks("https://evil.example").await.unwrap();
    assert_eq!(stranger.status(), StatusCode::FORBIDDEN);
    assert!(stranger.headers().get("access-control-allow-origin").is_none());
}
