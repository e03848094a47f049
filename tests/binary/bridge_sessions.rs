//! The sessions of a bridge, as a server sees them that loses one and speaks by itself.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::bridge::Elsewhere;
use crate::wire::{Era, Wire};

/// What a server was asked, as `METHOD session what`, and which session it grants.
#[derive(Default)]
struct Forgetful {
    asked: Mutex<Vec<String>>,
    granted: Mutex<u32>,
}

impl Forgetful {
    fn forget(&self) {
        *self.granted.lock().unwrap() += 1;
    }

    /// What was asked since it was looked at last.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// The session that it knows.
    fn session(&self) -> String {
        format!("s{}", self.granted.lock().unwrap())
    }
}

async fn answer(
    State(server): State<Arc<Forgetful>>,
    method: Method,
    headers: HeaderMap,
    body: String,
) -> Response {
    let message: Value = serde_json::from_str(&body).unwrap_or_default();
    let shown = headers.get("mcp-session-id").map_or("none", |it| it.to_str().unwrap());
    let what = message["method"].as_str().unwrap_or_default();
    server.asked.lock().unwrap().push(format!("{method} {shown} {what}").trim_end().to_owned());
    if what == "initialize" {
        let result = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {} });
        let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
        return ([("mcp-session-id", server.session())], axum::Json(answer)).into_response();
    }
    if shown != server.session() {
        return (StatusCode::NOT_FOUND, "there is no such session\n").into_response();
    }
    assert_eq!(headers["mcp-protocol-version"], "2025-06-18");
    if method == Method::GET {
        let news = json!({ "jsonrpc": "2.0", "method": "notifications/news", "params": { "of": shown } });
        let stream = format!("id: 0\nretry: 3000\ndata:\n\n: wait\n\nevent: message\ndata: {news}\n\n");
        return ([("content-type", "text/event-stream")], stream).into_response();
    }
    match message.get("id") {
        Some(id) => axum::Json(json!({ "jsonrpc": "2.0", "id": id, "result": {} })).into_response(),
        None => StatusCode::ACCEPTED.into_response(),
    }
}

/// The next message that is news, and of which session.
async fn news(agent: &mut Wire) -> String {
    loop {
        let message = agent.next().await.expect("the bridge goes on");
        if message["method"] == "notifications/news" {
            return message["params"]["of"].as_str().unwrap().to_owned();
        }
    }
}

#[tokio::test]
async fn a_session_that_the_server_has_lost_is_begun_anew_once() {
    let server = Arc::new(Forgetful::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let routes = Router::new().route("/mcp", any(answer)).with_state(Arc::clone(&server));
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let mut agent = Wire::open(Elsewhere::new().bridge(&url, "dorc_token"), Era::Legacy).await;
    assert_eq!(news(&mut agent).await, "s0");
    assert!(agent.request("ping", json!({})).await["result"].is_object());
    let begun = ["POST none initialize", "POST s0 notifications/initialized", "GET s0"];
    let asked = server.asked();
    assert_eq!(asked[..3], begun, "{asked:?}");

    server.forget();
    let calls = [agent.ask("ping", json!({})).await, agent.ask("tools/list", json!({})).await];
    for call in calls {
        let answer = agent.answer(call).await;
        assert!(answer["result"].is_object(), "{answer}");
    }
    assert_eq!(news(&mut agent).await, "s1", "it listens in the new session, too");
    let asked = server.asked();
    let times = |what: &str| asked.iter().filter(|it| *it == what).count();
    for once in
        ["POST none initialize", "POST s1 notifications/initialized", "POST s1 ping", "POST s1 tools/list"]
    {
        assert_eq!(times(once), 1, "{once}: {asked:?}");
    }

    assert_eq!(agent.close().await.code, Some(0));
    assert_eq!(server.asked().last().map(String::as_str), Some("DELETE s1"));
}
