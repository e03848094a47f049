//! A database in which much has happened: real histories, written event by event.

use std::path::Path;
use std::thread;

use deployment_orchestrator::domain::decision::Verdict;
use deployment_orchestrator::domain::deployment::{Deployment, Spec};
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::execution::{ExecutionStatus, Retry};
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::remark::Remark;
use deployment_orchestrator::domain::run::RunEvent;
use deployment_orchestrator::domain::state::State;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::store::{About, Allowance, Created, Disk, Durability, Error, Remarked, Store};
use rusqlite::Connection;

use super::place::entry;
use super::support::{START, choices, id, spec};

/// Deployments that are over.
pub(crate) const OVER: u128 = 10_000;

/// Deployments in flight.
pub(crate) const IN_FLIGHT: u128 = 200;

/// Services. In flight there are several deployments of each, which queue.
const SERVICES: u128 = 20;

/// Messages that could not be delivered.
const UNDELIVERED: u32 = 12;

/// What happens to a deployment, beside the usual.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Completed,
    BuildFailed,
    Rejected,
    Cancelled,
    RolledBack,
    /// It stays before people who are asked.
    Asked,
    /// It stays while something runs in this state, or waits before it.
    At(&'static str),
}

/// Fill the new database at `path`.
pub(crate) fn fill(path: &Path) {
    let disk = Disk { durability: Durability::Off, ..Disk::default() };
    let store = Store::open_on(path, disk).unwrap();
    // Services do not wait for each other, and whoever writes at the same time is committed together.
    thread::scope(|scope| {
        for service in 0..SERVICES {
            let store = &store;
            scope.spawn(move || {
                for number in (service..OVER).step_by(SERVICES as usize) {
                    walk(store, number, fate_of_one_that_is_over(number));
                }
            });
        }
    });
    for number in OVER..OVER + IN_FLIGHT {
        let fate = match number % 5 {
            0 => Fate::Asked,
            1 => Fate::At("building"),
            _ => Fate::At("deploying-staging"),
        };
        walk(&store, number, fate);
    }
    for number in 0..SERVICES / 4 {
        lock(&store, "prod", Some(service(number)));
    }
    lock(&store, "dev", None);
    drop(store);
    tell(&Connection::open(path).unwrap());
}

fn fate_of_one_that_is_over(number: u128) -> Fate {
    match number / SERVICES % 10 {
        0 => Fate::BuildFailed,
        1 => Fate::Rejected,
        2 => Fate::Cancelled,
        3 => Fate::RolledBack,
        _ => Fate::Completed,
    }
}

fn service(number: u128) -> String {
    format!("service-{:02}", number % SERVICES)
}

/// The `number`-th deployment: of another service than its neighbours, and of a commit of its own.
pub(crate) fn spec_of(number: u128) -> Spec {
    let mut spec = Spec {
        service: service(number).parse().unwrap(),
        repository: format!("acme/{}", service(number)).parse().unwrap(),
        commit: format!("{number:040x}").parse().unwrap(),
        ..spec()
    };
    for environment in &mut spec.workflow.environments {
        environment.exclusive = true;
    }
    spec
}

pub(crate) fn create(store: &Store, number: u128) -> Deployment {
    let at = Timestamp(START + number as i64 * 60_000);
    match store.create(id(number), spec_of(number), Allowance::Unlimited, at).unwrap() {
        Created::Fresh(deployment) | Created::Existing(deployment) => deployment,
    }
}

fn walk(store: &Store, number: u128, fate: Fate) {
    let mut deployment = create(store, number);
    let mut stopped = false;
    for second in 1.. {
        let at = Timestamp(START + number as i64 * 60_000 + second * 1_000);
        let here = deployment.progress.state.name();
        if fate == Fate::At("building") && here == "building" && deployment.progress.version > 5
            || fate == Fate::Asked && has_asked(&deployment)
            || fate == Fate::At("deploying-staging") && here == "deploying-staging" && is_inside(&deployment)
        {
            return;
        }
        match step(store, &deployment, fate, &mut stopped, at) {
            Some(next) => deployment = next,
            None => return,
        }
    }
}

fn has_asked(deployment: &Deployment) -> bool {
    matches!(deployment.progress.state, State::AwaitingApproval { request: Some(_), .. })
}

fn is_inside(deployment: &Deployment) -> bool {
    deployment.progress.place.is_some() && deployment.before_environment().is_none()
}

/// The next event of a deployment; nothing once it is over or has to wait.
fn step(
    store: &Store,
    deployment: &Deployment,
    fate: Fate,
    stopped: &mut bool,
    at: Timestamp,
) -> Option<Deployment> {
    if let Some(environment) = deployment.before_environment().cloned()
        && deployment.progress.place.is_none()
        && !matches!(deployment.progress.state, State::AwaitingApproval { .. })
    {
        let taken = MainEvent::PlaceTaken { environment, waived: Vec::new() };
        return match store.record(&entry(deployment, taken.into(), at)) {
            Err(Error::Held(by)) => {
                store.record(&entry(deployment, MainEvent::Held { by }.into(), at)).unwrap();
                None
            }
            taken => Some(taken.unwrap()),
        };
    }
    let mut choices = choices(deployment, at);
    if choices.is_empty() || deployment.progress.state.is_terminal() && (fate != Fate::RolledBack || *stopped)
    {
        return None;
    }
    let state = deployment.progress.state.name();
    let wanted = |event: &Event| match (fate, event) {
        (
            Fate::BuildFailed,
            Event::Run(RunEvent::ExecutionObserved { status: ExecutionStatus::Failed(how) }),
        ) => state == "building" && how.retry == Retry::Final,
        (Fate::Rejected, Event::Main(MainEvent::DecisionMade { decision })) => {
            decision.statement.verdict == Verdict::Reject
        }
        (Fate::Cancelled, Event::Main(MainEvent::Cancel { .. })) => state == "testing",
        (Fate::RolledBack, Event::Main(MainEvent::Rollback { .. })) => state == "completed",
        _ => false,
    };
    let own = if *stopped { None } else { choices.iter().position(wanted) };
    *stopped |= own.is_some();
    Some(store.record(&entry(deployment, choices.swap_remove(own.unwrap_or(0)), at)).unwrap())
}

fn lock(store: &Store, environment: &str, service: Option<String>) {
    let remark = Remark::EnvironmentLocked {
        environment: environment.parse().unwrap(),
        service: service.map(|service| service.parse().unwrap()),
        reason: "a migration is under way".to_owned(),
    };
    let actor = Actor::at_command_line("ada".parse().unwrap());
    store.remark(&Remarked { about: About::None, remark, actor, at: Timestamp(START) }).unwrap();
}

/// As if every notice had been told to one channel, but for a few.
fn tell(raw: &Connection) {
    raw.execute_batch(
        "INSERT INTO delivery (position, topic, deployment, channel, issue, lane, digest, routed_at, delivered_at)
         SELECT position, topic, deployment, 'chat', '', deployment, 0, due_at, due_at FROM notice;
         UPDATE notice SET delivered_at = due_at, due_at = NULL;",
    )
    .unwrap();
    raw.execute(
        "UPDATE delivery SET delivered_at = NULL, given_up_at = routed_at, attempts = 5, last_error = 'channel_not_found'
         WHERE number IN (SELECT number FROM delivery ORDER BY number DESC LIMIT ?1)",
        [UNDELIVERED],
    )
    .unwrap();
}
