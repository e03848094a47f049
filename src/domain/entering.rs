//! The arrows before an environment: being held, taking its place, giving way.

use super::arrow::{Arrow, not_sent};
use super::deployment::{Deployment, Progress};
use super::event::{Event, MainEvent};
use super::guard::Guard;
use super::id::{DeploymentId, EnvironmentName, FreezeName};
use super::place::{Held, Hold};
use super::run::{Run, RunStatus};
use super::state::{FailureReason, State};
use super::time::Timestamp;
use super::workflow::Stage;

impl Deployment {
    /// The environment that it may go into next: nothing of the present visit runs there yet.
    #[must_use]
    pub fn before_environment(&self) -> Option<&EnvironmentName> {
        let waits = |run: &Run| matches!(run.status, RunStatus::NotStarted { .. });
        match &self.progress.state {
            State::Active { work, .. } if waits(&work.run) => work.stage.environment(),
            State::AwaitingApproval { environment, .. } => Some(environment),
            State::RollingBack(rollback) if rollback.stopping.is_none() && waits(&rollback.run) => {
                Some(&rollback.now.environment)
            }
            _ => None,
        }
    }

    /// It stays where it is, and says why.
    pub(super) fn stays(&self) -> Option<Arrow> {
        self.before_environment()?;
        Some(Arrow::to(self.progress.state.clone()))
    }

    pub(super) fn held_long(&self) -> Option<Arrow> {
        self.before_environment()?;
        let held = self.progress.held.as_ref();
        Some(Arrow::guarded(
            self.progress.state.clone(),
            vec![Guard::new(
                "held-and-nobody-told",
                held.is_some_and(|held| !held.told),
                if held.is_some() { "held" } else { "not held" },
                "something holds it, and people were not told yet",
            )],
        ))
    }

    pub(super) fn place_taken(&self, environment: &EnvironmentName) -> Option<Arrow> {
        let next = self.before_environment()?;
        Some(Arrow::guarded(
            self.progress.state.clone(),
            vec![Guard::new(
                "next-environment",
                next == environment,
                format!("{next} is next"),
                "a deployment takes the place of the environment that is next",
            )],
        ))
    }

    pub(super) fn freeze_overridden(&self, freeze: &FreezeName) -> Option<Arrow> {
        self.before_environment()?;
        Some(Arrow::guarded(
            self.progress.state.clone(),
            vec![Guard::new(
                "not-overridden",
                !self.progress.overridden.contains(freeze),
                freeze.to_string(),
                "never: it is overridden already",
            )],
        ))
    }

    /// A newer one goes there instead. Who has sent something is not overtaken.
    pub(super) fn superseded(&self, by: &DeploymentId) -> Option<Arrow> {
        let (environment, mut guards) = match &self.progress.state {
            State::Active { work, .. } => match &work.stage {
                Stage::Deploying(environment) => {
                    let first = Guard::new(
                        "first-attempt",
                        work.run.attempt == 1,
                        format!("attempt {}", work.run.attempt),
                        "never: an earlier attempt may have changed the environment",
                    );
                    (environment, vec![not_sent(&work.run), first])
                }
                _ => return None,
            },
            State::AwaitingApproval { environment, request } => {
                (environment, request.iter().map(|request| self.not_rejected(request)).collect())
            }
            _ => return None,
        };
        guards.push(Guard::new(
            "newer",
            *by > self.id,
            by.to_string(),
            "the other deployment was started after this one",
        ));
        let reason = FailureReason::Superseded { by: by.clone() };
        Some(Arrow::guarded(State::Failed { stage: Stage::Deploying(environment.clone()), reason }, guards))
    }
}

/// `before` was held by other things until now: since when, and what counts from before.
fn held(before: Option<&Held>, by: &[Hold], at: Timestamp) -> Held {
    let in_queue = by.iter().all(Hold::is_of_the_place);
    Held {
        since: before.map_or(at, |held| held.since),
        queued_since: in_queue.then(|| before.and_then(|held| held.queued_since).unwrap_or(at)),
        by: by.to_vec(),
        told: before.is_some_and(|held| held.told),
    }
}

impl Progress {
    /// Note what `event` says about the environment at hand. Who has left it has
    /// its place no more, and what was said about it is forgotten.
    pub(super) fn note_place(&mut self, before: &Self, event: &Event, at: Timestamp) {
        match event {
            Event::Main(MainEvent::Held { by }) => self.held = Some(held(before.held.as_ref(), by, at)),
            Event::Main(MainEvent::HeldLong) => {
                self.held = before.held.clone().map(|held| Held { told: true, ..held });
            }
            Event::Main(MainEvent::PlaceTaken { environment, .. }) => {
                self.place = Some(environment.clone());
                self.held = None;
            }
            Event::Main(MainEvent::FreezeOverridden { freeze, .. }) => {
                self.overridden.insert(freeze.clone());
            }
            _ => {}
        }
        let here = self.state.environment();
        if here != before.state.environment() {
            self.held = None;
            self.overridden.clear();
        }
        if self.place.as_ref() != here {
            self.place = None;
        }
    }
}
