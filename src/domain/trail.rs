//! What a deployment leaves behind on its way: every attempt with what came of
//! it, and every step from state to state with what it had to show.
//!
//! The state machine itself follows the records, so the guards of a step are
//! those that it passed, with what they saw then.

use super::event::{Event, EventName, MainEvent};
use super::execution::{ExecutionStatus, Failure};
use super::guard::Guard;
use super::id::{ExecutionId, PipelineId};
use super::place::Hold;
use super::principal::Principal;
use super::record::{EventRecord, What};
use super::replay::{Replayed, Unreplayable};
use super::run::{RunEvent, RunStatus};
use super::state::State;
use super::time::Timestamp;
use super::workflow::Stage;

/// All of it, in the order in which it happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    /// The attempts.
    pub attempts: Vec<Attempt>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// One attempt at a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The stage.
    pub stage: Stage,
    /// Which attempt of that visit, from 1.
    pub number: u32,
    /// When it began.
    pub began_at: Timestamp,
    /// Why there is another one after one that failed.
    pub again: Option<Again>,
    /// What runs or ran for it in Harness.
    pub execution: Option<(PipelineId, ExecutionId)>,
    /// What came of it; `None` while it is under way.
    pub end: Option<End>,
}

/// Why something is tried once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// What was in the way before, by its wire name.
    pub cause: &'static str,
    /// Who asked for it with RETRY; `None` where the engine did it by itself.
    pub asked_by: Option<Principal>,
}

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// How.
    pub how: How,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// Well.
    Succeeded,
    /// It failed.
    Failed(Failure),
    /// It was stopped.
    Aborted,
    /// A person has looked: nothing of it ever ran.
    NotRun,
    /// It was left while the environment was asked whether it is healthy.
    Left,
}

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// The event that made it.
    pub event: EventName,
    /// Who sent it.
    pub by: Principal,
    /// The state before, by its wire name.
    pub from: String,
    /// The state after; the same, where the step leads into an environment.
    pub to: String,
    /// What it had to show, and showed.
    pub guards: Vec<Guard>,
}

/// What the records of one deployment, all of them and in their order, say of its way.
///
/// # Errors
/// The first record that the machine would not have written there.
pub fn follow(records: &[EventRecord]) -> Result<Trail, Unreplayable> {
    let Some((first, later)) = records.split_first() else { return Ok(Trail::default()) };
    let mut follower = Follower {
        replayed: Replayed::begin(first)?,
        trail: Trail::default(),
        again: None,
        overcome: Vec::new(),
    };
    for record in later {
        follower.pass(record)?;
    }
    Ok(follower.trail)
}

struct Follower {
    replayed: Replayed,
    trail: Trail,
    /// Why the next attempt will be another one.
    again: Option<Again>,
    /// What has held it before the environment at hand, and when that was first seen.
    overcome: Vec<(Hold, Timestamp)>,
}

impl Follower {
    fn pass(&mut self, record: &EventRecord) -> Result<(), Unreplayable> {
        let What::Event(event) = &record.what else { return self.replayed.follow(record) };
        self.begin(event, record);
        let before = &self.replayed.deployment;
        let (from, guards) = (before.progress.state.name(), before.explain(event, record.at));
        self.replayed.follow(record)?;
        self.note_execution(event);
        self.note_end(event, record.at);
        self.note_holds(event, record.at);
        let is_step = match event {
            Event::Main(MainEvent::PlaceTaken { .. } | MainEvent::EnvironmentRestored) => true,
            Event::Main(_) => from != record.state,
            Event::Run(_) => false,
        };
        if is_step {
            let mut guards = guards.unwrap_or_default();
            guards.extend(self.shown_before_entering(event));
            self.trail.steps.push(Step {
                at: record.at,
                event: event.name(),
                by: record.actor.principal.clone(),
                from,
                to: record.state.clone(),
                guards,
            });
        }
        Ok(())
    }

    /// Note an attempt that begins with `event`, and what another one is for.
    fn begin(&mut self, event: &Event, record: &EventRecord) {
        let state = &self.replayed.deployment.progress.state;
        match (event, state) {
            (Event::Main(MainEvent::Retry), State::Failed { reason, .. }) => {
                self.again =
                    Some(Again { cause: reason.cause(), asked_by: Some(record.actor.principal.clone()) });
            }
            (Event::Run(event), _) => {
                let Some((stage, run)) = state.work() else { return };
                if let (RunEvent::RetryScheduled { .. }, RunStatus::Failed { failure, .. }) =
                    (event, &run.status)
                {
                    self.again = Some(Again { cause: failure.cause.as_str(), asked_by: None });
                }
                if event.begins_an_attempt(&run.status) {
                    self.trail.attempts.push(Attempt {
                        stage,
                        number: run.attempt,
                        began_at: record.at,
                        again: self.again.take(),
                        execution: None,
                        end: None,
                    });
                }
            }
            _ => {}
        }
    }

    fn note_execution(&mut self, event: &Event) {
        if let Event::Run(RunEvent::TriggerAccepted { execution, pipeline }) = event
            && let Some(attempt) = self.trail.attempts.last_mut()
        {
            attempt.execution = Some((pipeline.clone(), execution.clone()));
        }
    }

    fn note_end(&mut self, event: &Event, at: Timestamp) {
        let Some(attempt) = self.trail.attempts.last_mut().filter(|attempt| attempt.end.is_none()) else {
            return;
        };
        let work = self.replayed.deployment.progress.state.work();
        let run = work.filter(|(stage, _)| *stage == attempt.stage).map(|(_, run)| &run.status);
        let how = match (event, run) {
            (Event::Run(RunEvent::OutcomeResolved), _) => How::NotRun,
            (Event::Run(RunEvent::AttemptFailed { failure }), _) => How::Failed(failure.clone()),
            (Event::Run(_), Some(RunStatus::Succeeded { .. })) => How::Succeeded,
            (Event::Run(_), Some(RunStatus::Failed { failure, .. })) => How::Failed(failure.clone()),
            (Event::Run(_), Some(RunStatus::Aborted { .. })) => How::Aborted,
            // What a rollback has stopped is at work no more once it has ended.
            (
                Event::Run(RunEvent::ExecutionObserved { status }),
                None | Some(RunStatus::NotStarted { .. }),
            ) => match status {
                ExecutionStatus::Succeeded => How::Succeeded,
                ExecutionStatus::Failed(failure) => How::Failed(failure.clone()),
                ExecutionStatus::Aborted => How::Aborted,
                _ => return,
            },
            (Event::Main(_), None | Some(RunStatus::NotStarted { .. })) => How::Left,
            _ => return,
        };
        attempt.end = Some(End { at, how });
    }

    fn note_holds(&mut self, event: &Event, at: Timestamp) {
        if let Event::Main(MainEvent::Held { by }) = event {
            for hold in by {
                if !self.overcome.iter().any(|(seen, _)| seen.name() == hold.name()) {
                    self.overcome.push((hold.clone(), at));
                }
            }
        }
        if self.replayed.deployment.before_environment().is_none() {
            self.overcome.clear();
        }
    }

    /// What was looked at before it went into an environment: what held it until then, and what is waived.
    fn shown_before_entering(&mut self, event: &Event) -> Vec<Guard> {
        let Event::Main(MainEvent::PlaceTaken { waived, .. }) = event else { return Vec::new() };
        let nothing = Guard::new(
            "nothing-holds-it",
            true,
            "the place, locks, freezes and the evidence that the config asks for were looked at when it was taken",
            "nothing holds it before the environment",
        );
        let overcome = self.overcome.drain(..).map(|(hold, since)| {
            let saw = format!("it waited since {}: {hold}", since.to_rfc3339());
            Guard::new(hold.name(), true, saw, hold.opens_when())
        });
        let waived = waived.iter().map(|hold| {
            Guard::new("waived-on-its-path", true, hold.to_string(), "its path does not ask for it")
        });
        std::iter::once(nothing).chain(overcome).chain(waived).collect()
    }
}
