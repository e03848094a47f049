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

/// The client of these tests, as the history names it.
pub(crate) const AGENT: &str = "agent test/1.0 for alice";

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
    pub(crate) era: Era,
    received: Lines<BufReader<ReadHalf<DuplexStream>>>,
    to: WriteHalf<DuplexStream>,
    requests: u64,
    pub(crate) notifications: Vec<Value>,
    pub(crate) server: JoinHandle<Result<(), tools::Error>>,
    pub(crate) stop: CancellationToken,
    capabilities: Value,
    /// How the client's person, or a script in their place, answers the next question.
    pub(crate) reply: Option<Value>,
    /// The questions that the server has asked.
    pub(crate) asked: Vec<Value>,
}

impl Session {
    /// A connection on which nothing was said.
    pub(crate) fn silent(world: &World, era: Era) -> Self {
        let (here, there) = tokio::io::duplex(64 * 1024);
        let stop = CancellationToken::new();
        let server = tokio::spawn(tools::serve_on(world.app.clone(), there, stop.clone()));
        let (from, to) = tokio::io::split(here);
        let received = BufReader::new(from).lines();
        Self {
            era,
            received,
            to,
            requests: 0,
            notifications: Vec::new(),
            server,
            stop,
            capabilities: json!({}),
            reply: None,
            asked: Vec::new(),
        }
    }

    pub(crate) async fn open(world: &World, era: Era) -> Self {
        Self::capable(world, era, json!({})).await
    }

    /// A session of a client that can do this.
    pub(crate) async fn capable(world: &World, era: Era, capabilities: Value) -> Self {
        let mut session = Self { capabilities: capabilities.clone(), ..Self::silent(world, era) };
        if era == Era::Legacy {
            let params = json!({
                "protocolVersion": "2025-06-18",
                "capabilities": capabilities,
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
            meta["io.modelcontextprotocol/clientCapabilities"] = self.capabilities.clone();
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

    /// The next notification with this method; it may have come already.
    pub(crate) async fn notification(&mut self, method: &str) -> Value {
        if let Some(place) = self.notifications.iter().position(|it| it["method"] == method) {
            return self.notifications.remove(place)["params"].clone();
        }
        loop {
            let message = self.hear().await;
            if message["method"] == method {
                return message["params"].clone();
            }
            self.notifications.push(message);
        }
    }

    /// Send a request and take its answer; notifications on the way are kept.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        self.answer(id).await
    }

    /// The answer to a request. A question of the server on the way is answered with `reply`.
    pub(crate) async fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.hear().await;
            if message["method"] == "elicitation/create" {
                let reply = self.reply.clone().expect("the server asks nobody here");
                self.reply_to(&message, &reply).await;
                self.asked.push(message["params"].clone());
            } else if message["id"] == id {
                return message;
            } else {
                self.notifications.push(message);
            }
        }
    }

    /// The next question of the server, unanswered.
    pub(crate) async fn question(&mut self) -> Value {
        loop {
            let message = self.hear().await;
            if message["method"] == "elicitation/create" {
                return message;
            }
        }
    }

    /// Answer a question.
    pub(crate) async fn reply_to(&mut self, question: &Value, reply: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": reply })).await;
    }

    /// Call a tool and take its result, be it an error.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.call_with(json!({ "name": tool, "arguments": arguments })).await
    }

    /// Call a tool with everything that a call may carry.
    pub(crate) async fn call_with(&mut self, params: Value) -> Value {
        let tool = params["name"].as_str().unwrap().to_owned();
        let answer = self.request("tools/call", params).await;
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
        let refusal = self.refuses_with(json!({ "name": tool, "arguments": arguments })).await;
        refusal["code"].as_str().unwrap().to_owned()
    }

    /// Call a tool that must refuse, with everything that a call may carry; the refusal.
    pub(crate) async fn refuses_with(&mut self, params: Value) -> Value {
        let tool = params["name"].clone();
        let result = self.call_with(params).await;
        assert_eq!(result["isError"], true, "{tool}: {result}");
        let refusal = &result["structuredContent"];
        for word in ["message", "hint"] {
            assert!(refusal[word].as_str().is_some_and(|text| !text.is_empty()), "{tool}: {refusal}");
        }
        assert!(refusal["retryable"].is_boolean(), "{tool}: {refusal}");
        let code = refusal["code"].as_str().unwrap();
        assert!(result["content"][0]["text"].as_str().unwrap().starts_with(&format!("{code}: ")));
        refusal.clone()
    }

    /// The events of a deployment, oldest first.
    pub(crate) async fn history(&mut self, deployment: &str) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let after = events.last().map_or(json!(0), |event: &Value| event["position"].clone());
            let arguments = json!({ "deployment_id": deployment, "after": after, "limit": 100 });
            let page = self.gives("get_history", arguments).await;
            events.extend(page["events"].as_array().unwrap().clone());
            if page.get("next_after").is_none() {
                return events;
            }
        }
    }

    /// A status, which moves nothing.
    pub(crate) async fn status(&mut self, deployment: &str) -> Value {
        self.gives("get_status", json!({ "deployment_id": deployment })).await
    }

    /// Start `COMMIT` towards `target`; the id.
    pub(crate) async fn start(&mut self, target: &str) -> String {
        self.start_with(json!({ "target_environment": target })).await
    }

    /// Start `COMMIT` with these arguments beside the usual ones; the id.
    pub(crate) async fn start_with(&mut self, more: Value) -> String {
        let started = self.gives("start_deployment", start_arguments(more)).await;
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
        self.asks_for_approval_of(json!({})).await
    }

    /// The same with these arguments beside the usual ones.
    pub(crate) async fn asks_for_approval_of(&mut self, more: Value) -> String {
        let id = self.start_with(more).await;
        assert_eq!(self.until(&id, "attention").await["state"], "awaiting-approval");
        id
    }

    /// Try to decide: it is refused with this code, the try is kept with who
    /// made it, and nothing else has changed. The guards that do not hold.
    pub(crate) async fn fails_to_decide(
        &mut self,
        deployment: &str,
        what: &str,
        params: Value,
        code: &str,
    ) -> Vec<String> {
        let (status, known) = (self.status(deployment).await, self.history(deployment).await.len());
        let refusal = self.refuses_with(params).await;
        assert_eq!(refusal["code"], code, "{what}: {refusal}");
        let history = self.history(deployment).await;
        assert_eq!(history.len(), known + 1, "{what}: {history:?}");
        let kept = &history[known];
        assert_eq!(kept["event"], "DECISION_REFUSED", "{what}: {kept}");
        assert_eq!(kept["details_untrusted"]["code"], code, "{what}: {kept}");
        assert_eq!((&kept["by"], &kept["channel"]), (&json!(AGENT), &json!("mcp-stdio")), "{what}");
        assert_eq!(kept["assurance"], "agent", "{what}");
        assert_eq!(self.status(deployment).await, status, "{what} changed something");
        let guards = refusal["guards"].as_array().into_iter().flatten();
        guards
            .filter(|guard| guard["holds"] == false)
            .map(|guard| guard["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Close the connection; how the server took it.
    pub(crate) async fn close(mut self) -> Result<(), tools::Error> {
        self.to.shutdown().await.unwrap();
        tokio::time::timeout(Duration::from_secs(3), self.server).await.expect("nothing keeps it").unwrap()
    }
}

/// The usual arguments of a start, and these.
pub(crate) fn start_arguments(more: Value) -> Value {
    let mut arguments = json!({ "repository": "acme/checkout", "branch": "main", "commit_sha": COMMIT });
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    arguments
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
