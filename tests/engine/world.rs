//! One installation: a database, a Harness, people, and engines that drive.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use deployment_orchestrator::app::{App, StartRequest, TransitionRequest};
use deployment_orchestrator::clock::{Clock, Random};
use deployment_orchestrator::config::{self, Policy};
use deployment_orchestrator::domain::decision::{Decision, Verdict};
use deployment_orchestrator::domain::deployment::Deployment;
use deployment_orchestrator::domain::digest::Digest;
use deployment_orchestrator::domain::id::{ChannelName, DeploymentId};
use deployment_orchestrator::domain::message::{Message, Severity};
use deployment_orchestrator::domain::notice::{Notice, Topic};
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::record::EventRecord;
use deployment_orchestrator::domain::route::Route;
use deployment_orchestrator::domain::run::RunStatus;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::engine::{Engine, Parts};
use deployment_orchestrator::ports::{Extent, Messenger, TellError, Telling, Thread};
use deployment_orchestrator::store::{LARGEST_PAGE, Store};
use deployment_orchestrator::tally::Tally;
use deployment_orchestrator::wake::Wake;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fake_environment::FakeEnvironment;
use super::fake_harness::FakeHarness;
use super::fake_tracker::FakeTracker;
use super::history;
use super::people::{agent, gate, key_of};

/// How long a condition is waited for, by the clock of the test.
const PATIENCE: Duration = Duration::from_hours(1);

/// How often a condition is looked at, unless the bell rings.
const LOOK: Duration = Duration::from_millis(200);

/// The commit that is deployed unless a test names another.
pub(crate) const COMMIT: &str = "5c1b2f09e1d34c7aa0b7e2f1c9d8e7f6a5b4c3d2";

/// A wall clock that goes with tokio's, until a test moves it.
pub(crate) struct WallClock {
    origin: Instant,
    moved_ms: AtomicI64,
}

impl WallClock {
    /// Put the clock forward or, with a negative number, back.
    pub(crate) fn jump(&self, seconds: i64) {
        self.moved_ms.fetch_add(seconds * 1_000, Ordering::Relaxed);
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let began = Timestamp(1_700_000_000_000 + self.moved_ms.load(Ordering::Relaxed));
        began.plus(self.origin.elapsed())
    }
}

/// Numbers that are different, and the same in every run of a test.
#[derive(Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn bits(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Somebody who is told, and who can be out of reach.
#[derive(Default)]
pub(crate) struct Told {
    /// How many tries nobody hears from now on.
    pub(crate) out_of_reach: Mutex<u32>,
    /// How long it takes to reach them.
    pub(crate) takes: Mutex<Duration>,
    /// What they refuse for good, while they do.
    pub(crate) refuses: Mutex<Option<Topic>>,
    messages: Mutex<Vec<Message>>,
    pub(crate) digests: Mutex<Vec<Digest>>,
}

impl Told {
    /// Everything that was heard, in its order.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }

    /// What had happened.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        self.messages().into_iter().map(|message| message.notice).collect()
    }

    /// What it was about.
    pub(crate) fn topics(&self) -> Vec<Topic> {
        self.notices().iter().map(|notice| notice.topic).collect()
    }

    /// How often this was the topic.
    pub(crate) fn count(&self, topic: Topic) -> usize {
        self.topics().iter().filter(|it| **it == topic).count()
    }
}

#[async_trait]
impl Messenger for Told {
    async fn tell(&self, telling: &Telling<'_>) -> Result<Option<Thread>, TellError> {
        let takes = *self.takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        let unheard = {
            let mut tries = self.out_of_reach.lock().unwrap();
            let left = *tries;
            *tries = left.saturating_sub(1);
            left > 0
        };
        if unheard {
            let message = "nobody is there".to_owned();
            return Err(TellError::Later { message, after: None, of: Extent::Messenger });
        }
        if *self.refuses.lock().unwrap() == Some(telling.message.notice.topic) {
            return Err(TellError::Never { message: "no such address; name another".to_owned() });
        }
        self.messages.lock().unwrap().push(telling.message.clone());
        Ok(None)
    }

    async fn tell_together(&self, digest: &Digest) -> Result<(), TellError> {
        self.digests.lock().unwrap().push(digest.clone());
        Ok(())
    }
}

/// What the config calls [`Told`].
fn chat() -> ChannelName {
    "chat".parse().unwrap()
}

/// What the config calls the other one, who is told what people must act on.
pub(crate) fn pager() -> ChannelName {
    "pager".parse().unwrap()
}

/// Everything that one test has.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) harness: Arc<FakeHarness>,
    pub(crate) environment: Arc<FakeEnvironment>,
    pub(crate) tracker: Arc<FakeTracker>,
    pub(crate) told: Arc<Told>,
    pub(crate) paged: Arc<Told>,
    pub(crate) clock: Arc<WallClock>,
    pub(crate) path: PathBuf,
    _folder: tempfile::TempDir,
}

/// An engine at work.
pub(crate) struct Driving {
    shutdown: CancellationToken,
    run: JoinHandle<()>,
}

impl Driving {
    /// Stop it as a signal does, and wait until it has stopped.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.run.await.unwrap();
    }

    /// Stop it as a crash does.
    pub(crate) async fn crash(self) {
        self.run.abort();
        assert!(self.run.await.unwrap_err().is_cancelled());
    }
}

impl World {
    /// An installation in which nothing happens yet.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orchestrator.db");
        let harness = Arc::new(FakeHarness::default());
        let clock = Arc::new(WallClock { origin: Instant::now(), moved_ms: AtomicI64::new(0) });
        let mut policy = config::load(None, "ada").unwrap().policy;
        policy.gates.insert("prod".parse().unwrap(), gate());
        policy.routing.channels = [chat(), pager()].into();
        let environment = Arc::<FakeEnvironment>::default();
        let tracker = Arc::<FakeTracker>::default();
        let app = App {
            store: Arc::new(Store::open(&path).unwrap()),
            policy: Arc::new(policy),
            clock: Arc::<WallClock>::clone(&clock),
            random: Arc::new(Counting::default()),
            wake: Wake::default(),
            executions: Arc::<FakeHarness>::clone(&harness),
            probe: Arc::<FakeEnvironment>::clone(&environment),
            tracker: Arc::<FakeTracker>::clone(&tracker),
            pipelines: Arc::<FakeHarness>::clone(&harness),
            server_key: None,
        };
        Self {
            app,
            harness,
            environment,
            tracker,
            told: Arc::default(),
            paged: Arc::default(),
            clock,
            path,
            _folder: folder,
        }
    }

    /// An installation with other rules, and an engine at work.
    pub(crate) fn driven_under(change: impl FnOnce(&mut Policy)) -> (Self, Driving) {
        let mut world = Self::new();
        let mut policy = Policy::clone(&world.app.policy);
        change(&mut policy);
        world.app.policy = Arc::new(policy);
        let driving = world.drive("first");
        (world, driving)
    }

    /// An installation with an engine at work.
    pub(crate) fn driven() -> (Self, Driving) {
        let world = Self::new();
        let driving = world.drive("first");
        (world, driving)
    }

    /// What an engine acts with here.
    pub(crate) fn parts(&self) -> Parts {
        Parts {
            store: Arc::clone(&self.app.store),
            executions: Arc::clone(&self.app.executions),
            pipelines: Arc::clone(&self.app.pipelines),
            probe: Arc::clone(&self.app.probe),
            tracker: Arc::clone(&self.app.tracker),
            messengers: Arc::new(
                [
                    (chat(), Arc::<Told>::clone(&self.told) as Arc<dyn Messenger>),
                    (pager(), Arc::<Told>::clone(&self.paged) as Arc<dyn Messenger>),
                    ("jira".parse().unwrap(), Arc::<FakeTracker>::clone(&self.tracker) as Arc<dyn Messenger>),
                ]
                .into(),
            ),
            policy: Arc::clone(&self.app.policy),
            clock: Arc::clone(&self.app.clock),
            random: Arc::clone(&self.app.random),
            wake: self.app.wake.clone(),
            tally: Tally::default(),
        }
    }

    /// Another engine, at work from now on.
    pub(crate) fn drive(&self, name: &str) -> Driving {
        self.drive_under(name, Arc::clone(&self.app.policy))
    }

    /// Another engine, at work under other rules.
    pub(crate) fn drive_under(&self, name: &str, policy: Arc<Policy>) -> Driving {
        driving(name, Parts { policy, ..self.parts() })
    }

    /// Another engine, of a process that counts there.
    pub(crate) fn drive_counted(&self, name: &str, tally: &Tally) -> Driving {
        driving(name, Parts { tally: tally.clone(), ..self.parts() })
    }

    /// Another engine, of a process that knows nothing but the database.
    pub(crate) fn drive_anew(&self, name: &str) -> Driving {
        driving(name, Parts { store: Arc::new(Store::open(&self.path).unwrap()), ..self.parts() })
    }

    /// The usual deployment, to prod.
    pub(crate) async fn deploy(&self) -> Talk<'_> {
        self.start(StartRequest::default()).await
    }

    /// A deployment; what is not said is the usual.
    pub(crate) async fn start(&self, request: StartRequest) -> Talk<'_> {
        let or = |given: String, usual: &str| if given.is_empty() { usual.to_owned() } else { given };
        let request = StartRequest {
            repository: or(request.repository, "acme/checkout"),
            branch: or(request.branch, "main"),
            commit_sha: or(request.commit_sha, COMMIT),
            variables: [("region".to_owned(), "eu-west-1".to_owned())].into(),
            ..request
        };
        let started = self.app.start(request, agent()).await.unwrap();
        Talk { world: self, id: started.deployment.deployment_id.parse().unwrap() }
    }

    /// Wait until this holds.
    pub(crate) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut bell = self.app.wake.listen();
        while !holds(self) {
            assert!(Instant::now() < deadline, "the condition never held");
            let _ = tokio::time::timeout(LOOK, bell.heard()).await;
        }
    }

    /// Let `duration` pass, so that what must not happen has had its time.
    pub(crate) async fn pass(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// These rules, and that [`Told`] is told everything unless they say who is told what.
fn telling(policy: &Policy) -> Arc<Policy> {
    let mut policy = policy.clone();
    if policy.routing.routes.is_empty() {
        let all = Route { topics: Topic::ALL.into(), ..Route::quiet([chat()]) };
        let urgent = Route { at_least: Severity::Critical, ..Route::quiet([pager()]) };
        policy.routing.routes = vec![all, urgent];
    }
    Arc::new(policy)
}

fn driving(name: &str, parts: Parts) -> Driving {
    let parts = Parts { policy: telling(&parts.policy), ..parts };
    let shutdown = CancellationToken::new();
    let engine = Engine::new(parts, name.to_owned());
    Driving { shutdown: shutdown.clone(), run: tokio::spawn(engine.run(shutdown)) }
}

/// A conversation about one deployment.
pub(crate) struct Talk<'w> {
    pub(crate) world: &'w World,
    pub(crate) id: DeploymentId,
}

impl Talk<'_> {
    /// How it is now.
    pub(crate) fn now(&self) -> Deployment {
        self.world.app.store.load(&self.id).unwrap()
    }

    /// Wait until this holds of it.
    pub(crate) async fn until(&self, holds: impl Fn(&Deployment) -> bool) -> Deployment {
        let deadline = Instant::now() + PATIENCE;
        let mut bell = self.world.app.wake.listen();
        loop {
            let (store, id) = (Arc::clone(&self.world.app.store), self.id.clone());
            let deployment = tokio::task::spawn_blocking(move || store.load(&id)).await.unwrap().unwrap();
            if holds(&deployment) {
                return deployment;
            }
            assert!(Instant::now() < deadline, "it never came to that: {:?}", deployment.progress.state);
            let _ = tokio::time::timeout(LOOK, bell.heard()).await;
        }
    }

    /// Wait until it is in this state.
    pub(crate) async fn reaches(&self, state: &str) -> Deployment {
        self.until(|it| it.progress.state.name() == state).await
    }

    /// Wait until it is in this state, and its execution in this status.
    pub(crate) async fn reaches_in(&self, state: &str, status: &str) -> Deployment {
        self.until(|it| it.progress.state.name() == state && status_of(it) == status).await
    }

    /// Wait until people are asked, for the `number`-th time.
    pub(crate) async fn asks(&self, number: u32) -> Deployment {
        self.until(|it| it.progress.requests == number && it.progress.state.name() == "awaiting-approval")
            .await
    }

    /// Grace approves what is asked.
    pub(crate) async fn approve(&self) {
        self.decide(Verdict::Approve).await;
    }

    /// Grace decides on what is asked.
    pub(crate) async fn decide(&self, verdict: Verdict) {
        self.decided_by("grace", verdict).await;
    }

    /// Somebody decides on what is asked.
    pub(crate) async fn decided_by(&self, name: &str, verdict: Verdict) {
        let app = &self.world.app;
        let person = name.parse().unwrap();
        let statement = app.statement(self.id.as_str(), &person, verdict, Some("because")).await.unwrap();
        let token = Decision::sign(statement, &key_of(name)).to_token();
        app.decide(self.id.as_str(), &token, verdict, &Actor::at_command_line(person)).await.unwrap();
    }

    /// Somebody sends an event.
    pub(crate) async fn send(&self, event: &str) {
        let request = TransitionRequest {
            deployment_id: self.id.to_string(),
            event: event.to_owned(),
            expected_version: None,
            reason: Some("somebody wants it".to_owned()),
        };
        self.world.app.transition(request, agent()).await.unwrap();
    }

    /// Somebody has looked in Harness: it did not run.
    pub(crate) async fn resolve(&self) {
        self.world.app.resolve_as_not_run(self.id.as_str(), agent()).await.unwrap();
    }

    /// The events that moved it from state to state.
    pub(crate) fn main_events(&self) -> Vec<String> {
        history::main_events(&self.world.app.store, &self.id)
    }

    /// The first record of this name.
    pub(crate) fn record_of(&self, name: &str) -> EventRecord {
        let history = self.world.app.store.history(&self.id, 0, LARGEST_PAGE).unwrap();
        history.into_iter().find(|record| record.what.name().0 == name).unwrap()
    }

    /// Its history holds together.
    pub(crate) fn assert_sound(&self) {
        history::assert_sound(&self.world.app.store, &self.id);
    }
}

/// The status of the execution inside the stage.
pub(crate) fn status_of(deployment: &Deployment) -> &'static str {
    deployment.progress.state.work().map_or("", |(_, run)| run.status.name())
}

/// When the backoff timer of a stage that waits to be tried again runs out.
pub(crate) fn waits_until(deployment: &Deployment) -> Option<Timestamp> {
    match deployment.progress.state.work()?.1.status {
        RunStatus::NotStarted { not_before } if not_before != Timestamp::EPOCH => Some(not_before),
        _ => None,
    }
}
