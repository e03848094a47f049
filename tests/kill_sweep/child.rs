//! The process that is killed: a database, a client of the simulator over
//! HTTP, an engine, and the people who decide.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::app::{App, StartRequest};
use deployment_orchestrator::clock::{Clock, Random, SystemClock, SystemRandom};
use deployment_orchestrator::config;
use deployment_orchestrator::domain::decision::{Decision, Verdict};
use deployment_orchestrator::domain::deployment::Deployment;
use deployment_orchestrator::domain::health::HealthCheck;
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::plan::Timing;
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::run::RunStatus;
use deployment_orchestrator::domain::state::State;
use deployment_orchestrator::domain::template::Template;
use deployment_orchestrator::engine::{Engine, Parts};
use deployment_orchestrator::harness::{Client, Settings};
use deployment_orchestrator::jira::NoJira;
use deployment_orchestrator::ports::PROBE_TIMEOUT;
use deployment_orchestrator::probe::HttpProbe;
use deployment_orchestrator::store::Store;
use deployment_orchestrator::tally::Tally;
use deployment_orchestrator::wake::Wake;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::commits::{self, Death};
use super::people::{agent, gate, key_of};

/// Where the child finds its orders. Without them it is no child.
pub(crate) const ORDERS: &str = "KILL_SWEEP_ORDERS";

/// What the child says at its end, before the number of its commits.
pub(crate) const SAYS: &str = "commits:";

/// How long a lost trigger may take to show up; longer than [`HIDDEN_MS`].
const SETTLING: Duration = Duration::from_millis(1_200);

/// How long no read knows a run whose reply is lost, so that the first look is
/// in vain. Longer than another process takes to come and look.
pub(crate) const HIDDEN_MS: u64 = 600;

/// What the child is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Orders {
    pub(crate) database: PathBuf,
    pub(crate) harness: String,
    pub(crate) death: Option<Death>,
}

/// The orders of this process, if it is a child.
#[expect(clippy::disallowed_methods, reason = "a test gives orders to its own child, not settings")]
pub(crate) fn orders() -> Option<Orders> {
    let orders = std::env::var(ORDERS).ok()?;
    Some(serde_json::from_str(&orders).unwrap())
}

/// Bring the one deployment to its end, from wherever it is.
pub(crate) async fn live(orders: Orders) {
    commits::watch(orders.death);
    let app = app(&orders);
    let shutdown = CancellationToken::new();
    let holder = format!("{:032x}", SystemRandom.bits());
    let engine = tokio::spawn(Engine::new(parts(&app), holder).run(shutdown.clone()));

    let started = app.start(request(), agent()).await.unwrap();
    let id: DeploymentId = started.deployment.deployment_id.parse().unwrap();
    let mut bell = app.wake.listen();
    loop {
        let deployment = app.store.load(&id).unwrap();
        if deployment.progress.state.is_terminal() {
            break;
        }
        decide(&app, &deployment).await;
        let _ = tokio::time::timeout(Duration::from_millis(10), bell.heard()).await;
    }
    shutdown.cancel();
    engine.await.unwrap();
    println!("{SAYS}{}", commits::count());
}

/// What people do: approve what is asked, and look in Harness for a trigger
/// whose outcome is unknown.
async fn decide(app: &App, deployment: &Deployment) {
    let id = deployment.id.as_str();
    match &deployment.progress.state {
        State::AwaitingApproval { request: Some(request), .. } if request.decisions.is_empty() => {
            let grace = "grace".parse().unwrap();
            let statement = app.statement(id, &grace, Verdict::Approve, None).await.unwrap();
            let token = Decision::sign(statement, &key_of("grace")).to_token();
            app.decide(id, &token, Verdict::Approve, &Actor::at_command_line(grace)).await.unwrap();
        }
        State::Active { work, .. } => {
            if let RunStatus::OutcomeUnknown { key, since } = &work.run.status
                && deployment.spec.workflow.is_cautious(&work.stage)
                && SystemClock.now().since(*since) > SETTLING
            {
                let pipeline = &deployment.spec.workflow.pipeline_run(&work.stage).unwrap().pipeline;
                if app.executions.find(pipeline, key, *since).await.unwrap().is_none() {
                    app.resolve_as_not_run(id, agent()).await.unwrap();
                }
            }
        }
        _ => {}
    }
}

fn app(orders: &Orders) -> App {
    let client =
        Arc::new(Client::new(settings(&orders.harness), Arc::new(SystemRandom), &Tally::default()).unwrap());
    let mut policy = config::load(None, "ada").unwrap().policy;
    policy.gates.insert("prod".parse().unwrap(), gate());
    policy.workflow.environments[0].health = Some(health(&orders.harness));
    policy.timing = Timing {
        settling: SETTLING,
        fastest_poll: Duration::from_millis(5),
        slowest_poll: Duration::from_millis(50),
        lease: Duration::from_millis(200),
        ..policy.timing
    };
    App {
        store: Arc::new(Store::open(&orders.database).unwrap()),
        policy: Arc::new(policy),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        wake: Wake::default(),
        executions: Arc::<Client>::clone(&client),
        probe: Arc::new(HttpProbe::new(PROBE_TIMEOUT, &Tally::default()).unwrap()),
        tracker: Arc::new(NoJira),
        pipelines: client,
        server_key: None,
    }
}

/// Dev stands where Harness does, and answers what nobody asks for there.
fn health(harness: &str) -> HealthCheck {
    HealthCheck {
        url: Template::plain(format!("{harness}/no/such/path")),
        status: 404,
        successes: 2,
        interval_ms: 5,
        timeout_ms: 60_000,
    }
}

fn parts(app: &App) -> Parts {
    Parts {
        store: Arc::clone(&app.store),
        executions: Arc::clone(&app.executions),
        pipelines: Arc::clone(&app.pipelines),
        probe: Arc::clone(&app.probe),
        tracker: Arc::clone(&app.tracker),
        messengers: Arc::default(),
        policy: Arc::clone(&app.policy),
        clock: Arc::clone(&app.clock),
        random: Arc::clone(&app.random),
        wake: app.wake.clone(),
        tally: Tally::default(),
    }
}

fn settings(harness: &str) -> Settings {
    Settings {
        base_url: harness.to_owned(),
        account: "acme".to_owned(),
        org: "default".to_owned(),
        project: "shop".to_owned(),
        api_key: "pat.acme.token1.s3cr3t-s3cr3t".to_owned().into(),
        correlation_variable: "orchestrator_key".parse().unwrap(),
        timeout: Duration::from_secs(5),
        requests_per_second: 1_000,
    }
}

/// The same request from every child: it is one deployment.
fn request() -> StartRequest {
    StartRequest {
        repository: "acme/checkout".to_owned(),
        branch: "main".to_owned(),
        commit_sha: "5c1b2f09e1d34c7aa0b7e2f1c9d8e7f6a5b4c3d2".to_owned(),
        idempotency_key: Some("sweep".to_owned()),
        ..StartRequest::default()
    }
}
