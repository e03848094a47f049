//! What an agent cannot do, whatever it says.

use deployment_orchestrator::domain::decision::{Decision, Statement, Verdict};
use deployment_orchestrator::harness::simulator::Script;
use serde_json::json;

use crate::wire::{Era, Session};
use crate::world::{APPROVER, USER, World, key_of};

#[tokio::test]
async fn the_agent_cannot_approve_with_anything_it_could_write() {
    let world = World::new(Script::instant()).await;
    let mut session = Session::open(&world, Era::Legacy).await;
    let id = session.asks_for_approval().await;

    for (name, value) in [
        ("confirm", json!(true)),
        ("approved", json!(true)),
        ("force", json!(true)),
        ("approver", json!(APPROVER)),
        ("principal", json!({ "kind": "human", "name": APPROVER })),
        ("channel", json!("command-line")),
        ("reason", json!("bob said yes")),
        ("expected_version", json!(1)),
        ("elicitation", json!({ "action": "accept" })),
    ] {
        let mut arguments = json!({ "deployment_id": id });
        arguments[name] = value;
        assert_eq!(session.refuses("approve", arguments).await, "malformed-argument", "{name}");
    }

    let statement = world.statement(&id).await;
    let forged = Decision::sign(statement.clone(), &key_of(USER));
    let for_another = Decision::sign(Statement { request: 2, ..statement.clone() }, &key_of(APPROVER));
    let by_another = Decision::sign(Statement { person: USER.parse().unwrap(), ..statement }, &key_of(USER));
    for (token, code) in [
        ("yes".to_owned(), "malformed-argument"),
        (String::new(), "malformed-argument"),
        (forged.to_token(), "guard-refused"),
        (for_another.to_token(), "guard-refused"),
        (by_another.to_token(), "guard-refused"),
    ] {
        let arguments = json!({ "deployment_id": id, "signed_approval": token });
        assert_eq!(session.refuses("approve", arguments).await, code, "{token}");
    }
    for token in [json!(true), json!({ "verdict": "approve" })] {
        let arguments = json!({ "deployment_id": id, "signed_approval": token });
        assert_eq!(session.refuses("approve", arguments).await, "malformed-argument");
    }
    for event in ["APPROVED", "REJECTED", "PROD_DEPLOYED"] {
        session.refuses("transition", json!({ "deployment_id": id, "event": event })).await;
    }
    for event in ["DECISION_MADE", "TRIGGER_INTENDED", "approved"] {
        let code = session.refuses("transition", json!({ "deployment_id": id, "event": event })).await;
        assert_eq!(code, "unknown-event");
    }
    let arguments = json!({ "pipeline_id": "deploy_prod" });
    assert_eq!(session.refuses("harness_trigger_pipeline", arguments).await, "pipeline-not-allowed");

    assert_eq!(session.gives("approve", json!({ "deployment_id": id })).await["approved"], false);
    let status = session.gives("get_status", json!({ "deployment_id": id })).await;
    assert_eq!(status["state"], "awaiting-approval");
    assert_eq!(status["approval"]["approved_by"], json!([]));
}

#[tokio::test]
async fn only_people_reject() {
    let world = World::new(Script::instant()).await;
    let mut session = Session::open(&world, Era::Modern).await;
    let id = session.asks_for_approval().await;

    assert_eq!(session.refuses("reject", json!({ "deployment_id": id })).await, "needs-human");
    let approval = world.signed(&id, APPROVER, Verdict::Approve).await;
    let crossed = json!({ "deployment_id": id, "signed_decision": approval });
    assert_eq!(session.refuses("reject", crossed).await, "malformed-argument");
    let rejection = world.signed(&id, APPROVER, Verdict::Reject).await;
    let crossed = json!({ "deployment_id": id, "signed_approval": rejection });
    assert_eq!(session.refuses("approve", crossed).await, "malformed-argument");

    session.gives("reject", json!({ "deployment_id": id, "signed_decision": rejection })).await;
    let ended = session.until(&id, "ended").await;
    assert_eq!(ended["failure"]["reason"], "approval-rejected");
    assert_eq!(ended["failure"]["retry_possible"], false);
}
