//! The key to Harness appears nowhere: not in the log, the database or an answer.

use deployment_orchestrator::harness::simulator::{Endpoint, Fault, Reply, Script};
use serde_json::json;

use crate::room::{API_KEY, Room, ended};
use crate::wire::{Era, Wire};

/// The part of the key that is secret.
const SECRET: &str = "s3cr3t-n3v3r-t0-b3-s33n";

#[tokio::test]
async fn the_api_key_appears_nowhere_even_in_a_talkative_log() {
    let script = Script::instant()
        .fault(Fault::ignored(Endpoint::Execute, Reply::Status { code: 401, retry_after: None }).nth(2))
        .fault(Fault::ignored(Endpoint::Outline, Reply::WebPage));
    let room = Room::furnished(script).await;
    let mut server = room.server();
    server.env("ORCHESTRATOR_LOG", "trace");
    let mut agent = Wire::open(server, Era::Modern).await;

    let id = agent.start("dev").await;
    let mut answers = vec![agent.wait(&id, "ended").await];
    let full = json!({ "deployment_id": id, "detail": "full" });
    answers.push(agent.done("get_status", full).await);
    answers.push(agent.done("get_history", json!({ "deployment_id": id, "limit": 100 })).await);
    answers.push(agent.tool("harness_list_executions", json!({})).await.json);
    answers.push(agent.tool("harness_get_execution", json!({ "execution_id": "none-such" })).await.json);
    // What an agent says is data, and is not echoed into the log as a credential either.
    for answer in answers {
        assert!(!answer.to_string().contains(SECRET), "{answer}");
    }
    let listed = room.run(&["history", &id, "--json"]).await;
    assert!(!listed.stdout.contains(SECRET), "{listed:?}");

    // While the server lives, the write-ahead log is there, too.
    let files = room.files();
    assert!(
        files.iter().any(|(path, _)| path.ends_with("orchestrator.db-wal")),
        "the log is a file of its own"
    );
    for (path, content) in &files {
        assert!(!holds(content, SECRET.as_bytes()), "{} holds the API key", path.display());
    }

    let ended = agent.close().await;
    assert!(ended.stderr.contains("TRACE") || ended.stderr.contains("DEBUG"), "the log is talkative");
    assert!(!ended.stderr.contains(SECRET), "the API key is in the log");
    assert!(!ended.stdout.contains(SECRET), "the API key is in an answer");
    for (path, content) in room.files() {
        assert!(!holds(&content, SECRET.as_bytes()), "{} holds the API key", path.display());
    }
}

#[tokio::test]
async fn a_key_in_a_file_works_and_a_key_that_is_none_is_not_shown() {
    let room = Room::furnished(Script::instant()).await;
    let file = room.path("harness-key");
    std::fs::write(&file, format!("{API_KEY}\n")).unwrap();
    let mut server = room.server();
    server.env_remove("HARNESS_API_KEY").env("HARNESS_API_KEY_FILE", &file);
    let mut agent = Wire::open(server, Era::Modern).await;
    let id = agent.start("dev").await;
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    assert_eq!(agent.close().await.code, Some(0));

    let mut server = room.server();
    server.env("HARNESS_API_KEY", format!("{SECRET}\nX-Injected: 1")).env("HARNESS_ACCOUNT_ID", "acme");
    let refused = ended(server).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(!refused.stderr.contains(SECRET), "{refused:?}");
}

fn holds(content: &[u8], secret: &[u8]) -> bool {
    content.windows(secret.len()).any(|window| window == secret)
}
