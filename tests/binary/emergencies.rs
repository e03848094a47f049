//! The glass and the kill switch: loud, by the right people, and looked at afterwards.

use deployment_orchestrator::harness::simulator::Script;
use serde_json::{Value, json};

use crate::room::{ALL_PIPELINES, ASKS, Ended, Room};
use crate::wire::Era;

/// Dana approves; erin and frank may break the glass. Alex operates, erin and gina administer.
async fn furnished() -> Room {
    let room = Room::empty(Script::instant()).await;
    let mut keys = Vec::new();
    for person in ["dana", "erin", "frank"] {
        keys.push(room.keygen(person).await);
    }
    room.write_config(&format!(
        r#"user = "{ASKS}"

[people.{ASKS}]
roles = ["operator"]

[people.dana]
public_key = "{}"
roles = ["approver"]

[people.erin]
public_key = "{}"
roles = ["approver", "admin"]

[people.frank]
public_key = "{}"
roles = ["approver"]

[people.gina]
roles = ["admin"]

[[environments]]
name = "dev"

[[environments]]
name = "staging"

[[environments]]
name = "prod"
approval = {{ approvers = ["dana"], break_glass = {{ people = ["erin", "frank"] }} }}

[timing]
fastest_poll = "20ms"
"#,
        keys[0], keys[1], keys[2]
    ));
    room
}

/// A command of somebody else on this machine.
async fn run_as(room: &Room, person: &str, arguments: &[&str]) -> Ended {
    let path = room.path(&format!("{person}.toml"));
    let ours = std::fs::read_to_string(room.path("config/deployment-orchestrator/config.toml")).unwrap();
    let theirs = ours.replace(&format!("user = \"{ASKS}\""), &format!("user = \"{person}\""));
    std::fs::write(&path, theirs).unwrap();
    room.run(&[arguments, &["--config", path.to_str().unwrap()]].concat()).await
}

async fn break_glass(room: &Room, id: &str, person: &str, reason: Option<&str>) -> Ended {
    let mut arguments = vec!["break-glass", id, "--as", person, "--yes"];
    arguments.extend(reason.into_iter().flat_map(|reason| ["--reason", reason]));
    room.run(&arguments).await
}

#[tokio::test]
async fn two_people_with_reasons_break_the_glass_and_somebody_else_reviews_it() {
    let room = furnished().await;
    let mut agent = room.session(Era::Modern).await;
    let id = agent.start("prod").await;
    agent.wait(&id, "attention").await;

    let silent = break_glass(&room, &id, "erin", None).await;
    silent.assert_refused("guard-refused", "reason-given");
    let stranger = break_glass(&room, &id, "dana", Some("the shop is down")).await;
    stranger.assert_refused("guard-refused", "person-may-decide");
    let one = break_glass(&room, &id, "erin", Some("the shop is down")).await;
    one.assert_done();
    let again = break_glass(&room, &id, "erin", Some("it really is")).await;
    again.assert_refused("guard-refused", "one-decision-per-person");
    let status = agent.status(&id).await;
    assert_eq!(
        (&status["state"], &status["approval"]["glass_broken_by"]),
        (&json!("awaiting-approval"), &json!(["erin"]))
    );
    assert_eq!(room.run(&["reviews", "--json"]).await.json(), json!([]));
    let said = agent.tool("transition", json!({ "deployment_id": id, "event": "APPROVED" })).await;
    assert_eq!(said.json["code"], "guard-refused", "one is not enough: {said:?}");

    break_glass(&room, &id, "frank", Some("I see it, too")).await.assert_done();
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    room.assert_ran_once(&ALL_PIPELINES);
    let due = room.run(&["reviews", "--json"]).await.json();
    assert_eq!(
        (&due[0]["deployment_id"], &due[0]["broken_by"]),
        (&json!(id), &json!(["erin", "frank"])),
        "{due}"
    );

    let next = agent
        .done(
            "start_deployment",
            json!({ "repository": "acme/checkout", "branch": "main", "commit_sha": "abcdef1" }),
        )
        .await;
    let next = next["deployment"]["deployment_id"].as_str().unwrap().to_owned();
    agent.wait(&next, "attention").await;
    let while_due = break_glass(&room, &next, "erin", Some("once more")).await;
    while_due.assert_refused("review-due", &id);

    let note = |note| ["review", &id, "--note", note];
    run_as(&room, ASKS, &note("fine")).await.assert_refused("not-permitted", "admin");
    run_as(&room, "erin", &note("fine")).await.assert_refused("not-permitted", "took part");
    assert_eq!(run_as(&room, "gina", &note("  ")).await.code, Some(2), "a review says what was found");
    assert_eq!(
        run_as(&room, "gina", &["review", &next, "--note", "fine"]).await.code,
        Some(2),
        "none is due there"
    );
    assert_eq!(room.run(&["reviews", "--json"]).await.json(), due, "nothing of that closed it");
    run_as(&room, "gina", &note("the dashboard says so")).await.assert_done();
    assert_eq!(room.run(&["reviews", "--json"]).await.json(), json!([]));
    break_glass(&room, &next, "erin", Some("once more")).await.assert_done();

    let history = agent.done("get_history", json!({ "deployment_id": id, "limit": 100 })).await;
    let told: Vec<(&Value, &Value, &Value)> = history["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| {
            ["DECISION_REFUSED", "DECISION_MADE", "REVIEWED"].contains(&event["event"].as_str().unwrap())
        })
        .map(|event| (&event["event"], &event["by"], &event["assurance"]))
        .collect();
    let (refused, made) = (json!("DECISION_REFUSED"), json!("DECISION_MADE"));
    let (alex, os) = (json!(ASKS), json!("os-user"));
    let signed = json!("signed");
    assert_eq!(
        told,
        [
            (&refused, &alex, &os),
            (&refused, &alex, &os),
            (&made, &json!("erin"), &signed),
            (&refused, &alex, &os),
            (&made, &json!("frank"), &signed),
            (&json!("REVIEWED"), &json!("gina"), &os),
        ]
    );
    let log = agent.close().await.stderr;
    assert!(
        log.contains("BREAK GLASS") && log.contains("erin: the shop is down; frank: I see it, too"),
        "{log}"
    );
    room.run(&["audit", "verify"]).await.assert_done();
}

#[tokio::test]
async fn the_kill_switch_stops_agents_until_an_admin_releases_them() {
    let room = furnished().await;
    let mut agent = room.session(Era::Legacy).await;
    let id = agent.start("prod").await;
    agent.wait(&id, "attention").await;
    run_as(&room, "dana", &["freeze-agents", "--reason", "I may not"])
        .await
        .assert_refused("not-permitted", "the role");
    room.run(&["freeze-agents", "--reason", "the agent runs wild"]).await.assert_done();
    let stop = json!({ "deployment_id": id, "reason": "no" });
    let refused = agent.tool("cancel_deployment", stop).await;
    assert_eq!(refused.json["code"], "agents-frozen", "{refused:?}");
    assert_eq!(agent.status(&id).await["state"], "awaiting-approval", "it still reads");
    room.run(&["cancel", &id, "--reason", "I do it"]).await.assert_done();
    assert_eq!(agent.wait(&id, "ended").await["state"], "cancelled");

    let release = ["release-agents", "--reason", "a new prompt"];
    room.run(&release).await.assert_refused("not-permitted", "the role");
    run_as(&room, "gina", &release).await.assert_done();
    assert_eq!(run_as(&room, "gina", &release).await.code, Some(2), "nothing is stopped any more");
    agent.start("dev").await;
    room.run(&["audit", "verify"]).await.assert_done();
}
