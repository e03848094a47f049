//! An MCP client that knows HTTP and JSON, and nothing else.

use std::sync::Arc;

use deployment_orchestrator::http::{self, Connections};
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::stream::Stream;
use crate::world::{PATIENCE, World};

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// 2024-11-05: the answers come in a stream of their own.
    Oldest,
    /// `initialize`, then requests in a session.
    Legacy,
    /// 2026-07-28: every request stands for itself.
    Modern,
}

impl Era {
    pub(crate) const ALL: [Self; 3] = [Self::Oldest, Self::Legacy, Self::Modern];

    /// What a client of the era says that it speaks.
    fn revision(self) -> &'static str {
        match self {
            Self::Oldest => "2024-11-05",
            Self::Legacy => "2025-11-25",
            Self::Modern => "2026-07-28",
        }
    }
}

pub(crate) const COMMIT: &str = "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0";

/// A client in the middle of a session, if its era has any.
#[derive(Clone)]
pub(crate) struct Mcp {
    url: String,
    http: Client,
    era: Era,
    pub(crate) session: Option<String>,
    pub(crate) stream: Option<Arc<Stream>>,
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
        let url = world.url("/mcp");
        let mut client = Self { url, http: http(), era, session: None, stream: None, token };
        if era == Era::Oldest {
            let stream = Stream::open(client.with_token(client.http.get(world.url("/sse")))).await;
            client.url = world.url(&stream.endpoint);
            client.stream = Some(Arc::new(stream));
        }
        if era != Era::Modern {
            client.shake_hands().await;
        }
        client
    }

    async fn shake_hands(&mut self) {
        let hello = json!({
            "protocolVersion": self.era.revision(),
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1.0" },
        });
        let answer = if self.era == Era::Legacy {
            let response = self.send("initialize", hello).await;
            self.session = Some(response.headers()["mcp-session-id"].to_str().unwrap().to_owned());
            answer_of(response).await
        } else {
            self.ask("initialize", hello).await
        };
        assert_eq!(answer["result"]["protocolVersion"], self.era.revision(), "{answer}");
        let said = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let response = self.post(&said, "notifications/initialized").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::ACCEPTED);
    }

    /// The same client with another token.
    pub(crate) fn showing(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client before its session.
    pub(crate) fn in_no_session(&self) -> Self {
        Self { session: None, ..self.clone() }
    }

    /// A request as the era has it, to be sent.
    pub(crate) fn request(&self, method: &str, params: Value) -> RequestBuilder {
        self.numbered(1, method, params)
    }

    fn numbered(&self, id: u64, method: &str, mut params: Value) -> RequestBuilder {
        let name =
            params.get("name").or_else(|| params.get("uri")).and_then(Value::as_str).map(str::to_owned);
        if self.era == Era::Modern {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
            meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
            meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "test", "version": "1.0" });
        }
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
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
        if let Some(stream) = &self.stream {
            let id = stream.next_id();
            let response = self.numbered(id, method, params).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::ACCEPTED, "{method}");
            return stream.answer(id).await;
        }
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
        self.start_of(COMMIT, target).await
    }

    /// Start a commit towards `target`; the id.
    pub(crate) async fn start_of(&self, commit: &str, target: &str) -> String {
        let arguments = json!({
            "repository": "acme/checkout", "branch": "main", "commit_sha": commit, "target_environment": target,
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

    /// Say something that has no answer; how it was taken.
    pub(crate) async fn notify(&self, method: &str, params: Value) -> StatusCode {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.post(&message, method).send().await.unwrap().status()
    }

    /// A request whose answer comes piece by piece.
    pub(crate) async fn stream(&self, method: &str, params: Value) -> Messages {
        Messages::of(self.send(method, params).await)
    }

    /// The stream on which a session of the older revisions hears what it did not ask for.
    pub(crate) async fn news(&self) -> Response {
        let mut headers = self.headers();
        headers.insert("accept", "text/event-stream".parse().unwrap());
        self.with_token(self.http.get(&self.url).headers(headers)).send().await.unwrap()
    }

    /// The names of the tools that are listed.
    pub(crate) async fn tools(&self) -> Vec<String> {
        let answer = self.ask("tools/list", json!({})).await;
        let tools = answer["result"]["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    fn post(&self, message: &Value, method: &str) -> RequestBuilder {
        let mut headers = self.headers();
        headers.insert("accept", "application/json, text/event-stream".parse().unwrap());
        if self.era == Era::Modern {
            headers.insert("mcp-method", method.parse().unwrap());
        }
        self.with_token(self.http.post(&self.url).headers(headers).json(message))
    }

    fn with_token(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match (self.era, &self.session) {
            (Era::Modern, _) => {
                headers.insert("mcp-protocol-version", "2026-07-28".parse().unwrap());
            }
            (Era::Legacy, Some(session)) => {
                headers.insert("mcp-session-id", session.parse().unwrap());
                headers.insert("mcp-protocol-version", "2025-11-25".parse().unwrap());
            }
            (Era::Legacy | Era::Oldest, _) => {}
        }
        headers
    }
}

/// The messages of an answer that comes piece by piece.
pub(crate) struct Messages {
    response: Response,
    text: String,
}

impl Messages {
    /// Those of an answer that has begun well.
    pub(crate) fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next message; `None` when there are no more.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some((line, rest)) = self.text.split_once('\n') {
                let message =
                    line.strip_prefix("data:").and_then(|data| serde_json::from_str(data.trim()).ok());
                self.text = rest.to_owned();
                if message.is_some() {
                    return message;
                }
            }
            let piece = timeout(PATIENCE, self.response.chunk()).await.expect("something comes");
            self.text += std::str::from_utf8(&piece.ok()??).unwrap();
        }
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
