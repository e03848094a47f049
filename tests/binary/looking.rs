//! Looking before anything is started: drift and validation, on the command line.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::clock::SystemRandom;
use deployment_orchestrator::harness::simulator::{Endpoint, Pipeline, Script};
use deployment_orchestrator::harness::{Client, Settings};
use deployment_orchestrator::ports::{Pipelines, TriggerRequest};
use deployment_orchestrator::tally::Tally;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::room::{API_KEY, Ended, Room, config, ended};
use crate::wire::Era;

/// An environment that says for ever that it runs `commit`; its address.
async fn says(commit: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let body = format!(r#"{{"build":{{"commit":"{commit}"}}}}"#);
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}/version")
}

/// A person presses "Run" in Harness.
async fn past_us(room: &Room, commit: &str) {
    let settings = Settings {
        base_url: room.harness.url(),
        account: "acme".to_owned(),
        org: "default".to_owned(),
        project: "shop".to_owned(),
        api_key: API_KEY.to_owned().into(),
        correlation_variable: "correlation_key".parse().unwrap(),
        timeout: Duration::from_secs(20),
        requests_per_second: 1000,
    };
    let given = [("service", "checkout"), ("environment", "dev"), ("commit_sha", commit)];
    let given = given.map(|(name, value)| (name.parse().unwrap(), value.to_owned()));
    let request = TriggerRequest {
        pipeline: "deploy_dev".parse().unwrap(),
        key: "by-hand".parse().unwrap(),
        inputs: BTreeMap::from(given),
        input_sets: Vec::new(),
        pipeline_branch: None,
    };
    Client::new(settings, Arc::new(SystemRandom), &Tally::default())
        .unwrap()
        .trigger(&request)
        .await
        .unwrap();
}

async fn operated(room: &Room, arguments: &[&str]) -> Ended {
    let mut command = room.operator();
    command.args(arguments);
    ended(command).await
}

#[tokio::test]
async fn drift_is_shown_by_both_witnesses_and_nothing_is_mended() {
    let room = Room::furnished(Script::instant()).await;
    let key = room.keygen("erin").await;
    let dev = format!(
        "name = \"dev\"\nversion = {{ url = \"{}\", json_pointer = \"/build/commit\" }}\n",
        says("aaaaaaa").await
    );
    room.write_config(&config(&key).replace("name = \"dev\"\n", &dev));
    let mut agent = room.session(Era::Modern).await;
    let id = agent.start("dev").await;
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");

    let of_dev = |shown: &Ended| -> Vec<Value> {
        let shown = shown.json();
        shown["environments"][0]["services"][0]["drift"].as_array().unwrap().clone()
    };
    let looked = ["status", "--environments", "--drift", "--json"];
    let before = of_dev(&operated(&room, &looked).await);
    assert_eq!((&before[0]["source"], &before[0]["drift"]), (&"harness".into(), &"none".into()));
    assert_eq!((&before[1]["source"], &before[1]["drift"]), (&"version-url".into(), &"differs".into()));
    assert_eq!(before[1]["theirs_untrusted"], "aaaaaaa");

    past_us(&room, "bbbbbbb").await;
    let runs = room.harness.runs().len();
    let after = of_dev(&operated(&room, &looked).await);
    assert_eq!(after[0]["drift"], "differs");
    assert!(
        after[0]["theirs_untrusted"].as_str().unwrap().starts_with("bbbbbbb, by execution "),
        "{after:?}"
    );
    let for_people = operated(&room, &looked[..3]).await;
    for_people.assert_done();
    assert!(for_people.stdout.contains("DRIFT dev checkout: this server deployed 9f3c2d1"), "{for_people:?}");
    assert_eq!(room.harness.runs().len(), runs, "nothing was mended");

    let without_credentials = room.run(&looked).await;
    assert_eq!(of_dev(&without_credentials)[0]["drift"], "unknown");
}

const COMMIT: [&str; 6] = ["--repository", "acme/checkout", "--branch", "main", "--commit", "9f3c2d1"];

#[tokio::test]
async fn validate_says_what_is_wrong_and_starts_nothing() {
    let asking = "pipeline:\n  variables:\n    - { name: suite, required: true, value: <+input> }\n    - { name: commit_sha, value: <+input> }\n    - { name: correlation_key, value: <+input> }\n";
    let script = Script::instant().with("run_tests", Pipeline::default().asking(asking));
    let room = Room::furnished(script).await;
    let validate = [&["validate"], &COMMIT[..]].concat();

    let found = operated(&room, &validate).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(found.stdout.contains("error: input-missing variables.suite: "), "{found:?}");
    assert!(found.stdout.ends_with("1 errors, 0 warnings; nothing was started\n"), "{found:?}");
    assert!(found.stderr.contains("error[checks-failed]: validation found 1 errors"), "{found:?}");

    let scripted = operated(&room, &[&validate[..], &["--json"]].concat()).await;
    assert_eq!(scripted.code, Some(1), "{scripted:?}");
    assert_eq!(scripted.json()["errors"][0]["code"], "input-missing");

    let given = operated(&room, &[&validate[..], &["--variable", "suite=full"]].concat()).await;
    given.assert_done();
    assert_eq!(given.stdout, "0 errors, 0 warnings; nothing was started\n");

    let wrong = operated(&room, &[&validate[..], &["--target", "moon"]].concat()).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("error[unknown-environment]: there is no environment `moon`"), "{wrong:?}");
    assert!(room.harness.runs().is_empty());
    assert!(!room.harness.calls().contains_key(&Endpoint::Execute));
    let list = room.run(&["status", "--all", "--json"]).await;
    assert_eq!(list.json()["deployments"], Value::Array(Vec::new()));
}
