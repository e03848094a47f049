//! `serve --connect`: a host on pipes, a bridge, and a server of its own.

use deployment_orchestrator::harness::simulator::{Pipeline, Script};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::http::Listening;
use crate::room::{ALL_PIPELINES, ASKS, DECIDES, Room, config};
use crate::wire::{Era, Wire};

/// Where a host has its bridge: a home without a config, a database or a key.
pub(crate) struct Elsewhere(TempDir);

impl Elsewhere {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The bridge to a server, with this token.
    pub(crate) fn bridge(&self, url: &str, token: &str) -> Command {
        let mut command = self.bridge_without_token(url);
        command.env("ORCHESTRATOR_TOKEN", token);
        command
    }

    pub(crate) fn bridge_without_token(&self, url: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deployment-orchestrator"));
        command
            .args(["serve", "--connect", url])
            .env_clear()
            .env("HOME", self.0.path())
            // What is meant for this machine goes past it, or it would have the token.
            .env("HTTP_PROXY", "http://127.0.0.1:9")
            .current_dir(self.0.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .kill_on_drop(true);
        command
    }

    fn assert_empty(&self) {
        assert_eq!(std::fs::read_dir(self.0.path()).unwrap().count(), 0, "it keeps nothing");
    }
}

/// A token for agents of `person`.
pub(crate) async fn token(room: &Room, person: &str) -> String {
    let made = room.run(&["token", "create", person, "--agent"]).await;
    made.assert_done();
    made.stdout.trim().to_owned()
}

const ANYWHERE: [&str; 2] = ["--http", "127.0.0.1:0"];

#[tokio::test]
async fn a_deployment_in_the_legacy_era() {
    a_deployment(Era::Legacy).await;
}

#[tokio::test]
async fn a_deployment_in_the_modern_era() {
    a_deployment(Era::Modern).await;
}

async fn a_deployment(era: Era) {
    let room = Room::furnished(Script::instant().with("run_tests", Pipeline::lasting(200))).await;
    let server = Listening::start(&room, &ANYWHERE).await;
    let elsewhere = Elsewhere::new();
    let file = room.path("token");
    std::fs::write(&file, format!("{}\n", token(&room, ASKS).await)).unwrap();
    let mut bridge = elsewhere.bridge_without_token(&server.url("/mcp"));
    bridge.env("ORCHESTRATOR_TOKEN_FILE", &file);
    let mut agent = Wire::open(bridge, era).await;

    let listed = agent.request("tools/list", json!({})).await;
    assert!(listed["result"]["tools"].as_array().unwrap().iter().any(|it| it["name"] == "start_deployment"));
    let id = agent.start("prod").await;
    let wait = json!({
        "name": "wait_for_deployment",
        "arguments": { "deployment_id": id, "until": "attention", "timeout_seconds": 50 },
        "_meta": { "progressToken": "how far" },
    });
    let waiting = agent.ask("tools/call", wait).await;
    let mut progress = 0;
    let answer = loop {
        let message = agent.next().await.unwrap();
        if message["id"] == waiting {
            break message;
        }
        assert_eq!(
            (&message["method"], &message["params"]["progressToken"]),
            (&json!("notifications/progress"), &json!("how far"))
        );
        progress += 1;
    };
    assert!(progress > 0);
    assert_eq!(answer["result"]["structuredContent"]["state"], "awaiting-approval", "{answer}");
    let asked = agent.done("approve", json!({ "deployment_id": id })).await;
    assert_eq!((&asked["approved"], &asked["request"]["approvers"]), (&json!(false), &json!([DECIDES])));
    let early = agent.tool("transition", json!({ "deployment_id": id, "event": "APPROVED" })).await;
    assert_eq!(early.json["code"], "guard-refused", "{early:?}");

    room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await.assert_done();
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    assert_eq!(agent.status(&id).await["state"], "completed");
    room.assert_ran_once(&ALL_PIPELINES);
    let history = agent.done("get_history", json!({ "deployment_id": id })).await;
    assert_eq!(history["events"][0]["by"], format!("agent test/1 for {ASKS}"), "{history}");

    let ended = agent.close().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    elsewhere.assert_empty();
    assert_eq!(server.stop().await, Some(0));
}

#[tokio::test]
async fn calls_do_not_wait_for_each_other_and_are_all_answered_at_the_end() {
    let room = Room::furnished(Script::instant().with("deploy_dev", Pipeline::lasting(3_600_000))).await;
    let server = Listening::start(&room, &ANYWHERE).await;
    let (elsewhere, token) = (Elsewhere::new(), token(&room, ASKS).await);
    for era in [Era::Legacy, Era::Modern] {
        let mut agent = Wire::open(elsewhere.bridge(&server.url("/mcp"), &token), era).await;
        let id = agent.start("dev").await;
        agent.wait(&id, "deploying-dev").await;
        let wait = json!({ "deployment_id": id, "until": "ended", "timeout_seconds": 50 });
        let call = json!({ "name": "wait_for_deployment", "arguments": wait });
        let (kept, withdrawn) =
            (agent.ask("tools/call", call.clone()).await, agent.ask("tools/call", call).await);
        assert_eq!(agent.status(&id).await["state"], "deploying-dev");
        let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": withdrawn } });
        agent.send(&cancel).await;
        let stop = json!({ "deployment_id": id, "reason": "enough" });
        let stopping =
            agent.ask("tools/call", json!({ "name": "cancel_deployment", "arguments": stop })).await;
        // The host leaves at once, and still hears the answers to what it has asked.
        let ended = agent.close().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let answered = |id: u64| {
            let messages = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            messages.filter(|message| message["id"] == id).count()
        };
        assert_eq!((answered(kept), answered(stopping), answered(withdrawn)), (1, 1, 0), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_server_that_dies_and_comes_back_is_found_again() {
    let room = Room::furnished(Script::instant()).await;
    let (elsewhere, token) = (Elsewhere::new(), token(&room, ASKS).await);
    let mut server = Listening::start(&room, &ANYWHERE).await;
    let address = server.address.clone();
    for era in [Era::Legacy, Era::Modern] {
        let mut agent = Wire::open(elsewhere.bridge(&server.url("/mcp"), &token), era).await;
        let id = agent.start("prod").await;
        agent.wait(&id, "attention").await;
        let wait = json!({ "deployment_id": id, "until": "ended", "timeout_seconds": 50 });
        let call = json!({ "name": "wait_for_deployment", "arguments": wait });
        let waiting = agent.ask("tools/call", call.clone()).await;
        agent.status(&id).await;
        server.child.kill().await.unwrap();

        let lost = agent.answer(waiting).await;
        assert_eq!(lost["error"]["data"]["code"], "outcome-unknown", "{lost}");
        assert!(lost["error"]["message"].as_str().unwrap().contains("look with list_deployments"), "{lost}");
        let away = agent.request("tools/call", call).await;
        assert_eq!(away["error"]["data"]["code"], "server-unavailable", "{away}");
        let said = away["error"]["message"].as_str().unwrap();
        assert!(
            said.contains("cannot be reached: ") && said.contains("see that `serve --http` runs there"),
            "{said}"
        );

        room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await.assert_done();
        server = Listening::start(&room, &["--http", &address]).await;
        assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
        assert_eq!(agent.close().await.code, Some(0));
    }
    assert!(room.runs_by_key().values().all(|count| *count == 1), "{:?}", room.runs_by_key());
}

#[tokio::test]
async fn a_question_to_the_person_reaches_the_host_and_the_answer_the_server() {
    let room = Room::furnished(Script::instant()).await;
    let text = config(&room.keygen("erin").await).replace(
        "approvers = [\"dana\"]",
        "approvers = [\"dana\"], accept = [\"client-confirmed\"], allow_self_approval = true",
    );
    room.write_config(&text);
    let server = Listening::start(&room, &ANYWHERE).await;
    let token = token(&room, DECIDES).await;
    let mut agent = Wire::open(Elsewhere::new().bridge(&server.url("/mcp"), &token), Era::Legacy).await;
    let id = agent.start("prod").await;
    agent.wait(&id, "attention").await;
    let approve = json!({ "name": "approve", "arguments": { "deployment_id": id } });
    let asking = agent.ask("tools/call", approve).await;
    let question = agent.next().await.unwrap();
    assert_eq!(question["method"], "elicitation/create", "{question}");
    let reply = json!({ "action": "accept", "content": { "approve": true } });
    agent.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": reply })).await;
    let answer = agent.answer(asking).await;
    assert_eq!(answer["result"]["structuredContent"]["approved"], true, "{answer}");
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    assert_eq!(agent.close().await.code, Some(0));
}
