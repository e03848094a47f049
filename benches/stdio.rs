//! What `get_status` costs beside the least that a tool on the same framework
//! can do: both over pipes, both the same build, one after the other in one run.
//!
//! `cargo bench --bench stdio` prints latencies one call at a time and with 64
//! outstanding, and the ratio that counts.
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

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use deployment_orchestrator::harness::simulator::{Pipeline, Script, Simulator};
use rounds::{Measured, Rounds, TRIPLES};
use serde_json::{Value, json};

const ONE_BY_ONE: usize = 2_000;
const TOGETHER: usize = 10_000;
const OUTSTANDING: usize = 64;

/// At most so much slower than a tool that does nothing.
const GOAL: f64 = 1.5;

fn main() {
    // The peer is this very program, so that nothing but the tool differs.
    if std::env::args().any(|argument| argument == "--trivial") {
        trivial_mcp::main().unwrap();
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let script = Script::instant().with("deploy_dev", Pipeline::lasting(3_600_000));
    let simulator = runtime.block_on(Simulator::start("127.0.0.1:0".parse().unwrap(), script)).unwrap();
    let folder = tempfile::tempdir().unwrap();

    let mut trivial_command = Command::new(std::env::current_exe().unwrap());
    trivial_command.arg("--trivial");
    let mut trivial = Session::open(trivial_command, "trivial");
    let mut ours = Session::open(server(folder.path(), &simulator.url()), "get_status");
    let started = ours.tool(
        "start_deployment",
        json!({
            "repository": "acme/checkout", "branch": "main", "commit_sha": "9f3c2d1", "target_environment": "dev",
        }),
    );
    let id = started["deployment"]["deployment_id"].as_str().unwrap().to_owned();
    ours.tool("wait_for_deployment", json!({ "deployment_id": id, "until": "deploying-dev" }));
    let answer = ours.tool("get_status", json!({ "deployment_id": id }));
    println!("get_status answers {} bytes of JSON, in {}", answer.to_string().len(), answer["state"]);

    compare("one at a time", &mut trivial, &mut ours, &id, |session, id| session.one_by_one(id));
    compare("64 outstanding", &mut trivial, &mut ours, &id, |session, id| session.together(id));
}

fn server(folder: &Path, harness: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deployment-orchestrator"));
    command
        .arg("serve")
        .args(["--db".as_ref(), folder.join("bench.db").as_os_str()])
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        .env("HARNESS_BASE_URL", harness)
        .env("HARNESS_API_KEY", "sat.bench.trial.key")
        .env("HARNESS_ORG_ID", "default")
        .env("HARNESS_PROJECT_ID", "trial");
    command
}

fn compare(
    what: &str,
    trivial: &mut Session,
    ours: &mut Session,
    id: &str,
    measure: impl Fn(&mut Session, &str) -> Measured,
) {
    let mut rounds = Rounds::default();
    for _ in 0..=TRIPLES {
        rounds.before.push(measure(trivial, id));
        rounds.ours.push(measure(ours, id));
        rounds.after.push(measure(trivial, id));
    }
    rounds.print(what, trivial.tool, ours.tool, GOAL, Measured::time_each);
}

/// A session of JSON lines with a server, which is killed when this is dropped.
struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    tool: &'static str,
    last_id: u64,
    line: String,
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Session {
    fn open(mut command: Command, tool: &'static str) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output, tool, last_id: 0, line: String::new() }
    }

    fn tool(&mut self, name: &str, arguments: Value) -> Value {
        self.send(name, arguments);
        self.receive();
        let answer: Value = serde_json::from_str(&self.line).unwrap();
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        answer["result"]["structuredContent"].clone()
    }

    fn one_by_one(&mut self, id: &str) -> Measured {
        let begun = Instant::now();
        let mut times = Vec::with_capacity(ONE_BY_ONE);
        for _ in 0..ONE_BY_ONE {
            let asked = Instant::now();
            self.send(self.tool, json!({ "deployment_id": id }));
            self.receive();
            times.push(asked.elapsed());
        }
        Measured::of(times, begun)
    }

    fn together(&mut self, id: &str) -> Measured {
        let begun = Instant::now();
        let mut times = Vec::with_capacity(TOGETHER);
        let mut asked = HashMap::new();
        let mut sent = 0;
        while times.len() < TOGETHER {
            while asked.len() < OUTSTANDING && sent < TOGETHER {
                self.send(self.tool, json!({ "deployment_id": id }));
                asked.insert(self.last_id, Instant::now());
                sent += 1;
            }
            let answered = self.receive();
            times.push(asked.remove(&answered).unwrap().elapsed());
        }
        Measured::of(times, begun)
    }

    fn send(&mut self, tool: &str, arguments: Value) {
        self.last_id += 1;
        let message = json!({
            "jsonrpc": "2.0", "id": self.last_id, "method": "tools/call",
            "params": {
                "name": tool, "arguments": arguments,
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        self.input.write_all(format!("{message}\n").as_bytes()).unwrap();
    }

    /// Read one answer; its id. The client's own parsing would be measured, too.
    fn receive(&mut self) -> u64 {
        self.line.clear();
        assert!(self.output.read_line(&mut self.line).unwrap() > 0, "the server hung up");
        let after = self.line.split("\"id\":").nth(1).expect("an answer has an id");
        after.split(|it: char| !it.is_ascii_digit()).next().unwrap().parse().unwrap()
    }
}
