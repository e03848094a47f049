//! The history: what stands in it beside events, and that no change of it goes unseen.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a test's job"
)]

#[path = "support/place.rs"]
mod place;
#[path = "support/mod.rs"]
mod support;

use std::sync::Barrier;
use std::thread;

use deployment_orchestrator::domain::deployment::{Deployment, Spec};
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::evidence::{Bundle, Evidence};
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::domain::principal::{Actor, Channel};
use deployment_orchestrator::domain::record::{RemarkRecord, What};
use deployment_orchestrator::domain::remark::Remark;
use deployment_orchestrator::domain::replay::replay;
use deployment_orchestrator::domain::role::Role;
use deployment_orchestrator::domain::signature::PrivateKey;
use deployment_orchestrator::domain::token::{Grant, Holder, Secret, Token};
use deployment_orchestrator::store::{
    About, Allowance, ChainError, Created, Entry, Error, Expected, MOST_REMARKS, Remarked, Store, Use,
};
use place::{Place, at, complete, create_as, entry};
use rusqlite::types::Value;
use support::{choices, id, spec};

fn human(name: &str) -> Actor {
    Actor::at_command_line(name.parse().unwrap())
}

fn agent(name: &str) -> Actor {
    Actor::agent("claude-code".to_owned(), name.parse().unwrap(), Channel::McpStdio)
}

fn about(id: &DeploymentId, remark: Remark) -> Remarked {
    let about = About::Deployment { id: id.clone(), notice: None };
    Remarked { about, remark, actor: agent("ada"), at: at(100) }
}

fn about_none(remark: Remark) -> Remarked {
    Remarked { about: About::None, remark, actor: human("grace"), at: at(100) }
}

fn refused() -> Remark {
    Remark::AgentRefused { code: "quota-spent".to_owned(), message: "no more today".to_owned() }
}

fn reviewed() -> Remark {
    Remark::Reviewed { note: "the fire was real".to_owned() }
}

fn frozen(reason: &str) -> Remark {
    Remark::AgentsFrozen { reason: reason.to_owned() }
}

/// A database that the first release left, with the deployments 1 to 3 in it.
fn first_release() -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path.parent().unwrap()).unwrap();
    let raw = place.raw();
    raw.execute_batch(include_str!("../src/store/schema.sql")).unwrap();
    raw.execute_batch(include_str!("fixtures/schema_1.sql")).unwrap();
    place
}

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

#[test]
fn a_remark_stands_in_the_history_and_moves_nothing() {
    let place = Place::new();
    let store = place.open();
    let deployment = create_as(&store, 1, spec());
    let other = create_as(&store, 2, spec());
    let told = About::Deployment { id: deployment.id.clone(), notice: Some("somebody tried".to_owned()) };
    let remark = Remark::DecisionRefused { code: "x".to_owned(), message: "a forged signature".to_owned() };
    let remarked = Remarked { about: told, remark: remark.clone(), actor: agent("ada"), at: at(1) };
    assert_eq!(store.remark(&remarked).unwrap(), Some(3));
    assert_eq!(store.load(&deployment.id).unwrap(), deployment, "no version rises");
    store.record(&entry(&other, MainEvent::Start.into(), at(2))).unwrap();
    store.record(&entry(&deployment, MainEvent::Start.into(), at(2))).unwrap();
    store.remark(&about(&deployment.id, refused())).unwrap();

    let history = store.history(&deployment.id, 0, 10).unwrap();
    let said: Vec<_> =
        history.iter().map(|it| (it.position, it.version, it.state.as_str(), it.what.name().0)).collect();
    let line = |position, version, state, name: &'static str| (position, version, state, name.to_owned());
    assert_eq!(
        said,
        [
            line(1, 1, "pending", "CREATED"),
            line(3, 1, "pending", "DECISION_REFUSED"),
            line(5, 2, "validating", "START"),
            line(6, 2, "validating", "AGENT_REFUSED"),
        ]
    );
    assert_eq!((&history[1].what, &history[1].actor), (&What::Remark(remark), &agent("ada")));
    let positions = |after, limit| {
        let page = store.history(&deployment.id, after, limit).unwrap();
        page.into_iter().map(|it| it.position).collect::<Vec<_>>()
    };
    assert_eq!((positions(1, 2), positions(5, 9), positions(6, 9)), (vec![3, 5], vec![6], vec![]));
    store.verify_chain().unwrap();

    let notice = &store.unrouted().unwrap()[0].notice;
    assert_eq!((notice.topic, notice.text.as_str()), (Topic::Security, "somebody tried"));
    assert_eq!(notice.key, format!("{}:1:security:3", deployment.id));
    let unknown = store.remark(&about(&id(9), refused()));
    assert!(matches!(unknown, Err(Error::NotFound { .. })));
}

#[test]
fn a_flood_of_remarks_ends_and_what_matters_gets_through() {
    let place = Place::new();
    let store = place.open();
    let id = create_as(&store, 1, spec()).id;
    let kept = |remarked: &Remarked| {
        (0..MOST_REMARKS * 2).take_while(|_| store.remark(remarked).unwrap().is_some()).count() as u32
    };
    assert_eq!(kept(&about(&id, refused())), MOST_REMARKS);
    assert!(store.remark(&about(&id, reviewed())).unwrap().is_some(), "a person is always heard");

    assert_eq!(kept(&about_none(refused())), MOST_REMARKS);
    assert!(store.remark(&about_none(frozen("enough"))).unwrap().is_some(), "the switch always works");
    assert_eq!(store.remark(&about_none(refused())).unwrap(), None);
    let later = Remarked { at: at(100 + 3_600), ..about_none(refused()) };
    assert!(store.remark(&later).unwrap().is_some(), "it is so many in an hour");
    store.verify_chain().unwrap();
}

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

#[test]
fn a_review_is_open_until_a_person_has_looked() {
    let place = Place::new();
    let store = place.open();
    for number in 1..3 {
        create_as(&store, number, spec());
    }
    place
        .raw()
        .execute_batch("INSERT INTO review VALUES (1, 1, 'prod', 1, NULL), (2, 2, 'prod', 1, NULL)")
        .unwrap();
    let open = || store.open_reviews().unwrap().into_iter().map(|it| it.deployment).collect::<Vec<_>>();
    assert_eq!(open(), [id(1), id(2)]);
    store.remark(&about(&id(1), refused())).unwrap();
    store.remark(&about(&id(1), reviewed())).unwrap();
    assert_eq!(open(), [id(2)]);
    assert!(matches!(store.verify_chain(), Err(ChainError::Broken { .. })), "no event asked for them");
}

/// Everything that can stand in a history, in both formats, and two that go on at once.
fn eventful() -> (Place, Store) {
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

/// Every way to change one byte of a value; of nothing, to make something of it.
fn changed(value: &Value, declared: &str) -> Vec<Value> {
    match value {
        Value::Integer(number) => (0..8).map(|byte| Value::Integer(number ^ (1 << (8 * byte)))).collect(),
        Value::Text(text) => (0..text.len())
            .map(|byte| {
                let mut bytes = text.clone().into_bytes();
                bytes[byte] ^= 1;
                Value::Text(String::from_utf8(bytes).unwrap())
            })
            .collect(),
        Value::Blob(bytes) => (0..bytes.len())
            .map(|byte| {
                let mut bytes = bytes.clone();
                bytes[byte] ^= 1;
                Value::Blob(bytes)
            })
            .collect(),
        Value::Null if declared == "INTEGER" => vec![Value::Integer(1)],
        Value::Null => vec![Value::Text("x".to_owned())],
        Value::Real(_) => panic!("we store none"),
    }
}

/// A connection of somebody who may write the file, and lets nothing stop them.
fn intruder(place: &Place) -> rusqlite::Connection {
    let raw = place.raw();
    raw.execute_batch(
        "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;
         DROP TRIGGER event_is_never_changed; DROP TRIGGER event_is_never_removed;",
    )
    .unwrap();
    raw
}

/// Change every byte of every column of a table, one at a time, and put it back.
fn change_every_byte(place: &Place, table: &str, key: &str, mut look: impl FnMut(i64, &str, &Value)) -> u32 {
    let raw = intruder(place);
    let columns: Vec<(String, String)> = raw
        .prepare(&format!("SELECT name, type FROM pragma_table_info('{table}') WHERE name <> 'due_at'"))
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let rows: Vec<i64> = raw
        .prepare(&format!("SELECT rowid FROM {table}"))
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut changes = 0;
    for (column, declared) in &columns {
        for row in &rows {
            let query = format!("SELECT {column} FROM {table} WHERE rowid = ?1");
            let kept: Value = raw.query_row(&query, [row], |row| row.get(0)).unwrap();
            let mut update =
                raw.prepare_cached(&format!("UPDATE {table} SET {column} = ?2 WHERE rowid = ?1")).unwrap();
            for value in changed(&kept, declared) {
                // Another row may have this key already; then SQLite does not let it happen.
                if update.execute((row, &value)).is_err() {
                    continue;
                }
                changes += 1;
                look(*row, column, &value);
                let now = match &value {
                    Value::Integer(moved) if column == key => *moved,
                    _ => *row,
                };
                update.execute((now, &kept)).unwrap();
            }
        }
    }
    changes
}

#[test]
fn whichever_byte_is_changed_it_is_found() {
    let (place, store) = eventful();
    let whole = store.verify_chain().unwrap();
    let changes =
        change_every_byte(&place, "event", "position", |row, column, value| match store.verify_chain() {
            Err(ChainError::Broken { position, .. }) => {
                assert_eq!(position as i64, row, "{column} {value:?}")
            }
            other => panic!("{column} of {row} as {value:?}: {other:?}"),
        });
    assert!(changes > 10_000, "{changes}");
    assert_eq!(store.verify_chain().unwrap(), whole);
}

#[test]
fn whichever_byte_of_a_deployment_is_changed_it_is_found() {
    for (table, key) in [("deployment", "number"), ("spec", "deployment")] {
        let (place, store) = eventful();
        let whole = store.verify_chain().unwrap();
        let changes = change_every_byte(&place, table, key, |row, column, value| {
            let found = store.verify_chain();
            assert!(
                matches!(found, Err(ChainError::Broken { .. })),
                "{column} of {row} as {value:?}: {found:?}"
            );
        });
        assert!(changes > 1_000, "{changes}");
        assert_eq!(store.verify_chain().unwrap(), whole);
    }
}

/// Two deployments that were under way together and are over.
fn delivered() -> (Place, Store) {
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

#[test]
fn whichever_byte_of_a_version_to_roll_back_to_is_changed_it_is_found() {
    let (place, store) = delivered();
    store.verify_chain().unwrap();
    let changes = change_every_byte(&place, "environment_version", "number", |row, column, value| {
        let found = store.verify_chain();
        assert!(matches!(found, Err(ChainError::Broken { .. })), "{column} of {row} as {value:?}: {found:?}");
        let alone = [1, 2].map(|number| store.intact(&id(number)));
        // Where a version stands among those of others is not its deployment's to tell.
        assert!(column == "number" || alone.iter().any(Result::is_err), "{column} of {row} as {value:?}");
    });
    assert!(changes > 1_000, "{changes}");
    (1..=2).for_each(|number| store.intact(&id(number)).unwrap());
}

#[test]
fn no_version_to_roll_back_to_is_added_removed_or_moved() {
    let (place, store) = delivered();
    let raw = intruder(&place);
    let head = store.verify_chain().unwrap().position;
    let broken = |change: &str| {
        raw.execute_batch(&format!("SAVEPOINT change; {change}; RELEASE change")).unwrap();
        let found = store.verify_chain();
        assert!(matches!(found, Err(ChainError::Broken { .. })), "{change}: {found:?}");
        raw.execute_batch(
            "DELETE FROM environment_version; INSERT INTO environment_version SELECT * FROM kept",
        )
        .unwrap();
        assert_eq!(store.verify_chain().unwrap().position, head);
    };
    raw.execute_batch("CREATE TEMP TABLE kept AS SELECT * FROM environment_version").unwrap();
    broken("DELETE FROM environment_version WHERE number = 6");
    broken("DELETE FROM environment_version WHERE number = 1");
    for of in ["deployment", "'dep_01HF7YAT000000000000000009'"] {
        broken(&format!(
            "INSERT INTO environment_version (service, repository, environment, deployment, at, version)
             SELECT service, repository, environment, {of}, at, version FROM kept WHERE number = 1"
        ));
    }
    broken(
        "UPDATE environment_version SET number = -number;
         UPDATE environment_version SET number = number + 7",
    );
}

#[test]
fn what_was_removed_is_missed_where_it_was() {
    let (place, store) = eventful();
    let raw = intruder(&place);
    let last = store.chain_head().unwrap().position;
    let broken_at = || match store.verify_chain() {
        Err(ChainError::Broken { position, .. }) => position,
        other => panic!("{other:?}"),
    };
    raw.execute("DELETE FROM event WHERE position = ?1", [last as i64]).unwrap();
    assert_eq!(broken_at(), last, "the row knows that there was another");
    raw.execute("DELETE FROM event WHERE position = 39", []).unwrap();
    assert_eq!(broken_at(), 39, "a remark about no deployment");
    raw.execute("DELETE FROM event WHERE position = 3", []).unwrap();
    assert_eq!(broken_at(), 3);
}

/// A token of agents of grace.
fn token(number: u64) -> Token {
    let secret = Secret::new(number, [1, 2]);
    let grant = Grant {
        id: secret.id.clone(),
        holder: Holder::Agent { on_behalf_of: "grace".parse().unwrap() },
        roles: Some([Role::Viewer].into()),
        made_at: at(50),
        made_by: "grace".parse().unwrap(),
        expires_at: Some(at(1_000)),
    };
    Token::seal(grant, &secret, &PrivateKey::from_seed(&[1; 32]))
}

#[test]
fn who_made_and_who_revoked_a_token_is_in_the_history() {
    let (place, store) = eventful();
    let raw = intruder(&place);
    // A program that did not tell of tokens has left this one, and gone.
    store.add_token(&token(1), &human("grace")).unwrap();
    raw.execute_batch(
        "CREATE TEMP TABLE old AS SELECT * FROM token;
         DELETE FROM token; DELETE FROM event WHERE position = (SELECT max(position) FROM event);
         INSERT INTO token SELECT * FROM old",
    )
    .unwrap();
    let before = store.verify_chain().unwrap().position;

    store.add_token(&token(2), &human("grace")).unwrap();
    for (id, there) in [(token(2).grant.id, true), (token(1).grant.id, true), (token(9).grant.id, false)] {
        for by in ["ada", "grace"] {
            assert_eq!(store.revoke_token(&id, &human(by), at(60)).unwrap(), there, "the first time counts");
        }
    }
    let told: Vec<RemarkRecord> = store.remarks(before, 10).unwrap();
    let made = |number| Box::new(token(number).grant);
    let said: Vec<_> =
        told.into_iter().map(|it| (it.position - before, it.at, it.actor, it.remark)).collect();
    assert_eq!(
        said,
        [
            (1, at(50), human("grace"), Remark::TokenMade { grant: made(2) }),
            (2, at(60), human("ada"), Remark::TokenRevoked { grant: made(2) }),
            (3, at(60), human("ada"), Remark::TokenRevoked { grant: made(1) }),
        ]
    );
    assert_eq!(store.verify_chain().unwrap().position, before + 3);

    for (change, position) in [
        ("UPDATE token SET revoked_at = NULL WHERE id LIKE '%2'", before + 2),
        ("UPDATE token SET revoked_at = revoked_at + 1 WHERE id LIKE '%1'", before + 3),
        ("UPDATE token SET body = replace(body, 'viewer', 'admin') WHERE id LIKE '%2'", before + 2),
        ("DELETE FROM token WHERE id LIKE '%2'", before + 2),
    ] {
        raw.execute_batch(&format!("CREATE TEMP TABLE kept AS SELECT * FROM token; {change}")).unwrap();
        let found = store.verify_chain();
        assert!(
            matches!(found, Err(ChainError::Broken { position: at, .. }) if at == position),
            "{change}: {found:?}"
        );
        raw.execute_batch("DELETE FROM token; INSERT INTO token SELECT * FROM kept; DROP TABLE kept")
            .unwrap();
        store.verify_chain().unwrap();
    }
}

#[test]
fn one_deployment_is_checked_by_itself() {
    let (place, store) = eventful();
    let raw = intruder(&place);
    let intact = |number| store.intact(&id(number));
    let broken_at = |number, change: &str| {
        raw.execute_batch(change).unwrap();
        match intact(number) {
            Err(ChainError::Broken { position, .. }) => position,
            other => panic!("{change}: {other:?}"),
        }
    };
    (1..=4).for_each(|number| intact(number).unwrap());
    assert!(matches!(intact(9), Err(ChainError::Store(Error::NotFound { .. }))));

    // The deployment is put back to where it was before the person stopped it.
    let stopped = store.load(&id(1)).unwrap();
    assert_eq!(stopped.progress.version, 15);
    let history = store.history(&id(1), 0, 100).unwrap();
    let (stop, before) = history.split_last().unwrap();
    let earlier: Deployment = replay(before).unwrap().deployment;
    let progress = serde_json::to_string(&earlier.progress).unwrap();
    raw.execute(
        "UPDATE deployment SET version = 14, state = ?1, active = 1, progress = ?2, last_record = 16
         WHERE number = 1",
        (earlier.progress.state.name(), progress),
    )
    .unwrap();
    assert_eq!(store.load(&id(1)).unwrap(), earlier, "as if nothing had been");
    assert_eq!(broken_at(1, "SELECT 1"), stop.position);
    intact(4).unwrap();

    assert_eq!(broken_at(4, "UPDATE event SET at = at + 1 WHERE position = 38"), 38);
    assert_eq!(broken_at(2, "UPDATE event SET hash = zeroblob(32) WHERE position = 16"), 17);
    assert_eq!(broken_at(3, "UPDATE deployment SET progress = replace(progress, 'prod', 'prof')"), 37);
}

#[test]
fn evidence_leads_from_the_first_record_to_the_head() {
    let (_place, store) = eventful();
    let head = store.verify_chain().unwrap();
    for number in 1..=4 {
        let chain = store.evidence(&id(number)).unwrap();
        assert_eq!(chain.head, head);
        let places = chain.places().unwrap();
        assert_eq!((places[0], places[places.len() - 1]), (chain.before, head));
        let own: Vec<u64> = chain.own().map(|record| record.position).collect();
        let evidence = Evidence::of(id(number), chain, at(200)).unwrap();
        let bundle = Bundle::sign(evidence, &PrivateKey::from_seed(&[1; 32]));
        let verified = Bundle::read(bundle.to_text().as_bytes()).unwrap().verify().unwrap();
        assert_eq!(
            (verified.records, verified.old_digests > 0),
            (own.len(), [1, 3].contains(&number)),
            "{number}"
        );
        let history = store.history(&id(number), 0, 100).unwrap();
        assert_eq!(own, history.into_iter().map(|it| it.position).collect::<Vec<_>>());
    }
}
