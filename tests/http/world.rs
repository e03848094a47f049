//! An installation that is served over HTTP, in the test's own process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use deployment_orchestrator::app::{App, TokenRequest};
use deployment_orchestrator::clock::{Clock, SystemClock, SystemRandom};
use deployment_orchestrator::config;
use deployment_orchestrator::domain::page::Pages;
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::role::Role;
use deployment_orchestrator::domain::signature::PrivateKey;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::domain::token::Holder;
use deployment_orchestrator::engine::{Engine, Parts};
use deployment_orchestrator::harness::simulator::{Script, Simulator};
use deployment_orchestrator::harness::{Client, Settings};
use deployment_orchestrator::jira::NoJira;
use deployment_orchestrator::oauth::AuthorizationServer;
use deployment_orchestrator::oauth::openid::{OpenidProvider, Settings as OpenidSettings};
use deployment_orchestrator::ports::PROBE_TIMEOUT;
use deployment_orchestrator::probe::HttpProbe;
use deployment_orchestrator::slack::Answers;
use deployment_orchestrator::store::Store;
use deployment_orchestrator::tally::Tally;
use deployment_orchestrator::tools::{EventStream, Server, Streamable};
use deployment_orchestrator::wake::Wake;
use deployment_orchestrator::web::{self, Site, SlackButtons, Strangers};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Who runs the server.
pub(crate) const USER: &str = "alice";

/// The only approver of prod.
pub(crate) const APPROVER: &str = "bob";

/// A page of another server that the config names.
pub(crate) const FRIEND: &str = "https://dashboard.acme.example";

/// What Harness shows with its hints.
pub(crate) const SECRET: &str = "h4rn3ss-sh4r3s-th1s";

/// What signs reports of incidents.
pub(crate) const INCIDENTS_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Our secret at the OpenID provider.
pub(crate) const CLIENT_SECRET: &str = "s3cret with/odd:signs";

/// What Slack signs with.
pub(crate) const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// Who approves, unless a test says otherwise.
const PROD: &str = "approvers = [\"bob\"], accept = [\"signed\", \"token\", \"web\"]";

/// Longer than any answer takes: what hangs has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The installation. Everything ends when it is dropped.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    /// Stops the server.
    pub(crate) shutdown: CancellationToken,
    /// Stops the engine alone, and its end.
    pub(crate) engine: CancellationToken,
    pub(crate) driven: Option<JoinHandle<()>>,
    pub(crate) served: Option<JoinHandle<()>>,
    pub(crate) harness: Simulator,
    pub(crate) clock: Arc<Ahead>,
    pub(crate) tally: Tally,
    folder: tempfile::TempDir,
}

/// The time of the machine, and as much more as a test has let pass.
#[derive(Default)]
pub(crate) struct Ahead(AtomicI64);

impl Ahead {
    pub(crate) fn let_pass(&self, span: Duration) {
        self.0.fetch_add(span.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + self.0.load(Ordering::SeqCst))
    }
}

pub(crate) fn key_of(person: &str) -> PrivateKey {
    let mut seed = [7; 32];
    for (to, from) in seed.iter_mut().zip(person.bytes()) {
        *to = from;
    }
    PrivateKey::from_seed(&seed)
}

/// A person.
pub(crate) fn human(name: &str) -> Holder {
    Holder::Human { name: name.parse().unwrap() }
}

/// Agents of a person.
pub(crate) fn agent(name: &str) -> Holder {
    Holder::Agent { on_behalf_of: name.parse().unwrap() }
}

impl World {
    /// One that lets every program of this machine in.
    pub(crate) async fn new(script: Script) -> Self {
        Self::looking_every(script, "20ms").await
    }

    /// One that looks at executions so often, unless it is told to.
    pub(crate) async fn looking_every(script: Script, poll: &str) -> Self {
        Self::with(script, Strangers::ActForTheUser, poll, PROD, "", "", None).await
    }

    /// One that asks for tokens.
    pub(crate) async fn closed(more_config: &str) -> Self {
        Self::known_as("", more_config).await
    }

    /// One that asks for tokens, over such pipelines.
    pub(crate) async fn scripted(script: Script, more_config: &str) -> Self {
        Self::with(script, Strangers::Refused, "20ms", PROD, "", more_config, None).await
    }

    /// One that asks for tokens; of the approver this is known, too.
    pub(crate) async fn known_as(approver: &str, more_config: &str) -> Self {
        Self::with(Script::instant(), Strangers::Refused, "20ms", PROD, approver, more_config, None).await
    }

    /// One that takes answers from the Slack at `api`; `prod` says who approves.
    pub(crate) async fn in_slack(api: &str, prod: &str, more_config: &str) -> Self {
        let buttons = SlackButtons {
            signing_secret: SIGNING_SECRET.to_owned().into(),
            answers: Answers::new(api, &Tally::default()).unwrap(),
        };
        let script = Script::instant();
        Self::with(script, Strangers::ActForTheUser, "20ms", prod, "", more_config, Some(buttons)).await
    }

    async fn with(
        script: Script,
        strangers: Strangers,
        poll: &str,
        prod: &str,
        approver: &str,
        more_config: &str,
        slack: Option<SlackButtons>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let text = format!(
            "[http]\npublic_url = \"https://deploy.acme.example\"\norigins = [\"{FRIEND}\"]\n\
             requests_per_second = 25\n\
             [people.{APPROVER}]\npublic_key = \"{}\"\nslack_user = \"U0BOB\"\n{approver}\n\
             [timing]\nfastest_poll = \"{poll}\"\nslowest_poll = \"{poll}\"\n\
             [[environments]]\nname = \"dev\"\n\
             [[environments]]\nname = \"prod\"\napproval = {{ {prod} }}\n\
             {more_config}",
            key_of(APPROVER).public()
        );
        std::fs::write(&path, text).unwrap();
        let mut config = config::load(Some(&path), USER).unwrap();
        config.policy.let_vouch(&key_of("server").public());
        config.policy.pages = Pages::Public("https://deploy.acme.example".parse().unwrap());
        let harness = Simulator::start("127.0.0.1:0".parse().unwrap(), script).await.unwrap();
        let settings = Settings {
            base_url: harness.url(),
            account: "acme".to_owned(),
            org: "default".to_owned(),
            project: "shop".to_owned(),
            api_key: "pat.acme.token.secret".to_owned().into(),
            correlation_variable: "correlation_key".parse().unwrap(),
            timeout: Duration::from_secs(10),
            requests_per_second: 1000,
        };
        let tally = Tally::default();
        let client = Arc::new(Client::new(settings, Arc::new(SystemRandom), &tally).unwrap());
        let clock = Arc::<Ahead>::default();
        let app = App {
            store: Arc::new(Store::open(&folder.path().join("deployments.db")).unwrap()),
            policy: Arc::new(config.policy),
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
            wake: Wake::default(),
            executions: client.clone(),
            probe: Arc::new(HttpProbe::new(PROBE_TIMEOUT, &tally).unwrap()),
            tracker: Arc::new(NoJira),
            pipelines: client.clone(),
            server_key: Some(Arc::new(key_of("server"))),
        };
        let parts = Parts {
            store: app.store.clone(),
            executions: client.clone(),
            pipelines: client,
            probe: app.probe.clone(),
            tracker: app.tracker.clone(),
            messengers: Arc::default(),
            policy: app.policy.clone(),
            clock: app.clock.clone(),
            random: app.random.clone(),
            wake: app.wake.clone(),
            tally: tally.clone(),
        };
        let driver = Engine::new(parts, "the only one".to_owned());
        let pulse = driver.pulse();
        let engine = CancellationToken::new();
        let driven = Some(tokio::spawn(driver.run(engine.clone())));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, streams) = (CancellationToken::new(), CancellationToken::new());
        let oauth = config.http.oauth.as_ref().map(|section| {
            let resource = web::resource(config.http.public_url.as_ref(), address);
            AuthorizationServer::new(section.expected(resource), section.jwks_url.clone(), &tally).unwrap()
        });
        let openid = config.http.sign_in.as_ref().map(|section| {
            let settings = OpenidSettings {
                expected: section.expected.clone(),
                secret: Some(CLIENT_SECRET.to_owned().into()),
                scopes: section.scopes.clone(),
                redirect_uri: config.http.redirect_uri().unwrap(),
            };
            OpenidProvider::new(settings, &tally).unwrap()
        });
        let server = Server::new(app.clone(), shutdown.clone());
        let site = Site {
            app: app.clone(),
            pulse,
            tally: tally.clone(),
            mcp: Streamable::new(server.clone(), streams.clone()),
            event_stream: EventStream::new(server, app.clone(), streams.clone()),
            public: config.http.public_url,
            origins: config.http.origins,
            strangers,
            oauth,
            openid,
            harness_secret: Some(SECRET.to_owned().into()),
            slack,
            incidents: Some(INCIDENTS_SECRET.parse().unwrap()),
            pace: config.http.requests_per_second.get(),
            streams,
        };
        let served = Some(tokio::spawn(web::serve(listener, address, site, shutdown.clone())));
        Self { app, address, shutdown, engine, driven, served, harness, clock, tally, folder }
    }

    /// A token, as the command line makes it; its id and the secret.
    pub(crate) async fn token(
        &self,
        holder: Holder,
        roles: &[Role],
        good_for: Option<Duration>,
    ) -> (String, String) {
        let roles = (!roles.is_empty()).then(|| roles.iter().copied().collect());
        let request = TokenRequest { holder, roles, good_for };
        let admin = Actor::at_command_line(USER.parse().unwrap());
        let (view, secret) = self.app.make_token(request, &admin).await.unwrap();
        (view.id, secret.to_secret_text().to_owned())
    }

    /// Every byte that is kept.
    pub(crate) fn kept(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        let kept = files.filter(|path| path.extension().is_none_or(|it| it != "toml"));
        kept.flat_map(|path| std::fs::read(path).unwrap()).collect()
    }

    /// The database, past all rules.
    pub(crate) fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("deployments.db")).unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
        self.engine.cancel();
    }
}
