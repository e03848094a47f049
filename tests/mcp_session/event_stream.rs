//! HTTP+SSE without a network: a session at rest costs nothing.

use std::time::Duration;

use deployment_orchestrator::harness::simulator::Script;
use deployment_orchestrator::tools::{EventStream, Server};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use crate::world::World;

const HELLO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;

/// The clock of a test stands still while anything is to be done, and jumps to the next
/// timer when nothing is. So an hour passes at once, unless somebody is busy all the time.
#[tokio::test]
async fn a_session_that_was_posted_to_is_idle_again_and_ends_with_the_server() {
    let mut world = World::new(Script::instant()).await;
    world.halt().await;
    let streams = CancellationToken::new();
    let server = Server::new(world.app.clone(), CancellationToken::new());
    let mut service = EventStream::new(server, world.app.clone(), streams.clone());
    let request = |method: Method, uri: &str, body: &'static str| {
        let request = Request::builder().method(method).uri(uri).header("content-type", "application/json");
        request.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
    };
    let mut stream = service.call(request(Method::GET, "/sse", "")).await.unwrap().into_body();
    let mut next = async || {
        let frame = stream.frame().await?.unwrap().into_data().unwrap();
        Some(String::from_utf8(frame.to_vec()).unwrap())
    };
    let first = next().await.unwrap();
    let endpoint = first.strip_prefix("event: endpoint\ndata: ").unwrap().trim_end();
    for message in [HELLO, INITIALIZED, LIST] {
        let taken = service.call(request(Method::POST, endpoint, message)).await.unwrap();
        assert_eq!(taken.status(), StatusCode::ACCEPTED);
    }
    for id in [1, 2] {
        let answer = next().await.unwrap();
        assert!(answer.starts_with("event: message\ndata: {") && answer.contains(&format!("\"id\":{id},")));
    }

    tokio::time::pause();
    let (patience, gone) = oneshot::channel();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(30));
        let _ = patience.send(());
    });
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(3600)) => {}
        _ = gone => panic!("something spins"),
    }
    assert_eq!(next().await.unwrap(), ": still here\n\n");
    streams.cancel();
    assert_eq!(next().await, None);
    let late = service.call(request(Method::POST, endpoint, LIST)).await.unwrap();
    assert_eq!(late.status(), StatusCode::NOT_FOUND);
}
