//! What the server offers beside tools, and how a session begins and ends.

use std::time::Duration;

use deployment_orchestrator::harness::simulator::Script;
use serde_json::{Value, json};

use crate::wire::{Era, Session};
use crate::world::World;

#[tokio::test]
async fn resources_are_read_and_unknown_ones_refused() {
    let world = World::new(Script::instant()).await;
    let mut session = Session::open(&world, Era::Modern).await;
    let id = session.asks_for_approval().await;

    let listed = session.request("resources/list", json!({})).await;
    let mut uris: Vec<(String, String)> = listed["result"]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["uri"].as_str().unwrap().to_owned(), it["mimeType"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(uris.len(), 3);
    let templates = session.request("resources/templates/list", json!({})).await;
    assert_eq!(templates["result"]["resourceTemplates"][0]["uriTemplate"], "deployment://{id}");
    uris.push((format!("deployment://{id}"), "application/json".to_owned()));
    for (uri, mime) in uris {
        let answer = session.request("resources/read", json!({ "uri": uri })).await;
        let content = &answer["result"]["contents"][0];
        assert_eq!((&content["uri"], &content["mimeType"]), (&json!(uri), &json!(mime)), "{answer}");
        let text = content["text"].as_str().unwrap();
        if mime == "application/json" {
            assert!(text.contains(&id));
            serde_json::from_str::<Value>(text).unwrap();
        }
        if uri == "workflow://diagram" {
            insta::assert_snapshot!("diagram", text);
        }
    }
    for uri in [
        "deployment://dep_01k00000000000000000000000",
        "deployment://x",
        "workflow://other",
        "file:///etc/passwd",
    ] {
        let answer = session.request("resources/read", json!({ "uri": uri })).await;
        let error = &answer["error"];
        assert_eq!((&error["code"], &error["data"]["uri"]), (&json!(-32602), &json!(uri)), "{answer}");
    }
}

#[tokio::test]
async fn lists_have_one_page() {
    let world = World::new(Script::instant()).await;
    let mut session = Session::open(&world, Era::Modern).await;
    for list in ["tools/list", "prompts/list", "resources/list", "resources/templates/list"] {
        let next = session.request(list, json!({ "cursor": "2" })).await;
        assert_eq!(next["error"]["code"], -32602, "{list}: {next}");
    }
}

#[tokio::test]
async fn prompts_are_orders_with_their_arguments_filled_in() {
    let world = World::new(Script::instant()).await;
    let mut session = Session::open(&world, Era::Legacy).await;
    let listed = session.request("prompts/list", json!({})).await;
    let prompts = listed["result"]["prompts"].as_array().unwrap().clone();
    let names: Vec<&str> = prompts.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["deployment-orchestrator", "deploy", "status", "approve", "rollback", "history"]);
    for prompt in &prompts {
        let mut arguments = json!({});
        for slot in prompt["arguments"].as_array().into_iter().flatten() {
            assert!(slot["description"].is_string());
            arguments[slot["name"].as_str().unwrap()] =
                json!(format!("the {}", slot["name"].as_str().unwrap()));
        }
        let params = json!({ "name": prompt["name"], "arguments": arguments });
        let answer = session.request("prompts/get", params).await;
        let text = answer["result"]["messages"][0]["content"]["text"].as_str().unwrap();
        for value in arguments.as_object().unwrap().values() {
            assert!(text.contains(value.as_str().unwrap()), "{text}");
        }
        if prompt["name"] != "deployment-orchestrator" {
            assert!(!text.contains('{'), "{text}");
        }
    }
    let params = json!({ "name": "deploy", "arguments": { "repository": "checkout" } });
    assert_eq!(session.request("prompts/get", params).await["error"]["code"], -32602);
    let bare = session.request("prompts/get", json!({ "name": "status" })).await;
    assert!(!bare["result"]["messages"][0]["content"]["text"].as_str().unwrap().contains('{'));
}

#[tokio::test]
async fn a_client_that_leaves_early_is_no_error() {
    let world = World::new(Script::instant()).await;
    Session::silent(&world, Era::Legacy).close().await.unwrap();
    let mut curious = Session::silent(&world, Era::Modern);
    let discovered = curious.request("server/discover", json!({})).await;
    let result = &discovered["result"];
    assert!(result["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{result}");
    assert!(result["instructions"].as_str().unwrap().contains("start_deployment"));
    for capability in ["tools", "prompts", "resources"] {
        assert!(result["capabilities"][capability].is_object(), "{capability}");
    }
    curious.close().await.unwrap();
}

#[tokio::test]
async fn a_shutdown_ends_a_session_that_says_nothing() {
    let world = World::new(Script::instant()).await;
    for session in [Session::silent(&world, Era::Modern), Session::open(&world, Era::Legacy).await] {
        session.stop.cancel();
        tokio::time::timeout(Duration::from_secs(3), session.server).await.unwrap().unwrap().unwrap();
    }
}
