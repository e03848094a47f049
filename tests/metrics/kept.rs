//! Stories that are kept are always what the records tell.

use deployment_orchestrator::domain::event::MainEvent;
use deployment_orchestrator::domain::metrics::imported::{Ended, ImportedDeployment, Kind};
use deployment_orchestrator::domain::metrics::incident::Incident;
use deployment_orchestrator::domain::metrics::story::{Outcome, Story};
use deployment_orchestrator::domain::metrics::tell::tell;
use deployment_orchestrator::domain::metrics::window::Window;
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::remark::Remark;
use deployment_orchestrator::store::{About, Import, Remarked, Store};

use super::place::{Place, at, complete, create_as, entry};
use super::support::{choices, id, spec};

fn always() -> Window {
    Window { from: at(0), until: at(1_000_000) }
}

fn stories(store: &Store, window: Window) -> Vec<Story> {
    let mut stories = Vec::new();
    store.each_story(None, window, |story| stories.push(story.clone())).unwrap();
    stories.sort_by(|a, b| a.deployment.cmp(&b.deployment));
    stories
}

fn told(store: &Store, number: u128) -> Story {
    tell(&store.history(&id(number), 0, 1_000).unwrap()).unwrap()
}

#[test]
fn every_deployment_that_ended_has_the_story_that_its_records_tell() {
    let place = Place::new();
    let store = place.open();
    assert!(stories(&store, always()).is_empty(), "an empty history tells nothing");
    complete(&store, create_as(&store, 1, spec()));
    assert_eq!(stories(&store, always()), [told(&store, 1)]);

    // It goes on after its end, and another one comes; a third is under way and nowhere yet.
    let first = store.load(&id(1)).unwrap();
    let rollback = choices(&first, at(90)).into_iter().find(|it| it.name().0 == "ROLLBACK").unwrap();
    store.record(&entry(&first, rollback, at(90))).unwrap();
    complete(&store, create_as(&store, 2, spec()));
    create_as(&store, 3, spec());
    let now = stories(&store, always());
    assert_eq!(
        now,
        [told(&store, 1), told(&store, 2)],
        "what did something to production is there, ended or not"
    );
    assert_eq!((&now[0].outcome, &now[1].outcome), (&Outcome::UnderWay, &Outcome::Completed));
    assert_eq!(store.misremembered().unwrap(), (3, Vec::new()));
    assert_eq!(store.untold().unwrap(), 0);

    // Another process finds them, and so does one that has forgotten all.
    drop(store);
    let store = place.open();
    assert_eq!(stories(&store, always()), now);
    store.forget_stories().unwrap();
    assert_eq!(stories(&store, always()), now);
    store.verify_chain().unwrap();
}

#[test]
fn a_window_and_a_service_choose_and_production_is_always_known() {
    let place = Place::new();
    let store = place.open();
    let to_dev = || {
        let mut spec = spec();
        spec.workflow.environments.truncate(1);
        spec
    };
    let mut other = to_dev();
    other.service = "pay".parse().unwrap();
    for (number, spec) in [(1, spec()), (2, to_dev()), (3, other)] {
        complete(&store, create_as(&store, number, spec));
    }
    let ids = |window, service: Option<&str>| {
        let mut ids = Vec::new();
        let service = service.map(|name| name.parse().unwrap());
        store.each_story(service.as_ref(), window, |story| ids.push(story.deployment.clone())).unwrap();
        ids.sort();
        ids
    };
    assert_eq!(ids(always(), None), [id(1), id(2), id(3)]);
    assert_eq!(ids(always(), Some("pay")), [id(3)]);
    // Long after: only what reached production can still matter, for what follows it.
    assert_eq!(ids(Window { from: at(5_000), until: at(6_000) }, None), [id(1)]);
}

#[test]
fn a_story_that_somebody_changed_is_found_and_made_anew() {
    let place = Place::new();
    let store = place.open();
    for number in 1..=3 {
        complete(&store, create_as(&store, number, spec()));
    }
    let before = stories(&store, always());
    for change in [
        // The last byte says how many commits it brought.
        "UPDATE story SET story = CAST(substr(story, 1, length(story) - 1) || x'01' AS BLOB) WHERE deployment = 2",
        "UPDATE story SET story = CAST(story || x'00' AS BLOB) WHERE deployment = 2",
        "UPDATE story SET production = 0 WHERE deployment = 2",
        "UPDATE story SET ended_at = ended_at + 1 WHERE deployment = 2",
        "UPDATE story SET service = 'pay' WHERE deployment = 2",
        "UPDATE story SET story = NULL WHERE deployment = 2",
        "DELETE FROM story WHERE deployment = 2",
    ] {
        assert_eq!(place.raw().execute(change, []).unwrap(), 1, "{change}");
        assert_eq!(store.misremembered().unwrap(), (3, vec![id(2)]), "{change}");
        store.forget_stories().unwrap();
        assert_eq!(stories(&store, always()), before);
        assert_eq!(store.misremembered().unwrap(), (3, Vec::new()));
    }
}

#[test]
fn stories_of_an_older_format_are_told_anew() {
    let place = Place::new();
    let store = place.open();
    complete(&store, create_as(&store, 1, spec()));
    let before = stories(&store, always());
    place.raw().execute_batch("UPDATE story_mark SET format = 0; UPDATE story SET story = x'00'").unwrap();
    assert_eq!(stories(&store, always()), before);
}

#[test]
fn stories_of_schema_6_are_told_anew() {
    let place = Place::new();
    let store = place.open();
    complete(&store, create_as(&store, 1, spec()));
    let before = stories(&store, always());
    drop(store);
    place
        .raw()
        .execute_batch(
            "DROP TABLE trace_mark; DROP INDEX deployment_ended_last; DROP INDEX deployment_taken_back;
             DROP INDEX environment_version_by; DROP TABLE story;
             CREATE TABLE story (deployment INTEGER PRIMARY KEY REFERENCES deployment (number), service TEXT NOT NULL,
                                 ended_at INTEGER, production INTEGER NOT NULL, story TEXT) STRICT;
             INSERT INTO story VALUES (1, 'checkout', 7, 1, '{\"deployment\":\"told by an older program\"}');
             UPDATE story_mark SET format = 2;
             PRAGMA user_version = 6",
        )
        .unwrap();
    let store = place.open();
    assert_eq!(stories(&store, always()), before);
    assert_eq!(store.misremembered().unwrap(), (1, Vec::new()));
}

#[test]
fn the_last_word_on_an_incident_counts() {
    let place = Place::new();
    let store = place.open();
    complete(&store, create_as(&store, 1, spec()));
    let person = Actor::at_command_line("grace".parse().unwrap());
    let link = |name: &str, resolved: Option<i64>, about| {
        let remark = Remark::IncidentLinked {
            incident: name.parse().unwrap(),
            service: "checkout".parse().unwrap(),
            began_at: at(5),
            resolved_at: resolved.map(at),
            sent_at: None,
        };
        store.remark(&Remarked { about, remark, actor: person.clone(), at: at(9) }).unwrap().unwrap();
    };
    let incident = |name: &str, resolved: Option<i64>| Incident {
        id: name.parse().unwrap(),
        service: "checkout".parse().unwrap(),
        began_at: at(5),
        resolved_at: resolved.map(at),
        deployment: None,
    };
    let import =
        |incidents| store.import(Import::Incidents(incidents), "grace".parse().unwrap(), at(9)).unwrap();
    assert_eq!(import(vec![incident("INC-1", None), incident("INC-2", Some(6))]), 2);
    assert_eq!(import(vec![incident("INC-1", None), incident("INC-2", Some(7))]), 1, "one is as it was");
    link("INC-1", None, About::None);
    link("INC-1", Some(8), About::None);
    link("INC-3", None, About::Deployment { id: id(1), notice: None });
    assert_eq!(
        store.incidents().unwrap(),
        [
            incident("INC-1", Some(8)),
            incident("INC-2", Some(7)),
            Incident { deployment: Some(id(1)), ..incident("INC-3", None) },
        ]
    );
    // They stand in the history, move nothing, and the story of that deployment is told after them.
    store.verify_chain().unwrap();
    assert_eq!(store.misremembered().unwrap(), (1, Vec::new()));
    let last = store.history(&id(1), 0, 1_000).unwrap().pop().unwrap();
    assert_eq!((last.what.name().0.as_str(), last.state.as_str()), ("INCIDENT_LINKED", "completed"));
}

#[test]
fn imported_rows_are_kept_once() {
    let place = Place::new();
    let store = place.open();
    let row = ImportedDeployment {
        service: "shop".parse().unwrap(),
        repository: "acme/shop".parse().unwrap(),
        environment: "prod".parse().unwrap(),
        production: true,
        commit: "aaaaaaa".parse().unwrap(),
        kind: Kind::Deploy,
        result: Ended::Failed,
        started_at: at(1),
        finished_at: at(2),
    };
    let import = |row: &ImportedDeployment| {
        store.import(Import::Deployments(vec![row.clone()]), "grace".parse().unwrap(), at(9)).unwrap()
    };
    assert_eq!((import(&row), import(&row)), (1, 0));
    let corrected = ImportedDeployment { result: Ended::Succeeded, ..row };
    assert_eq!(import(&corrected), 1);
    assert_eq!(store.imported_deployments().unwrap(), [corrected]);
    assert!(stories(&store, always()).is_empty(), "they are no part of the history");
    assert_eq!(store.chain_head().unwrap().position, 0);
}

#[test]
fn a_deployment_whose_records_cannot_be_followed_is_counted_and_left_out() {
    let place = Place::new();
    let store = place.open();
    complete(&store, create_as(&store, 1, spec()));
    let second = create_as(&store, 2, spec());
    store.record(&entry(&second, MainEvent::Start.into(), at(1))).unwrap();
    let raw = place.raw();
    raw.execute_batch("DROP TRIGGER event_is_never_changed").unwrap();
    let damaged = "UPDATE event SET event = '{\"event\":\"FROM_THE_FUTURE\"}' WHERE event LIKE '{\"event\":\"START\"}' AND deployment = 2";
    assert_eq!(raw.execute(damaged, []).unwrap(), 1);
    assert_eq!(stories(&store, always()).len(), 1);
    assert_eq!(store.untold().unwrap(), 1);
}
