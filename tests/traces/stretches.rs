//! How far the history is told: by whoever drives, from when somebody first wants it.

use std::time::Duration;

use deployment_orchestrator::domain::trace::tell::tell;
use deployment_orchestrator::store::{Error, Store, Stretch};

use super::place::{Place, at, complete, create_as, entry};
use super::support::{choices, id, spec};

const LEASE: Duration = Duration::from_secs(5);

fn told(store: &Store, stretch: &Stretch) {
    store.traces_told("driver", stretch).unwrap();
}

/// A store whose traces somebody wants, from now on.
fn wanted(place: &Place) -> Store {
    let store = place.open();
    store.lease("driver", at(0), LEASE).unwrap();
    store.want_traces().unwrap();
    store
}

#[test]
fn what_was_there_before_is_told_to_nobody_and_what_comes_is_told_in_stretches() {
    let place = Place::new();
    let store = place.open();
    store.lease("driver", at(0), LEASE).unwrap();
    complete(&store, create_as(&store, 1, spec()));
    assert_eq!(store.untold_traces().unwrap(), None, "nobody wants any");
    store.want_traces().unwrap();
    assert_eq!(store.untold_traces().unwrap(), None);
    let mut until = store.chain_head().unwrap().position;

    // Five deployments of some 34 records each: more than one stretch holds.
    for number in 2..=6 {
        complete(&store, create_as(&store, number, spec()));
    }
    let end = store.chain_head().unwrap().position;
    store.want_traces().unwrap(); // The second to want them takes nothing from the first.
    let (mut roots, mut steps) = (Vec::new(), 0);
    while let Some(stretch) = store.untold_traces().unwrap() {
        assert_eq!(stretch.after, until);
        assert!(stretch.until - until <= 128, "{stretch:?}");
        for records in &stretch.histories {
            assert!(records.iter().all(|it| it.position <= stretch.until));
            let ended = tell(records).unwrap();
            let now = ended.into_iter().filter(|it| it.ended_by > until && it.parent.is_none());
            roots.extend(now.map(|it| it.trace));
        }
        told(&store, &stretch);
        (until, steps) = (stretch.until, steps + 1);
    }
    assert_eq!((until, steps), (end, 2));
    roots.dedup();
    assert_eq!(roots.len(), 5, "each root once");
}

#[test]
fn only_the_driver_notes_it_and_only_once() {
    let place = Place::new();
    let store = wanted(&place);
    let created = create_as(&store, 1, spec());
    let stretch = store.untold_traces().unwrap().unwrap();
    let refused = store.traces_told("another", &stretch).err().unwrap();
    assert!(matches!(refused, Error::LeaseLost { .. }), "{refused}");
    assert_eq!(store.untold_traces().unwrap().as_ref(), Some(&stretch));

    told(&store, &stretch);
    let start = choices(&created, at(1)).remove(0);
    store.record(&entry(&created, start, at(1))).unwrap();
    let next = store.untold_traces().unwrap();
    told(&store, &stretch);
    assert_eq!(store.untold_traces().unwrap(), next, "who is late moves nothing back");
    // Another process goes on where this one was.
    drop(store);
    assert_eq!(place.open().untold_traces().unwrap(), next);
}

#[test]
fn a_deployment_that_cannot_be_read_holds_up_no_other() {
    let place = Place::new();
    let store = wanted(&place);
    create_as(&store, 1, spec());
    create_as(&store, 2, spec());
    let raw = place.raw();
    raw.execute_batch("DROP TRIGGER event_is_never_changed").unwrap();
    raw.execute("UPDATE event SET event = '{\"event\":\"FROM_THE_FUTURE\"}' WHERE deployment = 1", [])
        .unwrap();
    let stretch = store.untold_traces().unwrap().unwrap();
    assert_eq!(stretch.unreadable, 1);
    assert_eq!(stretch.histories.len(), 1);
    assert_eq!(stretch.histories[0][0].deployment, id(2));
}
