//! The state machine: one match over state and event.
//!
//! Every arrow carries its guards as values, so that an explanation and a
//! refusal are the same computation as the transition itself.

use super::approval::ApprovalRequest;
use super::arrow::{Arrow, not_sent, tampered};
use super::deployment::{Deployment, Progress};
use super::event::{Event, MainEvent};
use super::execution::ExecutionStatus;
use super::guard::{Guard, Refusal};
use super::id::EnvironmentName;
use super::notice::{self, Notice};
use super::rollback::rollback_of_tampered;
use super::run::RunEvent;
use super::state::{FailureReason, Permit, State, Version, Work};
use super::time::Timestamp;
use super::workflow::Stage;

/// What an accepted event does. All of it is committed together, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The new progress; its version is one higher.
    pub progress: Progress,
    /// What people are told.
    pub notices: Vec<Notice>,
    /// What an environment runs from now on.
    pub deployed: Option<Deployed>,
    /// What a person has to look at afterwards.
    pub review: Option<Review>,
}

/// An environment got a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// The environment.
    pub environment: EnvironmentName,
    /// What it runs now.
    pub version: Version,
}

/// An approval past the rules. It stays open until a person says that they looked at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The environment behind the gate.
    pub environment: EnvironmentName,
    /// The number of the approval request.
    pub request: u32,
}

impl Deployment {
    /// What `event` would do at `at`.
    ///
    /// # Errors
    /// The refusal, when there is no such arrow or a guard does not hold.
    pub fn apply(&self, event: &Event, at: Timestamp) -> Result<Transition, Refusal> {
        let arrow = self.arrow(event, at).ok_or_else(|| self.not_allowed(event))?;
        if arrow.guards.iter().any(|guard| !guard.holds) {
            return Err(Refusal::Guarded {
                state: self.progress.state.name(),
                event: event.name(),
                guards: arrow.guards,
            });
        }
        let progress = self.progressed(arrow.to, event, at);
        let deployed = self.deployed_by(event);
        let notices = notice::of(self, event, &progress);
        let review = self.review_of(event, &progress);
        Ok(Transition { progress, notices, deployed, review })
    }

    /// All guards of `event` as they stand at `at`, without doing it.
    ///
    /// # Errors
    /// When the machine has no such arrow.
    pub fn explain(&self, event: &Event, at: Timestamp) -> Result<Vec<Guard>, Refusal> {
        self.guards_of(event, at).ok_or_else(|| self.not_allowed(event))
    }

    /// All guards of `event` as they stand at `at`; `None` when the machine has no such arrow.
    pub(super) fn guards_of(&self, event: &Event, at: Timestamp) -> Option<Vec<Guard>> {
        self.arrow(event, at).map(|arrow| arrow.guards)
    }

    fn not_allowed(&self, event: &Event) -> Refusal {
        Refusal::NotAllowed { state: self.progress.state.name(), event: event.name() }
    }

    pub(super) fn arrow(&self, event: &Event, at: Timestamp) -> Option<Arrow> {
        match event {
            Event::Main(event) => self.main_arrow(event, at),
            Event::Run(event) => self.run_arrow(event, at),
        }
    }

    fn main_arrow(&self, event: &MainEvent, at: Timestamp) -> Option<Arrow> {
        use MainEvent as E;
        match (&self.progress.state, event) {
            (State::Pending, E::Start) => Some(Arrow::to(self.enter(Stage::Validating))),

            (State::Active { work, .. }, E::StageComplete { completion }) => self.completed(work, completion),
            (State::Active { work, .. }, E::Failure) => Some(self.failed(work)),
            (State::Active { work, permit: Permit::Approved { request } }, E::ApprovalVoided { .. }) => {
                Some(Arrow::guarded(
                    State::AwaitingApproval { environment: request.environment.clone(), request: None },
                    vec![not_sent(&work.run)],
                ))
            }

            (_, E::Held { .. }) => self.stays(),
            (_, E::HeldLong) => self.held_long(),
            (_, E::PlaceTaken { environment, .. }) => self.place_taken(environment),
            (_, E::FreezeOverridden { freeze, .. }) => self.freeze_overridden(freeze),
            (_, E::Superseded { by }) => self.superseded(by),

            (
                State::AwaitingApproval { environment, request: None },
                E::ApprovalRequested { gate, digest },
            ) => {
                let number = self.progress.requests + 1;
                let request =
                    ApprovalRequest::open(number, environment.clone(), digest.clone(), (**gate).clone(), at);
                Some(Arrow::guarded(
                    State::AwaitingApproval {
                        environment: environment.clone(),
                        request: Some(Box::new(request)),
                    },
                    vec![Guard::new(
                        "somebody-may-approve",
                        !gate.approvers.is_empty(),
                        format!("{} approvers", gate.approvers.len()),
                        format!("the config names approvers for {environment}"),
                    )],
                ))
            }
            (
                State::AwaitingApproval { environment, request: Some(request) },
                E::DecisionMade { decision },
            ) => Some(self.decided(environment, request, decision, at)),
            (State::AwaitingApproval { environment, request: Some(request) }, E::ApprovalReminded) => {
                Some(self.reminded(environment, request, at))
            }
            (State::AwaitingApproval { environment, request: Some(request) }, E::ApprovalEscalated) => {
                Some(self.escalated(environment, request, at))
            }
            (
                State::AwaitingApproval { environment, request: Some(request) },
                E::ApprovalWithdrawn { reason },
            ) => Some(self.withdrawn(environment, request, reason, at)),
            (State::AwaitingApproval { environment, request: Some(request) }, E::ApprovalVoided { .. }) => {
                Some(Arrow::guarded(
                    State::AwaitingApproval { environment: environment.clone(), request: None },
                    vec![self.not_rejected(request)],
                ))
            }
            (State::AwaitingApproval { environment, request: Some(request) }, E::Approved) => {
                Some(Arrow::guarded(
                    State::Active {
                        work: Work::first(Stage::Deploying(environment.clone())),
                        permit: Permit::Approved { request: request.clone() },
                    },
                    request.guards_of_opening(self.parties(), at),
                ))
            }
            (State::AwaitingApproval { environment, request: Some(request) }, E::Rejected) => {
                Some(self.rejected(environment, request))
            }
            (State::AwaitingApproval { environment, request: Some(request) }, E::ApprovalExpired) => {
                Some(Arrow::guarded(
                    State::Failed {
                        stage: Stage::Deploying(environment.clone()),
                        reason: FailureReason::ApprovalExpired,
                    },
                    vec![
                        Guard::new(
                            "request-has-expired",
                            at >= request.expires_at,
                            format!("open until {}", request.expires_at.to_rfc3339()),
                            "that time has passed",
                        ),
                        self.not_rejected(request),
                    ],
                ))
            }

            (State::AwaitingApproval { environment, .. }, E::TamperingFound { what }) => {
                Some(Arrow::to(tampered(Stage::Deploying(environment.clone()), what)))
            }
            (State::Active { work, .. }, E::TamperingFound { what }) => {
                Some(Arrow::guarded(tampered(work.stage.clone(), what), vec![not_sent(&work.run)]))
            }

            (State::Failed { stage, reason }, E::Retry) => Some(Arrow::guarded(
                self.enter(stage.clone()),
                vec![Guard::new(
                    "same-commit-can-succeed",
                    !reason.needs_new_commit(),
                    reason.name(),
                    "start a new deployment with a new commit",
                )],
            )),

            (State::Pending | State::AwaitingApproval { .. }, E::Cancel { .. }) => {
                Some(Arrow::to(State::Cancelling { stopping: None, restoring: None }))
            }
            (state @ (State::Active { .. } | State::RollingBack(_)), E::Cancel { .. }) => {
                let stopping = state.work().map(|(stage, run)| Work { stage, run: run.clone() });
                let restoring = match state {
                    State::RollingBack(rollback) if rollback.stopping.is_none() => {
                        Some(Box::new(rollback.now.clone()))
                    }
                    _ => None,
                };
                Some(Arrow::to(State::Cancelling { stopping, restoring }))
            }
            (State::Cancelling { stopping, .. }, E::Cancelled) => Some(self.cancelled(stopping.as_ref())),
            (State::Cancelling { stopping: Some(work), .. }, E::StageComplete { completion }) => {
                self.completed(work, completion).filter(|arrow| arrow.to == State::Completed)
            }

            (State::Active { work, .. }, E::Rollback { targets, overtaken, unknown, .. })
                if matches!(work.stage, Stage::Deploying(_)) =>
            {
                self.rolling_back((!work.run.is_at_rest()).then(|| work.clone()), targets, overtaken, unknown)
            }
            (
                State::AwaitingApproval { .. } | State::Failed { .. } | State::Cancelled | State::Completed,
                E::Rollback { targets, overtaken, unknown, .. },
            ) => self.rolling_back(None, targets, overtaken, unknown),
            (State::Active { work, .. }, E::RollbackImpossible { .. }) => self.rollback_impossible(work),
            (State::RollingBack(rollback), E::RestoreOvertaken { environment, by }) => {
                Some(self.restore_overtaken(rollback, environment, by))
            }
            (State::RollingBack(rollback), E::EnvironmentRestored) => self.restored(rollback),
            (State::RollingBack(rollback), E::RollbackComplete) => Some(self.rolled_back(rollback)),
            (State::RollingBack(rollback), E::RollbackFailed) => Some(self.rollback_failed(rollback)),
            (State::RollingBack(rollback), E::TamperingFound { what }) => {
                Some(rollback_of_tampered(rollback, what))
            }

            // No arrow. Each such pair stands in the table that `tests/state_table` keeps.
            _ => None,
        }
    }

    fn progressed(&self, to: State, event: &Event, at: Timestamp) -> Progress {
        let before = &self.progress;
        let mut progress = Progress {
            version: before.version + 1,
            state_since: if to.name() == before.state.name() { before.state_since } else { at },
            state: to,
            updated_at: at,
            ..before.clone()
        };
        match event {
            Event::Main(MainEvent::ApprovalRequested { .. }) => progress.requests += 1,
            Event::Run(RunEvent::TriggerIntended { .. }) => {
                if let Some((stage, _)) = before.state.work() {
                    *progress.intents.entry(stage.to_string()).or_insert(0) += 1;
                }
            }
            Event::Run(RunEvent::TriggerAccepted { .. } | RunEvent::TriggerLost { .. }) => {
                if let Some((Stage::Deploying(environment), _)) = before.state.work() {
                    progress.touched.insert(environment);
                }
            }
            Event::Main(MainEvent::Rollback { unknown, .. }) => {
                progress.touched = self.touched();
                progress.unrestored.clone_from(unknown);
            }
            _ => {}
        }
        progress.note_place(before, event, at);
        progress
    }

    fn review_of(&self, event: &Event, after: &Progress) -> Option<Review> {
        let (Event::Main(MainEvent::Approved), State::Active { permit: Permit::Approved { request }, .. }) =
            (event, &after.state)
        else {
            return None;
        };
        request
            .is_open_past_the_rules(self.parties())
            .then(|| Review { environment: request.environment.clone(), request: request.number })
    }

    fn deployed_by(&self, event: &Event) -> Option<Deployed> {
        let Event::Run(RunEvent::ExecutionObserved { status: ExecutionStatus::Succeeded }) = event else {
            return None;
        };
        let (stage, _) = self.progress.state.work()?;
        match &stage {
            Stage::Deploying(environment) | Stage::Restoring(environment) => {
                Some(Deployed { environment: environment.clone(), version: self.version_of(&stage) })
            }
            Stage::Validating | Stage::Building | Stage::Testing => None,
        }
    }
}
