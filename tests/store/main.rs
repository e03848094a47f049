//! The store in one process and in two: what it keeps, refuses and hands out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is a test's job")]

mod deliveries;
#[path = "../support/place.rs"]
mod place;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use deployment_orchestrator::domain::deployment::{Deployment, Spec};
use deployment_orchestrator::domain::event::MainEvent;
use deployment_orchestrator::domain::guard::Refusal;
use deployment_orchestrator::domain::replay::replay;
use deployment_orchestrator::domain::state::State;
use deployment_orchestrator::store::{
    Activity, Allowance, Authority, Created, Cursor, Deferral, Driver, Entry, Error, Expected, Fence, Filter,
    Lease, Store,
};
use place::{Place, at, complete, create_as, entry};
use proptest::prelude::*;
use proptest::sample::Index;
use support::{choices, id, spec};

const TTL: Duration = Duration::from_secs(10);

fn create(store: &Store, number: u128) -> Deployment {
    create_as(store, number, spec())
}

/// The deployment that its events make.
fn replayed(store: &Store, deployment: &Deployment) -> Deployment {
    replay(&store.history(&deployment.id, 0, 1_000).unwrap()).unwrap().deployment
}

fn held(lease: Lease) -> Fence {
    match lease {
        Lease::Held(fence) => fence,
        Lease::HeldBy(driver) => panic!("held by {}", driver.holder),
    }
}

#[test]
fn a_deployment_goes_its_way_and_is_all_there_afterwards() {
    let place = Place::new();
    let store = place.open();
    let way = complete(&store, create(&store, 1));
    let last = way.last().unwrap();
    assert_eq!(last.progress.state, State::Completed);
    drop(store);

    let store = place.open();
    assert_eq!(store.load(&last.id).unwrap(), *last);
    assert_eq!(replayed(&store, last), *last);
    assert_eq!(
        store.history(&last.id, 3, 2).unwrap().iter().map(|it| it.position).collect::<Vec<_>>(),
        [4, 5]
    );
    assert_eq!(store.verify_chain().unwrap().position, last.progress.version);
    let names = |name: &str| {
        let versions =
            store.versions(&last.spec.service, &last.spec.repository, &name.parse().unwrap(), 10).unwrap();
        versions.into_iter().map(|version| version.deployment).collect::<Vec<_>>()
    };
    assert_eq!((names("dev"), names("prod")), (vec![last.id.clone()], vec![last.id.clone()]));
    assert_eq!(store.next_due().unwrap(), Some(way[1].progress.updated_at), "the first notice is due");
}

#[test]
fn a_start_is_idempotent_by_its_key_and_by_its_id() {
    let place = Place::new();
    let store = place.open();
    let keyed = Spec { idempotency_key: Some("release-7".parse().unwrap()), ..spec() };
    let first = create_as(&store, 1, keyed.clone());
    let other = Spec { branch: "hotfix".parse().unwrap(), ..keyed };
    assert_eq!(
        store.create(id(2), other, Allowance::Unlimited, at(5)).unwrap(),
        Created::Existing(first.clone())
    );
    assert_eq!(
        store.create(id(1), spec(), Allowance::Unlimited, at(5)).unwrap(),
        Created::Existing(first.clone())
    );
    assert!(matches!(store.load(&id(2)), Err(Error::NotFound { id: missing }) if missing == id(2)));
    assert_eq!(store.history(&first.id, 0, 10).unwrap().len(), 1);
    create_as(&store, 3, spec());
}

#[test]
fn what_is_unknown_stale_or_refused_changes_nothing() {
    let place = Place::new();
    let store = place.open();
    let deployment = create(&store, 1);
    let start = entry(&deployment, MainEvent::Start.into(), at(1));

    let unknown = store.record(&Entry { id: id(9), ..start.clone() });
    assert!(matches!(unknown, Err(Error::NotFound { .. })));
    let early = store.record(&Entry { expected: Expected::Version(7), ..start.clone() });
    assert!(matches!(early, Err(Error::Stale { expected: 7, actual: 1, .. })));
    let impossible = store.record(&entry(&deployment, MainEvent::Approved.into(), at(1)));
    assert!(matches!(impossible, Err(Error::Refused(Refusal::NotAllowed { .. }))));
    assert_eq!(store.load(&deployment.id).unwrap(), deployment);
    assert_eq!(store.verify_chain().unwrap().position, 1);

    store.record(&Entry { expected: Expected::Any, ..start.clone() }).unwrap();
    assert!(matches!(store.record(&start), Err(Error::Stale { expected: 1, actual: 2, .. })));
}

#[test]
fn what_is_read_together_is_of_one_moment() {
    let place = Place::new();
    let store = place.open();
    let before = create(&store, 1);
    let event = choices(&before, at(1)).remove(0);
    let look = || store.read_at_once(|snapshot| snapshot.load(&before.id));

    assert!(matches!(look(), Err(Error::Busy)), "no connection is there yet");
    let seen = store.read(|snapshot| {
        let first = snapshot.load(&before.id)?;
        let after = store.record(&entry(&before, event, at(1)))?;
        assert!(matches!(look(), Err(Error::Busy)), "the only connection is in use");
        Ok((first, after, snapshot.load(&before.id)?))
    });
    let (first, after, second) = seen.unwrap();
    assert_eq!((&*first, &*second), (&before, &before));
    assert_eq!(*look().unwrap(), after);
}

#[test]
fn pages_are_newest_first_and_complete_whatever_is_asked() {
    let place = Place::new();
    let store = place.open();
    for number in 0..7 {
        create(&store, number);
    }
    let other = Spec { repository: "acme/search".parse().unwrap(), ..spec() };
    create_as(&store, 7, other);
    let ended = store.load(&id(2)).unwrap();
    complete(&store, ended);

    let pages = |filter: Filter| {
        let mut seen = Vec::new();
        let mut filter = Filter { limit: 2, ..filter };
        loop {
            let page = store.list(&filter).unwrap();
            assert!(page.deployments.len() <= 2);
            seen.extend(page.deployments.into_iter().map(|deployment| deployment.id));
            let Some(next) = page.next else { return seen };
            filter.before = Some(next.to_string().parse().unwrap());
        }
    };
    let ids = |numbers: &[u128]| numbers.iter().map(|number| id(*number)).collect::<Vec<_>>();
    assert_eq!(pages(Filter::default()), ids(&[7, 6, 5, 4, 3, 2, 1, 0]));
    assert_eq!(pages(Filter { activity: Activity::Ended, ..Filter::default() }), ids(&[2]));
    assert_eq!(
        pages(Filter { activity: Activity::Active, ..Filter::default() }),
        ids(&[7, 6, 5, 4, 3, 1, 0])
    );
    assert_eq!(pages(Filter { state: Some("completed".to_owned()), ..Filter::default() }), ids(&[2]));
    assert_eq!(
        pages(Filter { repository: Some("acme/search".parse().unwrap()), ..Filter::default() }),
        ids(&[7])
    );
    assert_eq!(pages(Filter { environment: Some("prod".parse().unwrap()), ..Filter::default() }).len(), 8);
    assert_eq!(pages(Filter { environment: Some("dev".parse().unwrap()), ..Filter::default() }), ids(&[]));
    assert!("before-x".parse::<Cursor>().is_err());
}

#[test]
fn what_is_due_is_handed_out_oldest_first_until_deferred() {
    let place = Place::new();
    let store = place.open();
    let (first, second) = (create(&store, 1), create(&store, 2));
    let fence = held(store.lease("a", at(0), TTL).unwrap());
    let due = |now| store.due(now, 10).unwrap().into_iter().map(|it| it.id).collect::<Vec<_>>();
    assert_eq!(due(at(0)), [first.id.clone(), second.id.clone()]);

    let until = |deployment: &Deployment, version, seconds| Deferral {
        id: deployment.id.clone(),
        version,
        until: at(seconds),
    };
    store.defer(&fence, &[until(&first, 1, 60), until(&second, 9, 90)]).unwrap();
    assert_eq!(due(at(0)), vec![second.id.clone()], "a deferral of another version is void");
    store.defer(&fence, &[until(&second, 1, 30)]).unwrap();
    assert_eq!((due(at(29)), store.next_due().unwrap()), (vec![], Some(at(30))));
    assert_eq!(due(at(60)), [second.id.clone(), first.id.clone()]);
    assert_eq!(store.load(&first.id).unwrap(), first, "no event, no version");

    store.record(&entry(&first, MainEvent::Start.into(), at(3))).unwrap();
    assert_eq!(due(at(3)), [first.id], "an event makes it due at once");
}

#[test]
fn a_lease_that_was_taken_over_lets_its_old_holder_do_nothing() {
    let place = Place::new();
    let store = place.open();
    let deployment = create(&store, 1);
    assert_eq!(store.driver().unwrap(), None);
    let old = held(store.lease("a", at(0), TTL).unwrap());
    assert_eq!(held(store.lease("a", at(5), TTL).unwrap()), old, "renewed");
    let driver = Driver { holder: "a".to_owned(), until: at(15) };
    assert_eq!(store.lease("b", at(14), TTL).unwrap(), Lease::HeldBy(driver.clone()));
    assert_eq!(store.driver().unwrap(), Some(driver));

    let new = held(store.lease("b", at(15), TTL).unwrap());
    assert!(new.token > old.token);
    let start = |authority| Entry { authority, ..entry(&deployment, MainEvent::Start.into(), at(16)) };
    let lost = |outcome| matches!(outcome, Err(Error::LeaseLost { holder }) if holder == "a");
    assert!(lost(store.record(&start(Authority::Driver(old.clone()))).map(drop)));
    assert!(lost(store.defer(&old, &[])));
    store.release(&old).unwrap();
    store.record(&start(Authority::Driver(new.clone()))).unwrap();
    assert!(lost(store.route(&old, Vec::new(), at(16))));

    store.release(&new).unwrap();
    assert_eq!(store.driver().unwrap(), None);
    assert!(store.defer(&new, &[]).is_err(), "released is released");
    let again = held(store.lease("b", at(17), TTL).unwrap());
    assert!(again.token > new.token);
    assert!(matches!(store.lease("c", at(7), TTL).unwrap(), Lease::HeldBy(_)), "a small step back is none");
    held(store.lease("c", at(6), TTL).unwrap());
}

#[test]
fn a_database_that_is_not_ours_is_left_as_it_is() {
    let place = Place::new();
    drop(place.open());
    place.raw().execute_batch("PRAGMA user_version = 99").unwrap();
    let refused = Store::open(&place.path).err().unwrap();
    assert!(matches!(refused, Error::NewerSchema { found: 99, known: 10 }), "{refused}");

    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "these are not the bytes of a database, ".repeat(200)).unwrap();
    let foreign = folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    for path in [&text, &foreign] {
        let before = std::fs::read(path).unwrap();
        let refused = Store::open(path).err().unwrap();
        assert!(matches!(refused, Error::Unreadable { .. }), "{refused}");
        assert_eq!(std::fs::read(path).unwrap(), before);
    }
    let refused = Store::open(folder.path()).err().unwrap().to_string();
    assert!(refused.contains("cannot be used as the database"), "{refused}");
}

#[test]
fn a_row_that_we_would_not_write_is_not_read() {
    let place = Place::new();
    let store = place.open();
    let deployment = create(&store, 1);
    for change in [
        r#"deployment SET progress = json_set(progress, '$.extra', 1)"#,
        r#"deployment SET progress = json_set(progress, '$.version', 5)"#,
        r#"spec SET spec = '{}'"#,
    ] {
        let raw = place.raw();
        raw.execute_batch(&format!("BEGIN; UPDATE {change}; COMMIT")).unwrap();
        assert!(matches!(store.load(&deployment.id), Err(Error::Corrupt { .. })), "{change}");
    }
    let sound = create(&store, 2);
    assert_eq!(store.due(at(1_000), 10).unwrap(), [sound], "a damaged row holds up no other");
}

#[test]
fn a_row_that_was_changed_by_hand_is_seen_by_those_who_know_it() {
    let place = Place::new();
    let store = place.open();
    let deployment = create(&store, 1);
    let look = || store.read(|snapshot| snapshot.load(&deployment.id));
    assert_eq!(*look().unwrap(), deployment);
    let change = |change: &str| place.raw().execute_batch(&format!("UPDATE {change}")).unwrap();

    change("deployment SET progress = json_set(progress, '$.requests', 7)");
    assert_eq!(look().unwrap().progress.requests, 7);
    change("spec SET spec = json_set(spec, '$.branch', 'other')");
    assert_eq!(look().unwrap().spec.branch.as_str(), "other");
    change("deployment SET created_at = created_at + 1");
    assert_eq!(look().unwrap().created_at, deployment.created_at.plus(Duration::from_millis(1)));
    change("deployment SET version = 5");
    assert!(matches!(look(), Err(Error::Corrupt { .. })));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let store = place.open();
    create(&store, 1);
    for file in std::fs::read_dir(place.path.parent().unwrap()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[test]
fn of_two_processes_that_race_for_a_version_one_wins() {
    let place = Place::new();
    let stores = [place.open(), place.open()];
    let mut deployment = create(&stores[0], 1);
    while !deployment.progress.state.is_terminal() {
        let now = at(deployment.progress.version as i64);
        let entry = entry(&deployment, choices(&deployment, now).remove(0), now);
        let start = Barrier::new(stores.len());
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let race = |store| {
                let (start, entry) = (&start, &entry);
                scope.spawn(move || {
                    start.wait();
                    Store::record(store, entry)
                })
            };
            let racing: Vec<_> = stores.iter().map(race).collect();
            racing.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 1));
        assert!(matches!(lost[0], Err(Error::Stale { .. })), "{lost:?}");
        deployment = won.into_iter().next().unwrap().unwrap();
    }
    assert_eq!(replayed(&stores[1], &deployment), deployment);
}

#[test]
fn processes_that_start_together_agree_on_one_schema() {
    let place = Place::new();
    let start = Arc::new(Barrier::new(4));
    let starting: Vec<_> = (0..4)
        .map(|number| {
            let (path, start) = (place.path.clone(), start.clone());
            std::thread::spawn(move || {
                start.wait();
                create(&Store::open(&path).unwrap(), number);
            })
        })
        .collect();
    starting.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(place.open().list(&Filter { limit: 10, ..Filter::default() }).unwrap().deployments.len(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_replays_to_its_row(picks in proptest::collection::vec(any::<Index>(), 1..60)) {
        let place = Place::new();
        let store = place.open();
        let mut deployment = create(&store, 1);
        for (step, pick) in picks.iter().enumerate() {
            let now = at(step as i64);
            let events = choices(&deployment, now);
            if events.is_empty() {
                break;
            }
            let event = pick.get(&events).clone();
            match store.record(&entry(&deployment, event, now)) {
                Ok(next) => {
                    prop_assert_eq!(next.progress.version, deployment.progress.version + 1);
                    deployment = next;
                }
                Err(error) => prop_assert!(matches!(error, Error::Refused(_)), "{}", error),
            }
        }
        prop_assert_eq!(&store.load(&deployment.id).unwrap(), &deployment);
        prop_assert_eq!(&replayed(&store, &deployment), &deployment);
        prop_assert_eq!(store.verify_chain().unwrap().position, deployment.progress.version);

        let notices = store.unrouted().unwrap();
        let keys: BTreeSet<&str> = notices.iter().map(|it| it.notice.key.as_str()).collect();
        prop_assert_eq!(keys.len(), notices.len());
        let versions: BTreeSet<&str> = keys.iter().map(|key| key.rsplit_once(':').unwrap().0).collect();
        prop_assert_eq!(versions.len(), notices.len(), "one notice for one event");
    }
}
