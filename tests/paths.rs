//! More approval, not less: whatever opens the gate of a path opens the ordinary gate, too.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's own work")]

use std::cell::Cell;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestRunner;

use deployment_orchestrator::domain::approval::{ApprovalRequest, Parties};
use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::decision::{Decision, Statement, Verdict};
use deployment_orchestrator::domain::gate::{Approver, BreakGlass, Gate, RequiredGroup};
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::path::Demands;
use deployment_orchestrator::domain::signature::PrivateKey;
use deployment_orchestrator::domain::subject::Digest;
use deployment_orchestrator::domain::time::Timestamp;

const PEOPLE: [&str; 5] = ["ada", "bob", "carol", "dave", "erin"];
const START: Timestamp = Timestamp(1_700_000_000_000);
const ASSURANCES: [Assurance; 3] = [Assurance::Signed, Assurance::ClientConfirmed, Assurance::Agent];

fn key_of(name: &str) -> PrivateKey {
    let mut seed = [9; 32];
    for (to, from) in seed.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    PrivateKey::from_seed(&seed)
}

fn people(names: Vec<&str>) -> Vec<Approver> {
    let approver = |name: &str| Approver { name: name.parse().unwrap(), key: Some(key_of(name).public()) };
    names.into_iter().map(approver).collect()
}

fn groups() -> impl Strategy<Value = Vec<RequiredGroup>> {
    let members = subsequence(PEOPLE.to_vec(), 1..=3);
    let group = members.prop_map(|names| RequiredGroup {
        name: names.join("-"),
        members: names.iter().map(|name| name.parse().unwrap()).collect(),
    });
    prop::collection::vec(group, 0..2)
}

fn hours() -> impl Strategy<Value = u64> {
    (1_u64..4).prop_map(|hours| hours * 3_600_000)
}

fn accepted() -> impl Strategy<Value = Vec<Assurance>> {
    subsequence(ASSURANCES.to_vec(), 1..=3)
}

fn gates() -> impl Strategy<Value = Gate> {
    let glass = prop::option::of(subsequence(PEOPLE.to_vec(), 2..=3));
    let approvers = subsequence(PEOPLE.to_vec(), 2..=5);
    (approvers, 1_u32..3, groups(), any::<bool>(), hours(), accepted(), glass).prop_map(
        |(
            approvers,
            required_approvals,
            required_groups,
            allow_self_approval,
            expires_after_ms,
            accept,
            glass,
        )| {
            Gate {
                approvers: people(approvers),
                required_approvals,
                required_groups,
                allow_self_approval,
                expires_after_ms,
                accept,
                voucher: Some(key_of("the server").public()),
                break_glass: glass.map(|names| BreakGlass { people: people(names) }),
            }
        },
    )
}

/// Some of them ask less than a gate does, which the config would refuse.
fn demands() -> impl Strategy<Value = Demands> {
    let accept = prop::option::of(accepted());
    (0_u32..4, groups(), any::<bool>(), prop::option::of(hours()), accept).prop_map(
        |(required_approvals, required_groups, forbids_self_approval, expires_after_ms, accept)| Demands {
            required_approvals,
            required_groups,
            forbids_self_approval,
            expires_after_ms,
            accept,
        },
    )
}

fn decisions() -> impl Strategy<Value = Vec<(&'static str, Verdict, Assurance)>> {
    let verdict =
        prop_oneof![6 => Just(Verdict::Approve), 2 => Just(Verdict::BreakGlass), 1 => Just(Verdict::Reject)];
    let assurance = prop_oneof![3 => Just(Assurance::Signed), 1 => select(ASSURANCES.to_vec())];
    prop::collection::vec((select(PEOPLE.to_vec()), verdict, assurance), 1..6)
}

fn made(deployment: &DeploymentId, (person, verdict, assurance): (&str, Verdict, Assurance)) -> Decision {
    let statement = Statement {
        deployment_id: deployment.clone(),
        environment: "prod".parse().unwrap(),
        request: 1,
        digest: Digest::of(&"what will happen"),
        verdict,
        person: person.parse().unwrap(),
        assurance,
        reason: Some("because".to_owned()),
        decided_at: START,
    };
    if assurance == Assurance::Signed {
        Decision::sign(statement, &key_of(person))
    } else {
        Decision::seal(statement, &key_of("the server"))
    }
}

#[test]
fn whatever_opens_the_gate_of_a_path_opens_the_ordinary_gate() {
    let (opened, only_ordinary) = (Cell::new(0), Cell::new(0));
    let (id, ada) = (DeploymentId::new(1, 1), "ada".parse().unwrap());
    let parties = Parties { deployment: &id, initiator: Some(&ada), authors: &[] };
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 4_000, failure_persistence: None, ..Default::default() });
    runner
        .run(&(gates(), demands(), decisions(), 0_u64..4), |(gate, demands, decisions, hours)| {
            let at = START.plus(Duration::from_hours(hours));
            let is_open = |gate: &Gate| {
                let digest = Digest::of(&"what will happen");
                let mut request =
                    ApprovalRequest::open(1, "prod".parse().unwrap(), digest, gate.clone(), START);
                request.decisions = decisions.iter().map(|said| made(&id, *said)).collect();
                request.guards_of_opening(parties, at).iter().all(|guard| guard.holds)
            };
            let (on_the_path, ordinary) = (is_open(&demands.on_top_of(&gate)), is_open(&gate));
            prop_assert!(ordinary || !on_the_path, "less than {gate:?} asks");
            opened.set(opened.get() + u32::from(on_the_path));
            only_ordinary.set(only_ordinary.get() + u32::from(ordinary && !on_the_path));
            Ok(())
        })
        .unwrap();
    assert!(opened.get() > 100 && only_ordinary.get() > 100, "{opened:?} and {only_ordinary:?} of 4000");
}
