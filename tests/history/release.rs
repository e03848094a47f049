//! A database that an earlier release left.

use deployment_orchestrator::domain::event::MainEvent;
use deployment_orchestrator::domain::replay::replay;
use deployment_orchestrator::store::{Allowance, Error, Use};

use super::histories::first_release;
use super::place::{at, complete, create_as, entry};
use super::support::{id, spec};

#[test]
fn a_database_of_the_first_release_is_all_there_and_goes_on() {
    let place = first_release();
    let rows = |table: &str| -> u32 {
        place.raw().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    let before = ["deployment", "spec", "event", "notice", "environment_version"].map(rows);
    let store = place.open();
    assert_eq!(["deployment", "spec", "event", "notice", "environment_version"].map(rows), before);
    let head = store.verify_chain().unwrap();
    assert_eq!(
        (head.position, head.hex().as_str()),
        (35, "e11f7fa70bd361d3a3556067a4247ece82705cc7c891c4f5d1c66a611abde0a1"),
        "as it was before"
    );
    for (number, state) in [(1, "awaiting-approval"), (2, "cancelled"), (3, "rolling-back")] {
        let stored = store.load(&id(number)).unwrap();
        let history = store.history(&id(number), 0, 1_000).unwrap();
        assert_eq!(stored.progress.state.name(), state);
        assert_eq!(history.len() as u64, stored.progress.version);
        assert_eq!(replay(&history).unwrap().deployment, stored);
        store.intact(&id(number)).unwrap();
    }

    // What its agents did counts, and what nobody was told yet is told.
    let once = Allowance::AtMost { most: 1, since: at(0) };
    let spent = store.create(id(4), spec(), once, at(40));
    assert!(matches!(spent, Err(Error::QuotaSpent { what: Use::Start, .. })), "{spent:?}");
    let untold = store.unrouted().unwrap();
    assert_eq!(untold.iter().filter(|it| it.notice.deployment == id(1)).count(), 5);

    let of_schema_1 =
        "INSERT INTO event (position, deployment, version, at, format, actor, event, state, hash)
                       VALUES (36, 1, 15, 0, 1, '{}', '{}', '', zeroblob(32))";
    assert!(place.raw().execute(of_schema_1, []).is_err(), "a program that still runs can break nothing");
    // Since then people also approve for whom it is: what was asked before is asked anew.
    let waiting = store.load(&id(1)).unwrap();
    let void = MainEvent::ApprovalVoided { reason: "a new version".to_owned() };
    complete(&store, store.record(&entry(&waiting, void.into(), at(41))).unwrap());
    complete(&store, create_as(&store, 4, spec()));
    store.verify_chain().unwrap();
    drop(store);
    place.open().verify_chain().unwrap();
}
