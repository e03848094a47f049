//! What holds of the machine on every way through it, whoever speaks in which order.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is a test's own work"
)]

use std::time::Duration;

use proptest::prelude::*;

use deployment_orchestrator::domain::decision::Verdict;
use deployment_orchestrator::domain::deployment::Mode;
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::plan::{self, Next, Otherwise, Step, Timing};
use deployment_orchestrator::domain::run::RunStatus;
use deployment_orchestrator::domain::state::State;
use deployment_orchestrator::domain::workflow::Stage;

use anybody::{any_event, at_a_request};
use choices::Choices;
use engine::follow;
use fixtures::{OPEN_FOR, decision, environment, gate};
use walk::{Walk, assert_same_in_json, gates, rollback, succeeded};

mod anybody;
#[path = "../fixtures/choices.rs"]
mod choices;
mod engine;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod places;
mod walk;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// The engine, callers, approvers and liars talk at once.
    #[test]
    fn every_way_keeps_the_promises(mut walk in walks(), numbers in choices(900), text in ".{0,12}") {
        let mut choices = Choices::new(numbers);
        while !choices.is_over() {
            match choices.below(9) {
                0 => pass_time(&mut walk, &mut choices),
                1..4 => {
                    let event = any_event(&walk, &mut choices, &text);
                    // A refusal changes nothing, which is all that is asked of it here.
                    let _ = walk.say(&event);
                }
                4 | 5 => at_a_request(&mut walk, &mut choices),
                _ => match plan::next(&walk.deployment, &Timing::default(), &gates(), walk.now) {
                    Next::Do(step) => follow(&mut walk, *step, &mut choices, &text),
                    Next::Wait(until) => {
                        prop_assert!(until > walk.now, "waits for the past");
                        if choices.below(2) == 0 {
                            walk.now = until;
                        }
                    }
                    Next::Idle => {}
                },
            }
        }
        prop_assert_eq!(walk.replayed(), walk.deployment.progress);
        assert_same_in_json(&walk.deployment.spec);
    }

    /// The engine alone, with a world that loses replies and ends executions as it
    /// likes, but ends them.
    #[test]
    fn the_plan_always_comes_to_rest(mut walk in walks(), numbers in choices(400), disturbance in 0_usize..60) {
        let mut choices = Choices::new(numbers);
        let timing = Timing::default();
        let mut steps = 0;
        let rest = loop {
            steps += 1;
            prop_assert!(steps < 400, "still going: {:?}", walk.deployment.progress);
            if steps == disturbance {
                let event = choices.of(vec![
                    MainEvent::Cancel { reason: "why".to_owned() },
                    rollback(&walk.deployment),
                ]);
                let _ = walk.say(&event.into());
            }
            approve_sometimes(&mut walk, &mut choices);
            match plan::next(&walk.deployment, &timing, &gates(), walk.now) {
                Next::Do(step) if lost_for_good(&walk, &step) => break "waits for a person to look in Harness",
                Next::Do(step) => {
                    if let Some(run) = in_harness(&walk) && steps % 8 == 0 {
                        walk.say(&run).unwrap();
                    } else {
                        follow(&mut walk, *step, &mut choices, "a text");
                    }
                    walk.now = walk.now.plus(Duration::from_secs(5));
                }
                Next::Wait(until) => {
                    prop_assert!(until > walk.now, "waits for the past");
                    walk.now = until;
                }
                Next::Idle => break "idle",
            }
        };
        let state = &walk.deployment.progress.state;
        if rest == "idle" && !state.is_terminal() {
            prop_assert_eq!(walk.deployment.spec.mode, Mode::Step, "{} is nobody's to leave", state.name());
            let open = walk.deployment.open_doors(&rollback(&walk.deployment), walk.now);
            let forward = open.iter().any(|door| {
                door.guards.iter().all(|guard| guard.holds)
                    && !["CANCEL", "ROLLBACK"].contains(&door.event.0.as_str())
            });
            prop_assert!(forward, "{} has no way forward", state.name());
        }
    }
}

fn pass_time(walk: &mut Walk, choices: &mut Choices) {
    let pause = choices.of(vec![
        Duration::from_millis(10),
        Duration::from_secs(2),
        Duration::from_secs(90),
        OPEN_FOR,
    ]);
    walk.now = walk.now.plus(pause);
}

/// Half of the walks begin at the gate, so that enough of them get past it.
fn walks() -> impl Strategy<Value = Walk> {
    prop_oneof![
        2 => modes().prop_map(Walk::new),
        1 => (modes(), skips()).prop_map(|(mode, skipped)| Walk::on_a_path(mode, skipped)),
        1 => (modes(), 0_usize..2).prop_map(|(mode, approvals)| Walk::at_the_gate(mode, approvals)),
        2 => modes().prop_map(|mode| Walk::at_the_gate(mode, 2)),
    ]
}

fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Auto), Just(Mode::Step)]
}

/// Any stages of the way, the gate and the target too.
fn skips() -> impl Strategy<Value = Vec<Stage>> {
    let way = ["dev", "prod"].map(|name| Stage::Deploying(environment(name)));
    let way = [Stage::Validating, Stage::Building, Stage::Testing].into_iter().chain(way).collect::<Vec<_>>();
    prop::sample::subsequence(way, 0..=5)
}

fn choices(most: usize) -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(any::<u16>(), 0..most)
}

/// A person approves now and then, so that some walks get past the gate.
fn approve_sometimes(walk: &mut Walk, choices: &mut Choices) {
    let State::AwaitingApproval { request: Some(request), .. } = &walk.deployment.progress.state else {
        return;
    };
    let number = request.number;
    for name in ["bob", "carol"] {
        let verdict = match choices.below(12) {
            0 => Verdict::Reject,
            1..3 => continue,
            _ => Verdict::Approve,
        };
        let decision = decision(&walk.deployment, number, &gate(), name, verdict);
        let _ = walk.say(&MainEvent::DecisionMade { decision }.into());
    }
    let _ = walk.say(&MainEvent::Approved.into());
}

/// What Harness will say in the end of what it has.
fn in_harness(walk: &Walk) -> Option<Event> {
    let (_, run) = walk.deployment.progress.state.work()?;
    matches!(run.status, RunStatus::Live { .. }).then(succeeded)
}

/// A look-up of a production trigger that is old and still finds nothing.
fn lost_for_good(walk: &Walk, step: &Step) -> bool {
    matches!(step, Step::LookUp { otherwise: Otherwise::LookAgain, since, .. }
        if walk.now.since(*since) > Duration::from_secs(600))
}
