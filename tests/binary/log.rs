//! The log for programs: with `ORCHESTRATOR_LOG_FORMAT=json` every line of standard error is one
//! JSON object, also when things go wrong.

use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::harness::simulator::{Endpoint, Fault, Reply, Script};
use serde_json::{Map, Value};
use tokio::process::Command;

use crate::room::{Room, ended};
use crate::wire::{Era, Wire};

/// The part of the key that is secret.
const SECRET: &str = "s3cr3t-n3v3r-t0-b3-s33n";

fn as_json(mut command: Command, filter: &str) -> Command {
    command.env("ORCHESTRATOR_LOG_FORMAT", "json").env("ORCHESTRATOR_LOG", filter);
    command
}

/// All lines of a log, each of which says when, how grave, where and what.
#[track_caller]
fn lines(log: &str) -> Vec<Map<String, Value>> {
    let read = |line: &str| -> Map<String, Value> {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    let lines: Vec<_> = log.lines().map(read).collect();
    for line in &lines {
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("{line:?}"));
        let at = text("timestamp");
        assert!(at.ends_with('Z') && Timestamp::parse(at).is_ok(), "{at}");
        assert!(["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&text("level")), "{line:?}");
        assert!(!text("target").is_empty(), "{line:?}");
        // A library may tell a trace by its fields alone.
        assert!(line.contains_key("message") || text("level") == "TRACE", "{line:?}");
    }
    lines
}

#[tokio::test]
async fn every_line_is_json_whatever_fails() {
    let script = Script::instant()
        .fault(Fault::ignored(Endpoint::Execute, Reply::Status { code: 401, retry_after: None }).nth(2))
        .fault(Fault::ignored(Endpoint::Outline, Reply::WebPage));
    let room = Room::furnished(script).await;
    let mut agent = Wire::open(as_json(room.server(), "trace"), Era::Modern).await;
    let id = agent.start("dev").await;
    agent.wait(&id, "ended").await;
    let log = agent.close().await.stderr;
    let lines = lines(&log);
    let of_ours =
        lines.iter().filter(|line| line["target"].as_str().unwrap().starts_with("deployment_orchestrator"));
    let told: Vec<_> = of_ours.filter(|line| line.get("deployment") == Some(&id.as_str().into())).collect();
    assert!(told.iter().any(|line| line["level"] == "INFO"), "ids are fields of their own");
    assert!(lines.iter().any(|line| line["level"] == "TRACE" || line["level"] == "DEBUG"));
    assert!(!log.contains(SECRET), "the API key is in the log");
}

#[tokio::test]
async fn what_ends_a_server_is_the_last_line() {
    let room = Room::furnished(Script::instant()).await;
    let mut broken = as_json(room.server(), "off");
    broken.env("ORCHESTRATOR_DB", room.path("config"));
    let broken = ended(broken).await;
    let [line] = lines(&broken.stderr).try_into().unwrap();
    assert_eq!(
        (broken.code, line["level"].as_str(), line["code"].as_str()),
        (Some(1), Some("ERROR"), Some("database-unusable"))
    );
    assert!(line["hint"].as_str().unwrap().contains("--db"), "{line:?}");

    let mut denied = as_json(room.server(), "trace");
    denied.env("HARNESS_API_KEY", format!("{SECRET}\nX-Injected: 1")).env("HARNESS_ACCOUNT_ID", "acme");
    let denied = ended(denied).await;
    assert_eq!(lines(&denied.stderr).last().unwrap()["code"], "config-invalid");
    assert!(!denied.stderr.contains(SECRET), "{denied:?}");
}

#[tokio::test]
async fn a_log_that_there_is_not_is_refused() {
    let room = Room::furnished(Script::instant()).await;
    for (variable, value, says) in [
        ("ORCHESTRATOR_LOG_FORMAT", "logfmt", "set it to `text` or `json`"),
        ("ORCHESTRATOR_LOG", "deployment_orchestrator=loud", "`warn,deployment_orchestrator=debug`"),
    ] {
        let mut server = room.server();
        server.env(variable, value);
        let refused = ended(server).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
        assert!(refused.stderr.starts_with(&format!("error[config-invalid]: {variable} ")), "{refused:?}");
        assert!(refused.stderr.contains(value) && refused.stderr.contains(says), "{refused:?}");
    }
    assert!(!room.database().exists(), "nothing was begun");

    let mut text = room.server();
    text.env("ORCHESTRATOR_LOG_FORMAT", "text");
    let mut agent = Wire::open(text, Era::Modern).await;
    agent.start("dev").await;
    let log = agent.close().await.stderr;
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_err()) && !log.is_empty(), "{log}");
}
