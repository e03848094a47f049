//! Every way that we know to get to production without the people who must agree.
//! Each is refused, and by the guard that is named for it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is a test's own work")]

use std::sync::Arc;

use deployment_orchestrator::domain::decision::{Decision, Statement, Verdict};
use deployment_orchestrator::domain::deployment::{Deployment, Mode};
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::gate::{Approver, Gate};
use deployment_orchestrator::domain::guard::Refusal;
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::run::RunEvent;
use deployment_orchestrator::domain::signature::Signature;
use deployment_orchestrator::domain::state::{Permit, State};
use deployment_orchestrator::domain::subject::Digest;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::domain::workflow::Stage;

use fixtures::{
    APPROVERS, INITIATOR, OPEN_FOR, START, asks, decision, deployment, digest_of, environment, gate, intends,
    person, private_key, statement,
};

mod fixtures;

/// A deployment at the gate of prod, and what has happened to it.
struct Scene {
    deployment: Deployment,
    gate: Gate,
    at: Timestamp,
}

impl Scene {
    /// Before prod, nobody asked yet.
    fn at_the_gate(gate: Gate) -> Self {
        let mut deployment = deployment(Mode::Auto);
        deployment.progress.state =
            State::AwaitingApproval { environment: environment("prod"), request: None };
        deployment.progress.place = Some(environment("prod"));
        Self { deployment, gate, at: START }
    }

    /// Before prod, and people are asked.
    fn asked() -> Self {
        Self::at_the_gate(gate()).asking()
    }

    fn asking(self) -> Self {
        let ask = asks(&self.deployment, &self.gate);
        self.after(ask)
    }

    fn after(mut self, event: impl Into<Event>) -> Self {
        self.deployment.progress = self.deployment.apply(&event.into(), self.at).unwrap().progress;
        self
    }

    fn decided(self, name: &str, verdict: Verdict) -> Self {
        let decision = self.decision(name, verdict);
        self.after(MainEvent::DecisionMade { decision })
    }

    fn approved_by(self, names: &[&str]) -> Self {
        names.iter().fold(self, |scene, name| scene.decided(name, Verdict::Approve))
    }

    /// Approved by two people; prod is about to be triggered.
    fn permitted() -> Self {
        Self::asked().approved_by(&["bob", "carol"]).after(MainEvent::Approved)
    }

    fn at(mut self, at: Timestamp) -> Self {
        self.at = at;
        self
    }

    fn decision(&self, name: &str, verdict: Verdict) -> Decision {
        decision(&self.deployment, self.deployment.progress.requests, &self.gate, name, verdict)
    }

    /// A good approval by bob, changed before he signs it.
    fn signed_by_bob(&self, change: impl FnOnce(&mut Statement)) -> Decision {
        let mut statement = self.bobs_statement();
        change(&mut statement);
        Decision::sign(statement, &private_key("bob"))
    }

    /// A good approval by bob, changed after he signed it.
    fn changed_after_bob_signed(&self, change: impl FnOnce(&mut Statement)) -> Decision {
        let mut decision = self.decision("bob", Verdict::Approve);
        change(&mut decision.statement);
        decision
    }

    fn bobs_statement(&self) -> Statement {
        statement(&self.deployment, 1, &self.gate, "bob", Verdict::Approve)
    }

    /// Somebody edits the stored row.
    fn row_edited(mut self, edit: impl FnOnce(&mut Vec<Decision>)) -> Self {
        match &mut self.deployment.progress.state {
            State::AwaitingApproval { request: Some(request), .. }
            | State::Active { permit: Permit::Approved { request }, .. } => edit(&mut request.decisions),
            other => panic!("no request in {other:?}"),
        }
        self
    }

    /// The unmet guards of `event`.
    fn refusal_of(&self, event: impl Into<Event>) -> Vec<&'static str> {
        match self.deployment.apply(&event.into(), self.at) {
            Ok(transition) => panic!("accepted: {:?}", transition.progress.state),
            Err(Refusal::NotAllowed { state, event }) => panic!("{event} has no arrow in {state}"),
            Err(Refusal::Guarded { guards, .. }) => {
                guards.iter().filter(|guard| !guard.holds).map(|guard| guard.name).collect()
            }
        }
    }

    #[track_caller]
    fn refuses(&self, attack: &str, event: impl Into<Event>, guards: &[&str]) {
        assert_eq!(self.refusal_of(event), guards, "{attack}");
    }

    #[track_caller]
    fn refuses_decision(&self, attack: &str, decision: Decision, guards: &[&str]) {
        self.refuses(attack, MainEvent::DecisionMade { decision }, guards);
    }

    fn trigger(&self) -> Event {
        intends(&self.deployment, &prod(), Some(self.gate.version()))
    }
}

fn prod() -> Stage {
    Stage::Deploying(environment("prod"))
}

fn other_deployment() -> DeploymentId {
    DeploymentId::new(2, 2)
}

fn other_digest() -> Digest {
    Digest::of(&"something else")
}

const NOT_THIS_REQUEST: &[&str] = &["decision-is-for-this-request"];
const BAD_SIGNATURE: &[&str] = &["signature-is-valid"];
const NOT_THIS_REQUEST_AND_UNSIGNED: &[&str] = &["decision-is-for-this-request", "signature-is-valid"];

#[test]
fn the_honest_way_is_open() {
    let scene = Scene::permitted();
    let trigger = scene.trigger();
    let scene = scene.after(trigger);
    assert_eq!(scene.deployment.progress.state.name(), "deploying-prod");
}

#[test]
fn a_decision_by_the_wrong_person_or_key_does_not_count() {
    let scene = Scene::asked();
    scene.refuses_decision(
        "a person whom the config does not name, with a key of their own",
        scene.decision("mallory", Verdict::Approve),
        &["person-may-decide", "signature-is-valid"],
    );
    scene.refuses_decision(
        "bob's name under mallory's signature",
        Decision::sign(scene.bobs_statement(), &private_key("mallory")),
        BAD_SIGNATURE,
    );
    scene.refuses_decision(
        "bob's name under carol's signature, who is an approver herself",
        Decision::sign(scene.bobs_statement(), &private_key("carol")),
        BAD_SIGNATURE,
    );
    scene.refuses_decision(
        "the initiator approves what an agent started for her",
        scene.decision(INITIATOR, Verdict::Approve),
        &["four-eyes"],
    );
    for signature in ["", "AAAA", "not base64!", &"A".repeat(86)] {
        let decision =
            Decision { statement: scene.bobs_statement(), signature: Signature(signature.to_owned()) };
        scene.refuses_decision("no real signature", decision, BAD_SIGNATURE);
    }
}

/// A change to one field of a statement.
type Change = fn(&mut Statement);

#[test]
fn one_changed_byte_after_signing_voids_the_signature() {
    let scene = Scene::asked();
    let changes: [(&str, Change, &[&str]); 9] = [
        ("deployment", |it| it.deployment_id = other_deployment(), NOT_THIS_REQUEST_AND_UNSIGNED),
        ("environment", |it| it.environment = environment("prox"), NOT_THIS_REQUEST_AND_UNSIGNED),
        ("request", |it| it.request = 2, NOT_THIS_REQUEST_AND_UNSIGNED),
        ("digest", |it| it.digest = one_digit_changed(&it.digest), NOT_THIS_REQUEST_AND_UNSIGNED),
        ("verdict", |it| it.verdict = Verdict::Reject, BAD_SIGNATURE),
        ("person", |it| it.person = person("carol"), BAD_SIGNATURE),
        ("reason", |it| it.reason = Some("becausf".to_owned()), BAD_SIGNATURE),
        ("reason removed", |it| it.reason = None, BAD_SIGNATURE),
        ("time", |it| it.decided_at = Timestamp(it.decided_at.0 + 1), BAD_SIGNATURE),
    ];
    for (field, change, guards) in changes {
        scene.refuses_decision(field, scene.changed_after_bob_signed(change), guards);
    }
}

fn one_digit_changed(digest: &Digest) -> Digest {
    let (head, last) = digest.0.split_at(63);
    Digest(format!("{head}{}", if last == "0" { "1" } else { "0" }))
}

#[test]
fn a_true_signature_about_something_else_does_not_count() {
    let scene = Scene::asked();
    let changes: [(&str, Change); 5] = [
        ("deployment", |it| it.deployment_id = other_deployment()),
        ("environment", |it| it.environment = environment("dev")),
        ("earlier request", |it| it.request = 0),
        ("later request", |it| it.request = 2),
        ("digest", |it| it.digest = other_digest()),
    ];
    for (field, change) in changes {
        scene.refuses_decision(field, scene.signed_by_bob(change), NOT_THIS_REQUEST);
    }
}

#[test]
fn a_decision_for_a_void_request_does_not_count_for_the_next() {
    let scene = Scene::asked();
    let early = scene.decision("bob", Verdict::Approve);
    let scene =
        scene.after(MainEvent::ApprovalVoided { reason: "the config has changed".to_owned() }).asking();
    scene.refuses_decision("replayed", early, NOT_THIS_REQUEST);
}

#[test]
fn the_end_of_time_cannot_be_forged() {
    // Canonical JSON writes numbers as IEEE doubles, in which these two are one.
    let scene = Scene::asked();
    let (large, larger) = (Timestamp(9_007_199_254_740_992), Timestamp(9_007_199_254_740_993));
    let mut decision = scene.signed_by_bob(|it| it.decided_at = large);
    decision.statement.decided_at = larger;
    scene.refuses_decision("a time beyond what a double holds", decision, BAD_SIGNATURE);
    for extreme in [Timestamp(i64::MAX), Timestamp(i64::MIN)] {
        let decision = scene.changed_after_bob_signed(|it| it.decided_at = extreme);
        scene.refuses_decision("an extreme time", decision, BAD_SIGNATURE);
    }
}

#[test]
fn nothing_counts_after_the_request_expired() {
    let expiry = START.plus(OPEN_FOR);
    let scene = Scene::asked().at(expiry);
    scene.refuses_decision("too late", scene.decision("bob", Verdict::Approve), &["request-is-open"]);
    let scene = Scene::asked().approved_by(&["bob", "carol"]).at(expiry);
    scene.refuses("approved in time, opened too late", MainEvent::Approved, &["request-is-open"]);
    let scene = Scene::permitted().at(expiry);
    scene.refuses("opened in time, triggered too late", scene.trigger(), &["request-is-open"]);
}

#[test]
fn one_person_decides_once() {
    let scene = Scene::asked().approved_by(&["bob"]);
    let twice = &["one-decision-per-person"];
    scene.refuses_decision("the same again", scene.decision("bob", Verdict::Approve), twice);
    scene.refuses_decision("in other words", scene.signed_by_bob(|it| it.reason = None), twice);
    scene.refuses_decision("a change of mind", scene.decision("bob", Verdict::Reject), twice);
    scene.refuses("one person is not two", MainEvent::Approved, &["approvals-suffice"]);
}

#[test]
fn a_rejection_is_final() {
    let scene = Scene::asked().approved_by(&["bob", "carol"]).decided("dave", Verdict::Reject);
    scene.refuses("approved before the rejection", MainEvent::Approved, &["nobody-rejected"]);
    let scene = Scene::asked().decided("dave", Verdict::Reject);
    scene.refuses_decision(
        "approval after the rejection",
        scene.decision("bob", Verdict::Approve),
        &["nobody-rejected"],
    );
}

#[test]
fn a_rejection_is_not_lost_on_the_way_to_rejected() {
    let scene = Scene::asked().decided("dave", Verdict::Reject);
    scene.refuses(
        "void the request, so that a new one opens",
        MainEvent::ApprovalVoided { reason: "the config has changed".to_owned() },
        &["nobody-rejected"],
    );
    let scene = scene.at(START.plus(OPEN_FOR));
    scene.refuses(
        "call it expired, after which RETRY is possible",
        MainEvent::ApprovalExpired,
        &["nobody-rejected"],
    );
    let scene = scene.after(MainEvent::Rejected);
    scene.refuses("retry the rejected commit", MainEvent::Retry, &["same-commit-can-succeed"]);
}

#[test]
fn what_is_triggered_is_what_was_approved() {
    let scene = Scene::permitted();
    let key = scene.deployment.next_key(&prod());
    let policy = Some(scene.gate.version());
    scene.refuses(
        "another digest",
        RunEvent::TriggerIntended { key: key.clone(), digest: other_digest(), policy: policy.clone() },
        &["what-was-approved"],
    );
    let mut changed = Scene::permitted();
    Arc::make_mut(&mut changed.deployment.spec)
        .variables
        .insert("colour".parse().unwrap(), "bluf".to_owned());
    changed.refuses("one byte of one input", changed.trigger(), &["what-was-approved"]);
    let digest = digest_of(&scene.deployment, &prod(), policy);
    scene.refuses(
        "no policy in the config any more",
        RunEvent::TriggerIntended { key: key.clone(), digest: digest.clone(), policy: None },
        &["policy-unchanged"],
    );
    let weaker = Gate { required_approvals: 1, ..gate() };
    scene.refuses(
        "another policy in the config, the old digest",
        RunEvent::TriggerIntended { key, digest, policy: Some(weaker.version()) },
        &["policy-unchanged"],
    );
    scene.refuses(
        "another policy in the config, honestly told",
        intends(&scene.deployment, &prod(), Some(weaker.version())),
        &["what-was-approved", "policy-unchanged"],
    );
    scene.refuses(
        "a used key",
        RunEvent::TriggerIntended {
            key: "dep_0:deploying-prod:0".parse().unwrap(),
            digest: digest_of(&scene.deployment, &prod(), Some(scene.gate.version())),
            policy: Some(scene.gate.version()),
        },
        &["key-is-fresh"],
    );
}

#[test]
fn prod_without_a_permit_is_not_triggered() {
    let mut scene = Scene::permitted();
    let State::Active { permit, .. } = &mut scene.deployment.progress.state else { panic!("not active") };
    *permit = Permit::Open;
    scene.refuses("a row whose permit was edited away", scene.trigger(), &["approved"]);
}

#[test]
fn an_edited_row_does_not_open_the_gate() {
    let one = || Scene::asked().approved_by(&["bob"]);
    let insufficient: &[&str] = &["approvals-suffice"];
    let copied = one().row_edited(|decisions| decisions.push(decisions[0].clone()));
    copied.refuses("bob's approval twice", MainEvent::Approved, insufficient);
    let renamed = one().row_edited(|decisions| {
        let mut forged = decisions[0].clone();
        forged.statement.person = person("carol");
        decisions.push(forged);
    });
    renamed.refuses("bob's approval under carol's name", MainEvent::Approved, insufficient);
    let initiator = one().decision(INITIATOR, Verdict::Approve);
    let inserted = one().row_edited(|decisions| decisions.push(initiator));
    inserted.refuses("the initiator's approval, inserted", MainEvent::Approved, insufficient);
    let mallory = one().decision("mallory", Verdict::Approve);
    let inserted = one().row_edited(|decisions| decisions.push(mallory));
    inserted.refuses("a stranger's approval, inserted", MainEvent::Approved, insufficient);

    let edited = Scene::permitted().row_edited(|decisions| decisions[0].statement.reason = None);
    edited.refuses("a decision edited after APPROVED", edited.trigger(), insufficient);
    let removed = Scene::permitted().row_edited(Vec::clear);
    removed.refuses("decisions removed after APPROVED", removed.trigger(), insufficient);
    let forged = Scene::asked().row_edited(|decisions| {
        let forged = decision(&deployment(Mode::Auto), 1, &gate(), "mallory", Verdict::Reject);
        decisions.push(forged);
    });
    forged.refuses("a rejection that nobody signed", MainEvent::Rejected, &["a-person-rejected"]);
}

#[test]
fn an_edited_gate_is_not_the_gate_of_the_config() {
    let mut scene = Scene::permitted();
    let honest = scene.trigger();
    let mallory = scene.decision("mallory", Verdict::Approve);
    let State::Active { permit: Permit::Approved { request }, .. } = &mut scene.deployment.progress.state
    else {
        panic!("not approved");
    };
    request.gate = Gate {
        approvers: vec![Approver { name: person("mallory"), key: Some(private_key("mallory").public()) }],
        required_approvals: 1,
        ..gate()
    };
    request.decisions = vec![mallory];
    scene.refuses("mallory writes herself into the row", honest, &["policy-unchanged"]);
}

#[test]
fn no_gate_is_open_by_its_numbers() {
    let none_required = Gate { required_approvals: 0, ..gate() };
    let scene = Scene::at_the_gate(none_required).asking();
    scene.refuses("zero required means one", MainEvent::Approved, &["approvals-suffice"]);
    scene.approved_by(&["bob"]).after(MainEvent::Approved);

    let nobody = Gate { approvers: Vec::new(), required_approvals: 0, ..gate() };
    let scene = Scene::at_the_gate(nobody);
    scene.refuses("no approvers", asks(&scene.deployment, &scene.gate), &["somebody-may-approve"]);

    let unreachable = Gate { required_approvals: u32::MAX, ..gate() };
    let scene = Scene::at_the_gate(unreachable).asking().approved_by(&APPROVERS[1..]);
    scene.refuses("more than there are", MainEvent::Approved, &["approvals-suffice"]);

    let accepts_nothing = Gate { accept: Vec::new(), ..gate() };
    let scene = Scene::at_the_gate(accepts_nothing).asking();
    scene.refuses_decision(
        "an assurance that the environment does not accept",
        scene.decision("bob", Verdict::Approve),
        &["assurance-is-accepted"],
    );
}

#[test]
fn one_key_is_one_person() {
    let twice = Gate {
        approvers: ["bob", "robert"]
            .iter()
            .map(|name| Approver { name: person(name), key: Some(private_key("bob").public()) })
            .collect(),
        ..gate()
    };
    let scene = Scene::at_the_gate(twice).asking().approved_by(&["bob"]);
    let robert = Decision::sign(
        statement(&scene.deployment, 1, &scene.gate, "robert", Verdict::Approve),
        &private_key("bob"),
    );
    let inserted = robert.clone();
    scene.refuses_decision("one key under two names", robert, &["one-decision-per-person"]);
    let scene = scene.row_edited(|decisions| decisions.push(inserted));
    scene.refuses("the same, inserted", MainEvent::Approved, &["approvals-suffice"]);
}

#[test]
fn the_initiator_does_not_approve_under_another_name() {
    let mut names = gate();
    names.approvers.push(Approver { name: person("alicia"), key: Some(private_key(INITIATOR).public()) });
    let scene = Scene::at_the_gate(names).asking();
    let alicia = Decision::sign(
        statement(&scene.deployment, 1, &scene.gate, "alicia", Verdict::Approve),
        &private_key(INITIATOR),
    );
    scene.refuses_decision("her own key under another name", alicia, &["four-eyes"]);
}

#[test]
fn whoever_cannot_be_told_from_the_initiator_does_not_approve() {
    let mut scene = Scene::at_the_gate(gate());
    Arc::make_mut(&mut scene.deployment.spec).initiator =
        deployment_orchestrator::domain::principal::Actor::ENGINE;
    let scene = scene.asking();
    scene.refuses_decision(
        "started for nobody",
        decision(&scene.deployment, 1, &scene.gate, "bob", Verdict::Approve),
        &["four-eyes"],
    );
}

#[test]
fn an_approval_is_used_once() {
    let scene = Scene::permitted();
    let trigger = scene.trigger();
    let scene = scene.after(trigger.clone());
    assert!(
        matches!(scene.deployment.apply(&trigger, scene.at), Err(Refusal::NotAllowed { .. })),
        "the same trigger again"
    );
    scene.refuses(
        "void what is already under way",
        MainEvent::ApprovalVoided { reason: String::new() },
        &["nothing-was-sent"],
    );
}
