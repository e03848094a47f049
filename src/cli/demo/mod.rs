//! `demo`: a deployment from a commit to production, for people to watch.
//!
//! Nothing is staged: the server is this very program as an MCP host starts it,
//! spoken to over standard input and output; the simulator is a Harness over
//! HTTP; the approval is the command that a person would type.

mod screen;
mod session;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use self::screen::Screen;
use self::session::Session;
use super::key_file;
use crate::app::{Code, Error};
use crate::clock::SystemRandom;
use crate::harness::simulator::{Ending, Pipeline, Script, Simulator};

/// Longer than the demo ever takes: a demo that hangs has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The person for whom the agent deploys.
const ASKS: &str = "alex";

/// The person who approves.
const DECIDES: &str = "dana";

pub(super) async fn run() -> Result<(), Error> {
    match tokio::time::timeout(PATIENCE, play()).await {
        Ok(outcome) => outcome,
        Err(_) => Err(failed("the demo took longer than a minute")),
    }
}

async fn play() -> Result<(), Error> {
    let folder = tempfile::Builder::new()
        .prefix("deployment-orchestrator-demo-")
        .tempdir()
        .map_err(|error| failed(&format!("no temporary folder: {error}")))?;
    let simulator = Simulator::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), script())
        .await
        .map_err(|error| failed(&format!("the simulator cannot listen: {error}")))?;
    let public_key = key_file::make(&folder.path().join("dana.key"), &SystemRandom)?.public();
    write_config(folder.path(), &public_key.to_string())?;

    let mut screen = Screen::begin();
    screen.scene(&simulator.url(), &folder.path().join("demo.db"));
    let mut session = Session::open(folder.path(), &simulator.url()).await?;
    screen.agent("start_deployment(acme/checkout, main, 9f3c2d1, target prod)");
    let started = session
        .tool(
            "start_deployment",
            json!({
                "repository": "acme/checkout", "branch": "main", "commit_sha": "9f3c2d1",
                "target_environment": "prod", "jira_issues": ["SHOP-42"], "idempotency_key": "demo-1",
            }),
        )
        .await?;
    let mut status = started.get("deployment").cloned().unwrap_or_default();
    let id = text(&status, "deployment_id").to_owned();
    screen.server(&format!("{id}, and every step of it in the database before it happens"));

    let mut approved = false;
    while status.get("ended") != Some(&Value::Bool(true)) {
        screen.show(&status);
        if !approved && status.get("approval").is_some_and(Value::is_object) {
            agent_tries_to_approve(&mut screen, &mut session, &id).await?;
            person_approves(&mut screen, folder.path(), &id).await?;
            approved = true;
        }
        let wait = session.tool(
            "wait_for_deployment",
            json!({ "deployment_id": id, "since_version": status.get("version"), "timeout_seconds": 20 }),
        );
        let answer = screen.while_waiting(wait).await?;
        status = answer.get("deployment").cloned().unwrap_or(answer);
    }
    screen.show(&status);
    let full = session.tool("get_status", json!({ "deployment_id": id, "detail": "full" })).await?;
    session.close().await;
    screen.end(&full, simulator.runs().len());
    if text(&status, "state") == "completed" {
        return Ok(());
    }
    Err(failed(&format!("the deployment ended {}", text(&status, "state"))))
}

async fn agent_tries_to_approve(screen: &mut Screen, session: &mut Session, id: &str) -> Result<(), Error> {
    screen.agent("approve: it tries, of course");
    let answer = session.tool("approve", json!({ "deployment_id": id })).await?;
    let digest = answer.pointer("/request/digest").and_then(Value::as_str).unwrap_or_default();
    let approved = answer.get("approved").cloned().unwrap_or_default();
    screen.server(&format!("approved: {approved}. People decide, over digest {digest}"));
    Ok(())
}

async fn person_approves(screen: &mut Screen, folder: &Path, id: &str) -> Result<(), Error> {
    screen.person(DECIDES, &format!("deployment-orchestrator approve {id} --as {DECIDES} --yes"));
    let output = session::command(folder)?
        .args(["approve", id, "--as", DECIDES, "--yes", "--reason", "staging looks good", "--key"])
        .arg(folder.join("dana.key"))
        .output()
        .await
        .map_err(|error| failed(&format!("the approval cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(failed(&format!("the approval failed: {}", String::from_utf8_lossy(&output.stderr))));
    }
    screen.said(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default());
    Ok(())
}

/// The default script, in which the first test run meets a broken connection.
fn script() -> Script {
    let mut script = Script::default();
    if let Some(tests) = script.pipelines.get_mut("run_tests") {
        let broken = Ending::failed("CONNECTIVITY", "the connection to the test cluster broke");
        *tests = Pipeline { endings: vec![broken, Ending::Success], ..tests.clone() };
    }
    script
}

fn write_config(folder: &Path, public_key: &str) -> Result<(), Error> {
    let config = format!(
        r#"user = "{ASKS}"

[people.{DECIDES}]
public_key = "{public_key}"

[[environments]]
name = "dev"

[[environments]]
name = "staging"

[[environments]]
name = "prod"
approval = {{ approvers = ["{DECIDES}"] }}

[timing]
fastest_poll = "150ms"
"#
    );
    std::fs::write(folder.join("config.toml"), config)
        .map_err(|error| failed(&format!("the config cannot be written: {error}")))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn failed(reason: &str) -> Error {
    Error::new(Code::IoFailed, reason, "run it again with ORCHESTRATOR_LOG=debug to see more")
}
