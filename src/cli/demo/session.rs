//! A small MCP client: the server as a child, JSON lines over its pipes.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::failed;
use crate::app::Error;

/// How long the server may take to end once its input is closed.
const LEAVE_TAKING: Duration = Duration::from_secs(10);

/// The revision of the protocol that the demo speaks.
const PROTOCOL: &str = "2026-07-28";

/// A session with a server of our own.
pub(super) struct Session {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    next_id: u64,
}

/// This program, on the demo's database and config.
pub(super) fn command(folder: &Path) -> Result<Command, Error> {
    let program =
        std::env::current_exe().map_err(|error| failed(&format!("this program is not found: {error}")))?;
    let mut command = Command::new(program);
    command
        .env("ORCHESTRATOR_DB", folder.join("demo.db"))
        .env("ORCHESTRATOR_CONFIG", folder.join("config.toml"))
        .kill_on_drop(true);
    Ok(command)
}

impl Session {
    /// Start the server on the simulator at `harness`, with these secrets in its environment.
    pub(super) async fn open(
        folder: &Path,
        harness: &str,
        secrets: &[(&str, String)],
    ) -> Result<Self, Error> {
        let mut child = command(folder)?
            .arg("serve")
            .env("HARNESS_BASE_URL", harness)
            .env("HARNESS_API_KEY", "sat.demo.trial.key")
            .env("HARNESS_ACCOUNT_ID", "demo")
            .env("HARNESS_ORG_ID", "default")
            .env("HARNESS_PROJECT_ID", "trial")
            .envs(secrets.iter().map(|(name, value)| (name, value)))
            .envs(quiet_unless_asked())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&format!("the server cannot be started: {error}")))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("the server has no pipes"));
        };
        let mut session = Self { child, input, output: BufReader::new(output).lines(), next_id: 0 };
        session.request("server/discover", json!({})).await?;
        Ok(session)
    }

    /// Call a tool; its structured result.
    pub(super) async fn tool(&mut self, name: &str, arguments: Value) -> Result<Value, Error> {
        let result = self.request("tools/call", json!({ "name": name, "arguments": arguments })).await?;
        let structured = result.get("structuredContent").cloned().unwrap_or_default();
        if result.get("isError") == Some(&Value::Bool(true)) {
            return Err(failed(&format!("{name} answered {structured}")));
        }
        Ok(structured)
    }

    /// Call a tool that is to refuse; its sentence.
    pub(super) async fn refusal(&mut self, name: &str, arguments: Value) -> Result<String, Error> {
        let result = self.request("tools/call", json!({ "name": name, "arguments": arguments })).await?;
        let message = result.pointer("/structuredContent/message").and_then(Value::as_str);
        match (result.get("isError"), message) {
            (Some(Value::Bool(true)), Some(message)) => Ok(message.to_owned()),
            _ => Err(failed(&format!("{name} was not refused"))),
        }
    }

    /// Hang up and let the server finish.
    pub(super) async fn close(self) {
        let Self { mut child, input, output, .. } = self;
        drop((input, output));
        let _ = tokio::time::timeout(LEAVE_TAKING, child.wait()).await;
    }

    async fn request(&mut self, method: &str, mut params: Value) -> Result<Value, Error> {
        self.next_id += 1;
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": PROTOCOL,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "demo", "version": env!("CARGO_PKG_VERSION") },
        });
        if let Some(params) = params.as_object_mut() {
            params.insert("_meta".to_owned(), meta);
        }
        let message = json!({ "jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params });
        let lost = |error: std::io::Error| failed(&format!("the server hung up: {error}"));
        self.input.write_all(format!("{message}\n").as_bytes()).await.map_err(lost)?;
        while let Some(line) = self.output.next_line().await.map_err(lost)? {
            let answer: Value = serde_json::from_str(&line)
                .map_err(|_| failed("the server wrote something that is not JSON to its standard output"))?;
            if answer.get("id").and_then(Value::as_u64) != Some(self.next_id) {
                continue;
            }
            return match answer.get("result") {
                Some(result) => Ok(result.clone()),
                None => Err(failed(&format!("{method} answered {line}"))),
            };
        }
        Err(failed("the server hung up"))
    }
}

/// The server's log would draw over the show.
fn quiet_unless_asked() -> Option<(&'static str, &'static str)> {
    crate::config::environment::log_filter().is_none().then_some(("ORCHESTRATOR_LOG", "error"))
}
