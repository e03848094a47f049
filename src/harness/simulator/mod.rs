//! A Harness in memory: a real HTTP server that speaks the part of Harness's
//! API that the client uses, runs pipelines by the clock, and fails as told.
//!
//! It serves three ends: tests of the client and of the engine (kill the
//! process at any call and look at [`Simulator::runs`] afterwards), the demo,
//! and trying the server without an account. It knows nothing of the client's
//! types; it is a second opinion on what the API is.
//!
//! It keeps no state on disk, checks no YAML beyond the inputs, those not
//! against the templates that it shows, and does not send webhooks.

mod answer;
mod call;
mod line;
mod rollback;
mod run;
mod script;
mod spoil;
mod world;
mod yaml;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clock::{Clock, Random, SystemClock, SystemRandom};
use crate::domain::id::PipelineId;

pub use run::RunRecord;
pub use script::{Ending, Endpoint, Fault, Pipeline, Reply, Script, Treatment};

use answer::Answer;
use call::Call;
use line::{Cutter, Lines};
use world::World;

/// A running simulator. It stops when this is dropped: it accepts no more
/// connections and closes those that are idle.
pub struct Simulator {
    /// Where it listens.
    pub addr: SocketAddr,
    project: Arc<Project>,
    _stop: DropGuard,
}

/// What the hook of [`Simulator::on_request`] is told of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestInfo {
    /// Which call it is of all that the simulator has had, from 1.
    pub number: usize,
    /// What is called.
    pub endpoint: Endpoint,
    /// The pipeline that is to run, if one is.
    pub pipeline: Option<PipelineId>,
}

/// The two moments of a call at which the hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The request is here and nothing was done.
    Received,
    /// What it asked for is done, and no reply was sent. Left out when a fault
    /// has the request ignored.
    Processed,
}

type Hook = Arc<dyn Fn(&RequestInfo, Phase) + Send + Sync>;

struct Project {
    world: Mutex<World>,
    hook: Mutex<Option<Hook>>,
}

impl Simulator {
    /// Listen on `addr` (port 0 for any) and play `script`. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(addr: SocketAddr, script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let project = Arc::new(Project { world: Mutex::new(World::new(script)), hook: Mutex::new(None) });
        let routes = Router::new().fallback(serve).with_state(Arc::clone(&project));
        let stop = CancellationToken::new();
        let server = axum::serve(Lines(listener), routes.into_make_service_with_connect_info::<Cutter>())
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::spawn(server.into_future());
        Ok(Self { addr, project, _stop: stop.drop_guard() })
    }

    /// The base URL for a client.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Every run that was accepted, in the order of their start.
    #[must_use]
    pub fn runs(&self) -> Vec<RunRecord> {
        self.project.world().records(SystemClock.now())
    }

    /// How many calls each endpoint has had, those with a wrong key excluded.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<Endpoint, usize> {
        self.project.world().calls()
    }

    /// Change the script. Runs that have begun keep their course; a new fault
    /// counts from now.
    pub fn edit(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.project.world().script);
    }

    /// Call `hook` at both moments of every call, from now on and in place of
    /// an earlier hook. The call waits for it.
    pub fn on_request(&self, hook: impl Fn(&RequestInfo, Phase) + Send + Sync + 'static) {
        *lock(&self.project.hook) = Some(Arc::new(hook));
    }
}

impl Project {
    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    fn tell(&self, info: &RequestInfo, phase: Phase) {
        let hook = lock(&self.hook).clone();
        if let Some(hook) = hook {
            hook(info, phase);
        }
    }

    fn accepts(&self, key: Option<&str>) -> bool {
        match &self.world().script.api_key {
            Some(wanted) => key == Some(wanted),
            None => key.is_some_and(|key| !key.is_empty()),
        }
    }
}

async fn serve(
    State(project): State<Arc<Project>>,
    ConnectInfo(line): ConnectInfo<Cutter>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let Some(call) = Call::new(&method, &uri, body) else {
        let cause = format!("no such endpoint: {method} {}", uri.path());
        return spoil::plain(&Answer::error(StatusCode::NOT_FOUND, "RESOURCE_NOT_FOUND", &cause));
    };
    if !project.accepts(headers.get("x-api-key").and_then(|key| key.to_str().ok())) {
        let cause = "the API key is invalid or has expired";
        return spoil::plain(&Answer::error(StatusCode::UNAUTHORIZED, "INVALID_TOKEN", cause));
    }
    let (number, fault) = project.world().count(&call.target);
    let info =
        RequestInfo { number, endpoint: call.target.endpoint(), pipeline: call.target.pipeline().cloned() };
    tracing::debug!(?info, ?fault, "the simulated Harness is called");
    project.tell(&info, Phase::Received);
    let answer = match &fault {
        Some(Fault { request: Treatment::Ignored, .. }) => {
            Answer::error(StatusCode::SERVICE_UNAVAILABLE, "UNKNOWN_ERROR", "a scripted fault")
        }
        _ => {
            let answer = project.world().answer(&call, SystemClock.now(), SystemRandom.bits());
            project.tell(&info, Phase::Processed);
            answer
        }
    };
    match &fault {
        Some(fault) => spoil::spoilt(&answer, &fault.reply, &line).await,
        None => spoil::plain(&answer),
    }
}

/// A panic in a hook must not stop the simulator.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
