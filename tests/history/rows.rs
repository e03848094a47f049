//! Whole rows: none is added, taken away, moved or put back without being missed.

use deployment_orchestrator::domain::deployment::Deployment;
use deployment_orchestrator::domain::record::RemarkRecord;
use deployment_orchestrator::domain::remark::Remark;
use deployment_orchestrator::domain::replay::replay;
use deployment_orchestrator::domain::role::Role;
use deployment_orchestrator::domain::signature::PrivateKey;
use deployment_orchestrator::domain::token::{Grant, Holder, Secret, Token};
use deployment_orchestrator::store::{ChainError, Error};

use super::histories::{delivered, eventful, human, intruder};
use super::place::at;
use super::support::id;

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
