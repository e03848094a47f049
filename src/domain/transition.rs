//! The state machine: one exhaustive match over state and event.
//!
//! Every arrow carries its guards as values, so that an explanation and a
//! refusal are the same computation as the transition itself.

use super::approval::ApprovalRequest;
use super::deployment::{Deployment, Progress};
use super::event::{Completion, Event, MainEvent};
use super::execution::{ExecutionStatus, Retry};
use super::guard::{Guard, Refusal};
use super::id::EnvironmentName;
use super::notice::{self, Notice};
use super::run::{Run, RunEvent, RunStatus};
use super::signature::SignedDecision;
use super::state::{FailureReason, Permit, Restore, Rollback, State, Version, Work};
use super::time::Timestamp;
use super::workflow::Stage;
use crate::domain::execution::Cause;

/// What an accepted event does. All of it is committed together, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The new progress; its version is one higher.
    pub progress: Progress,
    /// What people are told.
    pub notices: Vec<Notice>,
    /// What an environment runs from now on.
    pub deployed: Option<Deployed>,
}

/// An environment got a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// The environment.
    pub environment: EnvironmentName,
    /// What it runs now.
    pub version: Version,
}

/// An arrow of the machine: where it leads and what must hold.
struct Arrow {
    to: State,
    guards: Vec<Guard>,
}

impl Arrow {
    fn to(to: State) -> Self {
        Self { to, guards: Vec::new() }
    }

    fn guarded(to: State, guards: Vec<Guard>) -> Self {
        Self { to, guards }
    }
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
        Ok(Transition { progress, notices, deployed })
    }

    /// All guards of `event` as they stand at `at`, without doing it.
    ///
    /// # Errors
    /// When the machine has no such arrow.
    pub fn explain(&self, event: &Event, at: Timestamp) -> Result<Vec<Guard>, Refusal> {
        self.arrow(event, at).map(|arrow| arrow.guards).ok_or_else(|| self.not_allowed(event))
    }

    fn not_allowed(&self, event: &Event) -> Refusal {
        Refusal::NotAllowed { state: self.progress.state.name(), event: event.name() }
    }

    fn arrow(&self, event: &Event, at: Timestamp) -> Option<Arrow> {
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

            (
                State::AwaitingApproval { environment, request: None },
                E::ApprovalRequested { gate, digest },
            ) => {
                let request = ApprovalRequest {
                    number: self.progress.requests + 1,
                    environment: environment.clone(),
                    digest: digest.clone(),
                    gate: gate.clone(),
                    requested_at: at,
                    expires_at: at.plus(std::time::Duration::from_millis(gate.expires_after_ms)),
                    decisions: Vec::new(),
                };
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
                    request.guards_of_opening(&self.id, self.initiator(), at),
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

            (State::Active { work, .. }, E::Rollback { targets, .. })
                if matches!(work.stage, Stage::Deploying(_)) =>
            {
                self.rolling_back((!work.run.is_at_rest()).then(|| work.clone()), targets)
            }
            (
                State::AwaitingApproval { .. } | State::Failed { .. } | State::Cancelled | State::Completed,
                E::Rollback { targets, .. },
            ) => self.rolling_back(None, targets),
            (State::RollingBack(rollback), E::EnvironmentRestored) => restored(rollback),
            (State::RollingBack(rollback), E::RollbackComplete) => Some(Arrow::guarded(
                State::RolledBack,
                vec![
                    execution_succeeded(&rollback.run),
                    Guard::new(
                        "every-environment-restored",
                        rollback.then.is_empty(),
                        format!("{} left after this one", rollback.then.len()),
                        "the environments left are restored",
                    ),
                ],
            )),
            (State::RollingBack(rollback), E::RollbackFailed) => Some(self.rollback_failed(rollback)),

            (
                State::Pending,
                E::Created { .. }
                | E::StageComplete { .. }
                | E::Failure
                | E::ApprovalRequested { .. }
                | E::DecisionMade { .. }
                | E::ApprovalVoided { .. }
                | E::Approved
                | E::Rejected
                | E::ApprovalExpired
                | E::Retry
                | E::Cancelled
                | E::Rollback { .. }
                | E::EnvironmentRestored
                | E::RollbackComplete
                | E::RollbackFailed,
            )
            | (
                State::Active { .. },
                E::Created { .. }
                | E::Start
                | E::ApprovalRequested { .. }
                | E::DecisionMade { .. }
                | E::ApprovalVoided { .. }
                | E::Approved
                | E::Rejected
                | E::ApprovalExpired
                | E::Retry
                | E::Cancelled
                | E::Rollback { .. }
                | E::EnvironmentRestored
                | E::RollbackComplete
                | E::RollbackFailed,
            )
            | (
                State::AwaitingApproval { .. },
                E::Created { .. }
                | E::Start
                | E::StageComplete { .. }
                | E::Failure
                | E::ApprovalRequested { .. }
                | E::DecisionMade { .. }
                | E::ApprovalVoided { .. }
                | E::Approved
                | E::Rejected
                | E::ApprovalExpired
                | E::Retry
                | E::Cancelled
                | E::EnvironmentRestored
                | E::RollbackComplete
                | E::RollbackFailed,
            )
            | (
                State::Cancelling { .. },
                E::Created { .. }
                | E::Start
                | E::StageComplete { .. }
                | E::Failure
                | E::ApprovalRequested { .. }
                | E::DecisionMade { .. }
                | E::ApprovalVoided { .. }
                | E::Approved
                | E::Rejected
                | E::ApprovalExpired
                | E::Retry
                | E::Cancel { .. }
                | E::Rollback { .. }
                | E::EnvironmentRestored
                | E::RollbackComplete
                | E::RollbackFailed,
            )
            | (
                State::RollingBack(_),
                E::Created { .. }
                | E::Start
                | E::StageComplete { .. }
                | E::Failure
                | E::ApprovalRequested { .. }
                | E::DecisionMade { .. }
                | E::ApprovalVoided { .. }
                | E::Approved
                | E::Rejected
                | E::ApprovalExpired
                | E::Retry
                | E::Cancelled
                | E::Rollback { .. },
            )
            | (
                State::Failed { .. },
                E::Created { .. }
                | E::Start
                | E::StageComplete { .. }
                | E::Failure
                | E::ApprovalRequested { .. }
                | E::DecisionMade { .. }
                | E::ApprovalVoided { .. }
                | E::Approved
                | E::Rejected
                | E::ApprovalExpired
                | E::Cancel { .. }
                | E::Cancelled
                | E::EnvironmentRestored
                | E::RollbackComplete
                | E::RollbackFailed,
            )
            | (
                State::Completed | State::Cancelled,
                E::Created { .. }
                | E::Start
                | E::StageComplete { .. }
                | E::Failure
                | E::ApprovalRequested { .. }
                | E::DecisionMade { .. }
                | E::ApprovalVoided { .. }
                | E::Approved
                | E::Rejected
                | E::ApprovalExpired
                | E::Retry
                | E::Cancel { .. }
                | E::Cancelled
                | E::EnvironmentRestored
                | E::RollbackComplete
                | E::RollbackFailed,
            )
            | (State::RolledBack | State::RollbackFailed { .. }, _) => None,
        }
    }

    /// What happens to the present attempt, in whatever state it is made.
    fn run_arrow(&self, event: &RunEvent, at: Timestamp) -> Option<Arrow> {
        let state = &self.progress.state;
        let (stage, run) = state.work()?;
        let being_stopped = match state {
            State::Cancelling { .. } => true,
            State::RollingBack(rollback) => rollback.stopping.is_some(),
            _ => false,
        };
        let fits = match event {
            RunEvent::ValidationReported { .. } => stage == Stage::Validating && !being_stopped,
            RunEvent::TriggerIntended { .. } => stage != Stage::Validating && !being_stopped,
            RunEvent::RetryScheduled { .. } => !being_stopped,
            RunEvent::TriggerAccepted { .. }
            | RunEvent::TriggerLost { .. }
            | RunEvent::AttemptFailed { .. }
            | RunEvent::ExecutionObserved { .. }
            | RunEvent::AbortRequested
            | RunEvent::OutcomeResolved => true,
        };
        if !fits {
            return None;
        }
        let cautious = self.spec.workflow.is_cautious(&stage);
        let (status, mut guards) = run.after(event, cautious, at)?;
        guards.extend(self.guards_of_trigger(&stage, event, at));
        let next = state.clone().with_run(run.advanced(status, event));
        Some(Arrow::guarded(stopped_enough(next), guards))
    }

    /// The gate is checked again where it matters: at the trigger, against the
    /// digest of what is about to be sent and the policy as the config has it now.
    fn guards_of_trigger(&self, stage: &Stage, event: &RunEvent, at: Timestamp) -> Vec<Guard> {
        let RunEvent::TriggerIntended { key, digest, policy } = event else { return Vec::new() };
        let mut guards = vec![Guard::new(
            "key-is-fresh",
            *key == self.next_key(stage),
            key.to_string(),
            format!("the key is {}", self.next_key(stage)),
        )];
        if !self.spec.workflow.is_gated(stage) {
            return guards;
        }
        let State::Active { permit: Permit::Approved { request }, .. } = &self.progress.state else {
            guards.push(Guard::new("approved", false, "no approval", "people approve the deployment"));
            return guards;
        };
        guards.push(Guard::new(
            "what-was-approved",
            *digest == request.digest,
            format!("digest {digest} is about to be sent"),
            format!("it is the digest that people approved, {}", request.digest),
        ));
        guards.push(Guard::new(
            "policy-unchanged",
            *policy == Some(request.gate.version()),
            policy
                .as_ref()
                .map_or_else(|| "no gate in the config".to_owned(), |it| format!("policy {}", it.0)),
            format!("the gate in the config is the one of the request, {}", request.gate.version().0),
        ));
        guards.extend(request.guards_of_opening(&self.id, self.initiator(), at));
        guards
    }

    /// The state at the beginning of `stage`: its gate, if it has one.
    fn enter(&self, stage: Stage) -> State {
        match &stage {
            Stage::Deploying(environment) if self.spec.workflow.is_gated(&stage) => {
                State::AwaitingApproval { environment: environment.clone(), request: None }
            }
            _ => State::Active { work: Work::first(stage), permit: Permit::Open },
        }
    }

    fn completed(&self, work: &Work, completion: &Completion) -> Option<Arrow> {
        if *completion != Completion::of(&work.stage)? {
            return None;
        }
        let to = match self.spec.workflow.after(&work.stage) {
            Some(next) => self.enter(next),
            None => State::Completed,
        };
        Some(Arrow::guarded(to, vec![execution_succeeded(&work.run)]))
    }

    fn failed(&self, work: &Work) -> Arrow {
        let cautious = self.spec.workflow.is_cautious(&work.stage);
        let reason = match &work.run.status {
            RunStatus::Failed { execution, failure } => {
                let failure = failure.clone();
                match (&work.stage, execution, failure.retry) {
                    (Stage::Validating, ..) if failure.cause == Cause::Invalid => {
                        FailureReason::ValidationFailed { failure }
                    }
                    (Stage::Testing, Some(_), Retry::Final) if failure.cause == Cause::PipelineFailed => {
                        FailureReason::TestsFailed { failure }
                    }
                    (_, Some(_), Retry::Final) => FailureReason::StageFailed { failure },
                    _ => FailureReason::StageErrored { failure },
                }
            }
            _ => FailureReason::StageAborted,
        };
        let ended = matches!(work.run.status, RunStatus::Failed { .. } | RunStatus::Aborted { .. });
        Arrow::guarded(
            State::Failed { stage: work.stage.clone(), reason },
            vec![
                Guard::new(
                    "attempt-failed",
                    ended,
                    work.run.status.name(),
                    "the execution has failed; to stop it, use CANCEL",
                ),
                Guard::new(
                    "no-retry-left",
                    !work.run.may_repeat(cautious),
                    format!("attempt {}", work.run.attempt),
                    "the engine has no attempt left that could help",
                ),
            ],
        )
    }

    fn decided(
        &self,
        environment: &EnvironmentName,
        request: &ApprovalRequest,
        decision: &SignedDecision,
        at: Timestamp,
    ) -> Arrow {
        let guards = request.guards_of_decision(&self.id, self.initiator(), decision, at);
        let mut request = request.clone();
        request.decisions.push(decision.clone());
        Arrow::guarded(
            State::AwaitingApproval { environment: environment.clone(), request: Some(Box::new(request)) },
            guards,
        )
    }

    fn rejected(&self, environment: &EnvironmentName, request: &ApprovalRequest) -> Arrow {
        let rejection = request.rejection(&self.id);
        let message = rejection.map_or_else(String::new, |by| {
            let reason = by.statement.reason.as_deref().unwrap_or("no reason given");
            format!("rejected by {}: {}", by.statement.person, super::text::shortened(reason, 300))
        });
        Arrow::guarded(
            State::Failed {
                stage: Stage::Deploying(environment.clone()),
                reason: FailureReason::ApprovalRejected { message },
            },
            vec![Guard::new(
                "a-person-rejected",
                rejection.is_some(),
                format!("{} decisions", request.decisions.len()),
                "an approver rejects the request",
            )],
        )
    }

    /// A rejection leads to REJECTED and nowhere else: what would open another
    /// request, or allow a RETRY, waits for it.
    fn not_rejected(&self, request: &ApprovalRequest) -> Guard {
        let rejection = request.rejection(&self.id);
        Guard::new(
            "nobody-rejected",
            rejection.is_none(),
            rejection.map_or_else(
                || "no rejection".to_owned(),
                |by| format!("rejected by {}", by.statement.person),
            ),
            "never: a rejection is final for the request; REJECTED follows",
        )
    }

    fn cancelled(&self, stopping: Option<&Work>) -> Arrow {
        let at_rest = stopping.is_none_or(|work| work.run.is_at_rest());
        let finished = stopping.is_some_and(|work| {
            matches!(work.run.status, RunStatus::Succeeded { .. })
                && Completion::of(&work.stage).is_some()
                && self.spec.workflow.after(&work.stage).is_none()
        });
        Arrow::guarded(
            State::Cancelled,
            vec![
                Guard::new(
                    "nothing-runs",
                    at_rest,
                    stopping.map_or("nothing was running", |work| work.run.status.name()),
                    "Harness confirms that the execution has stopped",
                ),
                Guard::new(
                    "not-finished-first",
                    !finished,
                    if finished {
                        "the last stage succeeded before it could be stopped"
                    } else {
                        "not finished"
                    },
                    "never: the deployment is completed",
                ),
            ],
        )
    }

    fn rolling_back(&self, stopping: Option<Work>, targets: &[Restore]) -> Option<Arrow> {
        let touched = self.touched();
        let wanted: Vec<&EnvironmentName> = self
            .spec
            .workflow
            .environments
            .iter()
            .rev()
            .map(|environment| &environment.name)
            .filter(|name| touched.contains(name))
            .collect();
        let given: Vec<&EnvironmentName> = targets.iter().map(|restore| &restore.environment).collect();
        let missing: Vec<&str> =
            wanted.iter().filter(|name| !given.contains(name)).map(|name| name.as_str()).collect();
        let guards = vec![
            Guard::new(
                "something-was-touched",
                !wanted.is_empty(),
                format!("{} environments touched", wanted.len()),
                "never: this deployment changed no environment, so there is nothing to roll back",
            ),
            Guard::new(
                "last-good-version-known",
                given == wanted,
                if missing.is_empty() {
                    "known".to_owned()
                } else {
                    format!("none for {}", missing.join(", "))
                },
                "each touched environment has an earlier version that was deployed by this server and no newer one",
            ),
        ];
        let Some((now, then)) = targets.split_first() else {
            return Some(Arrow::guarded(self.progress.state.clone(), guards));
        };
        let rollback = Rollback { stopping, run: Run::first(), now: now.clone(), then: then.to_vec() };
        Some(Arrow::guarded(State::RollingBack(Box::new(rollback)), guards))
    }

    fn rollback_failed(&self, rollback: &Rollback) -> Arrow {
        let failure = match &rollback.run.status {
            RunStatus::Failed { failure, .. } => failure.clone(),
            _ => super::execution::Failure {
                cause: Cause::Aborted,
                message: "the execution was stopped in Harness".to_owned(),
                retry: Retry::Final,
            },
        };
        Arrow::guarded(
            State::RollbackFailed { failure },
            vec![Guard::new(
                "restore-failed",
                matches!(rollback.run.status, RunStatus::Failed { .. } | RunStatus::Aborted { .. })
                    && !rollback.run.may_repeat(true),
                rollback.run.status.name(),
                "the restoring execution has failed and no attempt is left",
            )],
        )
    }

    /// The environments in which something of ours ran or may have run.
    #[must_use]
    pub fn touched(&self) -> std::collections::BTreeSet<EnvironmentName> {
        let mut touched = self.progress.touched.clone();
        if let Some((Stage::Deploying(environment), run)) = self.progress.state.work()
            && matches!(run.status, RunStatus::Triggering { .. })
        {
            touched.insert(environment);
        }
        touched
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
            Event::Main(MainEvent::Rollback { .. }) => progress.touched = self.touched(),
            _ => {}
        }
        progress
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

impl Completion {
    /// The claim that says that `stage` is done; restoring has none.
    #[must_use]
    pub fn of(stage: &Stage) -> Option<Self> {
        match stage {
            Stage::Validating => Some(Self::Validating),
            Stage::Building => Some(Self::Building),
            Stage::Testing => Some(Self::Testing),
            Stage::Deploying(environment) => Some(Self::Deploying(environment.clone())),
            Stage::Restoring(_) => None,
        }
    }
}

/// A rollback begins to restore once what ran before it is at rest.
fn stopped_enough(mut state: State) -> State {
    if let State::RollingBack(rollback) = &mut state
        && rollback.stopping.as_ref().is_some_and(|work| work.run.is_at_rest())
    {
        rollback.stopping = None;
    }
    state
}

fn restored(rollback: &Rollback) -> Option<Arrow> {
    let (now, then) = rollback.then.split_first()?;
    Some(Arrow::guarded(
        State::RollingBack(Box::new(Rollback {
            stopping: rollback.stopping.clone(),
            run: Run::first(),
            now: now.clone(),
            then: then.to_vec(),
        })),
        vec![execution_succeeded(&rollback.run)],
    ))
}

fn execution_succeeded(run: &Run) -> Guard {
    Guard::new(
        "execution-succeeded",
        matches!(run.status, RunStatus::Succeeded { .. }),
        run.status.name(),
        "the stage's execution has succeeded in Harness",
    )
}

fn not_sent(run: &Run) -> Guard {
    Guard::new(
        "nothing-was-sent",
        matches!(run.status, RunStatus::NotStarted { .. }),
        run.status.name(),
        "never: the execution was already asked for under this approval",
    )
}
