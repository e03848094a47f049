//! A request on its way: taken back, asked anew, expired, and no burden to others.

use deployment_orchestrator::harness::simulator::Script;
use serde_json::json;

use crate::room::{ALL_PIPELINES, DECIDES, Room, config};
use crate::wire::Era;

#[tokio::test]
async fn a_request_is_taken_back_and_asked_anew() {
    let room = Room::furnished(Script::instant()).await;
    let mut agent = room.session(Era::Modern).await;
    let id = agent.start("prod").await;
    agent.wait(&id, "attention").await;
    let early = room.run(&["approve", &id, "--as", DECIDES, "--yes", "--print-token"]).await;

    let back = room.run(&["withdraw", &id, "--reason", "the wrong branch"]).await;
    back.assert_done();
    assert!(back.stdout.contains("taken back"), "{back:?}");
    let standing = room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await;
    assert_eq!(standing.code, Some(1), "{standing:?}");
    assert!(standing.stderr.contains("request-stands"), "{standing:?}");
    assert_eq!(agent.status(&id).await["approval"]["withdrawn_untrusted"], "the wrong branch");

    let asked = room.run(&["ask", &id, "--json"]).await;
    asked.assert_done();
    assert_eq!(asked.json()["approval"]["request"], 2, "{asked:?}");
    let token = early.stdout.trim();
    let replayed = agent.tool("approve", json!({ "deployment_id": id, "signed_approval": token })).await;
    assert_eq!(replayed.json["code"], "guard-refused", "{replayed:?}");
    room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await.assert_done();
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    room.assert_ran_once(&ALL_PIPELINES);
}

#[tokio::test]
async fn a_request_that_expired_is_asked_again_with_retry() {
    let room = Room::empty(Script::instant()).await;
    let key = room.keygen(DECIDES).await;
    room.write_config(&config(&key).replace("[\"dana\"] }", "[\"dana\"], expires_after = \"1s\" }"));
    let mut agent = room.session(Era::Legacy).await;
    let id = agent.start("prod").await;
    let ended = agent.wait(&id, "ended").await;
    assert_eq!(ended["failure"]["reason"], "approval-expired", "{ended}");
    assert_eq!(ended["failure"]["retry_possible"], true, "{ended}");
    let late = room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await;
    assert!(late.stderr.contains("error[not-awaiting-approval]"), "{late:?}");
    assert_eq!(agent.close().await.code, Some(0));

    room.write_config(&config(&key));
    let mut agent = room.session(Era::Modern).await;
    agent.done("transition", json!({ "deployment_id": id, "event": "RETRY" })).await;
    assert_eq!(agent.wait(&id, "attention").await["approval"]["request"], 2);
    room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await.assert_done();
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    room.assert_ran_once(&ALL_PIPELINES);
}

#[tokio::test]
async fn a_deployment_that_waits_for_people_holds_up_no_other_service() {
    let room = Room::furnished(Script::instant()).await;
    let mut agent = room.session(Era::Modern).await;
    let waits = agent.start("prod").await;
    agent.wait(&waits, "attention").await;
    let arguments = json!({ "repository": "acme/pay", "branch": "main", "commit_sha": "9f3c2d1" });
    let other = agent.done("start_deployment", arguments).await;
    let other = other["deployment"]["deployment_id"].as_str().unwrap();
    assert_eq!(agent.wait(other, "attention").await["state"], "awaiting-approval");
    room.run(&["approve", other, "--as", DECIDES, "--yes"]).await.assert_done();
    assert_eq!(agent.wait(other, "ended").await["state"], "completed");
    assert_eq!(agent.status(&waits).await["state"], "awaiting-approval");
}

#[tokio::test]
async fn a_commit_that_was_rolled_back_stays_out_until_an_admin_releases_it() {
    let room = Room::furnished(Script::instant()).await;
    let mut agent = room.session(Era::Modern).await;
    let start = |commit: &str| json!({ "repository": "acme/checkout", "branch": "main", "commit_sha": commit, "target_environment": "dev" });
    let mut ids = Vec::new();
    for commit in ["1111111", "2222222"] {
        let started = agent.done("start_deployment", start(commit)).await;
        let id = started["deployment"]["deployment_id"].as_str().unwrap().to_owned();
        assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
        ids.push(id);
    }
    room.run(&["rollback", &ids[1], "--reason", "errors"]).await.assert_done();
    agent.wait(&ids[1], "ended").await;

    let refused = agent.tool("start_deployment", start("2222222")).await;
    assert!(refused.is_error && refused.json["code"] == "commit-quarantined", "{refused:?}");
    let unknown = room.run(&["release-commit", "checkout", "1111111", "--reason", "why"]).await;
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("1111111 of checkout is not quarantined"), "{unknown:?}");
    let released = room.run(&["release-commit", "checkout", "2222222", "--reason", "the network"]).await;
    released.assert_done();
    assert!(released.stdout.contains(&ids[1]), "{released:?}");
    agent.done("start_deployment", start("2222222")).await;
    let history = room.run(&["history", &ids[1]]).await;
    assert!(history.stdout.contains("COMMIT_RELEASED"), "{history:?}");
}
