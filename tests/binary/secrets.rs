//! The key to Harness appears nowhere: not in the log, the database or an answer; nor does
//! what signs a person in stand in the log.

use std::process::Stdio;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use deployment_orchestrator::harness::simulator::{Endpoint, Fault, Reply, Script};
use deployment_orchestrator::http::{Connections, client};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpListener;

use crate::room::{API_KEY, PATIENCE, Room, config, ended};
use crate::wire::{Era, Wire};

/// The part of the key that is secret.
const SECRET: &str = "s3cr3t-n3v3r-t0-b3-s33n";

#[tokio::test]
async fn the_api_key_appears_nowhere_even_in_a_talkative_log() {
    let script = Script::instant()
        .fault(Fault::ignored(Endpoint::Execute, Reply::Status { code: 401, retry_after: None }).nth(2))
        .fault(Fault::ignored(Endpoint::Outline, Reply::WebPage));
    let room = Room::furnished(script).await;
    let mut server = room.server();
    server.env("ORCHESTRATOR_LOG", "trace");
    let mut agent = Wire::open(server, Era::Modern).await;

    let id = agent.start("dev").await;
    let mut answers = vec![agent.wait(&id, "ended").await];
    let full = json!({ "deployment_id": id, "detail": "full" });
    answers.push(agent.done("get_status", full).await);
    answers.push(agent.done("get_history", json!({ "deployment_id": id, "limit": 100 })).await);
    answers.push(agent.tool("harness_list_executions", json!({})).await.json);
    answers.push(agent.tool("harness_get_execution", json!({ "execution_id": "none-such" })).await.json);
    // What an agent says is data, and is not echoed into the log as a credential either.
    for answer in answers {
        assert!(!answer.to_string().contains(SECRET), "{answer}");
    }
    let listed = room.run(&["history", &id, "--json"]).await;
    assert!(!listed.stdout.contains(SECRET), "{listed:?}");

    // While the server lives, the write-ahead log is there, too.
    let files = room.files();
    assert!(
        files.iter().any(|(path, _)| path.ends_with("orchestrator.db-wal")),
        "the log is a file of its own"
    );
    for (path, content) in &files {
        assert!(!holds(content, SECRET.as_bytes()), "{} holds the API key", path.display());
    }

    let ended = agent.close().await;
    assert!(ended.stderr.contains("TRACE") || ended.stderr.contains("DEBUG"), "the log is talkative");
    assert!(!ended.stderr.contains(SECRET), "the API key is in the log");
    assert!(!ended.stdout.contains(SECRET), "the API key is in an answer");
    for (path, content) in room.files() {
        assert!(!holds(&content, SECRET.as_bytes()), "{} holds the API key", path.display());
    }
}

#[tokio::test]
async fn a_key_in_a_file_works_and_a_key_that_is_none_is_not_shown() {
    let room = Room::furnished(Script::instant()).await;
    let file = room.path("harness-key");
    std::fs::write(&file, format!("{API_KEY}\n")).unwrap();
    let mut server = room.server();
    server.env_remove("HARNESS_API_KEY").env("HARNESS_API_KEY_FILE", &file);
    let mut agent = Wire::open(server, Era::Modern).await;
    let id = agent.start("dev").await;
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    assert_eq!(agent.close().await.code, Some(0));

    let mut server = room.server();
    server.env("HARNESS_API_KEY", format!("{SECRET}\nX-Injected: 1")).env("HARNESS_ACCOUNT_ID", "acme");
    let refused = ended(server).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(!refused.stderr.contains(SECRET), "{refused:?}");
}

/// A provider that refuses every code.
async fn provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let itself = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
    })
    .to_string();
    let refuses = async || (StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" }).to_string());
    let routes = Router::new()
        .route("/.well-known/openid-configuration", get(async move || itself))
        .route("/token", post(refuses));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    issuer
}

#[tokio::test]
async fn what_signs_a_person_in_is_not_in_the_log() {
    let issuer = provider().await;
    let room = Room::furnished(Script::instant()).await;
    let public = "[http]\npublic_url = \"http://127.0.0.1:1\"";
    let sign_in = format!("[http.sign_in]\nissuer = \"{issuer}\"\nclient_id = \"deployer\"");
    room.write_config(&format!("{}\n{public}\n{sign_in}\n", config(&room.keygen("erin").await)));
    let mut server = room.server();
    server.args(["--http", "127.0.0.1:0"]).stderr(Stdio::piped());
    server.env("ORCHESTRATOR_LOG", "trace").env("OPENID_CLIENT_SECRET", SECRET);
    let mut server = server.spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let base = line.trim_start_matches("MCP is served at ").trim_end_matches("/mcp").to_owned();
    let mut log = server.stderr.take().unwrap();
    let log = tokio::spawn(async move {
        let mut text = String::new();
        log.read_to_string(&mut text).await.map(|_| text)
    });

    let http = client(PATIENCE, Connections::Kept).unwrap();
    let begun = http.post(format!("{base}/sign-in/openid")).header("origin", &base);
    let begun = begun.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    let cookie = begun.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = begun.text().await.unwrap();
    let state = page.split_once("state=").unwrap().1.split('&').next().unwrap().to_owned();
    let end = format!("{base}/sign-in/finish?code=c0d3-t0-b3-s33n&state={state}");
    let page = http.get(end).header("cookie", &cookie).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("invalid_grant"), "{page}");

    server.kill().await.unwrap();
    let log = log.await.unwrap().unwrap();
    assert!(log.contains("TRACE") && log.contains("invalid_grant"), "the log is talkative");
    let cookie = cookie.split_once('=').unwrap().1;
    for secret in [SECRET, "c0d3-t0-b3-s33n", &state, cookie] {
        assert!(!log.contains(secret), "`{secret}` is in the log");
    }
}

fn holds(content: &[u8], secret: &[u8]) -> bool {
    content.windows(secret.len()).any(|window| window == secret)
}
