//! Who speaks in these histories, what they say, and what came of it.

use deployment_orchestrator::domain::deployment::Spec;
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::principal::{Actor, Channel};
use deployment_orchestrator::domain::remark::Remark;
use deployment_orchestrator::store::{About, Entry, Remarked, Store};

use super::place::{Place, at, create_as, entry};
use super::support::{choices, id, spec};

pub(crate) fn human(name: &str) -> Actor {
    Actor::at_command_line(name.parse().unwrap())
}

pub(crate) fn agent(name: &str) -> Actor {
    Actor::agent("claude-code".to_owned(), name.parse().unwrap(), Channel::McpStdio)
}

pub(crate) fn about(id: &DeploymentId, remark: Remark) -> Remarked {
    let about = About::Deployment { id: id.clone(), notice: None };
    Remarked { about, remark, actor: agent("ada"), at: at(100) }
}

pub(crate) fn about_none(remark: Remark) -> Remarked {
    Remarked { about: About::None, remark, actor: human("grace"), at: at(100) }
}

pub(crate) fn refused() -> Remark {
    Remark::AgentRefused { code: "quota-spent".to_owned(), message: "no more today".to_owned() }
}

pub(crate) fn reviewed() -> Remark {
    Remark::Reviewed { note: "the fire was real".to_owned() }
}

pub(crate) fn frozen(reason: &str) -> Remark {
    Remark::AgentsFrozen { reason: reason.to_owned() }
}

/// A database that the first release left, with the deployments 1 to 3 in it.
pub(crate) fn first_release() -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path.parent().unwrap()).unwrap();
    let raw = place.raw();
    raw.execute_batch(include_str!("../../src/store/schema.sql")).unwrap();
    raw.execute_batch(include_str!("../fixtures/schema_1.sql")).unwrap();
    place
}

/// Everything that can stand in a history, in both formats, and two that go on at once.
pub(crate) fn eventful() -> (Place, Store) {
    let place = first_release();
    let store = place.open();
    let short = || {
        let mut spec = spec();
        spec.workflow.environments.truncate(1);
        Spec { initiator: human("ada"), ..spec }
    };
    let deployment = create_as(&store, 4, Spec { idempotency_key: Some("v2".parse().unwrap()), ..short() });
    store.remark(&about(&id(3), refused())).unwrap();
    store.record(&entry(&deployment, MainEvent::Start.into(), at(41))).unwrap();
    store.remark(&about_none(frozen("drill"))).unwrap();
    store.remark(&about(&deployment.id, reviewed())).unwrap();
    let stopped = store.load(&id(1)).unwrap();
    let stop: Event = MainEvent::Cancel { reason: "a person stopped it".to_owned() }.into();
    store.record(&Entry { actor: human("grace"), ..entry(&stopped, stop, at(42)) }).unwrap();
    store.remark(&about_none(refused())).unwrap();
    store.remark(&about(&id(2), refused())).unwrap();
    (place, store)
}

/// Two deployments that were under way together and are over.
pub(crate) fn delivered() -> (Place, Store) {
    let place = Place::new();
    let store = place.open();
    let mut under_way = vec![create_as(&store, 1, spec()), create_as(&store, 2, spec())];
    while !under_way.is_empty() {
        for deployment in &mut under_way {
            let now = at(deployment.progress.version as i64);
            *deployment = store.record(&entry(deployment, choices(deployment, now).remove(0), now)).unwrap();
        }
        under_way.retain(|deployment| !deployment.progress.state.is_terminal());
    }
    (place, store)
}

/// A connection of somebody who may write the file, and lets nothing stop them.
pub(crate) fn intruder(place: &Place) -> rusqlite::Connection {
    let raw = place.raw();
    raw.execute_batch(
        "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;
         DROP TRIGGER event_is_never_changed; DROP TRIGGER event_is_never_removed;",
    )
    .unwrap();
    raw
}
