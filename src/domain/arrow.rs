//! The arrows of stages, approval and cancellation: where each leads and what must hold.

use super::approval::{ApprovalRequest, Withdrawal};
use super::decision::Decision;
use super::deployment::Deployment;
use super::event::Completion;
use super::execution::{Cause, Retry};
use super::guard::Guard;
use super::id::EnvironmentName;
use super::rollback::stopped_enough;
use super::run::{Run, RunEvent, RunStatus};
use super::state::{FailureReason, Permit, State, Work};
use super::time::Timestamp;
use super::workflow::Stage;

/// An arrow of the machine: where it leads and what must hold.
pub(super) struct Arrow {
    pub(super) to: State,
    pub(super) guards: Vec<Guard>,
}

impl Arrow {
    pub(super) fn to(to: State) -> Self {
        Self { to, guards: Vec::new() }
    }

    pub(super) fn guarded(to: State, guards: Vec<Guard>) -> Self {
        Self { to, guards }
    }
}

impl Deployment {
    /// What happens to the present attempt, in whatever state it is made.
    pub(super) fn run_arrow(&self, event: &RunEvent, at: Timestamp) -> Option<Arrow> {
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
            RunEvent::RetryScheduled { .. } | RunEvent::HealthObserved { .. } | RunEvent::HealthTimedOut => {
                !being_stopped
            }
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
        let (status, mut guards) = run.after(event, self.spec.workflow.terms(&stage), at)?;
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
        if self.spec.workflow.is_exclusive(stage) {
            guards.push(Guard::new(
                "has-the-place",
                self.progress.place.as_ref() == stage.environment(),
                self.progress.place.as_ref().map_or_else(|| "no place".to_owned(), |it| format!("has {it}")),
                "the engine has taken the place in the environment for this deployment",
            ));
        }
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
        guards.extend(request.guards_of_opening(self.parties(), at));
        guards
    }

    /// The state at the beginning of `stage`: its gate, if it has one.
    pub(super) fn enter(&self, stage: Stage) -> State {
        match &stage {
            Stage::Deploying(environment) if self.spec.workflow.is_gated(&stage) => {
                State::AwaitingApproval { environment: environment.clone(), request: None }
            }
            _ => State::Active { work: Work::first(stage), permit: Permit::Open },
        }
    }

    pub(super) fn completed(&self, work: &Work, completion: &Completion) -> Option<Arrow> {
        if *completion != Completion::of(&work.stage)? {
            return None;
        }
        let to = match self.spec.workflow.after(&work.stage) {
            Some(next) => self.enter(next),
            None => State::Completed,
        };
        Some(Arrow::guarded(to, self.guards_of_success(&work.stage, &work.run)))
    }

    /// What must have been seen of `stage`, before it counts as done.
    pub(super) fn guards_of_success(&self, stage: &Stage, run: &Run) -> Vec<Guard> {
        let succeeded = Guard::new(
            "execution-succeeded",
            matches!(run.status, RunStatus::Probing { .. } | RunStatus::Succeeded { .. }),
            run.status.name(),
            "the stage's execution has succeeded in Harness",
        );
        let healthy = self.spec.workflow.terms(stage).health.map(|check| {
            let saw = match &run.status {
                RunStatus::Probing { health, .. } => check.seen(health),
                other => other.name().to_owned(),
            };
            let healthy = matches!(run.status, RunStatus::Succeeded { .. });
            Guard::new("healthy", healthy, saw, "the environment gives enough good answers in a row")
        });
        [succeeded].into_iter().chain(healthy).collect()
    }

    pub(super) fn failed(&self, work: &Work) -> Arrow {
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

    pub(super) fn decided(
        &self,
        environment: &EnvironmentName,
        request: &ApprovalRequest,
        decision: &Decision,
        at: Timestamp,
    ) -> Arrow {
        let guards = request.guards_of_decision(self.parties(), decision, at);
        let mut request = request.clone();
        request.decisions.push(decision.clone());
        Arrow::guarded(
            State::AwaitingApproval { environment: environment.clone(), request: Some(Box::new(request)) },
            guards,
        )
    }

    pub(super) fn reminded(
        &self,
        environment: &EnvironmentName,
        request: &ApprovalRequest,
        at: Timestamp,
    ) -> Arrow {
        let guards = vec![request.quiet(at), request.standing(), self.not_rejected(request)];
        let request = ApprovalRequest { reminded_at: Some(at), ..request.clone() };
        Arrow::guarded(
            State::AwaitingApproval { environment: environment.clone(), request: Some(Box::new(request)) },
            guards,
        )
    }

    pub(super) fn escalated(
        &self,
        environment: &EnvironmentName,
        request: &ApprovalRequest,
        at: Timestamp,
    ) -> Arrow {
        let guards = vec![request.unescalated(), request.standing(), self.not_rejected(request)];
        let request = ApprovalRequest { escalated_at: Some(at), ..request.clone() };
        Arrow::guarded(
            State::AwaitingApproval { environment: environment.clone(), request: Some(Box::new(request)) },
            guards,
        )
    }

    pub(super) fn withdrawn(
        &self,
        environment: &EnvironmentName,
        request: &ApprovalRequest,
        reason: &str,
        at: Timestamp,
    ) -> Arrow {
        let guards = vec![request.standing(), self.not_rejected(request)];
        let withdrawn = Some(Withdrawal { at, reason: reason.to_owned() });
        let request = ApprovalRequest { withdrawn, ..request.clone() };
        Arrow::guarded(
            State::AwaitingApproval { environment: environment.clone(), request: Some(Box::new(request)) },
            guards,
        )
    }

    pub(super) fn rejected(&self, environment: &EnvironmentName, request: &ApprovalRequest) -> Arrow {
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
    pub(super) fn not_rejected(&self, request: &ApprovalRequest) -> Guard {
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

    pub(super) fn cancelled(&self, stopping: Option<&Work>) -> Arrow {
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

/// A deployment that nothing may rest on any more.
pub(super) fn tampered(stage: Stage, what: &str) -> State {
    State::Failed { stage, reason: FailureReason::Tampered { what: what.to_owned() } }
}

pub(super) fn not_sent(run: &Run) -> Guard {
    Guard::new(
        "nothing-was-sent",
        matches!(run.status, RunStatus::NotStarted { .. }),
        run.status.name(),
        "never: the execution was already asked for",
    )
}
