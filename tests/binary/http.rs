//! `serve --http`: the real binary as a server of its own.

use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deployment_orchestrator::harness::simulator::Script;
use deployment_orchestrator::http::{Connections, client};
use deployment_orchestrator::web::MOST_CONNECTIONS;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::room::{DECIDES, PATIENCE, Room, config, ended};

/// A server that listens.
pub(crate) struct Listening {
    pub(crate) child: Child,
    /// As `127.0.0.1:43211`.
    pub(crate) address: String,
}

impl Listening {
    /// Start it with these arguments after `serve`, and wait until it says where it is.
    pub(crate) async fn start(room: &Room, arguments: &[&str]) -> Self {
        let mut child = room.server().args(arguments).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("it says where it is");
        let address = line.strip_prefix("MCP is served at http://").and_then(|it| it.strip_suffix("/mcp"));
        Self { child, address: address.unwrap_or_else(|| panic!("{line}")).to_owned() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// SIGTERM; the exit code.
    pub(crate) async fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().unwrap().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).stdin(Stdio::null()).status().await;
        assert!(told.unwrap().success());
        timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap().code()
    }
}

#[tokio::test]
async fn a_server_over_http_answers_until_it_is_told_to_stop() {
    let room = Room::furnished(Script::instant()).await;
    let server = Listening::start(&room, &["--http", "127.0.0.1:0", "--allow-anonymous-loopback"]).await;
    let http = client(PATIENCE, Connections::Kept).unwrap();
    let health = http.get(server.url("/healthz")).send().await.unwrap();
    assert!(health.status().is_success(), "{health:?}");
    assert_eq!(server.stop().await, Some(0));
}

#[tokio::test]
async fn more_connections_than_there_are_places_wait_and_are_served() {
    let room = Room::furnished(Script::instant()).await;
    let server = Listening::start(&room, &["--http", "127.0.0.1:0", "--allow-anonymous-loopback"]).await;
    let mut silent = Vec::new();
    for _ in 0..MOST_CONNECTIONS {
        silent.push(TcpStream::connect(&server.address).await.unwrap());
    }
    let http = client(PATIENCE, Connections::Kept).unwrap();
    let asked = tokio::spawn(http.get(server.url("/healthz")).send());
    // It is answered when the silent ones are hung up on, and no sooner.
    let mut first = silent.swap_remove(0);
    assert_eq!(timeout(PATIENCE, first.read(&mut [0])).await.expect("the server hangs up").unwrap(), 0);
    assert!(asked.await.unwrap().unwrap().status().is_success());
    assert_eq!(server.stop().await, Some(0));
}

#[tokio::test]
async fn nobody_is_let_in_by_accident() {
    let room = Room::furnished(Script::instant()).await;
    for (arguments, says) in [
        (vec!["--http", "0.0.0.0:0"], "for everybody to read"),
        (vec!["--http", "[::]:0"], "for everybody to read"),
        (vec!["--http", "0.0.0.0:0", "--allow-anonymous-loopback"], "reachable from other machines"),
        (vec!["--http", "[::]:0", "--allow-anonymous-loopback"], "reachable from other machines"),
    ] {
        let mut command = room.server();
        command.args(&arguments);
        let refused = ended(command).await;
        assert_eq!(refused.code, Some(2), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains("error[config-invalid]: "), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains(says), "{arguments:?}: {refused:?}");
    }
    for secret in ["HARNESS_WEBHOOK_SECRET", "INCIDENTS_WEBHOOK_SECRET"] {
        let mut command = room.server();
        command.args(["--http", "127.0.0.1:0"]).env(secret, "guess me");
        let refused = ended(command).await;
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(secret) && !refused.stderr.contains("guess me"), "{refused:?}");
    }
    // A name without TLS does not help, one with it does.
    let config = std::fs::read_to_string(room.path("config/deployment-orchestrator/config.toml")).unwrap();
    room.write_config(&format!("{config}\n[http]\npublic_url = \"http://deploy.acme.example\"\n"));
    let mut command = room.server();
    command.args(["--http", "0.0.0.0:0"]);
    assert_eq!(ended(command).await.code, Some(2));
    room.write_config(&format!("{config}\n[http]\npublic_url = \"https://deploy.acme.example\"\n"));
    let server = Listening::start(&room, &["--http", "0.0.0.0:0"]).await;
    assert_eq!(server.stop().await, Some(0));
    let mut alone = room.server();
    alone.arg("--allow-anonymous-loopback");
    assert_eq!(ended(alone).await.code, Some(2));
}

#[tokio::test]
async fn a_server_trusts_the_authorization_server_of_its_config() {
    let room = Room::furnished(Script::instant()).await;
    // Nothing listens there: nobody can say whether a token is good.
    let oauth =
        "[http.oauth]\nissuer = \"https://id.acme.example\"\njwks_url = \"http://127.0.0.1:9/keys\"\n";
    room.write_config(&format!("{}\n{oauth}", config(&room.keygen("erin").await)));
    let server = Listening::start(&room, &["--http", "127.0.0.1:0"]).await;
    let http = client(PATIENCE, Connections::Kept).unwrap();
    let metadata = http.get(server.url("/.well-known/oauth-protected-resource/mcp")).send().await.unwrap();
    let metadata: serde_json::Value = metadata.json().await.unwrap();
    assert_eq!(metadata["resource"], server.url("/mcp"));
    assert_eq!(metadata["authorization_servers"], serde_json::json!(["https://id.acme.example"]));
    let head = r#"{"alg":"EdDSA","kid":"e"}"#;
    let token = format!("{}.e30.e30", URL_SAFE_NO_PAD.encode(head));
    let answer = http.post(server.url("/mcp")).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 503);
    assert_eq!(answer.headers()["retry-after"], "30");
    assert!(answer.text().await.unwrap().contains("does not answer"));
    assert_eq!(server.stop().await, Some(0));
}

#[tokio::test]
async fn a_token_is_shown_once_and_can_be_taken_back() {
    let room = Room::furnished(Script::instant()).await;
    let made = room.run(&["token", "create", DECIDES, "--agent", "--role", "viewer", "--days", "30"]).await;
    made.assert_done();
    let token = made.stdout.trim().to_owned();
    for (path, content) in room.files() {
        let holds = content.windows(token.len()).any(|window| window == token.as_bytes());
        assert!(!holds, "the token is in {}", path.display());
    }
    let server = Listening::start(&room, &["--http", "127.0.0.1:0"]).await;
    let http = client(PATIENCE, Connections::Kept).unwrap();
    let ask = |token: &str| {
        let request = http.post(server.url("/mcp")).bearer_auth(token);
        let request = request.header("content-type", "application/json");
        let request = request.header("accept", "application/json, text/event-stream");
        request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "tools/list").body(
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{
                "io.modelcontextprotocol/protocolVersion":"2026-07-28",
                "io.modelcontextprotocol/clientCapabilities":{}}}}"#,
        )
    };
    let listed = ask(&token).send().await.unwrap();
    assert_eq!(listed.status().as_u16(), 200);
    let listed = listed.text().await.unwrap();
    assert!(
        listed.contains(r#""name":"get_status""#) && !listed.contains(r#""name":"start_deployment""#),
        "{listed}"
    );

    let tokens = room.run(&["token", "list", "--json"]).await.json();
    assert_eq!((&tokens[0]["kind"], &tokens[0]["standing"]), (&"agent".into(), &"good".into()), "{tokens}");
    assert!(!tokens.to_string().contains(&token), "{tokens}");
    room.run(&["token", "revoke", tokens[0]["id"].as_str().unwrap()]).await.assert_done();
    assert_eq!(ask(&token).send().await.unwrap().status().as_u16(), 401, "at once");
    assert_eq!(room.run(&["token", "list", "--json"]).await.json()[0]["standing"], "revoked");
    let history = room.run(&["history", "--json"]).await.json();
    let told: Vec<_> =
        ["TOKEN_MADE", "TOKEN_REVOKED"].into_iter().zip(history["remarks"].as_array().unwrap()).collect();
    assert_eq!(told.len(), 2, "{history}");
    for (event, remark) in told {
        let grant = &remark["details_untrusted"]["grant"];
        assert_eq!((&remark["event"], &remark["assurance"]), (&event.into(), &"os-user".into()), "{remark}");
        assert_eq!(
            (&grant["id"], &grant["holder"]["on_behalf_of"]),
            (&tokens[0]["id"], &DECIDES.into()),
            "{remark}"
        );
        assert_eq!(
            (&grant["roles"][0], grant["expires_at"].is_number()),
            (&"viewer".into(), true),
            "{remark}"
        );
    }
    assert!(!history.to_string().contains(&token), "{history}");
    assert!(room.run(&["history"]).await.stdout.contains("TOKEN_REVOKED"));
    room.run(&["audit", "verify"]).await.assert_done();
    assert_eq!(server.stop().await, Some(0));

    let nobody = room.run(&["token", "revoke", "0123456789abcdef"]).await;
    assert!(nobody.stderr.contains("error[unknown-token]: "), "{nobody:?}");
    let stranger = room.run(&["token", "create", "mallory"]).await;
    assert!(stranger.stderr.contains("error[not-permitted]: "), "{stranger:?}");
    let role = room.run(&["token", "create", DECIDES, "--role", "king"]).await;
    assert_eq!(role.code, Some(2), "{role:?}");
}
