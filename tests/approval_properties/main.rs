//! The gate of prod under every order of decisions, time, changes of the config,
//! withdrawal and cancellation, judged by a second opinion on the rules that is
//! written here and shares no code with the first.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is a test's own work"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::decision::{Decision, Statement, Verdict};
use deployment_orchestrator::domain::deployment::{Deployment, Mode};
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::gate::Gate;
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::plan::{self, Gates, Next, Step, Timing};
use deployment_orchestrator::domain::state::State;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::domain::workflow::Stage;

use choices::{Choices, goes_in};
use fixtures::{
    OPEN_FOR, START, asks, decision, deployment, digest_of, environment, gate, intends, person, private_key,
};
use opinion::{AUTHOR, Asked, CONFIGS, PEOPLE, Said, gate_of};

#[path = "../fixtures/choices.rs"]
mod choices;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod opinion;

/// Where it is, in the second opinion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Unasked,
    Asked,
    Approved,
    Triggered,
    Expired,
    Over,
}

/// How often what happened, over all walks.
type Seen = BTreeMap<&'static str, usize>;

struct Walk<'a> {
    deployment: Deployment,
    now: Timestamp,
    config: usize,
    phase: Phase,
    asked: Option<Asked>,
    /// Everything that was said, to be said again.
    words: Vec<(Decision, Said)>,
    seen: &'a RefCell<Seen>,
}

fn prod() -> Stage {
    Stage::Deploying(environment("prod"))
}

impl<'a> Walk<'a> {
    fn new(mode: Mode, seen: &'a RefCell<Seen>) -> Self {
        let mut deployment = deployment(mode);
        std::sync::Arc::make_mut(&mut deployment.spec).commit_authors = vec![person(AUTHOR)];
        deployment.progress.state =
            State::AwaitingApproval { environment: environment("prod"), request: None };
        Self {
            deployment,
            now: START,
            config: 0,
            phase: Phase::Unasked,
            asked: None,
            words: Vec::new(),
            seen,
        }
    }

    fn gate(&self) -> Gate {
        gate_of(&CONFIGS[self.config])
    }

    fn saw(&self, what: &'static str) {
        *self.seen.borrow_mut().entry(what).or_default() += 1;
    }

    /// Say it; whether it was accepted.
    fn say(&mut self, event: &Event) -> bool {
        let Ok(transition) = self.deployment.apply(event, self.now) else { return false };
        self.deployment.progress = transition.progress;
        true
    }

    /// Say it, and be surprised if the second opinion differs.
    fn expecting(&mut self, expected: bool, event: &Event) -> bool {
        let before = self.deployment.progress.state.clone();
        let accepted = self.say(event);
        assert_eq!(accepted, expected, "{event:?} in {:?} and {before:?}", self.phase);
        accepted
    }

    fn is_asked(&self) -> Option<&Asked> {
        self.asked.as_ref().filter(|_| self.phase == Phase::Asked)
    }

    /// A caller or the engine says something of the gate.
    fn main(&mut self, event: &MainEvent) {
        let now = self.now;
        let asked = self.is_asked();
        let expected = match event {
            MainEvent::Approved => asked.is_some_and(|it| it.opens(now).is_some()),
            MainEvent::Rejected => asked.is_some_and(Asked::is_rejected),
            MainEvent::ApprovalExpired => {
                asked.is_some_and(|it| now >= it.at.plus(it.rules().open_for) && !it.is_rejected())
            }
            MainEvent::ApprovalWithdrawn { .. }
            | MainEvent::ApprovalReminded
            | MainEvent::ApprovalEscalated => asked.is_some_and(|it| !it.withdrawn && !it.is_rejected()),
            MainEvent::ApprovalVoided { .. } => {
                self.phase == Phase::Approved || asked.is_some_and(|it| !it.is_rejected())
            }
            MainEvent::ApprovalRequested { .. } => self.phase == Phase::Unasked,
            MainEvent::Retry => self.phase == Phase::Expired,
            MainEvent::Cancel { .. } => ![Phase::Expired, Phase::Over].contains(&self.phase),
            other => panic!("{other:?} is not said here"),
        };
        let in_vain = asked.is_some_and(|it| it.is_met().is_some() && it.is_rejected());
        if !self.expecting(expected, &event.clone().into()) {
            if in_vain && *event == MainEvent::Approved {
                self.saw("rejected in spite of enough");
            }
            return;
        }
        self.phase = match event {
            MainEvent::ApprovalRequested { .. } => {
                let number = self.asked.as_ref().map_or(1, |it| it.number + 1);
                let (at, config) = (now, self.config);
                self.asked = Some(Asked { number, at, config, withdrawn: false, said: Vec::new() });
                Phase::Asked
            }
            MainEvent::ApprovalWithdrawn { .. } => {
                self.asked.as_mut().unwrap().withdrawn = true;
                Phase::Asked
            }
            MainEvent::ApprovalReminded | MainEvent::ApprovalEscalated => Phase::Asked,
            MainEvent::ApprovalVoided { .. } | MainEvent::Retry => Phase::Unasked,
            MainEvent::Approved => {
                self.saw(self.asked.as_ref().unwrap().opens(now).unwrap());
                Phase::Approved
            }
            MainEvent::ApprovalExpired => Phase::Expired,
            _ => Phase::Over,
        };
        self.saw(match self.phase {
            Phase::Unasked => "void",
            Phase::Expired => "expired",
            Phase::Over => "over",
            _ => "going on",
        });
    }

    /// Production is about to be triggered, under the rules of this config.
    fn trigger(&mut self, config: usize) {
        let now = self.now;
        let asked = self.asked.as_ref().filter(|_| self.phase == Phase::Approved);
        let expected = asked.is_some_and(|it| it.opens(now).is_some() && it.config == config);
        if self.deployment.before_environment().is_some() {
            self.say(&goes_in(&self.deployment));
        }
        let event = intends(&self.deployment, &prod(), Some(gate_of(&CONFIGS[config]).version()));
        if self.expecting(expected, &event) {
            self.phase = Phase::Triggered;
            self.saw("triggered");
        } else if self.phase == Phase::Approved {
            self.saw("not triggered");
        }
    }

    /// The engine does its next step under the config as it is.
    fn drive(&mut self, choices: &mut Choices) {
        let gates = Gates::from([(environment("prod"), self.gate())]);
        match plan::next(&self.deployment, &Timing::default(), &gates, self.now) {
            Next::Do(step) => match *step {
                Step::RequestApproval { .. } => self.ask(),
                Step::Record(Event::Main(MainEvent::Cancelled)) => {}
                Step::Record(Event::Main(event)) => {
                    let version = self.deployment.progress.version;
                    self.main(&event);
                    assert!(
                        self.deployment.progress.version > version,
                        "the plan's own {event:?} is refused"
                    );
                }
                Step::Trigger { .. } => {
                    self.trigger(self.config);
                    if self.phase == Phase::Approved {
                        self.main(&MainEvent::ApprovalVoided { reason: "not covered".to_owned() });
                    }
                }
                _ => assert_eq!(self.phase, Phase::Triggered),
            },
            Next::Wait(until) if choices.below(8) == 0 => self.now = until,
            Next::Wait(_) | Next::Idle => {}
        }
    }

    /// People are asked, honestly, under the config as it is.
    fn ask(&mut self) {
        let Event::Main(event) = asks(&self.deployment, &self.gate()) else {
            panic!("a request is a main event")
        };
        self.main(&event);
    }

    /// Somebody says something, mostly what helps.
    fn decide(&mut self, choices: &mut Choices) {
        let (decision, said) = self.words(choices);
        let expected = self.is_asked().is_some_and(|it| it.counts(&said, self.now));
        if self.expecting(expected, &MainEvent::DecisionMade { decision: decision.clone() }.into()) {
            self.asked.as_mut().unwrap().said.push(said.clone());
            self.saw(said.assurance.as_str());
        }
        self.words.push((decision, said));
    }

    fn words(&self, choices: &mut Choices) -> (Decision, Said) {
        let number = self.asked.as_ref().map_or(1, |it| it.number);
        let config = self.asked.as_ref().map_or(0, |it| it.config);
        let suffices = self.asked.as_ref().is_some_and(|it| it.is_met().is_some());
        let verdict = match choices.below(40) {
            0 => Verdict::Reject,
            1..20 if suffices => Verdict::Reject,
            1..12 => Verdict::BreakGlass,
            _ => Verdict::Approve,
        };
        let named = match verdict {
            Verdict::BreakGlass => CONFIGS[config].glass,
            Verdict::Approve | Verdict::Reject => CONFIGS[config].approvers,
        };
        let anybody = named.is_empty() || choices.below(4) == 0;
        let by = choices.of(if anybody { PEOPLE.to_vec() } else { named.to_vec() });
        let weak = [Assurance::ClientConfirmed, Assurance::Agent];
        let assurance = match choices.below(3) {
            0 => choices.of(weak.to_vec()),
            _ if verdict == Verdict::BreakGlass => Assurance::Signed,
            1 => choices.of(CONFIGS[config].accept.to_vec()),
            _ => Assurance::Signed,
        };
        let with_reason = choices.below(6) > 0;
        let mut statement = Statement {
            assurance,
            reason: with_reason.then(|| "because".to_owned()),
            ..decision(&self.deployment, number, &gate_of(&CONFIGS[config]), by, verdict).statement
        };
        let mut said =
            Said { by, verdict, assurance, with_reason, about: Some((number, config)), proved: true };
        let prove = |statement: Statement, signer: &str, server: &str| match statement.assurance {
            Assurance::Signed => Decision::sign(statement, &private_key(signer)),
            _ => Decision::seal(statement, &private_key(server)),
        };
        match choices.below(36) {
            0 => {
                statement.deployment_id = DeploymentId::new(9, 9);
                said.about = None;
            }
            1 => {
                statement.environment = environment("dev");
                said.about = None;
            }
            2 => {
                let other = choices.of(vec![number - 1, number + 1]);
                statement.request = other;
                said.about = Some((other, config));
            }
            3 => {
                let other = choices.below(CONFIGS.len());
                statement.digest =
                    digest_of(&self.deployment, &prod(), Some(gate_of(&CONFIGS[other]).version()));
                said.about = Some((number, other));
            }
            4 => {
                let mut decision = prove(statement, by, "the server");
                decision.statement.decided_at.0 += 1;
                said.proved = false;
                return (decision, said);
            }
            5 => {
                said.proved = false;
                return (prove(statement, "heidi", "heidi"), said);
            }
            6 => {
                // The seal as a signature, or the person's signature as a seal.
                said.proved = false;
                let proof = match assurance {
                    Assurance::Signed => Decision::seal(statement.clone(), &private_key(by)),
                    _ => Decision::sign(statement.clone(), &private_key("the server")),
                };
                return (Decision { statement, ..proof }, said);
            }
            7..9 if !self.words.is_empty() => return choices.of(self.words.clone()),
            _ => {}
        }
        (prove(statement, by, "the server"), said)
    }

    fn step(&mut self, choices: &mut Choices) {
        match choices.below(48) {
            0 => {
                let pauses =
                    [Duration::from_secs(1), Duration::from_mins(5), Duration::from_hours(1), OPEN_FOR];
                self.now = self.now.plus(choices.of(pauses.to_vec()));
            }
            1 => self.config = choices.below(CONFIGS.len()),
            2 if choices.below(2) == 0 => {
                self.main(&MainEvent::ApprovalWithdrawn { reason: "on second thoughts".to_owned() });
            }
            3 if choices.below(2) == 0 => {
                self.main(&MainEvent::ApprovalVoided { reason: "asked anew".to_owned() });
            }
            4..8 => self.main(&choices.of(vec![
                MainEvent::Approved,
                MainEvent::Rejected,
                MainEvent::ApprovalExpired,
                MainEvent::Retry,
            ])),
            8 => self.trigger(choices.below(CONFIGS.len())),
            9 if choices.below(16) == 0 => self.main(&MainEvent::Cancel { reason: "enough".to_owned() }),
            10..12 => self.ask(),
            12..18 => self.drive(choices),
            _ => self.decide(choices),
        }
    }
}

#[test]
fn production_is_triggered_only_with_everybody_who_must_agree() {
    assert_eq!(gate_of(&CONFIGS[0]), gate(), "both opinions begin with the same rules");
    let seen = RefCell::new(Seen::new());
    let walks =
        (prop_oneof![Just(Mode::Auto), Just(Mode::Step)], prop::collection::vec(any::<u16>(), 0..500));
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&walks, |(mode, numbers)| {
        let mut choices = Choices::new(numbers);
        let mut walk = Walk::new(mode, &seen);
        while !choices.is_over() && walk.phase != Phase::Triggered {
            walk.step(&mut choices);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    // Whatever never happened was never judged.
    let seen = seen.into_inner();

    for what in [
        "triggered",
        "not triggered",
        "by the rules",
        "by broken glass",
        "void",
        "expired",
        "over",
        "rejected in spite of enough",
        "signed",
        "client-confirmed",
        "agent",
    ] {
        assert!(seen.get(what).is_some_and(|times| *times >= 3), "{what} hardly ever happened: {seen:?}");
    }
}
