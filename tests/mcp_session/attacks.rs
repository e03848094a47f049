//! Every way that we know to decide an approval without the people who may.
//! Each is refused with its code and kept in the history with who tried it.

use std::time::Duration;

use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::decision::{Decision, Statement, Verdict};
use deployment_orchestrator::domain::signature::Signature;
use deployment_orchestrator::domain::subject::Digest;
use deployment_orchestrator::harness::simulator::Script;
use serde_json::{Value, json};

use crate::wire::{Era, Session};
use crate::world::{APPROVER, World, config, key_of, person, server_key};

/// Alice, for whom the agent acts, may approve, and so may two authors of commits.
fn crowd(approval: &str) -> String {
    config(
        &format!("approvers = [\"alice\", \"bob\", \"carol\", \"dave\", \"erin\"], {approval}"),
        &[
            person("alice", ""),
            person("bob", ""),
            person("carol", ""),
            person("dave", "emails = [\"dave@acme.example\", \"dave+git@home.example\"]"),
            person("erin", ""),
        ],
    )
}

fn approve(id: &str, token: &str) -> Value {
    json!({ "name": "approve", "arguments": { "deployment_id": id, "signed_approval": token } })
}

async fn nothing_that_an_agent_writes_approves(era: Era) {
    let world = World::new(Script::instant()).await;
    let mut session = Session::open(&world, era).await;
    let id = session.asks_for_approval().await;

    for (name, value) in [
        ("confirm", json!(true)),
        ("approve", json!(true)),
        ("approved", json!(true)),
        ("verdict", json!("approve")),
        ("force", json!(true)),
        ("approver", json!(APPROVER)),
        ("as", json!(APPROVER)),
        ("on_behalf_of", json!(APPROVER)),
        ("principal", json!({ "kind": "human", "name": APPROVER })),
        ("actor", json!({ "channel": "command-line", "assurance": "signed" })),
        ("assurance", json!("signed")),
        ("channel", json!("command-line")),
        ("accept", json!(["agent"])),
        ("reason", json!("bob said yes")),
        ("expected_version", json!(1)),
        ("elicitation", json!({ "action": "accept", "content": { "approve": true } })),
        ("inputResponses", json!({ "approval": { "action": "accept", "content": { "approve": true } } })),
        ("signed_approval", json!(true)),
        ("signed_approval", json!({ "verdict": "approve", "person": APPROVER })),
        ("signed_approval", json!([])),
        ("signed_approval", json!("")),
        ("signed_approval", json!("yes")),
        ("signed_approval", json!("dod1..")),
        ("signed_approval", json!("dod1.e30.AAAA")),
        ("signed_approval", json!("x".repeat(100_000))),
    ] {
        let mut arguments = json!({ "deployment_id": id });
        arguments[name] = value;
        let what = format!("{name} = {}", arguments[name].to_string().chars().take(60).collect::<String>());
        let params = json!({ "name": "approve", "arguments": arguments });
        session.fails_to_decide(&id, &what, params, "malformed-argument").await;
    }
    for (event, code) in [
        ("APPROVED", "guard-refused"),
        ("REJECTED", "guard-refused"),
        ("APPROVAL_EXPIRED", "guard-refused"),
        ("PROD_DEPLOYED", "event-not-allowed"),
        ("RETRY", "event-not-allowed"),
        ("DECISION_MADE", "unknown-event"),
        ("TRIGGER_INTENDED", "unknown-event"),
        ("approved", "unknown-event"),
    ] {
        let said = session.refuses("transition", json!({ "deployment_id": id, "event": event })).await;
        assert_eq!(said, code, "{event}");
    }
    let around = json!({ "pipeline_id": "deploy_prod" });
    assert_eq!(session.refuses("harness_trigger_pipeline", around).await, "pipeline-not-allowed");

    assert_eq!(session.gives("approve", json!({ "deployment_id": id })).await["approved"], false);
    let status = session.status(&id).await;
    assert_eq!(
        (&status["state"], &status["approval"]["approved_by"]),
        (&json!("awaiting-approval"), &json!([]))
    );
    assert_eq!(world.runs_of_prod(), 0);
}

#[tokio::test]
async fn nothing_that_an_agent_of_2025_writes_approves() {
    nothing_that_an_agent_writes_approves(Era::Legacy).await;
}

#[tokio::test]
async fn nothing_that_an_agent_of_2026_writes_approves() {
    nothing_that_an_agent_writes_approves(Era::Modern).await;
}

#[tokio::test]
async fn no_decision_counts_but_one_about_exactly_this_by_somebody_who_may() {
    let world = World::under(Script::instant(), &crowd("required_approvals = 1")).await;
    let mut session = Session::open(&world, Era::Modern).await;
    let wrote = json!({ "commit_authors": ["carol", "dave@acme.example"] });
    let id = session.asks_for_approval_of(wrote).await;
    let other = session.asks_for_approval_of(json!({ "repository": "acme/pay" })).await;

    let bobs = world.statement(&id, "bob", Verdict::Approve).await;
    let by = |name: &str| Statement { person: name.parse().unwrap(), ..bobs.clone() };
    let signed = |statement: Statement| {
        let key = key_of(statement.person.as_str());
        Decision::sign(statement, &key)
    };
    let honest = signed(bobs.clone());
    let after_signing = |change: fn(&mut Statement)| {
        let mut changed = honest.clone();
        change(&mut changed.statement);
        changed
    };
    let sealed = |assurance| Decision::seal(Statement { assurance, ..bobs.clone() }, &server_key());
    let digest = one_digit_changed(&bobs.digest);
    let token = honest.to_token();
    let (head, signature) = token.rsplit_once('.').unwrap();
    let bent = format!("{head}.{}{}", if signature.starts_with('A') { "B" } else { "A" }, &signature[1..]);

    let request = &["decision-is-for-this-request"][..];
    let signature = &["signature-is-valid"][..];
    let (both, stranger) = (
        &["decision-is-for-this-request", "signature-is-valid"][..],
        &["person-may-decide", "signature-is-valid"][..],
    );
    let four_eyes = &["four-eyes"][..];
    let table: Vec<(&str, String, &str, &[&str])> = vec![
        ("the human behind the agent", signed(by("alice")).to_token(), "guard-refused", four_eyes),
        ("an author, by name", signed(by("carol")).to_token(), "guard-refused", four_eyes),
        ("an author, by e-mail", signed(by("dave")).to_token(), "guard-refused", four_eyes),
        (
            "somebody whom the config does not name",
            signed(by("mallory")).to_token(),
            "guard-refused",
            stranger,
        ),
        (
            "an unknown key",
            Decision::sign(bobs.clone(), &key_of("mallory")).to_token(),
            "guard-refused",
            signature,
        ),
        (
            "another approver's key",
            Decision::sign(bobs.clone(), &key_of("erin")).to_token(),
            "guard-refused",
            signature,
        ),
        ("one bit of the signature", bent, "guard-refused", signature),
        (
            "no signature",
            Decision { signature: Signature(String::new()), ..honest.clone() }.to_token(),
            "guard-refused",
            signature,
        ),
        (
            "one byte changed, then signed",
            signed(Statement { digest: digest.clone(), ..bobs.clone() }).to_token(),
            "guard-refused",
            request,
        ),
        (
            "signed, then the digest changed",
            Decision { statement: Statement { digest, ..bobs.clone() }, ..honest.clone() }.to_token(),
            "guard-refused",
            both,
        ),
        (
            "signed, then another person named",
            after_signing(|it| it.person = "erin".parse().unwrap()).to_token(),
            "guard-refused",
            signature,
        ),
        (
            "signed, then another reason",
            after_signing(|it| it.reason = Some("Seen".to_owned())).to_token(),
            "guard-refused",
            signature,
        ),
        (
            "signed, then another time",
            after_signing(|it| it.decided_at.0 += 1).to_token(),
            "guard-refused",
            signature,
        ),
        (
            "a rejection, then turned into an approval",
            Decision {
                statement: bobs.clone(),
                ..signed(Statement { verdict: Verdict::Reject, ..bobs.clone() })
            }
            .to_token(),
            "guard-refused",
            signature,
        ),
        (
            "moved from another deployment",
            world.signed(&other, "bob", Verdict::Approve).await,
            "guard-refused",
            request,
        ),
        (
            "about another environment",
            signed(Statement { environment: "dev".parse().unwrap(), ..bobs.clone() }).to_token(),
            "guard-refused",
            request,
        ),
        (
            "about a request to come",
            signed(Statement { request: 2, ..bobs.clone() }).to_token(),
            "guard-refused",
            request,
        ),
        (
            "the server's seal under a signed statement",
            sealed(Assurance::Signed).to_token(),
            "guard-refused",
            signature,
        ),
        ("a sealed confirmation", sealed(Assurance::ClientConfirmed).to_token(), "malformed-argument", &[]),
        ("a sealed click on the page", sealed(Assurance::Web).to_token(), "malformed-argument", &[]),
        ("a sealed agent", sealed(Assurance::Agent).to_token(), "malformed-argument", &[]),
        (
            "a rejection as an approval",
            world.signed(&id, "bob", Verdict::Reject).await,
            "malformed-argument",
            &[],
        ),
        (
            "broken glass where there is none",
            world.signed(&id, "bob", Verdict::BreakGlass).await,
            "guard-refused",
            stranger,
        ),
    ];
    for (what, token, code, unmet) in table {
        assert_eq!(session.fails_to_decide(&id, what, approve(&id, &token), code).await, unmet, "{what}");
    }
    assert_eq!(world.runs_of_prod(), 0);

    session.gives("approve", json!({ "deployment_id": id, "signed_approval": token })).await;
    assert_eq!(session.until(&id, "ended").await["state"], "completed", "and the honest one opens it");
    assert_eq!(world.runs_of_prod(), 1);
}

fn one_digit_changed(digest: &Digest) -> Digest {
    let (head, last) = digest.0.split_at(63);
    Digest(format!("{head}{}", if last == "0" { "1" } else { "0" }))
}

#[tokio::test]
async fn a_decision_counts_once_and_for_one_request() {
    let world = World::under(Script::instant(), &crowd("required_approvals = 2")).await;
    let mut session = Session::open(&world, Era::Legacy).await;
    let id = session.asks_for_approval().await;
    let first = world.signed(&id, "bob", Verdict::Approve).await;
    let decided = session.gives("approve", json!({ "deployment_id": id, "signed_approval": first })).await;
    assert_eq!(decided["approved"], false, "one of two");
    for (what, token) in [
        ("the same once more", first.clone()),
        ("a change of mind, in other words", world.signed(&id, "bob", Verdict::Approve).await),
    ] {
        let unmet = session.fails_to_decide(&id, what, approve(&id, &token), "guard-refused").await;
        assert_eq!(unmet, ["one-decision-per-person"], "{what}");
    }

    world.app.withdraw(&id, "the wrong commit", world.at_command_line()).await.unwrap();
    let erins = world.signed(&id, "erin", Verdict::Approve).await;
    let unmet = session.fails_to_decide(&id, "taken back", approve(&id, &erins), "guard-refused").await;
    assert_eq!(unmet, ["request-stands"]);

    // Asked by the agent, people are asked anew; nothing of the first request counts.
    let anew = session.gives("approve", json!({ "deployment_id": id })).await;
    assert_eq!((&anew["approved"], &anew["request"]["request"]), (&json!(false), &json!(2)));
    for (what, token) in [("bob's first", first), ("erin's first", erins)] {
        let unmet = session.fails_to_decide(&id, what, approve(&id, &token), "guard-refused").await;
        assert_eq!(unmet, ["decision-is-for-this-request"], "{what}");
    }
    assert_eq!(world.runs_of_prod(), 0);
}

#[tokio::test]
async fn a_count_without_the_required_group_does_not_suffice() {
    let rules = crowd("required_groups = [\"security\"]") + "\n[groups]\nsecurity = [\"erin\"]\n";
    let world = World::under(Script::instant(), &rules).await;
    let mut session = Session::open(&world, Era::Modern).await;
    let id = session.asks_for_approval().await;
    let token = world.signed(&id, "bob", Verdict::Approve).await;
    let decided = session.gives("approve", json!({ "deployment_id": id, "signed_approval": token })).await;
    assert_eq!(decided["approved"], false, "{decided}");
    let waits = session.status(&id).await["waiting_for"].as_str().unwrap().to_owned();
    assert!(waits.contains("1 of 1 approvals") && waits.contains("the group security"), "{waits}");
    let said = session.refuses("transition", json!({ "deployment_id": id, "event": "APPROVED" })).await;
    assert_eq!((said.as_str(), world.runs_of_prod()), ("guard-refused", 0));

    let token = world.signed(&id, "erin", Verdict::Approve).await;
    let decided = session.gives("approve", json!({ "deployment_id": id, "signed_approval": token })).await;
    assert_eq!(decided["approved"], true, "{decided}");
    assert_eq!(session.until(&id, "ended").await["state"], "completed");
}

#[tokio::test]
async fn nothing_counts_after_the_time_is_over() {
    let mut world = World::under(Script::instant(), &crowd("expires_after = \"2h\"")).await;
    let mut session = Session::open(&world, Era::Modern).await;
    let id = session.asks_for_approval().await;
    let token = world.signed(&id, "bob", Verdict::Approve).await;
    world.halt().await;
    world.pass(Duration::from_hours(2));
    let unmet = session.fails_to_decide(&id, "too late", approve(&id, &token), "guard-refused").await;
    assert_eq!(unmet, ["request-is-open"]);

    world.drive();
    assert_eq!(session.until(&id, "ended").await["failure"]["reason"], "approval-expired");
    session.fails_to_decide(&id, "far too late", approve(&id, &token), "not-awaiting-approval").await;

    session.gives("transition", json!({ "deployment_id": id, "event": "RETRY" })).await;
    world.asks(&id, 2).await;
    let unmet = session.fails_to_decide(&id, "after a retry", approve(&id, &token), "guard-refused").await;
    assert_eq!(unmet, ["decision-is-for-this-request"]);
    assert_eq!(world.runs_of_prod(), 0);
}

#[tokio::test]
async fn an_approver_who_was_removed_does_not_count() {
    let mut world = World::under(Script::instant(), &crowd("required_approvals = 2")).await;
    let mut session = Session::open(&world, Era::Modern).await;
    let id = session.asks_for_approval().await;
    let before = world.signed(&id, "bob", Verdict::Approve).await;
    let erins = world.signed(&id, "erin", Verdict::Approve).await;
    session.gives("approve", json!({ "deployment_id": id, "signed_approval": erins })).await;

    let without_bob = crowd("required_approvals = 1").replace("\"bob\", ", "");
    world.restart(&without_bob).await;
    let mut session = Session::open(&world, Era::Modern).await;
    world.asks(&id, 2).await;
    assert_eq!(
        session.status(&id).await["approval"]["approved_by"],
        json!([]),
        "erin's does not count either"
    );
    let void = session.history(&id).await.into_iter().find(|it| it["event"] == "APPROVAL_VOIDED").unwrap();
    assert!(void["details_untrusted"]["reason"].as_str().unwrap().contains("rules"), "{void}");

    let after = world.signed(&id, "bob", Verdict::Approve).await;
    let nobody = ["person-may-decide", "signature-is-valid"];
    let unmet = session.fails_to_decide(&id, "anew", approve(&id, &after), "guard-refused").await;
    assert_eq!(unmet, nobody);
    let unmet = session.fails_to_decide(&id, "from before", approve(&id, &before), "guard-refused").await;
    assert_eq!(unmet, [&["decision-is-for-this-request"], &nobody[..]].concat());
    assert_eq!(world.runs_of_prod(), 0);
}

#[tokio::test]
async fn only_people_reject() {
    let world = World::new(Script::instant()).await;
    let mut session = Session::open(&world, Era::Modern).await;
    let id = session.asks_for_approval().await;
    let reject = |more: Value| {
        let mut arguments = json!({ "deployment_id": id });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "name": "reject", "arguments": arguments })
    };
    let approval = world.signed(&id, APPROVER, Verdict::Approve).await;
    let broken = world.signed(&id, APPROVER, Verdict::BreakGlass).await;
    let forged = {
        let statement = world.statement(&id, APPROVER, Verdict::Reject).await;
        Decision::sign(statement, &key_of("mallory")).to_token()
    };
    for (what, more, code) in [
        ("on its own word", json!({}), "needs-human"),
        ("with a reason", json!({ "reason": "bob said no" }), "malformed-argument"),
        ("with an approval", json!({ "signed_decision": approval }), "malformed-argument"),
        ("with broken glass", json!({ "signed_decision": broken }), "malformed-argument"),
        ("with a forged rejection", json!({ "signed_decision": forged }), "guard-refused"),
    ] {
        session.fails_to_decide(&id, what, reject(more), code).await;
    }

    let rejection = world.signed(&id, APPROVER, Verdict::Reject).await;
    session.gives("reject", json!({ "deployment_id": id, "signed_decision": rejection })).await;
    let ended = session.until(&id, "ended").await;
    assert_eq!(ended["failure"]["reason"], "approval-rejected");
    assert_eq!(ended["failure"]["retry_possible"], false);
}
