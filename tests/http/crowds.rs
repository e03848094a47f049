//! Many at once: connections, streams and sessions beyond all bounds.

use std::sync::mpsc;
use std::time::Duration;

use deployment_orchestrator::harness::simulator::Script;
use deployment_orchestrator::web::{MOST_AT_ONCE, MOST_CONNECTIONS};
use reqwest::{Response, StatusCode};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::client::{Era, Mcp, answer_of, http};
use crate::world::{PATIENCE, World, agent};

/// Two people whose agents may do everything.
const PEOPLE: &str = "[people.olaf]\n[people.vera]\n";

const CROWD: usize = 10_000;

/// The server's time stands still as long as this lives: nothing is over because it took long.
struct StandStill(#[expect(dead_code, reason = "its end is the message")] mpsc::Sender<()>);

impl StandStill {
    fn begin() -> Self {
        tokio::time::pause();
        let (end, ended) = mpsc::channel::<()>();
        // While something blocks, a paused clock does not run ahead.
        tokio::task::spawn_blocking(move || ended.recv_timeout(PATIENCE));
        Self(end)
    }
}

impl Drop for StandStill {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}

/// Let so much time pass for everybody here.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// How many files this program may open for a crowd, beside the server's and all others.
fn files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let open = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let most = open.and_then(|line| line.split_whitespace().next()).and_then(|it| it.parse().ok());
    most.unwrap_or(1024) - MOST_CONNECTIONS - 200
}

/// How many of these are connected, as far as we know.
async fn open(crowd: &mut [TcpStream]) -> usize {
    let mut open = 0;
    for stream in crowd {
        let hung_up = tokio::select! {
            biased;
            _ = stream.read_u8() => true,
            () = tokio::task::yield_now() => false,
        };
        open += usize::from(!hung_up);
    }
    open
}

#[tokio::test]
async fn ten_thousand_who_say_nothing_keep_nobody_out() {
    let world = World::new(Script::instant()).await;
    let honest = Mcp::open(&world, Era::Modern).await;
    let listening = json!({ "notifications": { "resourceSubscriptions": ["deployments://active"] } });
    let mut stream = honest.stream("subscriptions/listen", listening).await;
    stream.next().await.unwrap();

    let still = StandStill::begin();
    let since = Instant::now();
    let mut came = 0;
    while came < CROWD {
        let mut crowd = Vec::new();
        while came < CROWD && crowd.len() < files() {
            crowd.push(TcpStream::connect(world.address).await.unwrap());
            came += 1;
            if came % 1_000 == 0 {
                assert!(!honest.tools().await.is_empty());
            }
        }
        // Those who were silent longest have made room, and nobody else.
        let room = MOST_CONNECTIONS.min(crowd.len());
        while open(&mut crowd).await > room {}
        let earlier = crowd.len() - room / 2;
        let (first, last) = crowd.split_at_mut(earlier);
        assert_eq!(open(last).await, last.len());
        assert!(open(first).await < room - room / 2, "the honest have some of the room, too");
    }
    assert_eq!(since.elapsed(), Duration::ZERO, "nobody had to wait for the crowd to be hung up on");
    drop(still);

    let id = honest.start("dev").await;
    let update = stream.next().await.expect("whoever is being answered stays");
    assert_eq!(update["params"]["uri"], "deployments://active");
    assert_eq!(honest.until(&id, "ended").await["state"], "completed");
}

/// Streams of one principal, as many as it may have.
async fn all_streams(world: &World, token: &str) -> (Vec<Mcp>, Vec<Response>) {
    let (mut sessions, mut streams) = (Vec::new(), Vec::new());
    while streams.len() < MOST_AT_ONCE {
        let session = Mcp::open_as(world, Era::Legacy, Some(token)).await;
        for _ in 0..16 {
            streams.push(session.news().await);
            assert_eq!(streams.last().unwrap().status(), StatusCode::OK);
        }
        sessions.push(session);
        pass(Duration::from_secs(1)).await;
    }
    (sessions, streams)
}

#[tokio::test]
async fn whoever_holds_too_many_streams_is_told_to_wait_and_nobody_else() {
    let world = World::closed(PEOPLE).await;
    let (_, olaf) = world.token(agent("olaf"), &[], None).await;
    let (_, vera) = world.token(agent("vera"), &[], None).await;
    let (sessions, mut streams) = all_streams(&world, &olaf).await;
    let greedy = sessions.first().unwrap();
    let refused = greedy.send("tools/list", json!({})).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(refused.text().await.unwrap().contains("under way"));
    assert!(!Mcp::open_as(&world, Era::Modern, Some(&vera)).await.tools().await.is_empty());

    streams.pop();
    while greedy.send("tools/list", json!({})).await.status() != StatusCode::OK {
        pass(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn sessions_that_nobody_ends_are_bounded_for_each_and_end_by_themselves() {
    let world = World::closed(PEOPLE).await;
    let (_, olaf) = world.token(agent("olaf"), &[], None).await;
    let (_, vera) = world.token(agent("vera"), &[], None).await;
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1.0" },
    });
    let mut sessions = Vec::new();
    for _ in 0..100 {
        sessions.push(Mcp::open_as(&world, Era::Legacy, Some(&olaf)).await);
        pass(Duration::from_millis(100)).await;
    }
    let newcomer = sessions[0].in_no_session();
    let opens = async |client: &Mcp| client.send("initialize", hello.clone()).await.status();
    assert_eq!(opens(&newcomer).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(opens(&newcomer.showing(&vera)).await, StatusCode::OK);

    let ended = http().delete(world.url("/mcp")).bearer_auth(&olaf);
    let ended = ended.header("mcp-session-id", sessions[0].session.clone().unwrap()).send().await.unwrap();
    assert!(ended.status().is_success(), "{ended:?}");
    assert_eq!(opens(&newcomer).await, StatusCode::OK);
    assert_eq!(opens(&newcomer).await, StatusCode::SERVICE_UNAVAILABLE);

    pass(Duration::from_secs(301)).await;
    while opens(&newcomer).await != StatusCode::OK {
        pass(Duration::from_secs(1)).await;
    }
    assert_eq!(sessions[1].send("tools/list", json!({})).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nobody_touches_what_somebody_else_has_under_way() {
    let world = World::closed(PEOPLE).await;
    let (_, olaf) = world.token(agent("olaf"), &[], None).await;
    let (_, vera) = world.token(agent("vera"), &[], None).await;
    for (era, commit) in [(Era::Legacy, "1111111"), (Era::Modern, "2222222")] {
        let waits = Mcp::open_as(&world, era, Some(&olaf)).await;
        let other = Mcp::open_as(&world, era, Some(&vera)).await;
        let id = waits.start_of(commit, "prod").await;
        waits.until(&id, "attention").await;
        let arguments = json!({ "deployment_id": id, "until": "ended", "timeout_seconds": 50 });
        let call = json!({ "name": "wait_for_deployment", "arguments": arguments });
        let waiting = tokio::spawn(waits.request("tools/call", call).send());
        // Connections are accepted in their order: once this one is answered, the wait is under way.
        other.tools().await;

        // All requests of these clients have the id 1.
        let cancelled = json!({ "requestId": 1, "reason": "not mine" });
        for client in [other.clone(), waits.showing(&vera)] {
            let status = client.notify("notifications/cancelled", cancelled.clone()).await;
            assert_eq!(status == StatusCode::ACCEPTED, era == Era::Modern || client.session == other.session);
        }
        if let Some(session) = &waits.session {
            let end = http().delete(world.url("/mcp")).bearer_auth(&vera).header("mcp-session-id", session);
            assert_eq!(end.send().await.unwrap().status(), StatusCode::NOT_FOUND);
        }
        let arguments = json!({ "deployment_id": id, "reason": "enough" });
        other.gives("cancel_deployment", arguments).await;
        let answer = answer_of(timeout(PATIENCE, waiting).await.unwrap().unwrap().unwrap()).await;
        let result = &answer["result"]["structuredContent"];
        assert_eq!(
            (&result["condition_met"], &result["state"]),
            (&json!(true), &json!("cancelled")),
            "{answer}"
        );
    }
}
