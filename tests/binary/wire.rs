//! A client that knows nothing but JSON lines.

use std::collections::VecDeque;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::room::{API_KEY, Ended, PATIENCE};

/// How a client begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// With `initialize`, as of 2025-06-18.
    Legacy,
    /// With its first request, as of 2026-07-28.
    Modern,
}

/// A session with a server. The server is killed when this is dropped.
pub(crate) struct Wire {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    log: JoinHandle<String>,
    era: Era,
    last_id: u64,
    seen: Vec<String>,
    early: VecDeque<Value>,
}

/// What a tool answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) is_error: bool,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Wire {
    /// Start `server` and shake hands as the era does.
    pub(crate) async fn open(server: Command, era: Era) -> Self {
        let mut wire = Self::silent(server, era);
        if era == Era::Legacy {
            let result = wire
                .request(
                    "initialize",
                    json!({
                        "protocolVersion": "2025-06-18",
                        "capabilities": { "elicitation": {} },
                        "clientInfo": { "name": "test", "version": "1" },
                    }),
                )
                .await;
            assert_eq!(result["result"]["protocolVersion"], "2025-06-18", "{result}");
            wire.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        }
        wire
    }

    /// Start `server` and say nothing.
    pub(crate) fn silent(mut server: Command, era: Era) -> Self {
        let mut child = server.stdin(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut stderr = child.stderr.take().unwrap();
        let log = tokio::spawn(async move {
            let mut text = String::new();
            stderr.read_to_string(&mut text).await.unwrap();
            text
        });
        Self { child, input, output, log, era, last_id: 0, seen: Vec::new(), early: VecDeque::new() }
    }

    /// The process, as the lease names it.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Send a request; the whole answer.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        self.answer(id).await
    }

    /// Call a tool.
    pub(crate) async fn tool(&mut self, name: &str, arguments: Value) -> Answer {
        let answer = self.request("tools/call", json!({ "name": name, "arguments": arguments })).await;
        let result = &answer["result"];
        assert!(result.is_object(), "{name}: {answer}");
        Answer {
            is_error: result["isError"] == true,
            text: result["content"][0]["text"].as_str().unwrap_or_default().to_owned(),
            json: result["structuredContent"].clone(),
        }
    }

    /// Call a tool that must do it; what it answers.
    pub(crate) async fn done(&mut self, name: &str, arguments: Value) -> Value {
        let answer = self.tool(name, arguments).await;
        assert!(!answer.is_error, "{name}: {answer:?}");
        answer.json
    }

    /// Start a deployment to `target`; its id.
    pub(crate) async fn start(&mut self, target: &str) -> String {
        let arguments = json!({
            "repository": "acme/checkout", "branch": "main", "commit_sha": "9f3c2d1",
            "target_environment": target,
        });
        let started = self.done("start_deployment", arguments).await;
        assert_eq!(started["existing"], false, "{started}");
        started["deployment"]["deployment_id"].as_str().unwrap().to_owned()
    }

    /// The deployment, once it is so far.
    pub(crate) async fn wait(&mut self, id: &str, until: &str) -> Value {
        let arguments = json!({ "deployment_id": id, "until": until, "timeout_seconds": 50 });
        let status = self.done("wait_for_deployment", arguments).await;
        assert_eq!(status["condition_met"], true, "{status}");
        status
    }

    /// The deployment now.
    pub(crate) async fn status(&mut self, id: &str) -> Value {
        self.done("get_status", json!({ "deployment_id": id })).await
    }

    /// Send a request and do not wait for its answer.
    pub(crate) async fn ask(&mut self, method: &str, mut params: Value) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        if self.era == Era::Modern {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = "2026-07-28".into();
            meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
            meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "test", "version": "1" });
        }
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        id
    }

    /// The answer to the request `id`.
    pub(crate) async fn answer(&mut self, id: u64) -> Value {
        if let Some(found) = self.early.iter().position(|message| message["id"] == id) {
            return self.early.remove(found).unwrap();
        }
        loop {
            let Some(message) = self.next().await else {
                let log = (&mut self.log).await.unwrap();
                panic!("the server hung up before it answered request {id}: {log}");
            };
            if message["id"] == id {
                return message;
            }
            if message.get("id").is_some() {
                self.early.push_back(message);
            }
        }
    }

    /// Hang up, and see the server end by itself.
    pub(crate) async fn close(mut self) -> Ended {
        self.input = None;
        self.ended().await
    }

    /// See the server end, whatever made it.
    pub(crate) async fn ended(mut self) -> Ended {
        while self.next().await.is_some() {}
        let status = timeout(PATIENCE, self.child.wait()).await.expect("the server ends").unwrap();
        let ended =
            Ended { code: status.code(), stdout: self.seen.join("\n"), stderr: self.log.await.unwrap() };
        assert!(!ended.stdout.contains(API_KEY), "the API key is on standard output: {}", ended.stdout);
        assert!(!ended.stderr.contains(API_KEY), "the API key is in the log: {}", ended.stderr);
        ended
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().expect("the session is open");
        input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// The next line, which must be a JSON-RPC message.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let line = timeout(PATIENCE, self.output.next_line()).await.expect("the server answers").unwrap()?;
        let message: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("standard output is the MCP wire, and has ({error}): {line}"));
        assert_eq!(message["jsonrpc"], "2.0", "{line}");
        self.seen.push(line);
        Some(message)
    }
}
