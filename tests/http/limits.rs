//! Clients that send too much, too slowly, or too little.

use std::time::Duration;

use deployment_orchestrator::harness::simulator::Script;
use deployment_orchestrator::web::LARGEST_BODY;
use reqwest::StatusCode;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

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
    let head = raw::post("transfer-encoding: chunked\r\n");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let mut stream = raw::began(world.address, &head).await;
    let mut sent = 0;
    // It stops listening at some point, and then the connection breaks.
    while sent < 100 * LARGEST_BODY && stream.write_all(chunk.as_bytes()).await.is_ok() {
        sent += chunk.len();
    }
    assert!(sent < 20 * LARGEST_BODY, "{sent} bytes were taken");
    // Whoever sends one piece too many, and listens, is told.
    let one_too_many = chunk.repeat(LARGEST_BODY / 0x10000) + "1\r\nx\r\n";
    let answer = raw::rest(raw::began(world.address, &(head + &one_too_many)).await).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
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

/// What the server says to whoever sends `begun` and no more, and after how long
/// it hangs up. The time that passes is the test's.
async fn endured(world: &World, begun: &str) -> (String, Duration) {
    let stream = raw::began(world.address, begun).await;
    tokio::time::pause();
    let since = Instant::now();
    let said = raw::rest(stream).await;
    let endured = since.elapsed();
    tokio::time::resume();
    (said, endured)
}

#[tokio::test]
async fn who_begins_and_does_not_end_is_hung_up_on_in_ten_seconds() {
    let world = World::new(Script::instant()).await;
    let (nothing, half_a_head) = ("".to_owned(), "POST /mcp HTTP/1.1\r\nhost: local".to_owned());
    let half_a_body = raw::post("content-length: 100\r\n") + "{";
    let honest_before = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned();
    let half_a_chunk = raw::post("transfer-encoding: chunked\r\n") + "5\r\n{";
    let late = "HTTP/1.1 408 ";
    for (begun, last) in [
        (honest_before.clone() + &half_a_head, "{\"ok\":true}"),
        (honest_before + &half_a_body, late),
        (nothing, ""),
        (half_a_head, ""),
        (half_a_body, late),
        (half_a_chunk, late),
    ] {
        let (said, endured) = endured(&world, &begun).await;
        assert!(said.contains(last) && said.is_empty() == last.is_empty(), "{begun:?}: {said}");
        assert_eq!(said.contains(late), last == late, "{begun:?}: {said}");
        let ten = Duration::from_secs(9)..Duration::from_secs(11);
        assert!(ten.contains(&endured), "{begun:?}: {endured:?}");
    }
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
    for path in ["/mcp/../etc/passwd", "/mcp/x", "/admin"] {
        assert_eq!(
            http().get(world.url(path)).send().await.unwrap().status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}
