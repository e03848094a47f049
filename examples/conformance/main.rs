//! The transport of the product under the official conformance suite of MCP: our
//! own HTTP stack, with every check around `/mcp`, in front of the tools,
//! prompts and resources that the suite asks for instead of deployments.
//!
//! Prints the address and serves until it is killed. `tests/run` has the suite call it.
#![expect(deprecated, reason = "older revisions have sampling, roots and logging, and the suite tries them")]

mod background;
mod contents;
mod fixture;
mod prompts;
mod questions;
mod resources;
mod rounds;
mod stateless;
mod streams;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use deployment_orchestrator::app::App;
use deployment_orchestrator::clock::{SystemClock, SystemRandom};
use deployment_orchestrator::config;
use deployment_orchestrator::harness::Absent;
use deployment_orchestrator::jira::NoJira;
use deployment_orchestrator::ports::PROBE_TIMEOUT;
use deployment_orchestrator::probe::HttpProbe;
use deployment_orchestrator::pulse::Pulse;
use deployment_orchestrator::store::Store;
use deployment_orchestrator::tally::Tally;
use deployment_orchestrator::tools::{EventStream, Streamable};
use deployment_orchestrator::wake::Wake;
use deployment_orchestrator::web::{self, Site, Strangers};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use fixture::Fixture;

/// The suite asks as fast as it can, and its pace is not what it tests.
const REQUESTS_PER_SECOND: u32 = 10_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let harness = Arc::new(Absent { reason: "nothing is deployed here".to_owned() });
    let app = App {
        store: Arc::new(Store::open(&folder.path().join("conformance.db"))?),
        policy: Arc::new(config::load(None, "conformance")?.policy),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        wake: Wake::default(),
        executions: harness.clone(),
        probe: Arc::new(HttpProbe::new(PROBE_TIMEOUT, &Tally::default())?),
        tracker: Arc::new(NoJira),
        pipelines: harness,
        server_key: None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let streams = CancellationToken::new();
    let site = Site {
        app: app.clone(),
        pulse: Pulse::default(),
        tally: Tally::default(),
        mcp: Streamable::new(Fixture::default(), streams.clone()),
        event_stream: EventStream::new(Fixture::default(), app, streams.clone()),
        public: None,
        origins: BTreeSet::new(),
        strangers: Strangers::ActForTheUser,
        oauth: None,
        openid: None,
        harness_secret: None,
        slack: None,
        incidents: None,
        pace: REQUESTS_PER_SECOND,
        streams,
    };
    writeln!(std::io::stdout(), "http://{address}/mcp")?;
    web::serve(listener, address, site, CancellationToken::new()).await;
    Ok(())
}
