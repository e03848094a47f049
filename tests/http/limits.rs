//! Clients that send too much, too slowly, or too little.

use deployment_orchestrator::harness::simulator::Script;
use deployment_orchestrator::web::LARGEST_BODY;
use reqwest::StatusCode;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::client::{Era, Mcp, http};
use crate::raw;
use crate::world::World;

#[tokio::test]
async fn a_body_of_100_megabytes_is_refused_before_it_is_sent() {
    let world = World::new(Script::instant()).await;
    let stream = raw::began(world.address, &raw::post("content-length: 104857600\r\n")).await;
    let answer = raw::rest(stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_say_how_long_it_is_is_cut_off() {
    let world = World::new(Script::instant()).await;
    let mut stream = raw::began(world.address, &raw::post("transfer-encoding: chunked\r\n")).await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let mut sent = 0;
    // It stops listening at some point, and then the connection breaks.
    while sent < 100 * LARGEST_BODY && stream.write_all(chunk.as_bytes()).await.is_ok() {
        sent += chunk.len();
    }
    assert!(sent < 20 * LARGEST_BODY, "{sent} bytes were taken");
}

#[tokio::test]
async fn what_fits_is_judged_by_its_content() {
    let world = World::new(Script::instant()).await;
    let agent = Mcp::open(&world, Era::Modern).await;
    let padding = "x".repeat(LARGEST_BODY / 2);
    let refused = agent.refuses("get_status", json!({ "deployment_id": "d", "padding": padding })).await;
    assert_eq!(refused, "malformed-argument");
    let padding = "x".repeat(LARGEST_BODY);
    let refused =
        agent.send("tools/call", json!({ "name": "get_status", "arguments": { "x": padding } })).await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_head_that_never_ends_is_hung_up_on() {
    let world = World::new(Script::instant()).await;
    let stream = raw::began(world.address, "POST /mcp HTTP/1.1\r\nhost: local").await;
    let answer = raw::rest(stream).await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_hung_up_on() {
    let world = World::new(Script::instant()).await;
    let stream = raw::began(world.address, &(raw::post("content-length: 100\r\n") + "{")).await;
    let answer = raw::rest(stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_hung_up_on() {
    let world = World::new(Script::instant()).await;
    let stream = raw::began(world.address, "").await;
    assert_eq!(raw::rest(stream).await, "");
}

#[tokio::test]
async fn what_is_no_mcp_is_refused() {
    let world = World::new(Script::instant()).await;
    for body in ["", "{", "[]", "null", "{\"jsonrpc\":\"1.0\"}", "\u{0}\u{ff}"] {
        let request = http().post(world.url("/mcp")).header("content-type", "application/json");
        let request = request.header("accept", "application/json, text/event-stream").body(body);
        let status = request.send().await.unwrap().status();
        assert!(status.is_client_error(), "{body:?}: {status}");
    }
    let form = http().post(world.url("/mcp")).header("content-type", "text/plain").body("{}");
    assert!(form.send().await.unwrap().status().is_client_error());
    for path in ["/", "/mcp/../etc/passwd", "/mcp/x", "/admin"] {
        assert_eq!(
            http().get(world.url(path)).send().await.unwrap().status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}
