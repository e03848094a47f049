//! `serve`: MCP on standard input and output, or over HTTP, and the engine beside it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::listen::{Door, Listen};
use super::traces::{self, Traces};
use super::wiring::{self, Harness};
use super::{Global, jira, messengers, server_key, signals, trial};
use crate::app::{App, Code, Error};
use crate::config::environment::{self, CORRELATION_VARIABLE};
use crate::config::{Config, Policy};
use crate::engine::{Engine, Messengers, Parts};
use crate::harness::Settings;
use crate::harness::simulator::{Script, Simulator};
use crate::ports::Messenger;
use crate::slack::Buttons;
use crate::tally::Tally;
use crate::tools;

pub(super) async fn run(global: &Global, simulate: bool, listen: &Listen) -> Result<(), Error> {
    let Config { mut policy, harness: section, http, server_key, channels, jira } = wiring::settings(global)?;
    let tally = Tally::default();
    let traces = traces::wanted(simulate, &tally)?;
    let door = listen.open(http, &tally).await?;
    // Lives as long as the server does.
    let mut simulator = None;
    let harness = if simulate {
        if global.config_file()?.is_none() {
            trial::open_gates(&mut policy)?;
        }
        policy.caveats.push(
            "simulated Harness: nothing is deployed, and its runs are forgotten when the server stops"
                .to_owned(),
        );
        policy.routing.said_first = Some("SIMULATED: ".to_owned());
        let started = start_simulator().await?;
        let harness = simulated(&started, &tally)?;
        simulator = Some(started);
        harness
    } else {
        let settings = environment::harness_settings(&section).map_err(|error| wiring::unusable(&error))?;
        wiring::harness(settings, &tally)?
    };
    // What a simulated Harness did is nobody's news.
    let jira = jira::of(jira.as_ref().filter(|_| !simulate), &tally)?;
    if jira.is_none() {
        policy.routing.tracker = None;
    }
    let server_key = if policy.needs_voucher() || door.is_some() {
        Some(server_key::open(server_key.as_deref())?)
    } else {
        // Another server may serve pages over the same database: it is to find its key in the gates.
        server_key::existing(server_key.as_deref())?
    };
    if let Some(key) = &server_key {
        policy.let_vouch(&key.public());
    }
    policy.pages = door.as_ref().map_or_else(Default::default, Door::pages);
    tell_of_weak_gates(&mut policy);
    let app = wiring::assemble(&global.database(simulate)?, policy, harness, &tally)?;
    let tracker = jira::tracker(jira.as_ref());
    let app = App { server_key: server_key.map(Arc::new), tracker, ..app };
    let buttons = door.as_ref().map_or(Buttons::Absent, Door::buttons);
    let mut messengers = messengers::of(&channels, buttons, &app.clock, &tally)?;
    let jira = app.policy.routing.tracker.clone().zip(jira);
    messengers.extend(jira.map(|(name, jira)| (name, jira as Arc<dyn Messenger>)));
    let outcome = serve(app, door, messengers, traces, tally).await;
    drop(simulator);
    outcome
}

/// Say in the log and in every status which approvals no strong proof will stand behind.
fn tell_of_weak_gates(policy: &mut Policy) {
    for (environment, gate) in &policy.gates {
        for assurance in gate.accept.iter().filter(|assurance| assurance.caveat().is_some()) {
            tracing::warn!(%environment, %assurance, "weak approvals are accepted");
            policy.caveats.push(format!("{environment} accepts approvals that rest on `{assurance}`"));
        }
    }
}

/// Serve until the client hangs up or the process is told to stop; then let the
/// engine finish what is under way. Without a door the client has the pipes.
async fn serve(
    app: App,
    door: Option<Door>,
    messengers: Messengers,
    traces: Traces,
    tally: Tally,
) -> Result<(), Error> {
    let shutdown = CancellationToken::new();
    signals::stop_on_signal(&shutdown)?;
    let parts = Parts {
        store: Arc::clone(&app.store),
        executions: Arc::clone(&app.executions),
        pipelines: Arc::clone(&app.pipelines),
        probe: Arc::clone(&app.probe),
        tracker: Arc::clone(&app.tracker),
        messengers: Arc::new(messengers),
        policy: Arc::clone(&app.policy),
        clock: Arc::clone(&app.clock),
        random: Arc::clone(&app.random),
        wake: app.wake.clone(),
        tally,
    };
    let holder = format!("{}-{:032x}", std::process::id(), app.random.bits());
    let (store, random) = (Arc::clone(&app.store), Arc::clone(&app.random));
    let traces = tokio::spawn(traces.follow(store, random, holder.clone(), shutdown.clone())?);
    let engine = Engine::new(parts, holder);
    let pulse = engine.pulse();
    let driving = engine.run(shutdown.clone());
    let when_it_ends = shutdown.clone().drop_guard();
    let engine = tokio::spawn(async move {
        // However the engine ends, the session ends with it: a server that
        // answers and does not drive would look alive.
        let _guard = when_it_ends;
        driving.await;
    });
    let served = match door {
        None => tools::serve_stdio(app, shutdown.clone()).await,
        Some(door) => {
            door.serve(app, pulse, shutdown.clone()).await;
            Ok(())
        }
    };
    shutdown.cancel();
    engine.await.map_err(|error| {
        Error::new(
            Code::Defect,
            format!("the engine has ended by a defect: {error}"),
            "start the server again, which continues every deployment, and report this",
        )
    })?;
    if let Err(error) = traces.await {
        tracing::error!(%error, "the telling of traces has ended by a defect; the next start goes on with it");
    }
    served.map_err(|error| {
        Error::new(Code::IoFailed, format!("the MCP session ended: {error}"), "start the server again")
    })
}

async fn start_simulator() -> Result<Simulator, Error> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Simulator::start(address, Script::default()).await.map_err(|error| {
        Error::new(Code::IoFailed, format!("the simulator cannot listen: {error}"), "free a loopback port")
    })
}

fn simulated(simulator: &Simulator, tally: &Tally) -> Result<Harness, Error> {
    let settings = Settings {
        base_url: simulator.url(),
        account: "simulated".to_owned(),
        org: "default".to_owned(),
        project: "trial".to_owned(),
        api_key: "sat.simulated.trial.key".to_owned().into(),
        correlation_variable: CORRELATION_VARIABLE.parse()?,
        timeout: Settings::DEFAULT_TIMEOUT,
        requests_per_second: Settings::DEFAULT_REQUESTS_PER_SECOND,
    };
    wiring::harness(settings, tally)
}
