//! The stage of a scenario: a Harness, a server, an agent that speaks to it, and
//! people with their commands.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use super::screen::Screen;
use super::session::{self, Session};
use super::{failed, text};
use crate::app::Error;
use crate::cli::key_file;
use crate::clock::SystemRandom;
use crate::harness::simulator::{Script, Simulator};

/// The person for whom the agent deploys.
pub(super) const ASKS: &str = "alex";

/// The people who approve.
pub(super) const DECIDE: [&str; 2] = ["dana", "erin"];

/// Everything that a scenario has. It is gone when the show is dropped.
pub(super) struct Show {
    pub(super) screen: Screen,
    pub(super) session: Session,
    folder: tempfile::TempDir,
    simulator: Simulator,
}

/// What a scenario is set up with.
#[derive(Default)]
pub(super) struct Stage<'a> {
    /// What is shown, in one line.
    pub(super) title: &'a str,
    /// What Harness plays.
    pub(super) script: Script,
    /// Further lines of the config about prod.
    pub(super) prod: &'a str,
    /// Further tables of the config, beside people and environments.
    pub(super) more: &'a str,
    /// The secrets that the server is given, by their variables.
    pub(super) secrets: &'a [(&'a str, String)],
}

impl Show {
    pub(super) async fn open(stage: Stage<'_>) -> Result<Self, Error> {
        let Stage { title, script, prod, more, secrets } = stage;
        let folder = tempfile::Builder::new()
            .prefix("deployment-orchestrator-demo-")
            .tempdir()
            .map_err(|error| failed(&format!("no temporary folder: {error}")))?;
        let simulator = Simulator::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), script)
            .await
            .map_err(|error| failed(&format!("the simulator cannot listen: {error}")))?;
        let mut people = String::new();
        for name in DECIDE {
            let key = key_file::make(&folder.path().join(format!("{name}.key")), &SystemRandom)?.public();
            people.push_str(&format!("[people.{name}]\npublic_key = \"{key}\"\n\n"));
        }
        let config = format!(
            r#"user = "{ASKS}"

{people}
[[environments]]
name = "dev"

[[environments]]
name = "staging"

[[environments]]
name = "prod"
approval = {{ approvers = ["dana", "erin"] }}
{prod}

{more}

[timing]
fastest_poll = "150ms"
"#
        );
        std::fs::write(folder.path().join("config.toml"), config)
            .map_err(|error| failed(&format!("the config cannot be written: {error}")))?;
        let screen = Screen::begin();
        screen.scene(title, &simulator.url(), &folder.path().join("demo.db"));
        let session = Session::open(folder.path(), &simulator.url(), secrets).await?;
        Ok(Self { screen, session, folder, simulator })
    }

    /// The agent starts a deployment of `commit`; its status.
    pub(super) async fn start(&mut self, commit: &str) -> Result<Value, Error> {
        self.screen.agent(&format!("start_deployment(acme/checkout, main, {commit}, target prod)"));
        self.start_with(commit, json!({})).await
    }

    /// The same with further arguments.
    pub(super) async fn start_with(&mut self, commit: &str, more: Value) -> Result<Value, Error> {
        let mut arguments = json!({
            "repository": "acme/checkout", "branch": "main", "commit_sha": commit,
            "target_environment": "prod", "jira_issues": ["SHOP-42"], "idempotency_key": format!("demo-{commit}"),
        });
        if let (Some(arguments), Value::Object(more)) = (arguments.as_object_mut(), more) {
            arguments.extend(more);
        }
        let started = self.session.tool("start_deployment", arguments).await?;
        let status = started.get("deployment").cloned().unwrap_or_default();
        let id = text(&status, "deployment_id");
        self.screen.another();
        self.screen.server(&format!("{id}, and every step of it in the database before it happens"));
        Ok(status)
    }

    /// Show every change from `status` on, until it is such, or the deployment is over.
    pub(super) async fn until(
        &mut self,
        mut status: Value,
        such: impl Fn(&Value) -> bool,
    ) -> Result<Value, Error> {
        let id = text(&status, "deployment_id").to_owned();
        loop {
            self.screen.show(&status);
            if such(&status) || status.get("ended") == Some(&Value::Bool(true)) {
                return Ok(status);
            }
            let arguments = json!({
                "deployment_id": id, "since_version": status.get("version"), "timeout_seconds": 20,
            });
            let wait = self.session.tool("wait_for_deployment", arguments);
            let answer = self.screen.while_waiting(wait).await?;
            status = answer.get("deployment").cloned().unwrap_or(answer);
        }
    }

    /// Until people are asked.
    pub(super) async fn until_asked(&mut self, status: Value) -> Result<Value, Error> {
        self.until(status, |status| status.get("approval").is_some_and(Value::is_object)).await
    }

    /// Until it is over.
    pub(super) async fn until_over(&mut self, status: Value) -> Result<Value, Error> {
        self.until(status, |_| false).await
    }

    /// A person approves, with a reason.
    pub(super) async fn approve(&mut self, person: &str, id: &str, reason: &str) -> Result<(), Error> {
        let key = self.folder.path().join(format!("{person}.key"));
        let arguments = ["approve", id, "--as", person, "--yes"];
        let unseen = ["--reason", reason, "--key", &key.to_string_lossy()];
        self.command(person, &arguments, &unseen).await
    }

    /// A person runs a command of this program, on the same database; `unseen` is too long to be shown.
    pub(super) async fn command(
        &mut self,
        person: &str,
        arguments: &[&str],
        unseen: &[&str],
    ) -> Result<(), Error> {
        self.screen.person(person, &format!("deployment-orchestrator {}", arguments.join(" ")));
        let output = session::command(self.folder.path())?
            .args(arguments)
            .args(unseen)
            .output()
            .await
            .map_err(|error| failed(&format!("the command cannot be run: {error}")))?;
        if !output.status.success() {
            return Err(failed(&format!("the command failed: {}", String::from_utf8_lossy(&output.stderr))));
        }
        self.screen.said(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default());
        Ok(())
    }

    /// Show how it all went, and close. Anything but the state that the scenario claims is an error.
    pub(super) async fn close(mut self, id: &str, claimed: &str, why: &str) -> Result<(), Error> {
        let arguments = json!({ "deployment_id": id, "detail": "full" });
        let full = self.session.tool("get_status", arguments).await?;
        self.session.close().await;
        self.screen.end(&full, self.simulator.runs().len(), why);
        match text(&full, "state") {
            state if state == claimed => Ok(()),
            state => Err(failed(&format!("the deployment ended {state} and not {claimed}"))),
        }
    }
}
