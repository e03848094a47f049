//! What a bridge says when it cannot carry a message, or should not be one.

use std::process::Stdio;

use deployment_orchestrator::harness::simulator::Script;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;

use crate::bridge::{Elsewhere, token};
use crate::http::Listening;
use crate::room::{ASKS, PATIENCE, Room, ended};
use crate::wire::{Era, Wire};

const SECRET: &str = "dorc_0123456789abcdef_s3cr3t";

#[tokio::test]
async fn a_token_that_is_refused_is_said_with_what_to_do() {
    let room = Room::furnished(Script::instant()).await;
    let server = Listening::start(&room, &["--http", "127.0.0.1:0"]).await;
    let elsewhere = Elsewhere::new();
    for era in [Era::Legacy, Era::Modern] {
        for (command, says) in [
            (elsewhere.bridge(&server.url("/mcp"), SECRET), "this is not a token"),
            (elsewhere.bridge_without_token(&server.url("/mcp")), "a token is needed"),
        ] {
            let mut agent = Wire::silent(command, era);
            let method = if era == Era::Legacy { "initialize" } else { "tools/list" };
            let refused = agent.request(method, json!({})).await;
            assert_eq!(refused["error"]["data"]["code"], "unknown-token", "{refused}");
            let said = refused["error"]["message"].as_str().unwrap();
            assert!(said.contains(says) && said.contains("`deployment-orchestrator token create`"), "{said}");
            let ended = agent.close().await;
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            assert!(!ended.stdout.contains(SECRET) && !ended.stderr.contains(SECRET), "{}", ended.stderr);
        }
    }
    let elsewhere_on_it = server.url("/nothing");
    let mut agent = Wire::silent(elsewhere.bridge(&elsewhere_on_it, SECRET), Era::Modern);
    let lost = agent.request("tools/list", json!({})).await;
    assert_eq!(lost["error"]["data"]["code"], "config-invalid", "{lost}");
    assert!(lost["error"]["message"].as_str().unwrap().contains("ends in /mcp"), "{lost}");
}

#[tokio::test]
async fn a_bridge_may_be_there_before_its_server() {
    let room = Room::furnished(Script::instant()).await;
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let token = token(&room, ASKS).await;
    let mut agent =
        Wire::silent(Elsewhere::new().bridge(&format!("http://{address}/mcp"), &token), Era::Modern);
    let early = agent.request("tools/list", json!({})).await;
    assert_eq!(
        (&early["error"]["code"], &early["error"]["data"]["code"], &early["error"]["data"]["retryable"]),
        (&json!(-32603), &json!("server-unavailable"), &json!(true)),
        "{early}"
    );
    let _server = Listening::start(&room, &["--http", &address]).await;
    assert!(agent.request("tools/list", json!({})).await["result"]["tools"].is_array());
    for (line, says) in [
        (json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping" }]), "it is a batch"),
        (json!({ "jsonrpc": "2.0", "id": null, "method": "ping" }), "neither a string nor a number"),
        (json!("hello"), "it is not a JSON-RPC message"),
    ] {
        agent.send(&line).await;
        let refused = agent.next().await.unwrap();
        assert!(refused["error"]["message"].as_str().unwrap().contains(says), "{refused}");
        assert_eq!(refused["id"], json!(null));
    }
    assert_eq!(agent.close().await.code, Some(0));
}

#[tokio::test]
async fn a_bridge_that_is_told_to_stop_ends_well() {
    let mut agent = Wire::silent(Elsewhere::new().bridge("http://127.0.0.1:1/mcp", SECRET), Era::Modern);
    let alone = agent.request("tools/list", json!({})).await;
    assert_eq!(alone["error"]["data"]["code"], "server-unavailable", "{alone}");
    let pid = agent.pid().to_string();
    let told = Command::new("kill").args(["-TERM", &pid]).stdin(Stdio::null()).status().await;
    assert!(told.unwrap().success());
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test]
async fn a_token_goes_nowhere_where_others_read_it() {
    let elsewhere = Elsewhere::new();
    for (url, says) in [
        ("http://deploy.acme.example/mcp", "can be read by everybody on the way"),
        ("http://10.0.0.1:8080/mcp", "can be read by everybody on the way"),
        ("http://0.0.0.0:8080/mcp", "can be read by everybody on the way"),
        ("http://localhost.evil.example/mcp", "can be read by everybody on the way"),
        ("http://127.0.0.1.evil.example/mcp", "can be read by everybody on the way"),
        ("http://localhost@evil.example/mcp", "carries a name"),
        ("https://alex:pw@deploy.acme.example/mcp", "carries a name"),
        ("https://deploy.acme.example/mcp?token=x", "carries a name"),
        ("ftp://127.0.0.1/mcp", "neither http nor https"),
        ("127.0.0.1:8080", "not an address"),
    ] {
        let refused = ended(elsewhere.bridge(url, SECRET)).await;
        assert_eq!(refused.code, Some(2), "{url}: {refused:?}");
        assert!(refused.stderr.contains("error[config-invalid]: "), "{url}: {refused:?}");
        assert!(refused.stderr.contains(says) && !refused.stderr.contains(SECRET), "{url}: {refused:?}");
    }
    for more in [["--simulate", "--json"], ["--http", "127.0.0.1:0"]] {
        let mut command = elsewhere.bridge("http://127.0.0.1:1/mcp", SECRET);
        command.args(more);
        let refused = ended(command).await;
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("cannot be used with"), "{refused:?}");
    }
}

/// What the bridge sends on a connection, up to and with `last`.
async fn heard(stream: &mut TcpStream, last: &str) -> String {
    let mut text = String::new();
    while !text.contains(last) {
        text.push(timeout(PATIENCE, stream.read_u8()).await.expect("it speaks").unwrap().into());
    }
    text
}

#[tokio::test]
async fn a_call_that_is_withdrawn_is_hung_up_on_and_the_next_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    for era in [Era::Modern, Era::Legacy] {
        let mut agent = Wire::silent(Elsewhere::new().bridge(&url, SECRET), era);
        let call = agent.ask("tools/call", json!({ "name": "wait_for_deployment", "arguments": {} })).await;
        let (mut called, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        let head = heard(&mut called, "\r\n\r\n").await.to_ascii_lowercase();
        assert!(head.contains(&format!("authorization: bearer {SECRET}\r\n")), "{head}");
        let modern =
            "mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: wait_for_deployment\r\n";
        assert_eq!(head.contains(modern), era == Era::Modern, "{head}");
        let begun = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: one moment\n\n";
        called.write_all(begun.as_bytes()).await.unwrap();

        let params = json!({ "requestId": call, "reason": "not needed any more" });
        agent.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params })).await;
        let mut rest = Vec::new();
        timeout(PATIENCE, called.read_to_end(&mut rest)).await.expect("it hangs up").unwrap();
        if era == Era::Legacy {
            // To hang up says nothing then.
            let (mut told, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
            assert!(heard(&mut told, "not needed any more").await.contains("notifications/cancelled"));
            told.write_all(b"HTTP/1.1 202 Accepted\r\nconnection: close\r\n\r\n").await.unwrap();
        }
        let next = agent.ask("ping", json!({})).await;
        let (mut told, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        assert!(!heard(&mut told, "\"ping\"").await.contains("cancelled"));
        let answer =
            format!("{{\"jsonrpc\":\"2.0\",\n\"id\":{next},\"result\":{{\"n\":1.50,\"z\":0,\"a\":1}}}}");
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
        told.write_all(format!("{head} {}\r\n\r\n{answer}", answer.len()).as_bytes()).await.unwrap();
        agent.answer(next).await;
        let ended = agent.close().await;
        assert_eq!(ended.code, Some(0));
        assert_eq!(ended.stdout, answer.replace('\n', " "), "word for word, and nothing else");
    }
}
