//! What calls over HTTP cost: `get_status` beside a tool that does nothing on
//! the same framework with the same `TCP_NODELAY`, and `start_deployment` beside
//! a raw commit of SQLite on the same disk. Ours asks each request for a token.
//!
//! `cargo bench --bench http` prints latencies one call at a time and with 64
//! clients, each on a connection of its own, and the ratios that count, from
//! rounds that take turns. `BENCH_DIR` names a folder on the disk to measure.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark measures wall time, prints it, and has nobody to tell of an error"
)]

#[path = "support/rounds.rs"]
mod rounds;
#[path = "../examples/trivial_mcp.rs"]
mod trivial_mcp;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use deployment_orchestrator::harness::simulator::{Pipeline, Script, Simulator};
use rounds::{Measured, Rounds, TRIPLES};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ONE_BY_ONE: usize = 1_500;
const PER_CLIENT: usize = 100;
const CLIENTS: usize = 64;

/// At most so much longer than a tool that does nothing, and than a raw commit.
/// Beside these, 99 of 100 calls of one client take less than 5 ms.
const GOAL_STATUS: f64 = 1.5;
const GOAL_START: f64 = 2.0;

#[derive(Clone, Copy, PartialEq)]
enum Era {
    Modern,
    Session,
}

fn main() {
    // The peer is this very program, so that nothing but the tool differs.
    if std::env::args().any(|argument| argument == "--http") {
        trivial_mcp::main().unwrap();
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(measure_all());
}

async fn measure_all() {
    let script = Script::instant().with("deploy_dev", Pipeline::lasting(3_600_000));
    let simulator = Simulator::start("127.0.0.1:0".parse().unwrap(), script).await.unwrap();
    let base = std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(base).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--http");
    let trivial = Server::spawn(command, None);
    let token = token(folder.path());
    let ours = Server::spawn(serve(folder.path(), &simulator.url()), Some(token));

    let mut client = Client::open(&ours, Era::Modern).await;
    let started = client.tool("start_deployment", &start("auto")).await;
    let id = started["deployment"]["deployment_id"].as_str().unwrap();
    client.tool("wait_for_deployment", &json!({ "deployment_id": id, "until": "deploying-dev" })).await;
    let about = json!({ "deployment_id": id });
    let look = |tool| Call { tool, arguments: Arguments::Fixed(about.clone()) };
    let (theirs, own) = (look("trivial"), look("get_status"));

    for (what, era, clients) in [
        ("one at a time, 2026-07-28", Era::Modern, 1),
        ("one at a time, in a session", Era::Session, 1),
        ("64 at once, 2026-07-28", Era::Modern, CLIENTS),
    ] {
        let mut rounds = Rounds::default();
        for _ in 0..=TRIPLES {
            rounds.before.push(calls(&trivial, era, clients, &theirs).await);
            rounds.ours.push(calls(&ours, era, clients, &own).await);
            rounds.after.push(calls(&trivial, era, clients, &theirs).await);
        }
        rounds.print(what, "trivial", "get_status", GOAL_STATUS, Measured::time_each);
    }
    let begin = Call { tool: "start_deployment", arguments: Arguments::Start };
    for (what, clients) in [("one at a time", 1), ("64 at once", CLIENTS)] {
        let mut rounds = Rounds::default();
        for _ in 0..=TRIPLES {
            rounds.before.push(raw_commits(folder.path()));
            rounds.ours.push(calls(&ours, Era::Modern, clients, &begin).await);
            rounds.after.push(raw_commits(folder.path()));
        }
        let cost: fn(&Measured) -> f64 =
            if clients == 1 { |it| it.p50.as_secs_f64() } else { Measured::time_each };
        rounds.print(what, "raw commit", "start_deployment", GOAL_START, cost);
    }
}

/// What is called, again and again.
#[derive(Clone)]
struct Call {
    tool: &'static str,
    arguments: Arguments,
}

#[derive(Clone)]
enum Arguments {
    Fixed(Value),
    /// Of a new deployment each time.
    Start,
}

/// A deployment of another commit each time; in mode `step` it stays where it is.
fn start(mode: &str) -> Value {
    static COMMITS: AtomicU32 = AtomicU32::new(1);
    let commit = format!("{:040x}", COMMITS.fetch_add(1, Ordering::Relaxed));
    json!({
        "repository": "acme/checkout", "branch": "main", "commit_sha": commit, "target_environment": "dev",
        "mode": mode, "idempotency_key": commit,
    })
}

/// Have so many clients call, each on its own connection and one call after another.
async fn calls(server: &Server, era: Era, clients: usize, call: &Call) -> Measured {
    let each = if clients == 1 { ONE_BY_ONE } else { PER_CLIENT };
    let mut all = Vec::new();
    for _ in 0..clients {
        all.push(Client::open(server, era).await);
    }
    let begun = Instant::now();
    let calling = all.into_iter().map(|mut client| {
        let call = call.clone();
        tokio::spawn(async move {
            let mut times = Vec::with_capacity(each);
            for _ in 0..each {
                let arguments = match &call.arguments {
                    Arguments::Fixed(arguments) => arguments.clone(),
                    Arguments::Start => start("step"),
                };
                let request = client.request("tools/call", call.tool, &arguments);
                let asked = Instant::now();
                client.exchange(&request).await;
                times.push(asked.elapsed());
                assert!(client.succeeded(), "{}", client.text());
            }
            times
        })
    });
    let times = futures::future::join_all(calling).await.into_iter().flat_map(Result::unwrap).collect();
    Measured::of(times, begun)
}

/// One row in one transaction, made durable, again and again: what no durable call can be faster than.
fn raw_commits(folder: &Path) -> Measured {
    let connection = rusqlite::Connection::open(folder.join("raw.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS row (number INTEGER PRIMARY KEY, body TEXT NOT NULL)",
        )
        .unwrap();
    let body = "x".repeat(2_000);
    let begun = Instant::now();
    let times = (0..ONE_BY_ONE).map(|_| {
        let asked = Instant::now();
        connection.prepare_cached("INSERT INTO row (body) VALUES (?1)").unwrap().execute([&body]).unwrap();
        asked.elapsed()
    });
    Measured::of(times.collect(), begun)
}

fn product(folder: &Path) -> Command {
    let config = folder.join("config.toml");
    std::fs::write(&config, "user = \"bench\"\n[http]\nrequests_per_second = 1000000\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_deployment-orchestrator"));
    command
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        .env("ORCHESTRATOR_CONFIG", config)
        .env("ORCHESTRATOR_DB", folder.join("bench.db"));
    command
}

fn token(folder: &Path) -> String {
    let made = product(folder).args(["token", "create", "bench", "--agent", "--json"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    made["token"].as_str().unwrap().to_owned()
}

fn serve(folder: &Path, harness: &str) -> Command {
    let mut command = product(folder);
    command
        .args(["serve", "--http", "127.0.0.1:0"])
        .env("HARNESS_BASE_URL", harness)
        .env("HARNESS_API_KEY", "sat.bench.trial.key")
        .env("HARNESS_ORG_ID", "default")
        .env("HARNESS_PROJECT_ID", "trial");
    command
}

/// A server of its own, which is killed when this is dropped.
struct Server {
    child: Child,
    address: String,
    token: Option<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn spawn(mut command: Command, token: Option<String>) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
        Self { child, address, token }
    }
}

/// One connection. Knows no more of HTTP than where an answer ends.
struct Client {
    stream: TcpStream,
    head: String,
    era: Era,
    answer: Vec<u8>,
}

impl Client {
    async fn open(server: &Server, era: Era) -> Self {
        let stream = TcpStream::connect(&server.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut head = "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                        accept: application/json, text/event-stream\r\n"
            .to_owned();
        if let Some(token) = &server.token {
            head += &format!("authorization: Bearer {token}\r\n");
        }
        let mut client = Self { stream, head, era, answer: Vec::new() };
        if era == Era::Session {
            client.shake_hands().await;
        }
        client
    }

    async fn shake_hands(&mut self) {
        let hello = json!({
            "jsonrpc": "2.0", "id": 0, "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25", "capabilities": {},
                "clientInfo": { "name": "bench", "version": "1.0" },
            },
        });
        self.exchange(&whole(&self.head, &hello.to_string())).await;
        let session =
            self.text().split("mcp-session-id: ").nth(1).unwrap().split("\r\n").next().unwrap().to_owned();
        self.head += &format!("mcp-session-id: {session}\r\nmcp-protocol-version: 2025-11-25\r\n");
        let said = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        self.exchange(&whole(&self.head, &said.to_string())).await;
    }

    /// Call a tool that must do it; what it gives.
    async fn tool(&mut self, name: &str, arguments: &Value) -> Value {
        let request = self.request("tools/call", name, arguments);
        self.exchange(&request).await;
        let text = self.text();
        let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let answer: Value =
            data.filter_map(|data| serde_json::from_str(data.trim()).ok()).next_back().unwrap();
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        answer["result"]["structuredContent"].clone()
    }

    fn request(&self, method: &str, tool: &str, arguments: &Value) -> Vec<u8> {
        let mut message = json!({
            "jsonrpc": "2.0", "id": 1, "method": method, "params": { "name": tool, "arguments": arguments },
        });
        if self.era == Era::Session {
            return whole(&self.head, &message.to_string());
        }
        message["params"]["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let head = format!(
            "{}mcp-protocol-version: 2026-07-28\r\nmcp-method: {method}\r\nmcp-name: {tool}\r\n",
            self.head
        );
        whole(&head, &message.to_string())
    }

    /// Send a request, and read its answer to the end.
    async fn exchange(&mut self, request: &[u8]) {
        self.stream.write_all(request).await.unwrap();
        self.answer.clear();
        while !is_whole(&self.answer) {
            assert!(self.stream.read_buf(&mut self.answer).await.unwrap() > 0, "the server hung up");
        }
    }

    fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.answer)
    }

    fn succeeded(&self) -> bool {
        let good = b"\"isError\":false";
        self.answer.windows(good.len()).any(|window| window == good)
    }
}

fn whole(head: &str, body: &str) -> Vec<u8> {
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Whether an answer has come to its end: of its chunks, or of its length.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return answer.ends_with(b"\r\n0\r\n\r\n");
    }
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    answer.len() - end - 4 >= length.map_or(0, |length| length.parse().unwrap())
}
