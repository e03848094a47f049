//! Evidence leaves the room of the database, and is checked in another.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use deployment_orchestrator::harness::simulator::Script;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::room::{ASKS, DECIDES, Ended, Room, config};
use crate::wire::Era;

/// A deployment that dana let go to production, and the head from before she did.
async fn completed() -> (Room, String, String) {
    let room = Room::furnished(Script::instant()).await;
    let mut agent = room.session(Era::Modern).await;
    let id = agent.start("prod").await;
    assert_eq!(agent.wait(&id, "attention").await["state"], "awaiting-approval");
    let noted = room.run(&["audit", "head"]).await;
    noted.assert_done();
    room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await.assert_done();
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    let other = agent.start("dev").await;
    agent.wait(&other, "ended").await;
    assert_eq!(agent.close().await.code, Some(0));
    (room, id, noted.stdout.trim_end().to_owned())
}

#[track_caller]
fn assert_refused(ended: &Ended, code: &str, says: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stdout, "", "{ended:?}");
    let said: Vec<&str> = ended.stderr.lines().collect();
    assert!(said[0].starts_with(&format!("error[{code}]: ")) && said[0].contains(says), "{ended:?}");
    assert!(said.len() <= 2, "{ended:?}");
}

fn findings(checked: &Ended, level: &str) -> Vec<String> {
    let findings = checked.json()["findings"].as_array().unwrap().clone();
    let of_level = findings.iter().filter(|it| it["level"] == level);
    of_level.map(|it| it["check"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_people_approved_is_proved_without_the_database() {
    let (room, id, noted) = completed().await;
    let file = room.path("evidence.json");
    let file = file.to_str().unwrap();
    let exported = room.run(&["export", &id, "--out", file, "--json"]).await;
    exported.assert_done();
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let server_key = exported.json()["server_key"].as_str().unwrap().to_owned();
    let again = room.run(&["export", &id, "--out", file]).await;
    assert_refused(&again, "io-failed", "there is a file at");
    let config = room.path("config/deployment-orchestrator/config.toml");

    // Elsewhere there is neither a database nor a config.
    let elsewhere = Room::empty(Script::instant()).await;
    let checked = elsewhere.run(&["verify-bundle", file]).await;
    checked.assert_done();
    for said in [
        &format!("evidence of {id}"),
        "decision: dana approved prod (signed)",
        "the signature verifies with ed25519:",
        "warning server-key: ",
        "warning people: ",
        "ok      state: completed",
    ] {
        assert!(checked.stdout.contains(said), "{said}: {checked:?}");
    }
    let known = [
        "verify-bundle",
        file,
        "--json",
        "--head",
        &noted,
        "--server-key",
        &server_key,
        "--config",
        config.to_str().unwrap(),
    ];
    let checked = elsewhere.run(&known).await;
    checked.assert_done();
    assert_eq!(findings(&checked, "warning"), Vec::<String>::new(), "{checked:?}");
    assert_eq!(
        findings(&checked, "good"),
        ["server-key", "chain", "head", "records", "decision", "digests", "state"]
    );
    assert_eq!(checked.json()["deployment_id"], id.as_str());
    assert!(!elsewhere.path("data").exists(), "looking makes no database");

    // The reader of standard output gets the same.
    let printed = room.run(&["export", &id]).await;
    printed.assert_done();
    let evidence = |text: &str| {
        let mut bundle: Value = serde_json::from_str(text).unwrap();
        bundle["evidence"].take()
    };
    let (printed, filed) = (evidence(&printed.stdout), evidence(&fs::read_to_string(file).unwrap()));
    assert_eq!((&printed["summary"], &printed["chain"]), (&filed["summary"], &filed["chain"]));
}

#[tokio::test]
async fn evidence_that_proves_nothing_is_refused() {
    let (room, id, noted) = completed().await;
    let file = room.path("evidence.json");
    room.run(&["export", &id, "--out", file.to_str().unwrap()]).await.assert_done();
    let text = fs::read_to_string(&file).unwrap();
    let verify = async |text: &[u8], more: &[&str]| {
        let changed = room.path("changed.json");
        fs::write(&changed, text).unwrap();
        room.run(&[&["verify-bundle", changed.to_str().unwrap()], more].concat()).await
    };
    let replaced = |what: &str, by: &str| {
        assert!(text.contains(what), "{what}");
        text.replacen(what, by, 1).into_bytes()
    };
    let invalid = "evidence-invalid";
    for (text, says) in [
        (replaced("9f3c2d1", "9f3c2d2"), "the signature of the server does not fit"),
        (replaced("\"format\": 1", "\"format\": 9"), "it has format 9"),
        (replaced("\"format\": 1", "\"fmt\": 1"), "missing field `format`"),
        (replaced("\"format\": 1", "\"format\": 1, \"mood\": \"good\""), "unknown field `mood`"),
        (text.as_bytes()[..text.len() / 2].to_vec(), "empty or was cut off"),
        (b"dear diary".to_vec(), "not JSON"),
        (vec![b' '; 100_000_000], "larger than 64 MiB"),
    ] {
        assert_refused(&verify(&text, &[]).await, invalid, says);
    }
    let text = text.as_bytes();
    let (position, hash) = noted.split_once(':').unwrap();
    let elsewhere = format!("{}:{hash}", position.parse::<u64>().unwrap() + 1);
    assert_refused(&verify(text, &["--head", &elsewhere]).await, invalid, "does not go through");
    let stranger = room.keygen("mallory").await;
    assert_refused(&verify(text, &["--server-key", &stranger]).await, invalid, "another server wrote it");
    let config = room.path("other.toml");
    fs::write(&config, format!("[people.{DECIDES}]\npublic_key = \"{stranger}\"\n")).unwrap();
    let config = config.to_str().unwrap();
    assert_refused(&verify(text, &["--config", config]).await, invalid, "dana decided with ed25519:");

    let folder = room.path("config");
    for path in ["/none/such.json", folder.to_str().unwrap()] {
        assert_refused(&room.run(&["verify-bundle", path]).await, "io-failed", "cannot be read");
    }
    for wrong in [["--head", "7"], ["--server-key", "mine"]] {
        assert_eq!(verify(text, &wrong).await.code, Some(2), "{wrong:?}");
    }
    let unwritable = room.run(&["export", &id, "--out", "/none/such/place.json"]).await;
    assert_refused(&unwritable, "io-failed", "cannot be written");
}

#[tokio::test]
async fn a_database_that_was_edited_gives_no_evidence() {
    let (room, id, _) = completed().await;
    let unknown = room.run(&["export", "dep_00000000000000000000000000"]).await;
    assert_refused(&unknown, "unknown-deployment", "there is no deployment");
    let server_key = room.path("config/deployment-orchestrator/server-private.key");
    assert!(!server_key.exists(), "who gets nothing needs no key");

    let raw = Connection::open(room.database()).unwrap();
    raw.execute_batch("DROP TRIGGER event_is_never_changed").unwrap();
    raw.execute(
        "UPDATE event SET event = replace(event, 'dana', 'erin') WHERE event LIKE '%DECISION_MADE%'",
        [],
    )
    .unwrap();
    let refused = room.run(&["export", &id]).await;
    assert_refused(&refused, "database-unusable", "the history was changed at record");

    // Of others only digests are exported, and they do not fit either.
    raw.execute(
        "UPDATE event SET event = replace(event, 'erin', 'dana') WHERE event LIKE '%DECISION_MADE%'",
        [],
    )
    .unwrap();
    room.run(&["export", &id]).await.assert_done();
    raw.execute("UPDATE event SET at = at + 1 WHERE position = (SELECT max(position) FROM event)", [])
        .unwrap();
    let refused = room.run(&["export", &id]).await;
    assert_refused(&refused, "database-unusable", "the chain does not hold");
}

#[tokio::test]
async fn an_approval_that_no_human_gave_is_said_to_be_that() {
    let room = Room::empty(Script::instant()).await;
    let lax = |key: &str| {
        config(key)
            .replace(&format!("[people.{DECIDES}]"), &format!("[people.{ASKS}]"))
            .replace(r#"["dana"] }"#, r#"["alex"], accept = ["agent"], allow_self_approval = true }"#)
    };
    room.write_config(&lax(&room.keygen(ASKS).await));
    let mut agent = room.session(Era::Modern).await;
    let id = agent.start("prod").await;
    agent.wait(&id, "attention").await;
    agent.done("approve", json!({ "deployment_id": id })).await;
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    let file = room.path("evidence.json");
    let file = file.to_str().unwrap();
    room.run(&["export", &id, "--out", file]).await.assert_done();
    let checked = room.run(&["verify-bundle", file]).await;
    checked.assert_done();
    for said in [
        "decision: alex approved prod (agent)",
        "the seal of this server verifies",
        "warning weak-decision: alex at prod: no human decided",
        "warning weak-decision: alex at prod: the deployment was started for the person who approves it",
    ] {
        assert!(checked.stdout.contains(said), "{said}: {checked:?}");
    }
}
