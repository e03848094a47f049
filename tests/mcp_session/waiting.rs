//! Waits: told of changes, cancelled, timed out.

use deployment_orchestrator::harness::simulator::{Pipeline, Script};
use serde_json::json;

use crate::wire::{Era, Session};
use crate::world::World;

#[tokio::test]
async fn a_wait_tells_of_every_change_on_the_way() {
    let world = World::new(Script::instant().with("deploy_dev", Pipeline::lasting(200))).await;
    let mut session = Session::open(&world, Era::Legacy).await;
    let id = session.start("dev").await;
    let params = json!({
        "name": "wait_for_deployment",
        "arguments": { "deployment_id": id, "until": "ended", "timeout_seconds": 30 },
        "_meta": { "progressToken": "the wait" },
    });
    session.request("tools/call", params).await;
    let told: Vec<f64> = session
        .notifications
        .iter()
        .filter(|message| message["method"] == "notifications/progress")
        .map(|message| {
            assert_eq!(message["params"]["progressToken"], "the wait");
            assert!(message["params"]["message"].as_str().unwrap().contains(&id));
            message["params"]["progress"].as_f64().unwrap()
        })
        .collect();
    assert!(!told.is_empty());
    assert!(told.is_sorted_by(|earlier, later| earlier < later), "{told:?}");
}

#[tokio::test]
async fn a_wait_that_is_cancelled_keeps_nobody() {
    let script = Script::instant().with("build_and_push", Pipeline::lasting(60_000));
    let world = World::new(script).await;
    let mut session = Session::open(&world, Era::Legacy).await;
    let id = session.start("dev").await;
    let arguments = json!({ "deployment_id": id, "until": "ended", "timeout_seconds": 50 });
    let wait =
        session.ask("tools/call", json!({ "name": "wait_for_deployment", "arguments": arguments })).await;
    session.gives("get_status", json!({ "deployment_id": id })).await;
    let params = json!({ "requestId": wait, "reason": "no longer of interest" });
    session.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params })).await;
    session.close().await.unwrap();
    assert!(!world.app.status(&id).await.unwrap().ended);
}

#[tokio::test]
async fn a_wait_that_times_out_is_no_error() {
    let script = Script::instant().with("build_and_push", Pipeline::lasting(60_000));
    let world = World::new(script).await;
    let mut session = Session::open(&world, Era::Modern).await;
    let id = session.start("dev").await;
    session.until(&id, "building").await;
    let arguments = json!({ "deployment_id": id, "until": "ended", "timeout_seconds": 0 });
    let status = session.gives("wait_for_deployment", arguments).await;
    assert_eq!((&status["condition_met"], &status["state"]), (&json!(false), &json!("building")));
}
