//! What agents may not do, whatever comes at once: the switch and their allowance
//! are looked at in the transaction.

use std::sync::Barrier;
use std::thread;

use deployment_orchestrator::domain::deployment::Spec;
use deployment_orchestrator::domain::event::MainEvent;
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::remark::Remark;
use deployment_orchestrator::store::{Allowance, Created, Entry, Error, Expected, Remarked, Use};

use super::histories::{about_none, agent, frozen, human, refused};
use super::place::{Place, at, complete, create_as, entry};
use super::support::{choices, id, spec};

#[test]
fn agents_are_frozen_until_they_are_released() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.agents_frozen().unwrap(), None);
    store.remark(&about_none(frozen("drill"))).unwrap();
    // The clock was put back; the history goes on.
    let again = Remarked { at: at(50), ..about_none(frozen("incident 7")) };
    store.remark(&again).unwrap();
    store.remark(&about_none(refused())).unwrap();
    drop(store);
    let store = place.open();
    let switch = store.agents_frozen().unwrap().unwrap();
    assert_eq!((switch.by, switch.reason.as_str(), switch.at), (human("grace"), "incident 7", at(50)));
    store.remark(&about_none(Remark::AgentsReleased { reason: "over".to_owned() })).unwrap();
    assert_eq!(store.agents_frozen().unwrap(), None);
    assert_eq!(store.verify_chain().unwrap().position, 4);
}

#[test]
fn what_an_agent_does_is_refused_in_the_transaction_that_would_do_it() {
    let place = Place::new();
    let store = place.open();
    let deployment = create_as(&store, 1, spec());
    store.remark(&about_none(frozen("incident 7"))).unwrap();
    let head = store.chain_head().unwrap();
    let is_refused = |error| {
        let Error::AgentsFrozen(frozen) = &error else { panic!("{error:?}") };
        assert_eq!((&frozen.by, frozen.reason.as_str()), (&human("grace"), "incident 7"));
        let said = format!("all agents were stopped by grace at {}: incident 7", at(100).to_rfc3339());
        assert_eq!(error.to_string(), said);
    };
    let stop = MainEvent::Cancel { reason: "a change of mind".to_owned() }.into();
    let stop = Entry { actor: agent("ada"), ..entry(&deployment, stop, at(101)) };
    is_refused(store.record(&stop).unwrap_err());
    is_refused(store.create(id(2), spec(), Allowance::Unlimited, at(101)).unwrap_err());
    let repeated = store.create(id(1), spec(), Allowance::Unlimited, at(101)).unwrap();
    assert_eq!(repeated, Created::Existing(deployment.clone()), "a repetition changes nothing");
    assert_eq!(store.chain_head().unwrap(), head);

    // Nobody else is held up, and what an agent began goes on.
    store.record(&entry(&deployment, MainEvent::Start.into(), at(102))).unwrap();
    create_as(&store, 3, Spec { initiator: human("ada"), ..spec() });
    store.remark(&about_none(Remark::AgentsReleased { reason: "over".to_owned() })).unwrap();
    create_as(&store, 4, spec());
    let late = store.load(&id(1)).unwrap().progress.version;
    store.record(&Entry { expected: Expected::Version(late), ..stop }).unwrap();
}

#[test]
fn an_allowance_is_spent_exactly_however_many_come_at_once() {
    const MOST: u32 = 10;
    let place = Place::new();
    let store = place.open();
    let allowance = Allowance::AtMost { most: MOST, since: at(50) };
    let by = |actor: Actor| Spec { initiator: actor, ..spec() };
    create_as(&store, 100, by(agent("ada")));
    for number in 101..105 {
        store.create(id(number), by(human("ada")), allowance, at(60)).unwrap();
        store.create(id(number + 10), by(agent("grace")), allowance, at(60)).unwrap();
    }
    let start = Barrier::new(64);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..64)
            .map(|number| {
                let (store, start, spec) = (&store, &start, by(agent("ada")));
                scope.spawn(move || {
                    start.wait();
                    store.create(id(number), spec, allowance, at(60))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (fresh, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(fresh.len(), MOST as usize, "neither the hour before, nor a person, nor others count");
    for refusal in refused {
        let Err(Error::QuotaSpent { what, by, most }) = refusal else { panic!("{refusal:?}") };
        assert_eq!((what, by.as_str(), most), (Use::Start, "ada", MOST));
    }
    let first = fresh.into_iter().find_map(|created| match created.unwrap() {
        Created::Fresh(deployment) => Some(deployment),
        Created::Existing(_) => None,
    });
    let first = first.unwrap();
    let repeated = store.create(first.id.clone(), by(agent("ada")), allowance, at(60)).unwrap();
    assert_eq!(repeated, Created::Existing(first), "a repetition spends nothing");

    let rollback = |number| {
        let deployment = complete(&store, create_as(&store, number, by(human("ada")))).pop().unwrap();
        let back =
            choices(&deployment, at(90)).into_iter().find(|event| event.name().0 == "ROLLBACK").unwrap();
        let allowance = Allowance::AtMost { most: 1, since: at(50) };
        Entry { actor: agent("ada"), allowance, ..entry(&deployment, back, at(90)) }
    };
    store.record(&rollback(200)).unwrap();
    let second = rollback(201);
    let spent = store.record(&second);
    assert!(matches!(spent, Err(Error::QuotaSpent { what: Use::Rollback, most: 1, .. })), "{spent:?}");
    store.record(&Entry { actor: human("ada"), ..second }).unwrap();
    store.verify_chain().unwrap();
}
