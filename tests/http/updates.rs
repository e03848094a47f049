//! Clients that are told of changes over HTTP, in both eras.

use deployment_orchestrator::harness::simulator::{Pipeline, Script};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::{Era, Mcp, Messages};
use crate::world::{PATIENCE, World, agent};

const UPDATED: &str = "notifications/resources/updated";

/// Harness works on it until somebody stops it.
fn endless() -> Script {
    Script::instant().with("deploy_dev", Pipeline::lasting(3_600_000))
}

/// A deployment that rests until somebody stops it.
async fn resting(client: &Mcp) -> String {
    let id = client.start("dev").await;
    client.until(&id, "deploying-dev").await;
    let mut status = client.gives("get_status", json!({ "deployment_id": id })).await;
    while status["stage"]["execution_status"] != "running" {
        client.until_change(&id, &status["version"]).await;
        status = client.gives("get_status", json!({ "deployment_id": id })).await;
    }
    id
}

fn listening_to(uris: &[&str]) -> Value {
    json!({ "notifications": { "resourceSubscriptions": uris } })
}

async fn cancels(client: &Mcp, id: &str) {
    client.gives("cancel_deployment", json!({ "deployment_id": id, "reason": "enough" })).await;
}

#[tokio::test]
async fn a_stream_of_2026_tells_of_changes_until_the_server_closes() {
    let mut world = World::new(endless()).await;
    let client = Mcp::open(&world, Era::Modern).await;
    let uri = format!("deployment://{}", resting(&client).await);
    let mut stream = client.stream("subscriptions/listen", listening_to(&[&uri])).await;
    let accepted = stream.next().await.unwrap();
    assert_eq!(accepted["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(accepted["params"]["notifications"]["resourceSubscriptions"], json!([uri]));

    cancels(&client, uri.strip_prefix("deployment://").unwrap()).await;
    let update = stream.next().await.unwrap();
    assert_eq!((&update["method"], &update["params"]["uri"]), (&json!(UPDATED), &json!(uri)));
    assert_eq!(update["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 1);
    let read = client.ask("resources/read", json!({ "uri": uri })).await;
    assert!(read["result"]["contents"][0]["text"].as_str().unwrap().contains("cancel"), "{read}");

    world.shutdown.cancel();
    let last = loop {
        let message = stream.next().await.expect("it ends with an answer");
        if message["method"] != UPDATED {
            break message;
        }
    };
    assert_eq!(last["result"]["resultType"], "complete", "{last}");
    assert_eq!(stream.next().await, None);
    timeout(PATIENCE, world.served.take().unwrap()).await.expect("no stream holds the end").unwrap();
}

#[tokio::test]
async fn a_session_is_told_of_its_own_subscriptions_only() {
    let world = World::closed("[people.olaf]\n[people.vera]\nroles = [\"viewer\"]\n").await;
    let (_, olaf) = world.token(agent("olaf"), &[], None).await;
    let (_, vera) = world.token(agent("vera"), &[], None).await;
    let operator = Mcp::open_as(&world, Era::Legacy, Some(&olaf)).await;
    let viewer = Mcp::open_as(&world, Era::Legacy, Some(&vera)).await;
    let id = operator.start("prod").await;
    operator.until(&id, "attention").await;
    let uri = format!("deployment://{id}");
    for (client, uri) in [(&viewer, &uri), (&operator, &"deployments://active".to_owned())] {
        let answer = client.ask("resources/subscribe", json!({ "uri": uri })).await;
        assert_eq!(answer["result"], json!({}), "who looks may watch: {answer}");
    }
    let (mut theirs, mut ours) = (Messages::of(operator.news().await), Messages::of(viewer.news().await));
    cancels(&operator, &id).await;
    let update = ours.next().await.unwrap();
    assert_eq!((&update["method"], &update["params"]), (&json!(UPDATED), &json!({ "uri": uri })));
    let update = theirs.next().await.unwrap();
    assert_eq!(update["params"], json!({ "uri": "deployments://active" }));

    // A session is closed to everybody else, its stream included.
    assert_eq!(viewer.showing(&olaf).news().await.status(), StatusCode::NOT_FOUND);
    let end = viewer.showing(&olaf).send("resources/unsubscribe", json!({ "uri": uri })).await;
    assert_eq!(end.status(), StatusCode::NOT_FOUND);
    let answer = viewer.ask("resources/unsubscribe", json!({ "uri": uri })).await;
    assert_eq!(answer["result"], json!({}), "{answer}");
}

#[tokio::test]
async fn a_session_of_2024_is_told_on_the_stream_that_it_is() {
    let world = World::new(endless()).await;
    let client = Mcp::open(&world, Era::Oldest).await;
    let id = resting(&client).await;
    let uri = format!("deployment://{id}");
    let answer = client.ask("resources/subscribe", json!({ "uri": uri })).await;
    assert_eq!(answer["result"], json!({}), "{answer}");
    cancels(&client, &id).await;
    let update = client.stream.as_ref().unwrap().told(UPDATED).await;
    assert_eq!(update["params"], json!({ "uri": uri }));
}

#[tokio::test]
async fn what_is_unknown_is_refused_on_the_stream() {
    let world = World::new(Script::instant()).await;
    let unknown = "deployment://dep_01K00000000000000000000000";
    let new = Mcp::open(&world, Era::Modern).await;
    let mut stream = new.stream("subscriptions/listen", listening_to(&[unknown])).await;
    stream.next().await.unwrap();
    let refused = stream.next().await.unwrap();
    assert!(refused["error"]["message"].as_str().unwrap().starts_with("there is no deployment"), "{refused}");
    assert_eq!(stream.next().await, None);
    let old = Mcp::open(&world, Era::Legacy).await;
    let refused = old.ask("resources/subscribe", json!({ "uri": unknown })).await;
    let data = &refused["error"]["data"];
    assert_eq!((&data["code"], &data["uri"]), (&json!("unknown-deployment"), &json!(unknown)), "{refused}");
}

#[tokio::test]
async fn whoever_leaves_makes_room_for_another_stream() {
    let world = World::new(Script::instant()).await;
    let client = Mcp::open(&world, Era::Modern).await;
    let active = listening_to(&["deployments://active"]);
    let mut streams = Vec::new();
    let refused = loop {
        let mut stream = client.stream("subscriptions/listen", active.clone()).await;
        stream.next().await.unwrap();
        if streams.len() == 32 {
            break stream.next().await.unwrap();
        }
        streams.push(stream);
    };
    assert_eq!(refused["error"]["data"]["code"], "too-many-watched", "{refused}");
    streams.pop();
    let another = async {
        for number in 0.. {
            let mut stream = client.stream("subscriptions/listen", active.clone()).await;
            stream.next().await.unwrap();
            client.start_of(&format!("{number:040x}"), "dev").await;
            if stream.next().await.unwrap()["method"] == UPDATED {
                break;
            }
        }
    };
    timeout(PATIENCE, another).await.expect("there is room");
}

#[tokio::test]
async fn a_wait_tells_of_its_progress_on_its_own_stream() {
    for era in [Era::Legacy, Era::Modern] {
        let world = World::new(Script::instant().with("deploy_dev", Pipeline::lasting(200))).await;
        let client = Mcp::open(&world, era).await;
        let id = client.start("dev").await;
        let wait = json!({
            "name": "wait_for_deployment",
            "arguments": { "deployment_id": id, "until": "ended", "timeout_seconds": 30 },
            "_meta": { "progressToken": "the wait" },
        });
        let mut stream = client.stream("tools/call", wait).await;
        let mut told = Vec::new();
        let last = loop {
            let message = stream.next().await.expect("it ends with an answer");
            if message["method"] != "notifications/progress" {
                break message;
            }
            assert_eq!(message["params"]["progressToken"], "the wait");
            told.push(message["params"]["progress"].as_f64().unwrap());
        };
        assert_eq!(last["result"]["structuredContent"]["state"], "completed", "{last}");
        assert!(!told.is_empty() && told.is_sorted_by(|a, b| a < b), "{era:?}: {told:?}");
    }
}
