//! An MCP client that knows HTTP and JSON, and nothing else.

use deployment_orchestrator::http::{self, Connections};
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::world::{PATIENCE, World};

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// `initialize`, then requests in a session.
    Legacy,
    /// 2026-07-28: every request stands for itself.
    Modern,
}

pub(crate) const COMMIT: &str = "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0";

/// A client in the middle of a session, if its era has any.
#[derive(Clone)]
pub(crate) struct Mcp {
    url: String,
    http: Client,
    era: Era,
    pub(crate) session: Option<String>,
    token: Option<String>,
}

pub(crate) fn http() -> Client {
    http::client(PATIENCE, Connections::Kept).unwrap()
}

impl Mcp {
    /// A client that has shaken hands as its era does.
    pub(crate) async fn open(world: &World, era: Era) -> Self {
        Self::open_as(world, era, None).await
    }

    /// The same with a token.
    pub(crate) async fn open_as(world: &World, era: Era, token: Option<&str>) -> Self {
        let token = token.map(str::to_owned);
        let mut client = Self { url: world.url("/mcp"), http: http(), era, session: None, token };
        if era == Era::Legacy {
            let hello = json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": { "name": "test", "version": "1.0" },
            });
            let response = client.send("initialize", hello).await;
            let session = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
            let answer = answer_of(response).await;
            assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{answer}");
            client.session = Some(session);
            let said = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
            let response = client.post(&said, "notifications/initialized").send().await.unwrap();
            assert_eq!(response.status(), StatusCode::ACCEPTED);
        }
        client
    }

    /// The same client with another token.
    pub(crate) fn showing(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// A request as the era has it, to be sent.
    pub(crate) fn request(&self, method: &str, mut params: Value) -> RequestBuilder {
        let name =
            params.get("name").or_else(|| params.get("uri")).and_then(Value::as_str).map(str::to_owned);
        if self.era == Era::Modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1.0" },
            });
        }
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = self.post(&message, method);
        match name {
            Some(name) if self.era == Era::Modern => request.header("mcp-name", name),
            _ => request,
        }
    }

    pub(crate) async fn send(&self, method: &str, params: Value) -> Response {
        self.request(method, params).send().await.unwrap()
    }

    /// Send a request; its answer.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Value {
        let response = self.send(method, params).await;
        assert_eq!(response.status(), StatusCode::OK, "{method}");
        answer_of(response).await
    }

    /// Call a tool; its result, be it an error.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        let answer = self.ask("tools/call", json!({ "name": tool, "arguments": arguments })).await;
        assert!(answer["result"].is_object(), "{tool}: {answer}");
        answer["result"].clone()
    }

    /// Call a tool that must do it; what it gives.
    pub(crate) async fn gives(&self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], false, "{tool}: {result}");
        result["structuredContent"].clone()
    }

    /// Call a tool that must refuse; the code.
    pub(crate) async fn refuses(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{tool}: {result}");
        result["structuredContent"]["code"].as_str().unwrap().to_owned()
    }

    /// Start `COMMIT` towards `target`; the id.
    pub(crate) async fn start(&self, target: &str) -> String {
        let arguments = json!({
            "repository": "acme/checkout", "branch": "main", "commit_sha": COMMIT, "target_environment": target,
        });
        let started = self.gives("start_deployment", arguments).await;
        started["deployment"]["deployment_id"].as_str().unwrap().to_owned()
    }

    /// The deployment, once it is so far.
    pub(crate) async fn until(&self, id: &str, until: &str) -> Value {
        let arguments = json!({ "deployment_id": id, "until": until, "timeout_seconds": 30 });
        let status = self.gives("wait_for_deployment", arguments).await;
        assert_eq!(status["condition_met"], true, "{status}");
        status
    }

    /// Wait until the deployment has another version.
    pub(crate) async fn until_change(&self, id: &str, version: &Value) {
        let arguments = json!({ "deployment_id": id, "since_version": version, "timeout_seconds": 30 });
        self.gives("wait_for_deployment", arguments).await;
    }

    /// The names of the tools that are listed.
    pub(crate) async fn tools(&self) -> Vec<String> {
        let answer = self.ask("tools/list", json!({})).await;
        let tools = answer["result"]["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    fn post(&self, message: &Value, method: &str) -> RequestBuilder {
        let mut headers = HeaderMap::new();
        headers.insert("accept", "application/json, text/event-stream".parse().unwrap());
        match self.era {
            Era::Modern => {
                headers.insert("mcp-protocol-version", "2026-07-28".parse().unwrap());
                headers.insert("mcp-method", method.parse().unwrap());
            }
            Era::Legacy => {
                if let Some(session) = &self.session {
                    headers.insert("mcp-session-id", session.parse().unwrap());
                    headers.insert("mcp-protocol-version", "2025-11-25".parse().unwrap());
                }
            }
        }
        if let Some(token) = &self.token {
            headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        self.http.post(&self.url).headers(headers).json(message)
    }
}

/// The answer to the request, whether it came whole or as a stream.
pub(crate) async fn answer_of(response: Response) -> Value {
    let text = response.text().await.unwrap();
    if text.starts_with('{') {
        return serde_json::from_str(&text).unwrap();
    }
    let messages = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let mut answers = messages.filter_map(|data| serde_json::from_str::<Value>(data.trim()).ok());
    answers.find(|message| message.get("id").is_some()).unwrap_or_else(|| panic!("no answer in {text}"))
}
