//! Who gets in, as whom, and what they may do there.

use std::time::Duration;

use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::role::Role;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::client::{Era, Mcp, http};
use crate::world::{APPROVER, USER, World, agent, human};

/// Two more people: one who only looks, and one whose agents may do little.
const PEOPLE: &str = "[people.vera]\nroles = [\"viewer\"]\n[people.olaf]\nroles = [\"operator\"]\n";

const READS: [&str; 11] = [
    "explain_transition",
    "get_environments",
    "get_history",
    "get_metrics",
    "get_status",
    "harness_get_execution",
    "harness_get_execution_url",
    "harness_list_executions",
    "list_deployments",
    "plan_deployment",
    "wait_for_deployment",
];

/// A request that nobody lets in.
async fn refused(client: &Mcp) -> (StatusCode, String) {
    let answer = client.send("tools/list", json!({})).await;
    (answer.status(), challenge(&answer))
}

fn challenge(answer: &Response) -> String {
    let said = answer.headers().get("www-authenticate").map(|it| it.to_str().unwrap().to_owned());
    said.unwrap_or_default()
}

#[tokio::test]
async fn without_a_token_nobody_gets_in() {
    let world = World::closed(PEOPLE).await;
    let client = Mcp::open_as(&world, Era::Modern, None).await;
    let (status, said) = refused(&client).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let metadata = "https://deploy.acme.example/.well-known/oauth-protected-resource/mcp";
    assert_eq!(said, format!("Bearer resource_metadata=\"{metadata}\""));
    for token in ["", "x", "dorc_0123456789abcdef_00", &format!("dorc_0123456789abcdef_{}", "0".repeat(64))] {
        let (status, said) = refused(&client.showing(token)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{token}");
        assert!(said.contains("error=\"invalid_token\"") && said.contains(metadata), "{token}: {said}");
    }
    let basic = client.request("tools/list", json!({})).header("authorization", "Basic YTpi");
    assert_eq!(basic.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    for unknown in [http().get(world.url("/sse")), http().post(world.url("/messages?sessionId=0"))] {
        let answer = unknown.send().await.unwrap();
        assert_eq!((answer.status(), challenge(&answer)), (StatusCode::UNAUTHORIZED, said.clone()));
    }
    let in_the_address = http().post(world.url("/mcp?access_token=x")).body("{}").send().await.unwrap();
    assert_eq!(in_the_address.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_the_server_wants_is_said_to_everybody() {
    let world = World::closed(PEOPLE).await;
    let url = world.url("/.well-known/oauth-protected-resource/mcp");
    let metadata: Value = http().get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(metadata["resource"], "https://deploy.acme.example/mcp");
    assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
}

#[tokio::test]
async fn a_token_that_is_over_opens_nothing() {
    let world = World::closed(PEOPLE).await;
    let (id, token) = world.token(agent("olaf"), &[], None).await;
    let client = Mcp::open_as(&world, Era::Legacy, Some(&token)).await;
    let older = Mcp::open_as(&world, Era::Oldest, Some(&token)).await;
    assert!(client.tools().await.contains(&"start_deployment".to_owned()));
    let admin = Actor::at_command_line(USER.parse().unwrap());
    world.app.revoke_token(&id, &admin).await.unwrap();
    for client in [&client, &older] {
        let (status, said) = refused(client).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "its session does not outlive it");
        assert!(said.contains("was revoked"), "{said}");
    }

    let (_, expired) = world.token(agent("olaf"), &[], Some(Duration::ZERO)).await;
    let (status, said) = refused(&client.showing(&expired)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(said.contains("has expired"), "{said}");
}

#[tokio::test]
async fn a_viewer_is_told_of_what_looks_and_can_do_no_more() {
    let world = World::closed(PEOPLE).await;
    let (_, olaf) = world.token(agent("olaf"), &[], None).await;
    let operator = Mcp::open_as(&world, Era::Modern, Some(&olaf)).await;
    let id = operator.start("prod").await;
    operator.until(&id, "attention").await;

    let viewers = [
        world.token(human("vera"), &[], None).await.1,
        world.token(agent("vera"), &[], None).await.1,
        world.token(agent("olaf"), &[Role::Viewer], None).await.1,
        // A token gives no role that its person lacks.
        world.token(agent("vera"), &[Role::Admin], None).await.1,
    ];
    for token in viewers {
        for era in Era::ALL {
            let viewer = Mcp::open_as(&world, era, Some(&token)).await;
            let mut tools = viewer.tools().await;
            tools.sort();
            assert_eq!(tools, READS);
            assert_eq!(
                viewer.gives("get_status", json!({ "deployment_id": id })).await["state"],
                "awaiting-approval"
            );
            let start = json!({ "repository": "acme/checkout", "branch": "main", "commit_sha": "a1b2c3d" });
            for (tool, arguments) in [
                ("start_deployment", start),
                ("approve", json!({ "deployment_id": id })),
                ("reject", json!({ "deployment_id": id })),
                ("transition", json!({ "deployment_id": id, "event": "CANCEL" })),
                ("cancel_deployment", json!({ "deployment_id": id, "reason": "x" })),
                ("rollback_deployment", json!({ "deployment_id": id, "reason": "x" })),
                ("link_jira_issue", json!({ "deployment_id": id, "issue_key": "SHOP-1" })),
                ("harness_trigger_pipeline", json!({ "pipeline_id": "deploy_prod" })),
                ("cancel_deployment", json!({})),
            ] {
                assert_eq!(viewer.refuses(tool, arguments).await, "not-permitted", "{tool}");
            }
        }
    }
    assert_eq!(
        operator.gives("get_status", json!({ "deployment_id": id })).await["state"],
        "awaiting-approval"
    );
}

#[tokio::test]
async fn a_session_serves_only_who_opened_it() {
    let world = World::closed(PEOPLE).await;
    let (_, olaf) = world.token(agent("olaf"), &[], None).await;
    let (_, vera) = world.token(agent("vera"), &[], None).await;
    let owner = Mcp::open_as(&world, Era::Legacy, Some(&olaf)).await;
    let id = owner.start("dev").await;
    let thief = owner.showing(&vera);
    let wait = json!({ "name": "wait_for_deployment", "arguments": { "deployment_id": id } });
    assert_eq!(thief.send("tools/call", wait).await.status(), StatusCode::NOT_FOUND);
    let session = owner.session.clone().unwrap();
    let with = |request: reqwest::RequestBuilder| {
        request.bearer_auth(&vera).header("mcp-session-id", &session).header("accept", "text/event-stream")
    };
    let listening = with(http().get(world.url("/mcp"))).send().await.unwrap();
    assert_eq!(listening.status(), StatusCode::NOT_FOUND);
    let ending = with(http().delete(world.url("/mcp"))).send().await.unwrap();
    assert_eq!(ending.status(), StatusCode::NOT_FOUND);
    let older = Mcp::open_as(&world, Era::Oldest, Some(&olaf)).await;
    assert_eq!(older.showing(&vera).send("tools/list", json!({})).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(older.gives("get_status", json!({ "deployment_id": id })).await["deployment_id"], json!(id));
    assert_eq!(owner.until(&id, "ended").await["state"], "completed");
}

#[tokio::test]
async fn a_person_may_decide_where_the_gate_accepts_their_token() {
    let world = World::closed(PEOPLE).await;
    let (_, olaf) = world.token(agent("olaf"), &[], None).await;
    let operator = Mcp::open_as(&world, Era::Modern, Some(&olaf)).await;
    let id = operator.start("prod").await;
    operator.until(&id, "attention").await;
    let asks = json!({ "deployment_id": id });

    // Neither an agent of the approver, nor somebody who is none, nor one who only may look.
    let (_, agent_of_approver) = world.token(agent(APPROVER), &[], None).await;
    assert_eq!(operator.showing(&agent_of_approver).gives("approve", asks.clone()).await["approved"], false);
    let (_, other) = world.token(human("olaf"), &[], None).await;
    assert_eq!(operator.showing(&other).refuses("approve", asks.clone()).await, "guard-refused");
    let (_, looking) = world.token(human(APPROVER), &[Role::Viewer], None).await;
    assert_eq!(operator.showing(&looking).refuses("approve", asks.clone()).await, "not-permitted");

    let (_, bob) = world.token(human(APPROVER), &[], None).await;
    let decided = operator.showing(&bob).gives("approve", asks).await;
    assert_eq!(decided["deployment"]["deployment_id"], json!(id), "{decided}");
    assert_eq!(operator.until(&id, "ended").await["state"], "completed");
    let history = operator.gives("get_history", json!({ "deployment_id": id, "limit": 100 })).await;
    let decision = history["events"].as_array().unwrap().iter().find(|it| it["by"] == APPROVER).unwrap();
    assert_eq!(decision["channel"], "mcp-http", "{decision}");
    world.app.store.verify_chain().unwrap();
}

#[tokio::test]
async fn a_row_that_somebody_wrote_lets_nobody_in() {
    let world = World::closed(PEOPLE).await;
    let (id, token) = world.token(agent("vera"), &[], None).await;
    let client = Mcp::open_as(&world, Era::Modern, Some(&token)).await;
    assert_eq!(client.tools().await.len(), READS.len());
    let forged = world
        .raw()
        .execute("UPDATE token SET body = replace(body, '\"vera\"', '\"bob\"') WHERE id = ?1", [&id]);
    assert_eq!(forged.unwrap(), 1);
    assert_eq!(refused(&client).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_asks_too_fast_is_told_to_wait_and_nobody_else() {
    let world = World::closed(PEOPLE).await;
    let (_, olaf) = world.token(agent("olaf"), &[], None).await;
    let (_, vera) = world.token(agent("vera"), &[], None).await;
    let eager = Mcp::open_as(&world, Era::Modern, Some(&olaf)).await;
    let slowed_down = loop {
        let answer = eager.send("tools/list", json!({})).await;
        if answer.status() != StatusCode::OK {
            break answer;
        }
    };
    assert_eq!(slowed_down.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(slowed_down.headers()["retry-after"], "1");
    assert_eq!(eager.showing(&vera).tools().await.len(), READS.len());
}
