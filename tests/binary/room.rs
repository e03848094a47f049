//! A home of its own for each test: files, people, and a Harness.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use deployment_orchestrator::harness::simulator::{Script, Simulator};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::wire::{Era, Wire};

/// The key to Harness, which nobody may ever see again.
pub(crate) const API_KEY: &str = "pat.acme.token7.s3cr3t-n3v3r-t0-b3-s33n";

/// The person for whom agents act.
pub(crate) const ASKS: &str = "alex";

/// The person who may approve.
pub(crate) const DECIDES: &str = "dana";

/// Longer than any command or answer takes: what hangs has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Files and people of one test.
pub(crate) struct Room {
    folder: TempDir,
    pub(crate) harness: Simulator,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Room {
    /// An empty home, and a Harness that plays `script`.
    pub(crate) async fn empty(script: Script) -> Self {
        let script = Script { api_key: Some(API_KEY.to_owned()), ..script };
        let harness = Simulator::start("127.0.0.1:0".parse().unwrap(), script).await.unwrap();
        Self { folder: tempfile::tempdir().unwrap(), harness }
    }

    /// A home in which dana has a key, and may approve production.
    pub(crate) async fn furnished(script: Script) -> Self {
        let room = Self::empty(script).await;
        let public_key = room.keygen(DECIDES).await;
        room.write_config(&config(&public_key));
        room
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The database, where the XDG convention has it.
    pub(crate) fn database(&self) -> PathBuf {
        self.path("data/deployment-orchestrator/orchestrator.db")
    }

    /// The private key of a person, at its usual place.
    pub(crate) fn key_of(&self, person: &str) -> PathBuf {
        self.path(&format!("config/deployment-orchestrator/{person}.key"))
    }

    /// Put the config at its usual place.
    pub(crate) fn write_config(&self, text: &str) {
        let folder = self.path("config/deployment-orchestrator");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.toml"), text).unwrap();
    }

    /// Make a key; its public half.
    pub(crate) async fn keygen(&self, person: &str) -> String {
        let made = self.run(&["keygen", "--as", person, "--json"]).await;
        assert_eq!(made.code, Some(0), "{made:?}");
        made.json()["public_key"].as_str().unwrap().to_owned()
    }

    /// The binary in a person's shell, which has no credentials of Harness.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deployment-orchestrator"));
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("USER", ASKS)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// The server, with credentials of Harness.
    pub(crate) fn server(&self) -> Command {
        let mut command = self.operator();
        command.arg("serve");
        command
    }

    /// The binary in the shell of whoever runs the server.
    pub(crate) fn operator(&self) -> Command {
        let mut command = self.command();
        command
            .env("HARNESS_BASE_URL", self.harness.url())
            .env("HARNESS_API_KEY", API_KEY)
            .env("HARNESS_ORG_ID", "default")
            .env("HARNESS_PROJECT_ID", "shop");
        command
    }

    /// Run a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command();
        command.args(arguments);
        ended(command).await
    }

    /// A session with a server of this room.
    pub(crate) async fn session(&self, era: Era) -> Wire {
        Wire::open(self.server(), era).await
    }

    /// How often Harness ran something for each correlation key.
    pub(crate) fn runs_by_key(&self) -> BTreeMap<String, usize> {
        let mut runs = BTreeMap::new();
        for run in self.harness.runs() {
            *runs.entry(run.inputs["correlation_key"].clone()).or_insert(0) += 1;
        }
        runs
    }

    /// Exactly one run for each attempt, and these pipelines in this order.
    pub(crate) fn assert_ran_once(&self, pipelines: &[&str]) {
        let runs = self.harness.runs();
        let ran: Vec<&str> = runs.iter().map(|run| run.pipeline.as_str()).collect();
        assert_eq!(ran, pipelines);
        assert!(self.runs_by_key().values().all(|count| *count == 1), "{:?}", self.runs_by_key());
    }

    /// Everything in the files of this room that no key holder wrote: database, its log, configs.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(self.folder.path(), &mut files);
        files
    }
}

/// The pipelines of a deployment to production that goes well.
pub(crate) const ALL_PIPELINES: [&str; 5] =
    ["build_and_push", "run_tests", "deploy_dev", "deploy_staging", "deploy_prod"];

/// A config in which dana may approve production.
pub(crate) fn config(public_key: &str) -> String {
    format!(
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
fastest_poll = "20ms"
"#
    )
}

/// Run `command` to its end.
pub(crate) async fn ended(mut command: Command) -> Ended {
    let shown = format!("{command:?}");
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .unwrap_or_else(|_| panic!("{shown} does not end"))
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let ended =
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!ended.stdout.contains(API_KEY) && !ended.stderr.contains(API_KEY), "the API key: {ended:?}");
    ended
}

impl Ended {
    /// Standard output as the JSON that `--json` promises.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It refused, with this code and these words.
    #[track_caller]
    pub(crate) fn assert_refused(&self, code: &str, says: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert!(self.stderr.contains(&format!("error[{code}]: ")), "{self:?}");
        assert!(self.stderr.contains(says), "{self:?}");
    }

    /// It did what it was told.
    #[track_caller]
    pub(crate) fn assert_done(&self) {
        assert_eq!(self.code, Some(0), "{self:?}");
    }
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let content = std::fs::read(&path).unwrap();
            files.push((path, content));
        }
    }
}
