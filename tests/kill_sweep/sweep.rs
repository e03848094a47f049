//! The points at which a process is killed, and what must hold afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deployment_orchestrator::domain::event::Event;
use deployment_orchestrator::domain::id::{DeploymentId, ExecutionId};
use deployment_orchestrator::domain::record::What;
use deployment_orchestrator::domain::run::RunEvent;
use deployment_orchestrator::harness::simulator::{
    Endpoint, Fault, Phase, Pipeline, Reply, RequestInfo, Script, Simulator, Treatment,
};
use deployment_orchestrator::store::{Filter, Store};
use futures::stream::{self, StreamExt as _};

use super::child::{self as life, HIDDEN_MS, ORDERS, Orders, SAYS};
use super::commits::{Death, Side};
use super::history;

/// How many points are tried at once.
const AT_ONCE: usize = 3;

/// How long a child may take. It needs a second or two.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn child() {
    let Some(orders) = life::orders() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(life::live(orders));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_call_it_comes_to_the_same_end() {
    let undisturbed = Place::new(Script::instant()).await.run_undisturbed().await;
    assert!(undisturbed.calls.len() >= 11, "each of five stages is triggered and watched");
    let points = undisturbed
        .calls
        .iter()
        .flat_map(|call| [Phase::Received, Phase::Processed].map(|phase| (call.clone(), phase)));

    let killed = stream::iter(points).map(|(call, phase)| killed_at_call(call, phase, &undisturbed.way));
    let killed: Vec<bool> = killed.buffer_unordered(AT_ONCE).collect().await;

    let hits = killed.iter().filter(|killed| **killed).count();
    println!("{} calls, {hits} kills", undisturbed.calls.len());
    assert!(hits + 4 >= killed.len(), "of {} points only {hits} were reached", killed.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_commit_it_comes_to_the_same_end() {
    let undisturbed = Place::new(Script::instant()).await.run_undisturbed().await;
    assert!(undisturbed.commits >= 30, "{} commits", undisturbed.commits);
    let points = (1..=undisturbed.commits)
        .flat_map(|commit| [Side::Before, Side::After].map(|side| Death { commit, side }));

    let killed = stream::iter(points).map(|death| killed_at_commit(death, &undisturbed.way));
    let killed: Vec<bool> = killed.buffer_unordered(AT_ONCE).collect().await;

    let hits = killed.iter().filter(|killed| **killed).count();
    println!("{} commits, {hits} kills", undisturbed.commits);
    // Notices are claimed together or apart, so that the last few may not come.
    assert!(hits * 10 >= killed.len() * 8, "of {} points only {hits} were reached", killed.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_every_reply_lost_it_comes_to_the_same_end() {
    let undisturbed = Place::new(Script::instant()).await.run_undisturbed().await;
    let points = undisturbed
        .calls
        .iter()
        .flat_map(|call| [Treatment::Ignored, Treatment::Processed].map(|request| (call.clone(), request)));
    let way = &undisturbed.way;
    stream::iter(points)
        .map(|(call, request)| async move {
            let nth = u32::try_from(call.number).unwrap();
            let fault = Fault { request, ..Fault::ignored(call.endpoint, Reply::Lost).nth(nth) };
            // Only a trigger has an effect that a read could be too early for.
            let script = if call.endpoint == Endpoint::Execute { slow_to_show() } else { Script::instant() };
            let place = Place::new(script.fault(fault)).await;
            place.live(None).await.assert_ended();
            place.assert_same_end(way, &format!("reply to {call:?} lost, {request:?}"));
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<()>>()
        .await;
}

async fn killed_at_call(call: RequestInfo, phase: Phase, way: &[String]) -> bool {
    // What was received when its sender died is processed all the same, unless
    // the simulator is told to leave that one out.
    let script = match phase {
        Phase::Received => Script::instant()
            .fault(Fault::ignored(call.endpoint, Reply::Lost).nth(u32::try_from(call.number).unwrap())),
        Phase::Processed if call.endpoint == Endpoint::Execute => slow_to_show(),
        Phase::Processed => Script::instant(),
    };
    let place = Place::new(script).await;
    let (victim, moment) = (Arc::clone(&place.alive), (call.number, phase));
    let numbers = Mutex::new(BTreeMap::new());
    let endpoint = call.endpoint;
    place.simulator.on_request(move |info, now| {
        // Numbers count the calls of one endpoint, as those of faults do.
        let mut numbers = numbers.lock().unwrap();
        let number = numbers.entry(info.endpoint).or_insert(0_usize);
        *number += usize::from(now == Phase::Received);
        if info.endpoint == endpoint && (*number, now) == moment {
            victim.lock().unwrap().as_mut().expect("it has just called").kill().unwrap();
        }
    });
    let killed = place.live(None).await.killed();
    place.simulator.on_request(|_, _| {});
    if killed {
        place.live(None).await.assert_ended();
    }
    place.assert_same_end(way, &format!("killed at {call:?}, {phase:?}"));
    killed
}

async fn killed_at_commit(death: Death, way: &[String]) -> bool {
    let place = Place::new(Script::instant()).await;
    let killed = place.live(Some(death)).await.killed();
    if killed {
        place.live(None).await.assert_ended();
    }
    place.assert_same_end(way, &format!("killed at {death:?}"));
    killed
}

/// A Harness whose reads lag behind.
fn slow_to_show() -> Script {
    let late = Pipeline { hidden_ms: HIDDEN_MS, ..Pipeline::default() };
    Script { other_pipelines: Some(late), ..Script::instant() }
}

/// A database and a Harness that outlive the processes.
struct Place {
    database: PathBuf,
    simulator: Simulator,
    alive: Arc<Mutex<Option<Child>>>,
    _folder: tempfile::TempDir,
}

/// What happens when nothing is in the way.
struct Undisturbed {
    way: Vec<String>,
    /// Each numbered among those of its endpoint.
    calls: Vec<RequestInfo>,
    commits: u32,
}

/// How a child ended.
struct Ended {
    status: std::process::ExitStatus,
    said: String,
}

impl Ended {
    fn assert_ended(&self) {
        assert!(self.status.success(), "the child failed: {}", self.said);
    }

    /// Whether it was killed; if not, it came to its end.
    fn killed(&self) -> bool {
        use std::os::unix::process::ExitStatusExt as _;
        let killed = self.status.signal() == Some(9);
        assert!(killed || self.status.success(), "the child failed: {}", self.said);
        killed
    }

    fn commits(&self) -> u32 {
        let line = self.said.lines().find_map(|line| line.split_once(SAYS)).expect("it says so");
        line.1.trim().parse().unwrap()
    }
}

impl Place {
    async fn new(script: Script) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            database: folder.path().join("orchestrator.db"),
            simulator: Simulator::start(any_port, script).await.unwrap(),
            alive: Arc::default(),
            _folder: folder,
        }
    }

    /// Start a child and wait for its end.
    async fn live(&self, death: Option<Death>) -> Ended {
        let orders = Orders { database: self.database.clone(), harness: self.simulator.url(), death };
        let said = tempfile::NamedTempFile::new().unwrap();
        {
            let mut alive = self.alive.lock().unwrap();
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "sweep::child", "--nocapture"])
                .env(ORDERS, serde_json::to_string(&orders).unwrap())
                .stdin(Stdio::null())
                .stdout(said.reopen().unwrap())
                .stderr(said.reopen().unwrap())
                .spawn();
            *alive = Some(child.unwrap());
        }
        let status = tokio::time::timeout(PATIENCE, self.end()).await.expect("the child comes to an end");
        Ended { status, said: std::fs::read_to_string(said.path()).unwrap() }
    }

    async fn end(&self) -> std::process::ExitStatus {
        loop {
            if let Some(status) = self.alive.lock().unwrap().as_mut().unwrap().try_wait().unwrap() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn run_undisturbed(self) -> Undisturbed {
        let calls = Arc::new(Mutex::new(Vec::<RequestInfo>::new()));
        let seen = Arc::clone(&calls);
        self.simulator.on_request(move |info, phase| {
            let mut seen = seen.lock().unwrap();
            if phase == Phase::Received {
                let number = seen.iter().filter(|earlier| earlier.endpoint == info.endpoint).count() + 1;
                seen.push(RequestInfo { number, ..info.clone() });
            }
        });
        let ended = self.live(None).await;
        ended.assert_ended();
        let (store, id) = self.stored();
        self.assert_each_run_is_owned(&store, &id);
        let calls = calls.lock().unwrap().clone();
        Undisturbed { way: history::main_events(&store, &id), calls, commits: ended.commits() }
    }

    fn stored(&self) -> (Store, DeploymentId) {
        let store = Store::open(&self.database).unwrap();
        let page = store.list(&Filter { limit: 10, ..Filter::default() }).unwrap();
        assert_eq!(page.deployments.len(), 1, "one deployment was started");
        let id = page.deployments[0].id.clone();
        (store, id)
    }

    fn assert_same_end(&self, way: &[String], what: &str) {
        let (store, id) = self.stored();
        assert_eq!(store.load(&id).unwrap().progress.state.name(), "completed", "{what}");
        assert_eq!(history::main_events(&store, &id), way, "{what}");
        self.assert_each_run_is_owned(&store, &id);
        history::assert_sound(&store, &id);
    }

    /// No key has two runs, and every run is that of a recorded attempt.
    fn assert_each_run_is_owned(&self, store: &Store, id: &DeploymentId) {
        let runs = self.simulator.runs();
        let keys: BTreeSet<&str> = runs.iter().filter_map(|run| run.notes.as_deref()).collect();
        assert_eq!(keys.len(), runs.len(), "a key has two runs");
        let started: BTreeSet<ExecutionId> = runs.iter().map(|run| run.execution.clone()).collect();
        let history = store.history(id, 0, 1_000).unwrap();
        let recorded: BTreeSet<ExecutionId> = history
            .into_iter()
            .filter_map(|record| match record.what {
                What::Event(Event::Run(RunEvent::TriggerAccepted { execution, .. })) => Some(execution),
                _ => None,
            })
            .collect();
        assert_eq!(recorded, started);
        assert_eq!(runs.len(), 5, "each stage ran once");
    }
}
