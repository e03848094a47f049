//! Where a test of the store keeps its database, and what it records there.

use std::path::PathBuf;

use deployment_orchestrator::domain::deployment::{Deployment, Spec};
use deployment_orchestrator::domain::event::Event;
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::store::{Allowance, Authority, Created, Entry, Expected, Store};

use super::support::{START, choices, id};

/// A database of its own for one test.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path: folder.path().join("state").join("orchestrator.db"), _folder: folder }
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(&self.path).unwrap()
    }

    pub(crate) fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(&self.path).unwrap()
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp(START + seconds * 1_000)
}

pub(crate) fn entry(deployment: &Deployment, event: Event, at: Timestamp) -> Entry {
    Entry {
        id: deployment.id.clone(),
        event,
        actor: Actor::ENGINE,
        expected: Expected::Version(deployment.progress.version),
        authority: Authority::Caller,
        allowance: Allowance::Unlimited,
        at,
    }
}

pub(crate) fn create_as(store: &Store, number: u128, spec: Spec) -> Deployment {
    match store.create(id(number), spec, Allowance::Unlimited, at(0)).unwrap() {
        Created::Fresh(deployment) => deployment,
        Created::Existing(deployment) => panic!("{} was there before", deployment.id),
    }
}

/// Take a deployment to its end, the first choice each time, and return how it went.
pub(crate) fn complete(store: &Store, mut deployment: Deployment) -> Vec<Deployment> {
    let mut way = vec![deployment.clone()];
    while !deployment.progress.state.is_terminal() {
        let now = at(way.len() as i64);
        let event = choices(&deployment, now).remove(0);
        deployment = store.record(&entry(&deployment, event, now)).unwrap();
        way.push(deployment.clone());
    }
    way
}
