//! The little of a message that decides where it goes and how.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::Error;

/// JSON-RPC's code for what went wrong on our side.
const INTERNAL_ERROR: i64 = -32_603;

/// One message of a host.
pub(super) enum Message {
    /// It wants an answer with this id.
    Request { id: Value, call: Call },
    /// It wants none.
    Notification {
        call: Call,
        /// The request that it takes back.
        cancels: Option<Value>,
    },
    /// It answers a request of the server.
    Answer,
}

/// What is called.
pub(super) struct Call {
    pub(super) method: String,
    /// The revision of MCP that the message itself names: since 2026-07-28 each does.
    revision: Option<String>,
    /// Of the tool, prompt, resource or the like.
    name: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "present")]
    id: Option<Value>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
}

/// `null` is an id, and a bad one; none is another thing.
fn present<'de, D: serde::Deserializer<'de>>(of: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(of).map(Some)
}

impl Message {
    /// # Errors
    /// Why it is none.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        if text.starts_with('[') {
            return Err("it is a batch, which MCP does not have any more");
        }
        let Envelope { id, method, params } =
            serde_json::from_str(text).map_err(|_| "it is not a JSON-RPC message")?;
        match (id, method) {
            (Some(id @ (Value::String(_) | Value::Number(_))), Some(method)) => {
                Ok(Self::Request { id, call: Call::new(method, &params) })
            }
            (Some(_), Some(_)) => Err("its id is neither a string nor a number"),
            (None, Some(method)) => {
                let cancels = (method == "notifications/cancelled").then(|| params.get("requestId").cloned());
                Ok(Self::Notification { call: Call::new(method, &params), cancels: cancels.flatten() })
            }
            (Some(_), None) => Ok(Self::Answer),
            (None, None) => Err("it has neither a method nor an id"),
        }
    }
}

impl Call {
    fn new(method: String, params: &Value) -> Self {
        let text = |pointer: &str| params.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let revision = text("/_meta/io.modelcontextprotocol~1protocolVersion");
        let name = match &*method {
            "tools/call" | "prompts/get" => text("/name"),
            "resources/read" => text("/uri"),
            "tasks/get" | "tasks/update" | "tasks/cancel" => text("/taskId"),
            _ => None,
        };
        Self { method, revision, name }
    }

    /// Whether others may depend on it having arrived.
    pub(super) fn is_handshake(&self) -> bool {
        ["initialize", "notifications/initialized"].contains(&&*self.method)
    }

    /// Whether the server stops working on it when the bridge hangs up. Before 2026-07-28
    /// it has to be told.
    pub(super) fn ends_with_its_connection(&self) -> bool {
        self.revision.is_some()
    }

    /// Whether it waits for news until somebody cancels it.
    pub(super) fn never_ends(&self) -> bool {
        self.method == "subscriptions/listen"
    }

    /// Whether it may have changed something.
    pub(super) fn may_act(&self) -> bool {
        self.method == "tools/call"
    }

    /// What 2026-07-28 wants to see of it in the head of a request. `None` for older revisions,
    /// whose sessions have it.
    pub(super) fn headers(&self) -> Option<HeaderMap> {
        let revision = HeaderValue::from_str(self.revision.as_deref()?).ok()?;
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("mcp-protocol-version"), revision);
        let said = [("mcp-method", Some(&self.method)), ("mcp-name", self.name.as_ref())];
        for (header, value) in said {
            if let Some(value) = value.and_then(|value| header_value(value)) {
                headers.insert(HeaderName::from_static(header), value);
            }
        }
        Some(headers)
    }
}

/// `text` as MCP has it in a header: in Base64 where it could not stand there as it is.
fn header_value(text: &str) -> Option<HeaderValue> {
    let plain = text.trim() == text
        && text.bytes().all(|byte| (0x20..0x7F).contains(&byte))
        && !text.starts_with("=?base64?");
    if plain {
        return HeaderValue::from_str(text).ok();
    }
    HeaderValue::from_str(&format!("=?base64?{}?=", BASE64_STANDARD.encode(text))).ok()
}

/// The answer to the request `id` that could not be carried.
pub(super) fn refusal(id: &Value, error: &Error) -> String {
    let Error { code, message, hint, retryable, .. } = error;
    json!({
        "jsonrpc": "2.0",
        "id": id,
        "error": {
            "code": INTERNAL_ERROR,
            "message": format!("{message}; {hint}"),
            "data": { "code": code.as_str(), "message": message, "hint": hint, "retryable": retryable },
        },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_request_says_what_its_body_says() {
        let read = |text: &str| match Message::read(text) {
            Ok(Message::Request { call, .. } | Message::Notification { call, .. }) => call.headers(),
            _ => panic!("{text}"),
        };
        let modern = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
        for (method, key, name, shown) in [
            ("tools/call", "name", "get_status", Some("get_status")),
            ("resources/read", "uri", "deployment://dep_1", Some("deployment://dep_1")),
            ("prompts/get", "name", "größe", Some("=?base64?Z3LDtsOfZQ==?=")),
            ("tools/call", "name", " a", Some("=?base64?IGE=?=")),
            ("tools/call", "name", "=?base64?x?=", Some("=?base64?PT9iYXNlNjQ/eD89?=")),
            ("tools/list", "name", "x", None),
        ] {
            let text = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"{key}":"{name}",{modern}}}}}"#
            );
            let headers = read(&text).unwrap();
            assert_eq!(headers["mcp-protocol-version"], "2026-07-28");
            assert_eq!(headers["mcp-method"], method);
            assert_eq!(headers.get("mcp-name").map(|it| it.to_str().unwrap()), shown, "{text}");
        }
        assert!(read(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).is_none());
    }

    #[test]
    fn what_is_no_message_is_told_from_what_is() {
        for text in
            ["", "x", "[]", "null", "{}", r#"{"id":null,"method":"ping"}"#, r#"{"id":{},"method":"ping"}"#]
        {
            assert!(Message::read(text).is_err(), "{text}");
        }
        assert!(matches!(Message::read(r#"{"id":"a","result":{}}"#), Ok(Message::Answer)));
        let cancel = r#"{"method":"notifications/cancelled","params":{"requestId":7}}"#;
        let Ok(Message::Notification { cancels, .. }) = Message::read(cancel) else { panic!("{cancel}") };
        assert_eq!(cancels, Some(json!(7)));
    }
}
