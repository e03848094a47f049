//! What people are told, and were not: at the command line, over a kill, and without a secret.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use deployment_orchestrator::harness::simulator::Script;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::room::{DECIDES, Ended, Room, config, ended};
use crate::wire::{Era, Wire};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";

/// Whoever is told: answers with this status, and passes on what it took.
struct Receiver {
    url: String,
    answers: Arc<AtomicU16>,
    took: UnboundedReceiver<(String, Value)>,
}

impl Receiver {
    async fn answering(status: StatusCode) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/S3cretPathOfTheHook", listener.local_addr().unwrap());
        let answers = Arc::new(AtomicU16::new(status.as_u16()));
        let (sender, took) = unbounded_channel();
        let status = Arc::clone(&answers);
        let router = Router::new().fallback(move |headers: HeaderMap, body: String| async move {
            let status = StatusCode::from_u16(status.load(Ordering::Relaxed)).unwrap();
            let id = headers["webhook-id"].to_str().unwrap().to_owned();
            if status.is_success() {
                sender.send((id, serde_json::from_str(&body).unwrap())).unwrap();
            }
            status
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, answers, took }
    }

    async fn next(&mut self) -> (String, Value) {
        self.took.recv().await.unwrap()
    }
}

/// A room whose config has one channel, which is told how deployments end.
async fn room() -> Room {
    let room = Room::empty(Script::instant()).await;
    let key = room.keygen(DECIDES).await;
    let channel = "[channels.ledger]\nwebhook = {}\n[[routes]]\nchannels = [\"ledger\"]\ntopics = [\"started\", \"completed\"]\n";
    room.write_config(&format!("{}{channel}", config(&key)));
    room
}

#[track_caller]
fn assert_misconfigured(ended: &Ended, says: &str) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.stderr.contains("error[config-invalid]: ") && ended.stderr.contains(says), "{ended:?}");
}

fn knowing(receiver: &Receiver, mut command: Command) -> Command {
    command.env("CHANNEL_LEDGER_URL", &receiver.url).env("CHANNEL_LEDGER_SECRET", SECRET);
    command
}

#[tokio::test]
async fn what_was_given_up_is_seen_everywhere_and_told_after_a_kill_once_somebody_says_so() {
    let room = room().await;
    let mut receiver = Receiver::answering(StatusCode::GONE).await;
    let mut agent = Wire::open(knowing(&receiver, room.server()), Era::Modern).await;
    let id = agent.start("dev").await;
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    let untold = loop {
        let untold = room.run(&["messages", "--json"]).await.json()["undelivered"].clone();
        let given_up = |it: &Value| it["given_up"] == true;
        if untold.as_array().unwrap().iter().filter(|it| given_up(it)).count() == 2 {
            break untold;
        }
    };
    assert_eq!((&untold[0]["topic"], &untold[1]["topic"]), (&json!("started"), &json!("completed")));
    assert!(untold[0]["error_untrusted"].as_str().unwrap().contains("410"), "{untold}");
    assert_eq!(agent.status(&id).await["undelivered_messages"], untold);
    let doctor = room.run(&["doctor"]).await.stdout;
    assert!(doctor.contains("messages --resend --channel ledger"), "{doctor}");
    let table = room.run(&["messages", &id, "--channel", "ledger"]).await;
    table.assert_done();
    assert!(table.stdout.contains("given up, tried once"), "{}", table.stdout);
    agent.kill().await;

    receiver.answers.store(StatusCode::NO_CONTENT.as_u16(), Ordering::Relaxed);
    let agent = Wire::open(knowing(&receiver, room.server()), Era::Modern).await;
    assert_eq!(room.run(&["messages", "--resend", "--json"]).await.json(), json!({ "resent": 2 }));
    let (first, second) = (receiver.next().await, receiver.next().await);
    assert_eq!(
        (&first.1["type"], &second.1["type"]),
        (&json!("deployment.started"), &json!("deployment.completed"))
    );
    assert_ne!(first.0, second.0);
    loop {
        let left = room.run(&["messages"]).await.stdout;
        if left == "every message was delivered\n" {
            break;
        }
    }
    assert_eq!(agent.close().await.code, Some(0));
    for (path, content) in room.files() {
        let holds = |secret: &str| content.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!holds(SECRET) && !holds("S3cretPathOfTheHook"), "{}", path.display());
    }
}

#[tokio::test]
async fn a_server_does_not_start_with_a_channel_that_it_could_not_tell() {
    let room = room().await;
    let missing = "the channel `ledger` cannot be used: its secret is missing: set CHANNEL_LEDGER_URL";
    assert_misconfigured(&ended(room.server()).await, missing);
    let mut command = room.server();
    command.env("CHANNEL_LEDGER_URL", "http://hooks.acme.example/x").env("CHANNEL_LEDGER_SECRET", SECRET);
    assert_misconfigured(&ended(command).await, "CHANNEL_LEDGER_URL: this is an http URL");
}

#[tokio::test]
async fn a_name_that_nothing_has_is_not_taken_for_one_of_which_all_was_delivered() {
    let room = room().await;
    let receiver = Receiver::answering(StatusCode::NO_CONTENT).await;
    let mut agent = Wire::open(knowing(&receiver, room.server()), Era::Modern).await;
    agent.start("dev").await;
    let refused = async |arguments: &[&str], says: &str| {
        let ended = room.run(&[&["messages"], arguments].concat()).await;
        assert!(ended.stdout.is_empty() && ended.stderr.contains(says), "{arguments:?}: {ended:?}");
    };
    let there_are = "there is no channel `ledgre`\n  the channels are: ledger";
    refused(&["--channel", "Ledger"], "malformed-argument").await;
    refused(&["--channel", "ledgre"], there_are).await;
    refused(&["--channel", "ledgre", "--resend"], there_are).await;
    refused(&["dep_01JDK0000000000000000000AA"], "error[unknown-deployment]").await;
    refused(&["dep_01JDK0000000000000000000AA", "--resend"], "error[unknown-deployment]").await;
    room.run(&["messages", "--channel", "ledger"]).await.assert_done();
    assert_eq!(agent.close().await.code, Some(0));
}
