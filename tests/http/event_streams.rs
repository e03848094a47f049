//! HTTP+SSE of 2024-11-05: what `/sse` and `/messages` take, and when a session ends.

use deployment_orchestrator::harness::simulator::{Pipeline, Script};
use deployment_orchestrator::tools::MOST_STREAMS;
use deployment_orchestrator::web::MOST_CONNECTIONS;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::client::{Era, Mcp, http};
use crate::stream::Stream;
use crate::world::{PATIENCE, World, agent};

const PING: &str = r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#;

fn post(url: &str, body: &str) -> RequestBuilder {
    http().post(url).header("content-type", "application/json").body(body.to_owned())
}

async fn status(request: RequestBuilder) -> StatusCode {
    request.send().await.unwrap().status()
}

/// Wait until nobody takes messages at `url` any more.
async fn until_gone(url: &str) {
    let gone = async { while status(post(url, PING)).await != StatusCode::NOT_FOUND {} };
    timeout(PATIENCE, gone).await.expect("the session ends");
}

#[tokio::test]
async fn a_session_has_an_address_that_nobody_guesses() {
    let world = World::new(Script::instant()).await;
    let (one, two) = (Mcp::open(&world, Era::Oldest).await, Mcp::open(&world, Era::Oldest).await);
    let id = |client: &Mcp| {
        let endpoint = client.stream.as_ref().unwrap().endpoint.clone();
        endpoint.strip_prefix("/messages?sessionId=").unwrap().to_owned()
    };
    assert_ne!(id(&one), id(&two));
    assert!(id(&one).len() == 32 && id(&one).bytes().all(|it| it.is_ascii_hexdigit()), "{}", id(&one));
    for unknown in ["", "?sessionId=", "?sessionId=0", "?session=1", &format!("?sessionid={}", id(&one))] {
        let url = world.url(&format!("/messages{unknown}"));
        assert_eq!(status(post(&url, PING)).await, StatusCode::NOT_FOUND, "{unknown}");
    }
}

#[tokio::test]
async fn what_is_no_message_is_refused_and_the_session_goes_on() {
    let world = World::new(Script::instant()).await;
    let client = Mcp::open(&world, Era::Oldest).await;
    let url = world.url(&client.stream.as_ref().unwrap().endpoint);
    for body in ["", "{", "[]", "null", "{\"jsonrpc\":\"1.0\"}", &format!("[{PING}]")] {
        let refused = post(&url, body).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(refused.text().await.unwrap(), "the body is not one JSON-RPC message of MCP\n", "{body}");
    }
    let form = http().post(&url).header("content-type", "text/plain").body(PING);
    assert_eq!(status(form).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(status(http().get(&url)).await, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(status(post(&world.url("/sse"), PING)).await, StatusCode::METHOD_NOT_ALLOWED);
    let page = post(&url, PING).header("origin", "https://evil.example");
    assert_eq!(status(page).await, StatusCode::FORBIDDEN);
    assert!(!client.tools().await.is_empty());
}

#[tokio::test]
async fn progress_comes_before_the_answer_and_nothing_comes_twice() {
    let script = Script::instant().with("deploy_dev", Pipeline::lasting(300));
    let world = World::new(script).await;
    let client = Mcp::open(&world, Era::Oldest).await;
    let id = client.start("dev").await;
    let call = json!({
        "name": "wait_for_deployment",
        "arguments": { "deployment_id": id, "until": "ended", "timeout_seconds": 50 },
        "_meta": { "progressToken": "how far" },
    });
    let answer = client.ask("tools/call", call).await;
    assert_eq!(answer["result"]["structuredContent"]["state"], "completed", "{answer}");
    let seen = client.stream.as_ref().unwrap().seen();
    let progress: Vec<_> = seen.iter().filter(|it| it["method"] == "notifications/progress").collect();
    assert!(!progress.is_empty() && progress.iter().all(|it| it["params"]["progressToken"] == "how far"));
    assert_eq!(seen.last(), Some(&answer), "the answer is the last");
    assert_eq!(seen.len(), progress.len() + 3, "to initialize, the start and the wait: {seen:?}");
}

#[tokio::test]
async fn a_session_ends_when_its_client_hangs_up() {
    let world = World::new(Script::instant()).await;
    let client = Mcp::open(&world, Era::Oldest).await;
    let url = world.url(&client.stream.as_ref().unwrap().endpoint);
    assert_eq!(status(post(&url, PING)).await, StatusCode::ACCEPTED);
    drop(client);
    until_gone(&url).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_hung_up_on() {
    let world = World::new(Script::instant()).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(world.address).await.unwrap();
    deaf.write_all(b"GET /sse HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut text = String::new();
    while !text.contains("sessionId=") || !text.ends_with("\r\n") {
        text.push(deaf.read_u8().await.unwrap().into());
    }
    let endpoint = text.split_once("data: ").unwrap().1.trim_end();
    let url = world.url(endpoint);
    let hello = json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": { "protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } },
    });
    assert_eq!(status(post(&url, &hello.to_string())).await, StatusCode::ACCEPTED);
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    // From here on it does not read, and asks as fast as it may.
    let gone = async { while status(post(&url, &list)).await != StatusCode::NOT_FOUND {} };
    timeout(PATIENCE, gone).await.expect("the session ends");
    drop(deaf);
}

#[tokio::test]
async fn more_streams_than_there_are_places_are_refused_until_one_ends() {
    let world = World::closed("[people.vera]\n[people.olaf]\n").await;
    const { assert!(MOST_STREAMS <= MOST_CONNECTIONS / 4, "others find a connection, too") };
    let (_, olaf) = world.token(agent("olaf"), &[], None).await;
    let (_, vera) = world.token(agent("vera"), &[], None).await;
    let ask = |token: &str| http().get(world.url("/sse")).bearer_auth(token);
    let mut open = Vec::new();
    for place in 0..MOST_STREAMS {
        open.push(Stream::open(ask(if place % 2 == 0 { &olaf } else { &vera })).await);
    }
    let refused = ask(&olaf).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.text().await.unwrap(), "too many streams are open; come back later\n");
    open.pop();
    let free = async { while status(ask(&vera)).await != StatusCode::OK {} };
    timeout(PATIENCE, free).await.expect("a place is free again");
}
