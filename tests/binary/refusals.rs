//! Everything that can be asked wrongly: a code, a sentence, a remedy, the
//! right exit code, and nothing changed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use deployment_orchestrator::app::Code;
use deployment_orchestrator::harness::simulator::Script;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::room::{DECIDES, Ended, Room, config, ended};
use crate::wire::{Era, Wire};

/// An id that is well formed, and nobody's.
const NOBODY: &str = "dep_01J00000000000000000000000";

/// A sentence for people: one line, with words, that ends in no full stop.
#[track_caller]
fn assert_sentence(text: &str) {
    assert!(text.split_whitespace().count() >= 3, "too short for a sentence: {text:?}");
    assert!(!text.contains('\n') && !text.ends_with('.'), "not one sentence: {text:?}");
    assert!(text.len() < 400, "too long to read: {text:?}");
}

/// The code is one of the documented ones; message and remedy are there.
#[track_caller]
fn assert_refusal(what: &str, refusal: &Value, code: &str) {
    assert_eq!(refusal["code"], code, "{what}: {refusal}");
    assert!(Code::ALL.iter().any(|it| it.as_str() == code), "{code} is documented");
    assert_sentence(refusal["message"].as_str().unwrap());
    assert_sentence(refusal["hint"].as_str().unwrap());
    assert!(refusal["retryable"].is_boolean(), "{what}: {refusal}");
}

/// The refusal of a command, both for people and for scripts.
async fn refused(what: &str, mut command: impl FnMut() -> Command, code: &str, exit: i32) -> Ended {
    let for_people = ended(command()).await;
    assert_eq!(for_people.code, Some(exit), "{what}: {for_people:?}");
    assert_eq!(for_people.stdout, "", "{what}: {for_people:?}");
    let said = for_people.stderr.lines().filter(|line| line.starts_with("error[")).collect::<Vec<_>>();
    assert_eq!(said.len(), 1, "{what}: {for_people:?}");
    assert!(said[0].starts_with(&format!("error[{code}]: ")), "{what}: {for_people:?}");
    assert!(!for_people.stderr.contains("panicked"), "{what}: {for_people:?}");

    let mut for_scripts = command();
    for_scripts.arg("--json");
    let for_scripts = ended(for_scripts).await;
    assert_eq!(for_scripts.code, Some(exit), "{what}: {for_scripts:?}");
    let last = for_scripts.stderr.lines().last().unwrap();
    let refusal: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{what}: {for_scripts:?}"));
    assert_refusal(what, &refusal, code);
    for_people
}

/// How many events there are, whichever deployments they are of.
fn events(room: &Room) -> i64 {
    let connection = Connection::open_with_flags(room.database(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    connection.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap()
}

/// A room with a deployment that waits for dana, and nothing moves.
async fn quiet() -> (Room, Wire, String, i64) {
    let room = Room::furnished(Script::instant()).await;
    let mut agent = room.session(Era::Modern).await;
    let id = agent.start("prod").await;
    assert_eq!(agent.wait(&id, "attention").await["state"], "awaiting-approval");
    let events = events(&room);
    (room, agent, id, events)
}

#[tokio::test]
async fn what_an_agent_asks_wrongly() {
    let (room, mut agent, id, before) = quiet().await;
    let start = |changed: Value| {
        let mut arguments =
            json!({ "repository": "acme/checkout", "branch": "main", "commit_sha": "9f3c2d1" });
        arguments.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        arguments
    };
    let event = |name: &str| json!({ "deployment_id": id, "event": name });
    let table = [
        ("get_status", json!({ "deployment_id": NOBODY }), "unknown-deployment"),
        ("get_status", json!({ "deployment_id": "the-last-one" }), "malformed-argument"),
        ("get_status", json!({ "deployment_id": "" }), "malformed-argument"),
        ("get_status", json!({ "deployment_id": id, "verbose": true }), "malformed-argument"),
        ("get_status", json!({}), "malformed-argument"),
        ("get_status", json!({ "deployment_id": 7 }), "malformed-argument"),
        ("get_history", json!({ "deployment_id": NOBODY }), "unknown-deployment"),
        ("wait_for_deployment", json!({ "deployment_id": NOBODY }), "unknown-deployment"),
        ("list_deployments", json!({ "cursor": "second page" }), "malformed-argument"),
        ("transition", event("SHIP_IT"), "unknown-event"),
        ("transition", event("build_complete"), "unknown-event"),
        ("transition", event("BUILD_COMPLETE"), "event-not-allowed"),
        ("transition", event("APPROVED"), "guard-refused"),
        (
            "transition",
            json!({ "deployment_id": id, "event": "CANCEL", "expected_version": 1 }),
            "stale-version",
        ),
        ("explain_transition", event("SHIP_IT"), "unknown-event"),
        ("cancel_deployment", json!({ "deployment_id": NOBODY, "reason": "no" }), "unknown-deployment"),
        ("cancel_deployment", json!({ "deployment_id": id, "reason": " " }), "malformed-argument"),
        ("rollback_deployment", json!({ "deployment_id": id, "reason": "no" }), "guard-refused"),
        ("rollback_deployment", json!({ "deployment_id": id, "reason": "" }), "malformed-argument"),
        ("approve", json!({ "deployment_id": id, "confirm": true }), "malformed-argument"),
        ("approve", json!({ "deployment_id": id, "signed_approval": "dana says yes" }), "malformed-argument"),
        ("reject", json!({ "deployment_id": id }), "needs-human"),
        ("start_deployment", start(json!({ "commit_sha": "HEAD" })), "malformed-argument"),
        ("start_deployment", start(json!({ "commit_sha": "9F3C2D1" })), "malformed-argument"),
        ("start_deployment", start(json!({ "commit_sha": "9f3c2d" })), "malformed-argument"),
        ("start_deployment", start(json!({ "target_environment": "moon" })), "unknown-environment"),
        ("start_deployment", start(json!({ "repository": "acme/../etc" })), "malformed-argument"),
        ("start_deployment", start(json!({ "restart_of": NOBODY })), "unknown-deployment"),
        ("start_deployment", start(json!({ "force": true })), "malformed-argument"),
        ("start_deployment", start(json!({ "mode": "yolo" })), "malformed-argument"),
        ("start_deployment", start(json!({ "variables": { "commit_sha": "abc" } })), "reserved-variable"),
        (
            "start_deployment",
            start(json!({ "variables": { "x": "<+secrets.getValue(\"k\")>" } })),
            "malformed-argument",
        ),
        ("harness_trigger_pipeline", json!({ "pipeline_id": "deploy_prod" }), "pipeline-not-allowed"),
        ("harness_get_execution", json!({ "execution_id": "none-such" }), "harness-not-found"),
    ];
    let mut attempts = 0;
    for (tool, arguments, code) in table {
        // An attempt to decide is kept in the history, and changes nothing either.
        attempts += i64::from(["approve", "reject"].contains(&tool));
        let what = format!("{tool} {arguments}");
        let answer = agent.tool(tool, arguments).await;
        assert!(answer.is_error, "{what}: {answer:?}");
        assert_refusal(&what, &answer.json, code);
        assert!(answer.text.starts_with(&format!("{code}: ")), "{what}: {answer:?}");
        assert_eq!(events(&room), before + attempts, "{what} changed something");
    }
    assert_eq!(agent.status(&id).await["state"], "awaiting-approval");
    assert_eq!(agent.close().await.code, Some(0));
}

#[tokio::test]
async fn an_idempotency_key_that_was_used_for_something_else() {
    let (room, mut agent, _, _) = quiet().await;
    let start = |sha: &str| {
        json!({
            "repository": "acme/pay", "branch": "main", "commit_sha": sha,
            "target_environment": "dev", "idempotency_key": "release-7",
        })
    };
    let first = agent.done("start_deployment", start("aaaaaaa")).await;
    let id = first["deployment"]["deployment_id"].as_str().unwrap();
    agent.wait(id, "ended").await;
    let before = events(&room);
    let other = agent.tool("start_deployment", start("bbbbbbb")).await;
    assert_refusal("the same key", &other.json, "idempotency-conflict");
    assert!(other.text.contains("aaaaaaa") && other.text.contains("bbbbbbb"), "the difference: {other:?}");
    assert_eq!(events(&room), before);
}

#[tokio::test]
async fn what_a_person_types_wrongly() {
    let (room, agent, id, before) = quiet().await;
    let open = room.path("open.key");
    std::fs::copy(room.key_of(DECIDES), &open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    let no_key = room.path("notes.txt");
    std::fs::write(&no_key, "dear diary").unwrap();
    std::fs::set_permissions(&no_key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (open, no_key) = (open.to_str().unwrap(), no_key.to_str().unwrap());
    let absent = room.path("absent.db");
    let absent = absent.to_str().unwrap();

    let twice = ["validate", "--repository", "acme/checkout", "--branch", "main", "--commit", "9f3c2d1"];
    let twice = [&twice[..], &["--variable", "suite=full", "--variable", "suite=smoke"]].concat();

    let table: &[(&[&str], &str, i32)] = &[
        (&["status", NOBODY], "unknown-deployment", 1),
        (&["status", "the-last-one"], "malformed-argument", 2),
        (&["history", NOBODY], "unknown-deployment", 1),
        (&["history", "dep_1"], "malformed-argument", 2),
        (&["cancel", NOBODY, "--reason", "no"], "unknown-deployment", 1),
        (&["rollback", &id, "--reason", "no"], "guard-refused", 1),
        (&["cancel", &id, "--reason", " "], "malformed-argument", 2),
        (&["freeze-agents", "--reason", ""], "malformed-argument", 2),
        (&twice, "malformed-argument", 2),
        (&["resolve", &id, "--did-not-run"], "event-not-allowed", 1),
        (&["approve", NOBODY, "--as", DECIDES, "--yes"], "unknown-deployment", 1),
        (&["approve", &id, "--as", DECIDES], "needs-human", 1),
        (&["approve", &id, "--as", DECIDES, "--yes", "--key", open], "key-unusable", 1),
        (&["approve", &id, "--as", DECIDES, "--yes", "--key", no_key], "key-unusable", 1),
        (&["approve", &id, "--as", DECIDES, "--yes", "--key", "/none/such.key"], "key-unusable", 1),
        (&["keygen", "--as", DECIDES], "key-unusable", 1),
        (&["status", "--db", absent], "database-unusable", 1),
        (&["audit", "verify", "--db", absent], "database-unusable", 1),
        (&["status", "--config", "/none/such.toml"], "config-invalid", 2),
        (&["simulate-harness", "--script", "/none/such.toml"], "config-invalid", 2),
    ];
    let key = std::fs::read(room.key_of(DECIDES)).unwrap();
    for (arguments, code, exit) in table {
        let command = || {
            let mut command = room.command();
            command.args(*arguments);
            command
        };
        refused(&arguments.join(" "), command, code, *exit).await;
        assert_eq!(events(&room), before, "{arguments:?} changed something");
    }
    assert_eq!(std::fs::read(room.key_of(DECIDES)).unwrap(), key, "the key is still the key");
    assert!(!Path::new(absent).exists(), "looking makes no database");
    assert_eq!(agent.close().await.code, Some(0));
}

/// What clap refuses is wrong use, too.
#[tokio::test]
async fn what_is_no_command() {
    let room = Room::furnished(Script::instant()).await;
    let table: &[&[&str]] = &[
        &[],
        &["deploy"],
        &["cancel", NOBODY],
        &["resolve", NOBODY],
        &["status", "--loud"],
        &["keygen", "--as", ""],
    ];
    for arguments in table {
        let ended = room.run(arguments).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{arguments:?}: {ended:?}");
        assert!(
            ended.stderr.contains("--help") || ended.stderr.contains("Usage"),
            "{arguments:?}: {ended:?}"
        );
    }
    for arguments in [["--help"], ["--version"]] {
        room.run(&arguments).await.assert_done();
    }
}

#[tokio::test]
async fn a_server_without_credentials() {
    let room = Room::furnished(Script::instant()).await;
    let table = [
        ("HARNESS_API_KEY", "HARNESS_API_KEY"),
        ("HARNESS_ORG_ID", "HARNESS_ORG_ID"),
        ("HARNESS_PROJECT_ID", "HARNESS_PROJECT_ID"),
    ];
    for (absent, named) in table {
        let server = || {
            let mut server = room.server();
            server.env_remove(absent);
            server
        };
        let ended = refused(absent, server, "config-invalid", 2).await;
        assert!(ended.stderr.contains(named) && ended.stderr.contains("--simulate"), "{ended:?}");
    }
    let unread = || {
        let mut server = room.server();
        server.env_remove("HARNESS_API_KEY").env("HARNESS_API_KEY_FILE", "/none/such");
        server
    };
    let ended = refused("a key file that is not there", unread, "config-invalid", 2).await;
    assert!(ended.stderr.contains("HARNESS_API_KEY_FILE"), "{ended:?}");
    let nowhere = || {
        let mut server = room.server();
        server.env("HARNESS_BASE_URL", "harness, please");
        server
    };
    refused("a base URL that is none", nowhere, "config-invalid", 2).await;
    assert!(!room.database().exists(), "a server that does not start makes no database");
}

#[tokio::test]
async fn a_database_that_is_none() {
    let room = Room::furnished(Script::instant()).await;
    let folder = room.path("folder");
    std::fs::create_dir(&folder).unwrap();
    let garbage = room.path("garbage.db");
    std::fs::write(&garbage, "this is no database, and somebody's only copy\n".repeat(200)).unwrap();
    let foreign = room.path("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (id INTEGER)").unwrap();
    let newer = room.path("newer.db");
    let mut server = room.server();
    server.arg("--db").arg(&newer);
    assert_eq!(Wire::open(server, Era::Modern).await.close().await.code, Some(0));
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();

    for (path, code) in [
        (&folder, "database-unusable"),
        (&garbage, "database-unusable"),
        (&foreign, "database-unusable"),
        (&newer, "database-too-new"),
    ] {
        let before = path.is_file().then(|| std::fs::read(path).unwrap());
        let what = path.display().to_string();
        for arguments in [&["status"][..], &["history", NOBODY], &["audit", "verify"]] {
            let command = || {
                let mut command = room.command();
                command.args(arguments).arg("--db").arg(path);
                command
            };
            refused(&format!("{arguments:?} {what}"), command, code, 1).await;
        }
        let server = || {
            let mut server = room.server();
            server.arg("--db").arg(path);
            server
        };
        let ended = refused(&format!("serve {what}"), server, code, 1).await;
        assert!(code == "database-too-new" || ended.stderr.contains(&what), "it names the file: {ended:?}");
        assert_eq!(path.is_file().then(|| std::fs::read(path).unwrap()), before, "{what} is as it was");
    }
}

#[tokio::test]
async fn a_config_that_is_wrong() {
    let room = Room::furnished(Script::instant()).await;
    let good = config(&room.keygen("erin").await);
    let table = [
        ("an unknown key", format!("aprovers = [\"dana\"]\n{good}"), "aprovers"),
        ("no table", "harness = 3".to_owned(), "expected a table"),
        ("no TOML", "environments = [".to_owned(), "line 1"),
        ("an approver without a key", good.replace("[people.dana]", "[people.erin]"), "dana"),
        ("nobody who may approve", good.replace(r#"["dana"]"#, "[]"), "nobody"),
        ("an unknown group", good.replace(r#"["dana"]"#, r#"["group:ops"]"#), "ops"),
        (
            "more approvals than people",
            good.replace(r#"["dana"]"#, r#"["dana"], required_approvals = 2"#),
            "required_approvals",
        ),
        ("a key that is none", good.replace("public_key = \"", "public_key = \"x"), "line 4"),
        ("an environment twice", good.replace("\"staging\"", "\"dev\""), "dev"),
        ("no duration", good.replace("\"20ms\"", "\"soon\""), "fastest_poll"),
    ];
    for (what, text, names) in table {
        assert_ne!(text, good, "{what}");
        room.write_config(&text);
        let ended = refused(what, || room.server(), "config-invalid", 2).await;
        assert!(!ended.stderr.contains("struct "), "a word of ours: {ended:?}");
        assert!(ended.stderr.contains("config.toml") && ended.stderr.contains(names), "{what}: {ended:?}");
    }
    assert!(!room.database().exists(), "a server that does not start makes no database");
}

#[tokio::test]
async fn production_that_nobody_may_approve() {
    let room = Room::empty(Script::instant()).await;
    let mut agent = room.session(Era::Modern).await;
    for target in [json!("prod"), Value::Null] {
        let mut arguments =
            json!({ "repository": "acme/checkout", "branch": "main", "commit_sha": "9f3c2d1" });
        if target.is_string() {
            arguments["target_environment"] = target;
        }
        let refused = agent.tool("start_deployment", arguments).await;
        assert_refusal("prod", &refused.json, "gate-not-configured");
        assert!(refused.text.contains("keygen"), "it says what to configure: {refused:?}");
    }
    assert_eq!(events(&room), 0);
    let id = agent.start("staging").await;
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed", "without production it goes on");
    assert_eq!(agent.close().await.code, Some(0));
}
