//! An installation in the test's own process: config, database, engine, and a Harness.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deployment_orchestrator::app::App;
use deployment_orchestrator::clock::{Clock, Random, SystemClock, SystemRandom};
use deployment_orchestrator::config;
use deployment_orchestrator::domain::decision::{Decision, Statement, Verdict};
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::signature::PrivateKey;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::engine::{Engine, Parts};
use deployment_orchestrator::harness::simulator::{Script, Simulator};
use deployment_orchestrator::harness::{Client, Settings};
use deployment_orchestrator::jira::NoJira;
use deployment_orchestrator::ports::PROBE_TIMEOUT;
use deployment_orchestrator::probe::HttpProbe;
use deployment_orchestrator::store::Store;
use deployment_orchestrator::tally::Tally;
use deployment_orchestrator::wake::Wake;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Who runs the server, and for whom its agent acts.
pub(crate) const USER: &str = "alice";

/// The only approver of prod, unless a test says otherwise.
pub(crate) const APPROVER: &str = "bob";

pub(crate) const COMMIT: &str = "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0";

/// Longer than anything takes: what hangs has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// An installation.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) simulator: Simulator,
    clock: Arc<MovedClock>,
    random: Arc<Overheard>,
    engine: Option<(CancellationToken, JoinHandle<()>)>,
    folder: tempfile::TempDir,
}

/// The system's clock, which a test can put forward.
#[derive(Default)]
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + self.0.load(Ordering::Relaxed))
    }
}

/// The system's randomness, and what was drawn last: an attacker who guessed it.
#[derive(Default)]
struct Overheard(Mutex<Vec<u128>>);

impl Random for Overheard {
    fn bits(&self) -> u128 {
        let bits = SystemRandom.bits();
        self.0.lock().unwrap().push(bits);
        bits
    }
}

pub(crate) fn key_of(person: &str) -> PrivateKey {
    let mut seed = [7; 32];
    for (to, from) in seed.iter_mut().zip(person.bytes()) {
        *to = from;
    }
    PrivateKey::from_seed(&seed)
}

/// The server's own key, wherever decisions are vouched for.
pub(crate) fn server_key() -> PrivateKey {
    key_of("the server")
}

/// The config's table of a person, with their key and these further lines.
pub(crate) fn person(name: &str, more: &str) -> String {
    format!("[people.{name}]\npublic_key = \"{}\"\n{more}\n", key_of(name).public())
}

/// A config: dev, and prod with these rules of approval.
pub(crate) fn config(approval: &str, sections: &[String]) -> String {
    format!(
        "[timing]\nfastest_poll = \"20ms\"\nslowest_poll = \"20ms\"\n{}\n\
         [[environments]]\nname = \"dev\"\n\
         [[environments]]\nname = \"prod\"\napproval = {{ {approval} }}\n",
        sections.join("\n")
    )
}

impl World {
    /// One in which bob approves prod.
    pub(crate) async fn new(script: Script) -> Self {
        let agent = "[agent]\ntriggerable_pipelines = [\"purge_cache\", \"deploy_prod\"]".to_owned();
        let text = config(&format!("approvers = [\"{APPROVER}\"]"), &[person(APPROVER, ""), agent]);
        Self::under(script, &text).await
    }

    /// One under these rules.
    pub(crate) async fn under(script: Script, config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let simulator = Simulator::start("127.0.0.1:0".parse().unwrap(), script).await.unwrap();
        let (clock, random) = (Arc::default(), Arc::default());
        let app = app(&folder, config, &simulator, &clock, &random);
        let mut world = Self { app, simulator, clock, random, engine: None, folder };
        world.drive();
        world
    }

    /// The server is started again, with another config.
    pub(crate) async fn restart(&mut self, config: &str) {
        self.halt().await;
        self.app = app(&self.folder, config, &self.simulator, &self.clock, &self.random);
        self.drive();
    }

    /// The engine begins.
    pub(crate) fn drive(&mut self) {
        let parts = Parts {
            store: self.app.store.clone(),
            executions: self.app.executions.clone(),
            pipelines: self.app.pipelines.clone(),
            probe: self.app.probe.clone(),
            tracker: self.app.tracker.clone(),
            messengers: Arc::default(),
            policy: self.app.policy.clone(),
            clock: self.app.clock.clone(),
            random: Arc::new(SystemRandom),
            wake: self.app.wake.clone(),
            tally: Tally::default(),
        };
        let stop = CancellationToken::new();
        let engine = tokio::spawn(Engine::new(parts, "the only one".to_owned()).run(stop.clone()));
        self.engine = Some((stop, engine));
    }

    /// The engine stops, and everything stays as it is.
    pub(crate) async fn halt(&mut self) {
        if let Some((stop, engine)) = self.engine.take() {
            stop.cancel();
            engine.await.unwrap();
        }
    }

    /// So much time passes, for everybody here.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.0.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
        self.app.wake.ring();
    }

    /// Wait until people are asked for the `number`-th time.
    pub(crate) async fn asks(&self, deployment: &str, number: u32) {
        let mut bell = self.app.wake.listen();
        let asked = async {
            while self.app.status(deployment).await.unwrap().approval.is_none_or(|it| it.request != number) {
                bell.heard().await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.expect("people are asked");
    }

    /// Another process on the same database: nobody here hears its bell.
    pub(crate) fn elsewhere(&self) -> App {
        let store = Arc::new(Store::open(&database(&self.folder)).unwrap());
        App { store, wake: Wake::default(), ..self.app.clone() }
    }

    /// The random numbers that were drawn last.
    pub(crate) fn drawn(&self) -> Vec<u128> {
        self.random.0.lock().unwrap().clone()
    }

    /// The database, for somebody with SQL.
    pub(crate) fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(database(&self.folder)).unwrap()
    }

    /// A person at the command line of this server.
    pub(crate) fn at_command_line(&self) -> Actor {
        Actor::at_command_line(self.app.policy.user.clone())
    }

    /// What `person` signs about what `deployment` asks.
    pub(crate) async fn signed(&self, deployment: &str, person: &str, verdict: Verdict) -> String {
        let statement = self.statement(deployment, person, verdict).await;
        Decision::sign(statement, &key_of(person)).to_token()
    }

    /// What `person` would sign.
    pub(crate) async fn statement(&self, deployment: &str, person: &str, verdict: Verdict) -> Statement {
        self.app.statement(deployment, &person.parse().unwrap(), verdict, Some("seen")).await.unwrap()
    }

    /// How often Harness ran the pipeline of prod.
    pub(crate) fn runs_of_prod(&self) -> usize {
        self.simulator.runs().iter().filter(|run| run.pipeline.as_str() == "deploy_prod").count()
    }
}

/// How a Harness at this address is reached.
pub(crate) fn settings(base_url: String) -> Settings {
    Settings {
        base_url,
        account: "acme".to_owned(),
        org: "default".to_owned(),
        project: "shop".to_owned(),
        api_key: "pat.acme.token.secret".to_owned().into(),
        correlation_variable: "deployment_id".parse().unwrap(),
        timeout: Duration::from_secs(10),
        requests_per_second: 1000,
    }
}

fn database(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("deployments.db")
}

fn app(
    folder: &tempfile::TempDir,
    config: &str,
    simulator: &Simulator,
    clock: &Arc<MovedClock>,
    random: &Arc<Overheard>,
) -> App {
    let path = folder.path().join("config.toml");
    std::fs::write(&path, config).unwrap();
    let mut policy = config::load(Some(&path), USER).unwrap().policy;
    let server_key = policy.needs_voucher().then(server_key);
    if let Some(key) = &server_key {
        policy.let_vouch(&key.public());
    }
    let harness =
        Arc::new(Client::new(settings(simulator.url()), Arc::new(SystemRandom), &Tally::default()).unwrap());
    App {
        store: Arc::new(Store::open(&database(folder)).unwrap()),
        policy: Arc::new(policy),
        clock: clock.clone(),
        random: random.clone(),
        wake: Wake::default(),
        executions: harness.clone(),
        probe: Arc::new(HttpProbe::new(PROBE_TIMEOUT, &Tally::default()).unwrap()),
        tracker: Arc::new(NoJira),
        pipelines: harness,
        server_key: server_key.map(Arc::new),
    }
}
