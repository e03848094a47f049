//! The whole machine as one text: every state with every event. A change of the
//! machine is a visible change of `snapshots/state_table__machine.snap`.
//!
//! One block per state. An arrow is a line; `guarded` names the guards that do not
//! hold in that sample; the events without an arrow are listed last.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is a test's own work")]

use std::collections::BTreeMap;

use deployment_orchestrator::domain::guard::Refusal;
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::place::Hold;
use deployment_orchestrator::domain::time::Timestamp;

use block::block;
use events::events;
use fixtures::{START, environment};
use samples::samples;

mod block;
mod events;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod rollbacks;
mod samples;
mod variants;

/// When every event of the table happens: long after all backoff timers but the
/// one that is meant to hold.
const NOW: Timestamp = Timestamp(START.0 + 60_000);

#[test]
fn machine() {
    let table: Vec<String> = samples().iter().map(block).collect();
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("machine", table.join("\n"));
    });
}

/// How each guard refuses, in the first sample in which it does.
#[test]
fn refusals() {
    let mut refusals: BTreeMap<&str, String> = BTreeMap::new();
    for sample in samples() {
        for (_, event) in events(&sample.deployment) {
            let Err(Refusal::Guarded { guards, .. }) = sample.deployment.apply(&event, NOW) else { continue };
            for guard in guards.into_iter().filter(|guard| !guard.holds) {
                let from = guard.provenance();
                refusals.entry(guard.name).or_insert_with(|| {
                    format!(
                        "{}: {}\n    opens when {}\n    seen in {}, opened by {}",
                        guard.name, guard.saw, guard.opens_when, from.source, from.opened_by
                    )
                });
            }
        }
    }
    let all: Vec<String> = refusals.into_values().collect();
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("refusals", all.join("\n"));
    });
}

/// How each thing that holds a deployment before an environment is said.
#[test]
fn holds() {
    let other = DeploymentId::new(2, 2);
    let (dev, until) = (environment("dev"), START);
    let freeze =
        |why: &str, until| Hold::Frozen { freeze: "sale".parse().unwrap(), why: why.to_owned(), until };
    let holds = [
        Hold::Taken { by: other.clone(), ahead: 0 },
        Hold::Taken { by: other.clone(), ahead: 2 },
        Hold::Queued { behind: other.clone(), ahead: 1 },
        Hold::Queued { behind: other.clone(), ahead: 3 },
        Hold::Full { most: 2 },
        Hold::Locked { by: "dana".to_owned(), reason: "an audit".to_owned(), since: START },
        freeze("the shop is full", Some(until)),
        freeze("", None),
        Hold::Soaking { environment: dev, until },
        Hold::Unproven { rule: "tests-passed".to_owned(), saw: "no tests of abc have passed".to_owned() },
        Hold::Quarantined { by: other },
    ];
    let said: Vec<String> = holds
        .iter()
        .map(|hold| format!("{}: {hold}\n    until {}", hold.name(), hold.opens_when()))
        .collect();
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("holds", said.join("\n"));
    });
}

#[test]
fn an_explanation_is_the_same_computation() {
    for sample in samples() {
        for (_, event) in events(&sample.deployment) {
            let explained = sample.deployment.explain(&event, NOW);
            match sample.deployment.apply(&event, NOW) {
                Ok(_) => assert!(explained.unwrap().iter().all(|guard| guard.holds)),
                Err(Refusal::Guarded { guards, .. }) => assert_eq!(explained.unwrap(), guards),
                Err(refusal @ Refusal::NotAllowed { .. }) => assert_eq!(explained.unwrap_err(), refusal),
            }
        }
    }
}
