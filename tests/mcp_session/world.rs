//! An installation in the test's own process: config, database, engine, and a Harness.

use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::app::App;
use deployment_orchestrator::clock::{SystemClock, SystemRandom};
use deployment_orchestrator::config;
use deployment_orchestrator::domain::decision::{Decision, Statement, Verdict};
use deployment_orchestrator::domain::signature::PrivateKey;
use deployment_orchestrator::engine::{Engine, Parts};
use deployment_orchestrator::harness::simulator::{Script, Simulator};
use deployment_orchestrator::harness::{Client, Settings};
use deployment_orchestrator::journal::Journal;
use deployment_orchestrator::store::Store;
use deployment_orchestrator::wake::Wake;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Who runs the server, and for whom its agent acts.
pub(crate) const USER: &str = "alice";

/// The only approver of prod.
pub(crate) const APPROVER: &str = "bob";

pub(crate) const COMMIT: &str = "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0";

/// An installation.
pub(crate) struct World {
    pub(crate) app: App,
    _stop: DropGuard,
    _simulator: Simulator,
    _folder: tempfile::TempDir,
}

pub(crate) fn key_of(person: &str) -> PrivateKey {
    let mut seed = [7; 32];
    for (to, from) in seed.iter_mut().zip(person.bytes()) {
        *to = from;
    }
    PrivateKey::from_seed(&seed)
}

impl World {
    pub(crate) async fn new(script: Script) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let text = format!(
            "[people.{APPROVER}]\npublic_key = \"{}\"\n\
             [timing]\nfastest_poll = \"20ms\"\nslowest_poll = \"20ms\"\n\
             [agent]\ntriggerable_pipelines = [\"purge_cache\", \"deploy_prod\"]\n\
             [[environments]]\nname = \"dev\"\n\
             [[environments]]\nname = \"prod\"\napproval = {{ approvers = [\"{APPROVER}\"] }}\n",
            key_of(APPROVER).public()
        );
        std::fs::write(&path, text).unwrap();
        let policy = config::load(Some(&path), USER).unwrap().policy;
        let simulator = Simulator::start("127.0.0.1:0".parse().unwrap(), script).await.unwrap();
        let settings = Settings {
            base_url: simulator.url(),
            account: "acme".to_owned(),
            org: "default".to_owned(),
            project: "shop".to_owned(),
            api_key: "pat.acme.token.secret".to_owned().into(),
            correlation_variable: "deployment_id".parse().unwrap(),
            timeout: Duration::from_secs(10),
            requests_per_second: 1000,
        };
        let harness = Arc::new(Client::new(settings, Arc::new(SystemRandom)).unwrap());
        let app = App {
            store: Arc::new(Store::open(&folder.path().join("deployments.db")).unwrap()),
            policy: Arc::new(policy),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            wake: Wake::default(),
            executions: harness.clone(),
            pipelines: harness.clone(),
            server_key: None,
        };
        let parts = Parts {
            store: app.store.clone(),
            executions: harness.clone(),
            pipelines: harness,
            notifier: Arc::new(Journal),
            policy: app.policy.clone(),
            clock: app.clock.clone(),
            random: app.random.clone(),
            wake: app.wake.clone(),
        };
        let stop = CancellationToken::new();
        tokio::spawn(Engine::new(parts, "the only one".to_owned()).run(stop.clone()));
        Self { app, _stop: stop.drop_guard(), _simulator: simulator, _folder: folder }
    }

    /// What `person` signs about what `deployment` asks.
    pub(crate) async fn signed(&self, deployment: &str, person: &str, verdict: Verdict) -> String {
        let name = person.parse().unwrap();
        let statement = self.app.statement(deployment, &name, verdict, Some("seen")).await.unwrap();
        Decision::sign(statement, &key_of(person)).to_token()
    }

    pub(crate) async fn statement(&self, deployment: &str) -> Statement {
        let name = APPROVER.parse().unwrap();
        self.app.statement(deployment, &name, Verdict::Approve, None).await.unwrap()
    }
}
