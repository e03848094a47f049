//! How far an agent may go: the role of its person, its own limits, and the kill switch.

use std::time::Duration;

use deployment_orchestrator::domain::decision::Verdict;
use deployment_orchestrator::harness::simulator::Script;
use serde_json::{Value, json};

use crate::wire::{AGENT, Era, Session, start_arguments};
use crate::world::{World, config, person};

/// Bob approves prod; alice is as `alice` says, and agents as `agent` says.
fn rules(alice: &str, agent: &str) -> String {
    let agent = format!("[agent]\ntriggerable_pipelines = [\"purge_cache\"]\n{agent}");
    config("approvers = [\"bob\"]", &[person("alice", alice), person("bob", ""), agent])
}

const ANYTHING: &str = "roles = [\"operator\", \"admin\"]";

/// What stands in the history about no deployment: who, and what.
fn about_none(world: &World) -> Vec<(Value, Value)> {
    let connection = world.raw();
    let mut records = connection
        .prepare("SELECT actor, event FROM event WHERE deployment IS NULL ORDER BY position")
        .unwrap();
    let texts = records.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let texts: Vec<(String, String)> = texts.map(Result::unwrap).collect();
    let json = |text: &str| serde_json::from_str(text).unwrap();
    texts.iter().map(|(actor, event)| (json(actor), json(event))).collect()
}

/// An agent tries what is about no deployment yet: it is refused with this code and kept.
async fn may_not(world: &World, session: &mut Session, tool: &str, arguments: Value, code: &str) {
    let known = about_none(world).len();
    assert_eq!(session.refuses(tool, arguments).await, code, "{tool}");
    let records = about_none(world);
    assert_eq!(records.len(), known + 1, "{tool}");
    let (actor, event) = &records[known];
    assert_eq!((&event["event"], &event["code"]), (&json!("AGENT_REFUSED"), &json!(code)), "{event}");
    let by = json!({ "kind": "agent", "client": "test/1.0", "on_behalf_of": "alice" });
    assert_eq!(actor["principal"], by);
}

/// Everything by which an agent changes something is refused with this code and kept; it still reads.
async fn only_reads(world: &World, session: &mut Session, id: &str, code: &str) {
    let before = session.status(id).await;
    let token = world.signed(id, "bob", Verdict::Approve).await;
    let rejection = world.signed(id, "bob", Verdict::Reject).await;
    for (tool, arguments) in [
        ("cancel_deployment", json!({ "deployment_id": id, "reason": "no" })),
        ("rollback_deployment", json!({ "deployment_id": id, "reason": "no" })),
        ("link_jira_issue", json!({ "deployment_id": id, "issue_key": "SHOP-1" })),
        ("transition", json!({ "deployment_id": id, "event": "APPROVED" })),
        ("transition", json!({ "deployment_id": id, "event": "APPROVAL_WITHDRAWN" })),
        ("approve", json!({ "deployment_id": id })),
        ("approve", json!({ "deployment_id": id, "signed_approval": token })),
        ("reject", json!({ "deployment_id": id, "signed_decision": rejection })),
    ] {
        let known = session.history(id).await.len();
        assert_eq!(session.refuses(tool, arguments.clone()).await, code, "{tool} {arguments}");
        let history = session.history(id).await;
        let kept = &history[known];
        assert_eq!(
            (history.len(), &kept["event"]),
            (known + 1, &json!("AGENT_REFUSED")),
            "{tool} {arguments}"
        );
        assert_eq!((&kept["by"], &kept["details_untrusted"]["code"]), (&json!(AGENT), &json!(code)));
    }
    for (tool, arguments) in [
        ("start_deployment", start_arguments(json!({ "repository": "acme/pay" }))),
        ("harness_trigger_pipeline", json!({ "pipeline_id": "purge_cache" })),
    ] {
        may_not(world, session, tool, arguments, code).await;
    }
    for (tool, arguments) in [
        ("list_deployments", json!({})),
        ("explain_transition", json!({ "deployment_id": id, "event": "CANCEL" })),
        ("wait_for_deployment", json!({ "deployment_id": id, "until": "attention" })),
        ("harness_list_executions", json!({})),
    ] {
        session.gives(tool, arguments).await;
    }
    assert_eq!(session.status(id).await, before);
    assert!(!world.simulator.runs().iter().any(|run| run.pipeline.as_str() == "purge_cache"));
}

#[tokio::test]
async fn an_agent_has_no_more_rights_than_its_person_and_no_more_than_its_limits() {
    for (alice, agent, code) in [
        ("roles = [\"viewer\"]", "", "not-permitted"),
        ("roles = [\"approver\"]", "", "not-permitted"),
        (ANYTHING, "read_only = true", "agent-limited"),
        ("roles = [\"operator\"]\nagent = { read_only = true }", "", "agent-limited"),
    ] {
        let mut world = World::under(Script::instant(), &rules(ANYTHING, "")).await;
        let id = Session::open(&world, Era::Modern).await.asks_for_approval().await;
        world.restart(&rules(alice, agent)).await;
        let mut session = Session::open(&world, Era::Modern).await;
        only_reads(&world, &mut session, &id, code).await;
    }
}

#[tokio::test]
async fn an_agent_changes_nothing_that_goes_beyond_its_environments() {
    let mut world = World::under(Script::instant(), &rules(ANYTHING, "")).await;
    let id = Session::open(&world, Era::Legacy).await.asks_for_approval().await;
    world.restart(&rules(ANYTHING, "environments = [\"dev\"]")).await;
    let mut session = Session::open(&world, Era::Legacy).await;
    for target in [json!({}), json!({ "target_environment": "prod" })] {
        let arguments = start_arguments(target);
        may_not(&world, &mut session, "start_deployment", arguments, "agent-limited").await;
    }
    let stop = json!({ "deployment_id": id, "reason": "no" });
    assert_eq!(session.refuses("cancel_deployment", stop).await, "agent-limited");
    assert_eq!(session.history(&id).await.last().unwrap()["event"], "AGENT_REFUSED");

    let within = session.start("dev").await;
    assert_eq!(session.until(&within, "ended").await["state"], "completed");
    let stopped = world.app.cancel(&id, "the person may", world.at_command_line()).await.unwrap();
    assert_eq!(stopped.state, "cancelling");
}

#[tokio::test]
async fn an_agent_starts_as_many_as_it_may_in_an_hour_and_not_one_more() {
    let world = World::under(Script::instant(), &rules(ANYTHING, "starts_per_hour = 2")).await;
    let mut session = Session::open(&world, Era::Modern).await;
    let start = |key: &str| start_arguments(json!({ "target_environment": "dev", "idempotency_key": key }));
    session.gives("start_deployment", start("one")).await;
    assert_eq!(
        session.refuses("start_deployment", start_arguments(json!({ "commit_sha": "HEAD" }))).await,
        "malformed-argument"
    );
    world.pass(Duration::from_mins(30));
    session.gives("start_deployment", start("two")).await;
    for key in ["three", "four"] {
        may_not(&world, &mut session, "start_deployment", start(key), "agent-limited").await;
    }
    assert_eq!(session.gives("start_deployment", start("one")).await["existing"], true, "nothing new");
    world.pass(Duration::from_mins(29));
    assert_eq!(session.refuses("start_deployment", start("three")).await, "agent-limited");
    world.pass(Duration::from_mins(2));
    session.gives("start_deployment", start("three")).await;
    assert_eq!(session.refuses("start_deployment", start("four")).await, "agent-limited");

    let request = serde_json::from_value(start("five")).unwrap();
    let by_hand = world.app.start(request, world.at_command_line()).await.unwrap();
    assert!(!by_hand.existing, "the person may");
}

#[tokio::test]
async fn an_agent_rolls_back_as_often_as_it_may_in_a_day_and_not_once_more() {
    let world = World::under(Script::instant(), &rules(ANYTHING, "rollbacks_per_day = 1")).await;
    let mut session = Session::open(&world, Era::Modern).await;
    let mut deployed = Vec::new();
    for _ in 0..4 {
        let id = session.start("dev").await;
        assert_eq!(session.until(&id, "ended").await["state"], "completed");
        deployed.push(id);
    }
    let back = |id: &str| json!({ "deployment_id": id, "reason": "slow" });
    let superseded = session.refuses("rollback_deployment", back(&deployed[1])).await;
    assert_eq!(superseded, "guard-refused", "and what is refused is not counted");
    session.gives("rollback_deployment", back(&deployed[3])).await;
    session.until(&deployed[3], "rolled-back").await;

    world.pass(Duration::from_hours(23));
    let event = json!({ "deployment_id": deployed[2], "event": "ROLLBACK" });
    for (tool, arguments) in [("rollback_deployment", back(&deployed[2])), ("transition", event)] {
        assert_eq!(session.refuses(tool, arguments).await, "agent-limited");
        let kept = session.history(&deployed[2]).await.pop().unwrap();
        assert_eq!((&kept["event"], &kept["by"]), (&json!("AGENT_REFUSED"), &json!(AGENT)), "{kept}");
    }
    world.pass(Duration::from_hours(1));
    session.gives("rollback_deployment", back(&deployed[2])).await;
    assert_eq!(session.until(&deployed[2], "rolled-back").await["state"], "rolled-back");
}

#[tokio::test]
async fn the_kill_switch_stops_agents_and_nobody_else() {
    let world = World::under(Script::instant(), &rules(ANYTHING, "")).await;
    let mut session = Session::open(&world, Era::Legacy).await;
    let id = session.asks_for_approval().await;
    world.app.freeze_agents("incident 7", world.at_command_line()).await.unwrap();
    only_reads(&world, &mut session, &id, "agents-frozen").await;
    let told = session.call("cancel_deployment", json!({ "deployment_id": id, "reason": "no" })).await;
    assert!(told["structuredContent"]["message"].as_str().unwrap().contains("incident 7"), "{told}");

    // What is in flight goes on: bob brings his own decision.
    let token = world.signed(&id, "bob", Verdict::Approve).await;
    world.app.decide(&id, &token, Verdict::Approve, &world.at_command_line()).await.unwrap();
    assert_eq!(session.until(&id, "ended").await["state"], "completed");
    let request = serde_json::from_value(start_arguments(json!({ "target_environment": "dev" }))).unwrap();
    world.app.start(request, world.at_command_line()).await.unwrap();

    world.app.release_agents("it is over", world.at_command_line()).await.unwrap();
    session.start_with(json!({ "target_environment": "dev", "repository": "acme/pay" })).await;
}
