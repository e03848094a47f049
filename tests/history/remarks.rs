//! What stands in the history beside events.

use deployment_orchestrator::domain::event::MainEvent;
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::domain::record::What;
use deployment_orchestrator::domain::remark::Remark;
use deployment_orchestrator::store::{About, ChainError, Error, MOST_REMARKS, Remarked};

use super::histories::{about, about_none, agent, frozen, refused, reviewed};
use super::place::{Place, at, create_as, entry};
use super::support::{id, spec};

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
