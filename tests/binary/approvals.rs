//! Who may decide, and who may not, by the command line.

use deployment_orchestrator::harness::simulator::Script;

use crate::room::{ALL_PIPELINES, ASKS, DECIDES, Room, config};
use crate::wire::{Era, Wire};

/// A deployment that waits for dana, in a room with a server.
async fn waiting(config_of: impl Fn(&str) -> String) -> (Room, Wire, String) {
    let room = Room::empty(Script::instant()).await;
    let public_key = room.keygen(DECIDES).await;
    room.write_config(&config_of(&public_key));
    let mut agent = room.session(Era::Modern).await;
    let id = agent.start("prod").await;
    assert_eq!(agent.wait(&id, "attention").await["state"], "awaiting-approval");
    (room, agent, id)
}

#[tokio::test]
async fn only_the_approver_with_their_own_key_decides() {
    let (room, mut agent, id) = waiting(config).await;
    room.keygen("mallory").await;
    let mallory = room.key_of("mallory");
    let mallory = mallory.to_str().unwrap();

    let keyless = room.run(&["approve", &id, "--as", "erin", "--yes"]).await;
    keyless.assert_refused("key-unusable", "erin.key");
    assert!(keyless.stderr.contains("keygen"), "{keyless:?}");

    let stranger = room.run(&["approve", &id, "--as", "mallory", "--yes"]).await;
    stranger.assert_refused("guard-refused", "person-may-decide");

    let forged = room.run(&["approve", &id, "--as", DECIDES, "--key", mallory, "--yes"]).await;
    forged.assert_refused("guard-refused", "signature-is-valid");

    let forged = room.run(&["reject", &id, "--as", DECIDES, "--key", mallory, "--yes"]).await;
    forged.assert_refused("guard-refused", "signature-is-valid");

    let unasked = room.run(&["approve", &id, "--as", DECIDES]).await;
    unasked.assert_refused("needs-human", "a terminal");

    let status = agent.status(&id).await;
    assert_eq!(status["state"], "awaiting-approval", "{status}");
    assert_eq!(status["approval"]["approved_by"], serde_json::json!([]));

    room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await.assert_done();
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    room.assert_ran_once(&ALL_PIPELINES);

    let late = room.run(&["reject", &id, "--as", DECIDES, "--yes"]).await;
    late.assert_refused("not-awaiting-approval", "completed");
}

#[tokio::test]
async fn a_rejection_ends_it() {
    let (room, mut agent, id) = waiting(config).await;
    let rejected = room.run(&["reject", &id, "--as", DECIDES, "--yes", "--reason", "not on a Friday"]).await;
    rejected.assert_done();
    assert!(rejected.stdout.starts_with("rejected by dana"), "{rejected:?}");

    let status = agent.wait(&id, "ended").await;
    assert_eq!(status["state"], "failed", "{status}");
    assert_eq!(status["failure"]["reason"], "approval-rejected", "{status}");
    assert_eq!(status["failure"]["retry_possible"], false, "{status}");
    room.assert_ran_once(&ALL_PIPELINES[..4]);
}

#[tokio::test]
async fn whoever_asked_for_it_does_not_approve_it() {
    // The agent acts for dana here, who is the approver, too.
    let for_dana =
        |key: &str| config(key).replace(&format!("user = \"{ASKS}\""), &format!("user = \"{DECIDES}\""));
    let (room, mut agent, id) = waiting(for_dana).await;
    let own = room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await;
    own.assert_refused("guard-refused", "four-eyes");
    assert_eq!(agent.status(&id).await["state"], "awaiting-approval");
}

#[tokio::test]
async fn self_approval_is_possible_where_the_config_says_so() {
    let alone = |key: &str| {
        config(key)
            .replace(&format!("user = \"{ASKS}\""), &format!("user = \"{DECIDES}\""))
            .replace(r#"["dana"] }"#, r#"["dana"], allow_self_approval = true }"#)
    };
    let (room, mut agent, id) = waiting(alone).await;
    room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await.assert_done();
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
}
