//! A client that knows nothing but JSON lines.

use std::time::Duration;

use deployment_orchestrator::tools::{self, catalogue};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{COMMIT, World};

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// `initialize`, then plain requests.
    Legacy,
    /// 2026-07-28: every request carries version, capabilities and client.
    Modern,
}

/// A client in the middle of a session.
pub(crate) struct Session {
    era: Era,
    received: Lines<BufReader<ReadHalf<DuplexStream>>>,
    to: WriteHalf<DuplexStream>,
    requests: u64,
    pub(crate) notifications: Vec<Value>,
    pub(crate) server: JoinHandle<Result<(), tools::Error>>,
    pub(crate) stop: CancellationToken,
}

impl Session {
    /// A connection on which nothing was said.
    pub(crate) fn silent(world: &World, era: Era) -> Self {
        let (here, there) = tokio::io::duplex(64 * 1024);
        let stop = CancellationToken::new();
        let server = tokio::spawn(tools::serve_on(world.app.clone(), there, stop.clone()));
        let (from, to) = tokio::io::split(here);
        let received = BufReader::new(from).lines();
        Self { era, received, to, requests: 0, notifications: Vec::new(), server, stop }
    }

    pub(crate) async fn open(world: &World, era: Era) -> Self {
        let mut session = Self::silent(world, era);
        if era == Era::Legacy {
            let params = json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": { "name": "test", "version": "1.0" },
            });
            let answer = session.request("initialize", params).await;
            assert_eq!(answer["result"]["protocolVersion"], "2025-06-18");
            session.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        }
        session
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.to.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// Send a request without waiting for its answer; its id.
    pub(crate) async fn ask(&mut self, method: &str, mut params: Value) -> u64 {
        self.requests += 1;
        if self.era == Era::Modern {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
            meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
            meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "test", "version": "1.0" });
        }
        let id = self.requests;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        id
    }

    /// The next message.
    async fn hear(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(60), self.received.next_line());
        serde_json::from_str(&line.await.unwrap().unwrap().expect("the server goes on")).unwrap()
    }

    /// Send a request and take its answer; notifications on the way are kept.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        loop {
            let message = self.hear().await;
            if message["id"] == id {
                return message;
            }
            self.notifications.push(message);
        }
    }

    /// Call a tool and take its result, be it an error.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.request("tools/call", json!({ "name": tool, "arguments": arguments })).await;
        let result = answer["result"].clone();
        assert!(result.is_object(), "{tool}: {answer}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(!text.is_empty() && !text.starts_with('{'), "{tool}: the text is for reading: {text}");
        result
    }

    /// Call a tool that must succeed; its structured content, which its schema declares.
    pub(crate) async fn gives(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], false, "{tool}: {result}");
        let schema = catalogue().into_iter().find(|known| known.name == tool).unwrap().output_schema.unwrap();
        conforms(tool, &result["structuredContent"], &Value::Object((*schema).clone()));
        result["structuredContent"].clone()
    }

    /// Call a tool that must refuse; the code.
    pub(crate) async fn refuses(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{tool}: {result}");
        let refusal = &result["structuredContent"];
        for word in ["message", "hint"] {
            assert!(refusal[word].as_str().is_some_and(|text| !text.is_empty()), "{tool}: {refusal}");
        }
        assert!(refusal["retryable"].is_boolean(), "{tool}: {refusal}");
        let code = refusal["code"].as_str().unwrap().to_owned();
        assert!(result["content"][0]["text"].as_str().unwrap().starts_with(&format!("{code}: ")));
        code
    }

    /// Start `COMMIT` towards `target`; the id.
    pub(crate) async fn start(&mut self, target: &str) -> String {
        let arguments = json!({
            "repository": "acme/checkout", "branch": "main", "commit_sha": COMMIT, "target_environment": target,
        });
        let started = self.gives("start_deployment", arguments).await;
        assert_eq!(started["existing"], false);
        started["deployment"]["deployment_id"].as_str().unwrap().to_owned()
    }

    /// Wait for a state, or the end.
    pub(crate) async fn until(&mut self, deployment: &str, until: &str) -> Value {
        let arguments = json!({ "deployment_id": deployment, "until": until, "timeout_seconds": 30 });
        let status = self.gives("wait_for_deployment", arguments).await;
        assert_eq!(status["condition_met"], true, "{status}");
        status
    }

    /// Start towards prod and wait until people are asked.
    pub(crate) async fn asks_for_approval(&mut self) -> String {
        let id = self.start("prod").await;
        assert_eq!(self.until(&id, "attention").await["state"], "awaiting-approval");
        id
    }

    /// Close the connection; how the server took it.
    pub(crate) async fn close(mut self) -> Result<(), tools::Error> {
        self.to.shutdown().await.unwrap();
        tokio::time::timeout(Duration::from_secs(3), self.server).await.expect("nothing keeps it").unwrap()
    }
}

/// `value` is what `schema` declares, and has nothing undeclared.
fn conforms(place: &str, value: &Value, schema: &Value) {
    let of_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        None => true,
        Some(other) => panic!("{place}: a type {other} that is new here"),
    };
    assert!(of_type, "{place}: {value} is no {schema}");
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{place}: {name} is missing");
    }
    if let Some(properties) = schema["properties"].as_object() {
        for (name, inner) in value.as_object().unwrap() {
            let declared = properties.get(name).unwrap_or_else(|| panic!("{place}: {name} is not declared"));
            conforms(&format!("{place}.{name}"), inner, declared);
        }
    }
    for item in value.as_array().into_iter().flatten() {
        conforms(place, item, &schema["items"]);
    }
}
