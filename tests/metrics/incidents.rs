//! What people and programs say of an incident, and what of it counts.

use deployment_orchestrator::domain::id::{DeploymentId, IncidentId};
use deployment_orchestrator::domain::metrics::incident::{Heard, Incident};
use deployment_orchestrator::domain::principal::{Actor, Channel};
use deployment_orchestrator::domain::remark::Remark;
use deployment_orchestrator::store::{About, Error, Import, MOST_REMARKS, Remarked, Report, Store};

use super::place::{Place, at, complete, create_as};
use super::support::{id, spec};

fn incident(name: &str, resolved: Option<i64>, deployment: Option<DeploymentId>) -> Incident {
    Incident {
        id: name.parse().unwrap(),
        service: "checkout".parse().unwrap(),
        began_at: at(5),
        resolved_at: resolved.map(at),
        deployment,
    }
}

/// A person's word.
fn said(store: &Store, remark: Remark, about: Option<DeploymentId>) {
    let about = about.map_or(About::None, |id| About::Deployment { id, notice: None });
    let actor = Actor::at_command_line("grace".parse().unwrap());
    store.remark(&Remarked { about, remark, actor, at: at(50) }).unwrap().unwrap();
}

fn link(store: &Store, it: Incident) {
    let Incident { id, service, began_at, resolved_at, deployment } = it;
    let remark = Remark::IncidentLinked { incident: id, service, began_at, resolved_at, sent_at: None };
    said(store, remark, deployment);
}

fn unlink(store: &Store, name: &str) {
    let incident: IncidentId = name.parse().unwrap();
    said(store, Remark::IncidentUnlinked { incident, reason: "a burst pipe".to_owned() }, None);
}

/// A program's word, signed after so many seconds.
fn hear(store: &Store, incident: Incident, sent: i64) -> Heard {
    store.hear(&Report { incident, sent_at: at(sent), at: at(60) }).unwrap().unwrap()
}

#[test]
fn a_person_takes_an_incident_back_and_brings_it_back() {
    let place = Place::new();
    let store = place.open();
    complete(&store, create_as(&store, 1, spec()));
    complete(&store, create_as(&store, 2, spec()));
    let import =
        |it: Incident| store.import(Import::Incidents(vec![it]), "grace".parse().unwrap(), at(9)).unwrap();
    import(incident("INC-1", None, None));
    // The wrong deployment, then the right one.
    link(&store, incident("INC-2", None, Some(id(1))));
    link(&store, incident("INC-2", None, Some(id(2))));
    assert_eq!(
        store.incidents().unwrap(),
        [incident("INC-1", None, None), incident("INC-2", None, Some(id(2)))]
    );

    unlink(&store, "INC-1");
    unlink(&store, "INC-2");
    import(incident("INC-1", Some(7), None));
    assert!(store.incidents().unwrap().is_empty(), "whoever imports it again");
    link(&store, incident("INC-1", Some(8), None));
    assert_eq!(store.incidents().unwrap(), [incident("INC-1", Some(8), None)]);
    store.verify_chain().unwrap();
    assert_eq!(store.misremembered().unwrap(), (2, Vec::new()));
}

#[test]
fn a_program_is_heard_once_and_its_latest_word_counts() {
    let place = Place::new();
    let store = place.open();
    complete(&store, create_as(&store, 1, spec()));
    let (began, over) = (incident("INC-1", None, None), incident("INC-1", Some(8), None));
    assert_eq!(hear(&store, began.clone(), 10), Heard::News(began.clone()));
    assert_eq!(hear(&store, began.clone(), 10), Heard::Known, "sent twice");
    assert_eq!(hear(&store, began.clone(), 11), Heard::Known, "signed again");
    assert_eq!(hear(&store, over.clone(), 12), Heard::News(over.clone()));
    assert_eq!(hear(&store, began.clone(), 10), Heard::Overtaken, "sent again by somebody who overheard it");
    assert_eq!(store.incidents().unwrap(), std::slice::from_ref(&over));

    // What a person knows of the deployment stays; a name that begins alike is another incident.
    link(&store, incident("INC-1", Some(8), Some(id(1))));
    let (reopened, known) = (incident("INC-1", None, None), incident("INC-1", None, Some(id(1))));
    assert_eq!(hear(&store, over, 13), Heard::Known);
    assert_eq!(hear(&store, reopened, 14), Heard::News(known.clone()));
    let other = incident("INC-11", None, None);
    assert_eq!(hear(&store, other.clone(), 1), Heard::News(other.clone()));
    let elsewhere = Incident { service: "pay".parse().unwrap(), ..incident("INC-1", None, None) };
    assert_eq!(hear(&store, elsewhere.clone(), 15), Heard::News(elsewhere.clone()), "of another service");
    assert_eq!(store.incidents().unwrap(), [elsewhere.clone(), other]);

    unlink(&store, "INC-1");
    assert_eq!(hear(&store, elsewhere, 16), Heard::TakenBack);
    assert_eq!(store.incidents().unwrap().len(), 1);
    let nowhere = Report { incident: incident("INC-2", None, Some(id(9))), sent_at: at(1), at: at(60) };
    assert!(matches!(store.hear(&nowhere), Err(Error::NotFound { .. })));

    let last = store.history(&id(1), 0, 1_000).unwrap().pop().unwrap();
    assert_eq!(
        (last.actor.channel, last.actor.principal.human()),
        (Channel::Webhook, None),
        "in nobody's name"
    );
    store.verify_chain().unwrap();
}

#[test]
fn a_program_that_raves_does_not_fill_the_disk() {
    let place = Place::new();
    let store = place.open();
    let rave = |number: u32| {
        let incident = incident(&format!("INC-{number}"), None, None);
        store.hear(&Report { incident, sent_at: at(1), at: at(60) }).unwrap()
    };
    assert_eq!((0..).take_while(|number| rave(*number).is_some()).count(), MOST_REMARKS as usize);
    unlink(&store, "INC-1");
    assert_eq!(store.incidents().unwrap().len(), MOST_REMARKS as usize - 1, "a person is always heard");
}
