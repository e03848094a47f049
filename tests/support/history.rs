//! What must hold for the history of every deployment, whatever happened to it.

use deployment_orchestrator::domain::deployment::Deployment;
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::store::{LARGEST_PAGE, Store};

/// The names of the events that moved it from state to state.
pub(crate) fn main_events(store: &Store, id: &DeploymentId) -> Vec<String> {
    let history = store.history(id, 0, LARGEST_PAGE).unwrap();
    let main = history.iter().filter(|record| matches!(record.event, Event::Main(_)));
    main.map(|record| record.event.name().0).collect()
}

/// The chain is whole, and the stored row is what the stored events make.
pub(crate) fn assert_sound(store: &Store, id: &DeploymentId) {
    store.verify_chain().unwrap();
    let history = store.history(id, 0, LARGEST_PAGE).unwrap();
    let (first, later) = history.split_first().expect("a deployment begins with an event");
    let Event::Main(MainEvent::Created { spec }) = &first.event else {
        panic!("the first event is {}", first.event.name());
    };
    let mut folded = Deployment::create(id.clone(), (**spec).clone(), first.at);
    for record in later {
        folded.progress = folded.apply(&record.event, record.at).unwrap().progress;
    }
    assert_eq!(store.load(id).unwrap(), folded);
}
