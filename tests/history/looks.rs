//! That somebody opened a request: noted once, of whoever is asked, and in nobody's way.

use std::sync::Barrier;
use std::thread;

use deployment_orchestrator::domain::approval::{ApprovalRequest, Parties, Withdrawal};
use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::decision::{Decision, Statement, Verdict};
use deployment_orchestrator::domain::deployment::Deployment;
use deployment_orchestrator::domain::event::Event;
use deployment_orchestrator::domain::gate::{Approver, Gate};
use deployment_orchestrator::domain::id::PrincipalName;
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::signature::PrivateKey;
use deployment_orchestrator::domain::state::State;
use deployment_orchestrator::domain::subject::Digest;
use deployment_orchestrator::store::{Error, Expected, Look, MOST_REMARKS, Store};

use super::histories::{about, agent, human, refused};
use super::place::{Place, at, create_as, entry};
use super::support::{choices, id, spec};

/// Record what leads on until people are asked.
fn until_asked(store: &Store, mut deployment: Deployment) -> Deployment {
    while !matches!(&deployment.progress.state, State::AwaitingApproval { request: Some(_), .. }) {
        deployment = store.record(&entry(&deployment, choices(&deployment, at(1)).remove(0), at(1))).unwrap();
    }
    deployment
}

fn named(deployment: &Deployment, name: &str) -> Event {
    choices(deployment, at(3)).into_iter().find(|event| event.name().0 == name).unwrap()
}

fn look(request: u32, actor: Actor) -> Look {
    Look { id: id(1), request, actor, at: at(2) }
}

#[test]
fn whoever_is_asked_is_noted_once_for_each_request_and_nobody_else_is() {
    let place = Place::new();
    let store = place.open();
    let asked = until_asked(&store, create_as(&store, 1, spec()));
    let before = store.chain_head().unwrap().position;
    for silent in [
        look(1, human("ada")),   // not asked
        look(1, agent("grace")), // no person
        look(1, Actor::ENGINE),
        look(2, human("grace")), // of no request that is open
        look(0, human("grace")),
    ] {
        assert_eq!(store.look(&silent).unwrap(), None, "{silent:?}");
    }
    assert_eq!(store.chain_head().unwrap().position, before);
    let told = store.unrouted().unwrap().len();
    let due = store.next_due().unwrap();

    assert_eq!(store.look(&look(1, human("grace"))).unwrap(), Some(before + 1));
    assert_eq!(store.look(&look(1, human("grace"))).unwrap(), None, "once");
    assert_eq!(store.load(&id(1)).unwrap(), asked, "no version rises");
    assert_eq!(store.next_due().unwrap(), due, "nothing is due because of it");
    assert_eq!(store.unrouted().unwrap().len(), told, "and nobody is told");
    let last = store.history(&id(1), before, 9).unwrap().pop().unwrap();
    assert_eq!((last.what.name().0.as_str(), last.state.as_str()), ("REQUEST_SEEN", "awaiting-approval"));

    // What was read before the look is decided after it; then there is nothing to note.
    let voided = entry(&asked, named(&asked, "APPROVAL_VOIDED"), at(3));
    assert_eq!(voided.expected, Expected::Version(asked.progress.version));
    let again = until_asked(&store, store.record(&voided).unwrap());
    assert_eq!(store.look(&look(1, human("grace"))).unwrap(), None, "that one is void");
    assert!(store.look(&look(2, human("grace"))).unwrap().is_some(), "another request");
    store.record(&entry(&again, named(&again, "DECISION_MADE"), at(4))).unwrap();
    assert_eq!(store.look(&look(2, human("grace"))).unwrap(), None);

    store.verify_chain().unwrap();
    store.intact(&id(1)).unwrap();
    assert_eq!(store.misremembered().unwrap(), (1, Vec::new()));
    let unknown = store.look(&Look { id: id(9), ..look(1, human("grace")) });
    assert!(matches!(unknown, Err(Error::NotFound { .. })));
}

#[test]
fn looks_that_come_at_once_are_one() {
    let place = Place::new();
    let store = place.open();
    until_asked(&store, create_as(&store, 1, spec()));
    let (crowd, together) = (8, Barrier::new(8));
    let noted = thread::scope(|scope| {
        let lookers: Vec<_> = (0..crowd)
            .map(|_| {
                scope.spawn(|| {
                    together.wait();
                    store.look(&look(1, human("grace"))).unwrap().is_some()
                })
            })
            .collect();
        lookers.into_iter().map(|it| it.join().unwrap()).filter(|noted| *noted).count()
    });
    assert_eq!(noted, 1);
    store.verify_chain().unwrap();
}

#[test]
fn looks_take_no_room_from_what_was_refused() {
    let place = Place::new();
    let store = place.open();
    until_asked(&store, create_as(&store, 1, spec()));
    for _ in 0..MOST_REMARKS / 2 {
        store.remark(&about(&id(1), refused())).unwrap();
    }
    assert_eq!(store.look(&look(1, human("grace"))).unwrap(), None);
    assert!(store.remark(&about(&id(1), refused())).unwrap().is_some());
}

#[test]
fn a_request_asks_those_who_could_still_approve_it() {
    let name = |name: &str| name.parse::<PrincipalName>().unwrap();
    let key = |seed: u8| PrivateKey::from_seed(&[seed; 32]);
    let approver = |who, seed| Approver { name: name(who), key: Some(key(seed).public()) };
    let gate = Gate {
        // Ada is asked under another name, too.
        approvers: vec![
            approver("ada", 1),
            approver("ada2", 1),
            approver("grace", 2),
            approver("alan", 3),
            approver("dora", 4),
        ],
        required_approvals: 2,
        required_groups: Vec::new(),
        allow_self_approval: false,
        expires_after_ms: 10_000,
        accept: vec![Assurance::Signed],
        voucher: None,
        break_glass: None,
    };
    let open = ApprovalRequest::open(1, "prod".parse().unwrap(), Digest("d".to_owned()), gate, at(0));
    let (initiator, authors, deployment) = (name("ada"), [name("alan")], id(1));
    let parties = Parties { deployment: &deployment, initiator: Some(&initiator), authors: &authors };
    let asks = |request: &ApprovalRequest, seconds| {
        let people = ["ada", "ada2", "grace", "alan", "dora", "nobody"].map(name);
        let asked = people.iter().filter(|who| request.asks(parties, who, at(seconds)));
        asked.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(asks(&open, 0), ["grace", "dora"]);
    assert!(asks(&open, 10).is_empty(), "it has expired");

    let answered = |verdict| {
        let statement = Statement {
            deployment_id: id(1),
            environment: "prod".parse().unwrap(),
            request: 1,
            digest: Digest("d".to_owned()),
            verdict,
            person: name("grace"),
            assurance: Assurance::Signed,
            reason: None,
            decided_at: at(1),
        };
        ApprovalRequest { decisions: vec![Decision::sign(statement, &key(2))], ..open.clone() }
    };
    assert_eq!(asks(&answered(Verdict::Approve), 1), ["dora"]);
    assert!(asks(&answered(Verdict::Reject), 1).is_empty());
    let withdrawal = Withdrawal { at: at(1), reason: "a mistake".to_owned() };
    assert!(asks(&ApprovalRequest { withdrawn: Some(withdrawal), ..open.clone() }, 1).is_empty());
}
