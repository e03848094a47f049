//! What must hold for the history of every deployment, whatever happened to it.

use deployment_orchestrator::domain::event::Event;
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::record::What;
use deployment_orchestrator::domain::replay::replay;
use deployment_orchestrator::store::{LARGEST_PAGE, Store};

/// The names of the events that moved it from state to state.
pub(crate) fn main_events(store: &Store, id: &DeploymentId) -> Vec<String> {
    let history = store.history(id, 0, LARGEST_PAGE).unwrap();
    let main = history.iter().filter(|record| matches!(record.what, What::Event(Event::Main(_))));
    main.map(|record| record.what.name().0).collect()
}

/// The chain is whole, and the stored row is what the stored events make.
pub(crate) fn assert_sound(store: &Store, id: &DeploymentId) {
    store.verify_chain().unwrap();
    store.intact(id).unwrap();
    let history = store.history(id, 0, LARGEST_PAGE).unwrap();
    assert_eq!(store.load(id).unwrap(), replay(&history).unwrap().deployment);
}
