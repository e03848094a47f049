//! A whole deployment over the wire, in both eras of the protocol.

use std::process::Stdio;

use deployment_orchestrator::harness::simulator::Script;
use serde_json::{Value, json};

use crate::room::{ALL_PIPELINES, DECIDES, Room};
use crate::wire::{Era, Wire};

#[tokio::test]
async fn a_deployment_in_the_legacy_era() {
    a_deployment_completes(Era::Legacy).await;
}

#[tokio::test]
async fn a_deployment_in_the_modern_era() {
    a_deployment_completes(Era::Modern).await;
}

async fn a_deployment_completes(era: Era) {
    let room = Room::furnished(Script::instant()).await;
    let mut agent = room.session(era).await;

    let listed = agent.request("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap();
    for name in ["start_deployment", "transition", "approve", "reject", "get_status", "get_history"] {
        assert!(tools.iter().any(|tool| tool["name"] == name), "{name} is missing");
    }
    for tool in tools {
        assert!(tool["outputSchema"].is_object() && tool["inputSchema"].is_object(), "{tool}");
        let hints = tool["annotations"].as_object().unwrap();
        assert_eq!(hints.len(), 5, "a title and four hints: {tool}");
    }

    let id = agent.start("prod").await;
    let status = agent.wait(&id, "attention").await;
    assert_eq!(status["state"], "awaiting-approval", "{status}");

    agent_cannot_approve(&mut agent, &id).await;

    let person = room.run(&["approve", &id, "--as", DECIDES, "--yes", "--reason", "staging is fine"]).await;
    person.assert_done();
    assert!(person.stdout.starts_with("approved by dana, signed over digest "), "{person:?}");

    let status = agent.wait(&id, "ended").await;
    assert_eq!(status["state"], "completed", "{status}");
    assert_eq!(status["touched_environments"], json!(["dev", "staging", "prod"]));
    room.assert_ran_once(&ALL_PIPELINES);

    let history = agent.done("get_history", json!({ "deployment_id": id, "limit": 100 })).await;
    let decision = history["events"].as_array().unwrap().iter().find(|it| it["channel"] == "command-line");
    assert_eq!(decision.unwrap()["by"], "dana", "{history}");

    let ended = agent.close().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("this process drives deployments now"), "{}", ended.stderr);

    room.run(&["audit", "verify"]).await.assert_done();
    let shown = room.run(&["status", &id, "--json"]).await;
    assert_eq!(shown.json()["state"], "completed");
}

/// Nothing that an agent can say approves.
async fn agent_cannot_approve(agent: &mut Wire, id: &str) {
    let asked = agent.done("approve", json!({ "deployment_id": id })).await;
    assert_eq!(asked["approved"], false, "{asked}");
    assert_eq!(asked["request"]["approvers"], json!([DECIDES]));

    for (tool, arguments, code) in [
        ("approve", json!({ "deployment_id": id, "confirm": true }), "malformed-argument"),
        ("approve", json!({ "deployment_id": id, "signed_approval": "yes" }), "malformed-argument"),
        ("transition", json!({ "deployment_id": id, "event": "APPROVED" }), "guard-refused"),
        ("transition", json!({ "deployment_id": id, "event": "PROD_DEPLOYED" }), "event-not-allowed"),
        ("reject", json!({ "deployment_id": id }), "needs-human"),
    ] {
        let refused = agent.tool(tool, arguments.clone()).await;
        assert!(refused.is_error, "{tool} {arguments}: {refused:?}");
        assert_eq!(refused.json["code"], code, "{tool} {arguments}: {refused:?}");
    }
    assert_eq!(agent.status(id).await["state"], "awaiting-approval");
}

#[tokio::test]
async fn an_agent_carries_what_a_person_signed() {
    let room = Room::furnished(Script::instant()).await;
    let mut agent = room.session(Era::Modern).await;
    let id = agent.start("prod").await;
    agent.wait(&id, "attention").await;

    let printed = room.run(&["approve", &id, "--as", DECIDES, "--yes", "--print-token"]).await;
    printed.assert_done();
    let token = printed.stdout.trim();
    assert_eq!(agent.status(&id).await["state"], "awaiting-approval", "printing sends nothing");

    let wrong = agent.tool("reject", json!({ "deployment_id": id, "signed_decision": token })).await;
    assert_eq!(wrong.json["code"], "malformed-argument", "{wrong:?}");

    let decided = agent.done("approve", json!({ "deployment_id": id, "signed_approval": token })).await;
    assert_eq!(decided["deployment"]["deployment_id"], Value::from(id.as_str()), "{decided}");
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    room.assert_ran_once(&ALL_PIPELINES);

    let again = agent.tool("approve", json!({ "deployment_id": id, "signed_approval": token })).await;
    assert_eq!(again.json["code"], "not-awaiting-approval", "{again:?}");
    assert_eq!(agent.close().await.code, Some(0));
}

#[tokio::test]
async fn a_client_that_leaves_before_it_said_anything_is_no_error() {
    let room = Room::furnished(Script::instant()).await;
    for era in [Era::Legacy, Era::Modern] {
        let ended = Wire::silent(room.server(), era).close().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}

#[tokio::test]
async fn both_eras_share_one_session() {
    let room = Room::furnished(Script::instant()).await;
    let mut agent = room.session(Era::Modern).await;
    let discovered = agent.request("server/discover", json!({})).await;
    let versions = discovered["result"]["supportedVersions"].as_array().unwrap();
    assert!(
        versions.contains(&json!("2026-07-28")) && versions.contains(&json!("2025-06-18")),
        "{discovered}"
    );
    let unknown = agent.request("tools/call", json!({ "name": "deploy_now", "arguments": {} })).await;
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    assert_eq!(agent.close().await.code, Some(0));
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_ends_well() {
    let room = Room::furnished(Script::instant()).await;
    let mut agent = room.session(Era::Modern).await;
    agent.done("list_deployments", json!({})).await;
    let pid = agent.pid().to_string();
    let told = tokio::process::Command::new("kill").args(["-TERM", &pid]).stdin(Stdio::null()).status().await;
    assert!(told.unwrap().success());
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}
