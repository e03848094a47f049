//! Evidence: what a bundle says, that every change of it is found, and what only
//! somebody sees who knows more than the bundle.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is a test's job")]

#[path = "support/place.rs"]
mod place;
#[path = "support/mod.rs"]
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use deployment_orchestrator::domain::chain::{ChainHead, RawRecord, joined};
use deployment_orchestrator::domain::decision::{Decision, Statement, Verdict};
use deployment_orchestrator::domain::deployment::{Deployment, Spec};
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::evidence::{Bundle, Evidence, Fault};
use deployment_orchestrator::domain::excerpt::{Excerpt, Link};
use deployment_orchestrator::domain::principal::{Actor, Channel};
use deployment_orchestrator::domain::remark::Remark;
use deployment_orchestrator::domain::run::RunEvent;
use deployment_orchestrator::domain::signature::PrivateKey;
use deployment_orchestrator::domain::subject::Digest;
use deployment_orchestrator::domain::workflow::Stage;
use deployment_orchestrator::store::{About, Remarked, Store};
use place::{Place, at, complete, create_as, entry};
use support::{choices, id, spec};

/// Words that stand nowhere but in the deployments of others.
const OF_OTHERS: [&str; 7] = ["globex", "vault", "zelda", "hotfix", "hush", "deadbeef", "eu-north-9"];

fn server() -> PrivateKey {
    PrivateKey::from_seed(&[1; 32])
}

/// The key of somebody who writes evidence of their own.
fn rogue() -> PrivateKey {
    PrivateKey::from_seed(&[66; 32])
}

/// To prod at once, which is gated.
fn short() -> Spec {
    let mut spec = spec();
    spec.workflow.environments.drain(..2);
    spec
}

fn of_others() -> Spec {
    Spec {
        repository: "globex/vault".parse().unwrap(),
        service: "vault".parse().unwrap(),
        branch: "hotfix".parse().unwrap(),
        commit: "deadbeef".parse().unwrap(),
        variables: [("region".parse().unwrap(), "eu-north-9".to_owned())].into(),
        initiator: Actor::agent("hush".to_owned(), "zelda".parse().unwrap(), Channel::McpStdio),
        ..short()
    }
}

fn step(store: &Store, deployment: Deployment) -> Deployment {
    let now = at(deployment.progress.version as i64);
    match choices(&deployment, now).into_iter().next() {
        Some(event) if !deployment.progress.state.is_terminal() => {
            store.record(&entry(&deployment, event, now)).unwrap()
        }
        _ => deployment,
    }
}

fn refused(store: &Store, of: &Deployment, message: &str) {
    let remark = Remark::DecisionRefused { code: "guard-refused".to_owned(), message: message.to_owned() };
    let actor = of.spec.initiator.clone();
    let about = About::Deployment { id: of.id.clone(), notice: None };
    store.remark(&Remarked { about, remark, actor, at: at(20) }).unwrap();
}

/// A completed deployment beside another, and the head when people had been asked.
fn history() -> (Place, Store, ChainHead) {
    let place = Place::new();
    let store = place.open();
    let mut other = create_as(&store, 2, of_others());
    let mut own = create_as(&store, 1, short());
    let mut noted = None;
    while !own.progress.state.is_terminal() {
        own = step(&store, own);
        other = step(&store, other);
        if own.progress.requests == 1 && noted.is_none() {
            noted = Some(store.chain_head().unwrap());
            refused(&store, &own, "the agent tried");
            refused(&store, &other, "hush");
        }
    }
    complete(&store, other);
    (place, store, noted.unwrap())
}

/// The chain of that deployment, and that head.
fn excerpt() -> (Excerpt, ChainHead) {
    let (_place, store, noted) = history();
    (store.evidence(&id(1)).unwrap(), noted)
}

fn bundle_by(chain: Excerpt, key: &PrivateKey) -> Result<Bundle, Fault> {
    Ok(Bundle::sign(Evidence::of(id(1), chain, at(100))?, key))
}

/// The chain with its hashes computed anew, as whoever forges it would.
fn linked(chain: Excerpt) -> Excerpt {
    let head = chain.links.iter().fold(chain.before, |place, link| ChainHead {
        position: place.position + 1,
        hash: match link {
            Link::Record(record) => record.hash(&place.hash).unwrap(),
            Link::Body(body) => joined(&place.hash, body),
            Link::Hash(hash) => *hash,
        },
    });
    Excerpt { head, ..chain }
}

/// The chain with its own records as `change` makes them.
fn forged(mut change: impl FnMut(&mut RawRecord)) -> Excerpt {
    let (mut chain, _) = excerpt();
    for link in &mut chain.links {
        if let Link::Record(record) = link {
            change(record);
        }
    }
    linked(chain)
}

fn event_of(record: &RawRecord) -> Option<Event> {
    serde_json::from_str(&record.event).ok()
}

#[track_caller]
fn assert_fault<T: std::fmt::Debug>(outcome: Result<T, Fault>, says: &str) {
    let fault = outcome.unwrap_err().to_string();
    assert!(fault.contains(says), "{fault}\n  does not say: {says}");
}

#[test]
fn a_bundle_says_who_decided_what_and_what_ran() {
    let (chain, noted) = excerpt();
    let bundle = bundle_by(chain, &server()).unwrap();
    let text = bundle.to_text();
    assert_eq!(Bundle::read(text.as_bytes()).unwrap(), bundle);
    let verified = bundle.verify().unwrap();
    verified.goes_through(&noted).unwrap();
    bundle.is_by(&server().public()).unwrap();

    let summary = &bundle.evidence.summary;
    assert_eq!((summary.state.as_str(), summary.plan.repository.as_str()), ("completed", "acme/checkout"));
    let request = &summary.requests[0];
    assert_eq!((request.number, request.environment.as_str()), (1, "prod"));
    assert_eq!(Digest::of(request.subject.as_ref().unwrap()), request.digest);
    let decided = &summary.decisions[0];
    assert_eq!(decided.decision.statement.person.as_str(), "grace");
    assert!(decided.decision.verifies(Some(&decided.key), None));
    let ran: Vec<_> =
        summary.executions.iter().map(|it| (it.stage.as_str(), it.execution.is_some())).collect();
    assert_eq!(ran, [("building", true), ("testing", true), ("deploying-prod", true)]);
    assert_eq!(summary.refusals[0].message_untrusted, "the agent tried");
    assert_eq!((verified.digests, verified.old_digests), (4, 0));
    bundle.is_decided_by(|_| Some(&decided.key)).unwrap();
}

#[test]
fn a_bundle_has_nothing_of_other_deployments() {
    let (chain, _) = excerpt();
    let text = bundle_by(chain, &server()).unwrap().to_text();
    for word in OF_OTHERS.into_iter().chain([id(2).as_str()]) {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn a_history_that_was_changed_is_no_evidence() {
    let (place, store, _) = history();
    let raw = place.raw();
    raw.execute_batch("DROP TRIGGER event_is_never_changed").unwrap();
    let is_found = |change: &str, back: &str| {
        raw.execute_batch(change).unwrap();
        let evidence = Evidence::of(id(1), store.evidence(&id(1)).unwrap(), at(100));
        raw.execute_batch(back).unwrap();
        evidence.is_err()
    };
    let head = store.chain_head().unwrap().position;
    assert!(
        !is_found(
            "UPDATE event SET at = at + 1 WHERE position = 1",
            "UPDATE event SET at = at - 1 WHERE position = 1"
        ),
        "before its first"
    );
    for position in 2..=head {
        let moved = |by: &str| format!("UPDATE event SET at = at {by} 1 WHERE position = {position}");
        assert!(is_found(&moved("+"), &moved("-")), "the time of {position}");
    }
    for position in [1, head] {
        let kept: [u8; 32] = store.evidence(&id(2)).unwrap().places().unwrap()[position as usize].hash;
        let put = |hash: &[u8; 32]| {
            let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("UPDATE event SET hash = x'{hex}' WHERE position = {position}")
        };
        assert!(is_found(&put(&[0; 32]), &put(&kept)), "the hash of {position}");
    }
}

/// Each byte of the text, one bit at a time in turns; then signed anew, by another key.
#[test]
fn whichever_byte_is_changed_it_is_found() {
    let (chain, _) = excerpt();
    let bundle = bundle_by(chain, &server()).unwrap();
    let text = bundle.to_text().into_bytes();
    let read = AtomicUsize::new(0);
    let look = |position: usize| {
        let mut changed = text.clone();
        changed[position] ^= 1 << (position % 7);
        let Ok(other) = Bundle::read(&changed) else { return };
        read.fetch_add(1, Ordering::Relaxed);
        let around = String::from_utf8_lossy(&changed[position.saturating_sub(30)..=position]).into_owned();
        assert!(other.verify().is_err(), "at {position}: {around}");
        if other.evidence != bundle.evidence {
            let signed_anew = Bundle::sign(other.evidence, &rogue());
            let mut as_exported = signed_anew.evidence.clone();
            as_exported.exported_at = bundle.evidence.exported_at;
            assert!(
                signed_anew.verify().is_err() || as_exported == bundle.evidence,
                "signed anew at {position}: {around}"
            );
        }
    };
    thread::scope(|scope| {
        for first in 0..2 {
            let (text, look) = (&text, &look);
            scope.spawn(move || (first..text.len()).step_by(2).for_each(look));
        }
    });
    assert!(read.into_inner() > 5_000, "most changes are still bundles to be checked");
}

#[test]
fn what_is_no_bundle_is_told_apart() {
    let (chain, _) = excerpt();
    let text = bundle_by(chain, &server()).unwrap().to_text();
    let read = |text: &str| Bundle::read(text.as_bytes());
    assert_fault(Bundle::read(b"\xff\xfe"), "not JSON: invalid utf-8");
    assert_fault(read("dear diary"), "not JSON");
    assert_fault(read(""), "empty or was cut off");
    for end in [1, 100, text.len() / 2, text.len() - 1] {
        assert_fault(read(&text[..end]), "empty or was cut off");
    }
    assert_fault(read(&format!("{text}{text}")), "not JSON: trailing characters");
    assert_fault(read("[]"), "not a bundle");
    assert_fault(read("{\"evidence\": {}}"), "missing field `format`");
    let of_tomorrow = text.replacen("\"format\": 1", "\"format\": 2, \"weather\": \"fine\"", 1);
    assert_fault(read(&of_tomorrow), "it has format 2, and this program reads format 1");
    assert_fault(read(&text.replacen("\"format\": 1", "\"format\": 1, \"w\": 0", 1)), "unknown field `w`");
    let deep = "[".repeat(100_000);
    assert_fault(read(&format!("{{\"evidence\": {{\"x\": {deep}")), "empty or was cut off");

    // Words that the program would pass over, and a reader would not.
    let replaced = |what: &str, by: &str| {
        assert!(text.contains(what), "{what}");
        read(&text.replacen(what, by, 1))
    };
    let added = replaced("\"required_approvals\": 1", "\"required_approvals\": 1, \"note\": \"fine\"");
    assert_fault(added, "not what `export` writes");
    let twice = replaced("\"region\": \"eu-west-1\"", "\"region\": \"mars\", \"region\": \"eu-west-1\"");
    assert_fault(twice, "not what `export` writes");
    assert_fault(replaced("eu-west-1", "eu-\\u0077est-1"), "not what `export` writes");
    read(&text.replace('\n', "\r\n\t")).unwrap().verify().unwrap();
    let compact = serde_json::to_string(&read(&text).unwrap()).unwrap();
    assert!(compact.len() < text.len());
    read(&compact).unwrap().verify().unwrap();
}

#[test]
fn records_that_are_missing_moved_or_hidden_are_missed() {
    let (chain, _) = excerpt();
    let own: Vec<usize> =
        (0..chain.links.len()).filter(|index| matches!(chain.links[*index], Link::Record(_))).collect();
    let with = |change: &dyn Fn(&mut Vec<Link>)| {
        let mut links = chain.links.clone();
        change(&mut links);
        linked(Excerpt { links, ..chain.clone() })
    };
    let (last, others) = own.split_last().unwrap();
    for index in others {
        let Link::Record(record) = &chain.links[*index] else { panic!() };
        let found = |how: &str, change: &dyn Fn(&mut Vec<Link>)| {
            assert!(bundle_by(with(change), &rogue()).is_err(), "{index} {how}");
        };
        found("is removed", &|links| drop(links.remove(*index)));
        found("is there twice", &|links| links.insert(*index, links[*index].clone()));
        found("is swapped with the next", &|links| links.swap(*index, index + 1));
        found("is said to be one of others", &|links| links[*index] = Link::Body(record.body()));
    }
    // What came last can be left out by whoever signs, but not before a head that was noted since.
    let shortened = bundle_by(with(&|links| drop(links.split_off(*last))), &rogue()).unwrap();
    assert_fault(shortened.verify().unwrap().goes_through(&chain.head), "its chain does not go through");

    let unfounded = Excerpt { before: ChainHead { position: u64::MAX, ..chain.before }, ..chain.clone() };
    assert_fault(bundle_by(unfounded, &rogue()), "no position after it");
    let begun = linked(Excerpt { before: ChainHead { position: 0, ..chain.before }, ..chain.clone() });
    assert_fault(bundle_by(begun, &rogue()), "not begin as every history does");
    let empty = Excerpt { links: Vec::new(), head: chain.before, ..chain.clone() };
    assert_fault(bundle_by(empty, &rogue()), "it has no records");
    assert_fault(Evidence::of(id(3), chain, at(100)), "it is about dep_");
}

/// Everything is computed and signed anew, with keys that are not those of the people and the server.
#[test]
fn a_decision_by_somebody_else_is_found() {
    let mallory = PrivateKey::from_seed(&[13; 32]);
    let (chain, noted) = excerpt();
    let grace = bundle_by(chain, &server()).unwrap().evidence.summary.decisions[0].key.clone();

    // Under the rules that were: the machine would not have taken it.
    let signed = forged(|record| {
        if let Some(Event::Main(MainEvent::DecisionMade { decision })) = event_of(record) {
            let decision = Decision::sign(decision.statement, &mallory);
            record.event = serde_json::to_string(&MainEvent::DecisionMade { decision }).unwrap();
        }
    });
    assert_fault(bundle_by(signed, &rogue()), "signature-is-valid");
    let turned = forged(|record| {
        record.event = record.event.replace("\"verdict\":\"approve\"", "\"verdict\":\"reject\"");
    });
    assert_fault(bundle_by(turned, &rogue()), "could not have happened");
    let other_commit = forged(|record| record.event = record.event.replace("5c1b2f09", "0badc0de"));
    assert_fault(bundle_by(other_commit, &rogue()), "is not the digest of what was about to happen");

    // With rules of their own, too, it is a history that could have been. It is not the one that was.
    let mut before = None;
    let mut asked = None;
    let mut policy = None;
    let lawful = forged(|record| {
        let event = match event_of(record) {
            Some(Event::Main(MainEvent::Created { spec })) => {
                before = Some(Deployment::create(id(1), (*spec).clone(), record.at));
                return;
            }
            Some(Event::Main(MainEvent::ApprovalRequested { mut gate, .. })) => {
                gate.approvers[0].key = Some(mallory.public());
                policy = Some(gate.version());
                let prod = Stage::Deploying("prod".parse().unwrap());
                let digest = Digest::of(&before.as_ref().unwrap().subject(&prod, policy.clone()));
                asked = Some(digest.clone());
                Event::Main(MainEvent::ApprovalRequested { gate, digest })
            }
            Some(Event::Main(MainEvent::DecisionMade { decision })) => {
                let digest = asked.clone().unwrap();
                let statement = Statement { digest, ..decision.statement };
                MainEvent::DecisionMade { decision: Decision::sign(statement, &mallory) }.into()
            }
            Some(Event::Run(intended)) if record.event.contains("deploying-prod:1") => {
                let RunEvent::TriggerIntended { key, .. } = intended else { return };
                RunEvent::TriggerIntended { key, digest: asked.clone().unwrap(), policy: policy.clone() }
                    .into()
            }
            _ => return,
        };
        record.event = serde_json::to_string(&event).unwrap();
    });
    let bundle = bundle_by(lawful, &rogue()).unwrap();
    let verified = bundle.verify().unwrap();
    assert_eq!(bundle.evidence.summary.decisions[0].decision.statement.verdict, Verdict::Approve);
    assert_fault(bundle.is_by(&server().public()), "another server wrote it");
    assert_fault(verified.goes_through(&noted), "its chain does not go through");
    assert_fault(bundle.is_decided_by(|_| Some(&grace)), "grace decided with ed25519:");
    assert_fault(bundle.is_decided_by(|_| None), "grace decided with ed25519:");
}

#[test]
fn a_head_that_was_noted_is_gone_through_or_not() {
    let (chain, noted) = excerpt();
    let verified = bundle_by(chain.clone(), &server()).unwrap().verify().unwrap();
    for place in [chain.before, noted, chain.head] {
        verified.goes_through(&place).unwrap();
        assert_eq!(place.to_string().parse::<ChainHead>().unwrap(), place);
    }
    let other = ChainHead { hash: chain.before.hash, ..noted };
    assert_fault(verified.goes_through(&other), &format!("it has {} there", noted.hex()));
    let later = ChainHead { position: chain.head.position + 1, ..chain.head };
    assert_fault(verified.goes_through(&later), &format!("it goes from 1 to {}", chain.head.position));

    let hex = noted.hex();
    for text in ["", ":", "7", &hex, &format!("07:{hex}"), &format!("+7:{hex}"), &format!("7:{hex}0"), "7:00"]
    {
        assert!(text.parse::<ChainHead>().is_err(), "{text}");
    }
    assert!(format!("7:{}", hex.to_uppercase()).parse::<ChainHead>().is_err());
    let json = serde_json::to_string(&ChainHead { position: 12, ..noted }).unwrap();
    assert_eq!(json, format!("{{\"position\":12,\"hash\":\"{hex}\"}}"));
}
