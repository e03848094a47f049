//! What the engine does next for a deployment. Decides; does nothing.
//!
//! The plan takes no input but the stored deployment and the time: whatever
//! happened before, a lost process included, the same row gives the same step.

use std::collections::BTreeMap;
use std::time::Duration;

use super::approval::ApprovalRequest;
use super::deployment::{Deployment, Mode};
use super::event::{Completion, Event, MainEvent};
use super::execution::{Cause, Failure, Retry};
use super::gate::Gate;
use super::health::Probing;
use super::id::{CorrelationKey, EnvironmentName, PipelineId};
use super::rollback_way::{Ask, HarnessRollback};
use super::run::{Execution, Run, RunEvent, RunStatus};
use super::state::{State, Work};
use super::time::Timestamp;
use super::workflow::Stage;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Everything is known: record this event.
    Record(Event),
    /// Check what a deployment needs, and report.
    Validate,
    /// Ask people, with the gate as the config has it now.
    RequestApproval {
        /// The environment.
        environment: EnvironmentName,
    },
    /// Commit the intent, then call Harness.
    Trigger {
        /// The stage.
        stage: Stage,
    },
    /// A trigger's reply is missing: look for the execution by its mark.
    LookUp {
        /// The pipeline that it would be of.
        pipeline: PipelineId,
        /// The mark.
        mark: Mark,
        /// When the intent was committed.
        since: Timestamp,
        /// What to record if it is not there.
        otherwise: Otherwise,
    },
    /// Put the touched environments back, or record that it cannot be done.
    RollBack {
        /// Why.
        reason: String,
    },
    /// Look at the execution.
    Observe {
        /// It.
        execution: Execution,
    },
    /// Ask the environment whether it is healthy.
    Probe {
        /// Where.
        url: String,
        /// How far the asking is.
        health: Probing,
    },
    /// Ask Harness to stop the execution.
    Abort {
        /// It.
        execution: Execution,
    },
    /// Set the backoff timer for the next attempt.
    ScheduleRetry {
        /// The number of the attempt that failed.
        attempt: u32,
        /// Why it failed.
        failure: Failure,
    },
}

/// By what an execution is recognised whose id was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// By the key that it carries.
    Key(CorrelationKey),
    /// A rollback that Harness makes carries no key of ours. Harness undoes a
    /// rollout once, and who restores has the place: the only such rollback
    /// since the intent is ours, or did what ours would have done.
    Rollback(HarnessRollback),
}

/// What a look-up that finds nothing leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Otherwise {
    /// Record this event.
    Record(Event),
    /// Look again later; people are asked to look, too.
    LookAgain,
}

/// When to do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// This, now.
    Do(Box<Step>),
    /// Nothing before that time.
    Wait(Timestamp),
    /// Nothing, until an event comes from outside.
    Idle,
}

/// The engine's times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a lost trigger may take to show up in Harness before it counts
    /// as never made. Longer than the trigger's own timeout.
    pub settling: Duration,
    /// The pause between two looks at something young.
    pub fastest_poll: Duration,
    /// The pause between two looks at something old.
    pub slowest_poll: Duration,
    /// How long after a request to stop an execution another one is sent.
    pub abort_again_after: Duration,
    /// How long people may take before they are asked again. Longer than
    /// [`REMINDER_PAUSE`](super::approval::REMINDER_PAUSE).
    pub remind_after: Duration,
    /// How long they may take before others are told that nobody decides.
    pub escalate_after: Duration,
    /// How long a driver that says nothing keeps its lease. After a crash
    /// another process takes over within this time.
    pub lease: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            settling: Duration::from_secs(60),
            fastest_poll: Duration::from_secs(1),
            slowest_poll: Duration::from_secs(30),
            abort_again_after: Duration::from_secs(60),
            remind_after: Duration::from_hours(4),
            escalate_after: Duration::from_hours(8),
            lease: Duration::from_secs(5),
        }
    }
}

impl Timing {
    /// The pause before the next look at something that is `age` old: a tenth
    /// of its age, so that a short run is noticed fast and a long one costs little.
    #[must_use]
    pub fn poll_pause(&self, age: Duration) -> Duration {
        (age / 10).clamp(self.fastest_poll, self.slowest_poll.max(self.fastest_poll))
    }

    /// When to look again at something that began at `since`: after
    /// [`Self::poll_pause`], and then together with all others that are due at
    /// about that time, because one request looks at a hundred executions.
    #[must_use]
    pub fn next_look(&self, since: Timestamp, now: Timestamp) -> Timestamp {
        let grid = i64::try_from(self.fastest_poll.as_millis()).unwrap_or(i64::MAX).max(1);
        let at = now.plus(self.poll_pause(now.since(since)));
        Timestamp(at.0.saturating_sub(at.0.rem_euclid(grid)).max(now.0.saturating_add(1)))
    }
}

/// The gates that the config has now. One that is missing cannot be opened.
pub type Gates = BTreeMap<EnvironmentName, Gate>;

/// The next step of one deployment at `now`.
#[must_use]
pub fn next(deployment: &Deployment, timing: &Timing, gates: &Gates, now: Timestamp) -> Next {
    let auto = deployment.spec.mode == Mode::Auto;
    let send = |event: MainEvent| Next::Do(Box::new(Step::Record(event.into())));
    let claim = |event: MainEvent| if auto { send(event) } else { Next::Idle };
    match &deployment.progress.state {
        State::Pending => claim(MainEvent::Start),
        State::Active { work, .. } => match &work.run.status {
            RunStatus::Succeeded { .. } => Completion::of(&work.stage)
                .map_or(Next::Idle, |completion| claim(MainEvent::StageComplete { completion })),
            RunStatus::Aborted { .. } => send(MainEvent::Failure),
            RunStatus::Failed { failure, .. } => again(deployment, work, failure).unwrap_or_else(|| {
                match deployment.reason_to_roll_back(work) {
                    Some(reason) => Next::Do(Box::new(Step::RollBack { reason })),
                    None => send(MainEvent::Failure),
                }
            }),
            RunStatus::NotStarted { not_before } if work.stage == Stage::Validating => {
                not_before_then(*not_before, now, Step::Validate)
            }
            _ => pursue(deployment, work, timing, now),
        },
        State::AwaitingApproval { environment, request: None } => {
            Next::Do(Box::new(Step::RequestApproval { environment: environment.clone() }))
        }
        State::AwaitingApproval { request: Some(request), .. } => {
            let environment = &request.environment;
            let rules = gates.get(environment).map(Gate::version);
            let opening = request.guards_of_opening(deployment.parties(), now);
            if request.rejection(&deployment.id).is_some() {
                send(MainEvent::Rejected)
            } else if now >= request.expires_at {
                send(MainEvent::ApprovalExpired)
            } else if request.withdrawn.is_none() && rules != Some(request.gate.version()) {
                let reason =
                    format!("the approval rules for {environment} have changed since people were asked");
                send(MainEvent::ApprovalVoided { reason })
            } else if auto && opening.iter().all(|guard| guard.holds) {
                send(MainEvent::Approved)
            } else {
                ask_again(request, timing, now)
            }
        }
        State::Cancelling { stopping, .. } => match stopping {
            Some(work) if !work.run.is_at_rest() => stop(deployment, work, timing, now),
            Some(Work { stage, run: Run { status: RunStatus::Succeeded { .. }, .. } })
                if deployment.spec.workflow.after(stage).is_none() =>
            {
                match Completion::of(stage) {
                    Some(completion) => send(MainEvent::StageComplete { completion }),
                    None => send(MainEvent::Cancelled),
                }
            }
            _ => send(MainEvent::Cancelled),
        },
        State::RollingBack(rollback) => {
            if let Some(work) = &rollback.stopping {
                return stop(deployment, work, timing, now);
            }
            let work = Work { stage: rollback.stage(), run: rollback.run.clone() };
            match &work.run.status {
                RunStatus::Succeeded { .. } if rollback.then.is_empty() => send(MainEvent::RollbackComplete),
                RunStatus::Succeeded { .. } => send(MainEvent::EnvironmentRestored),
                RunStatus::Aborted { .. } => send(MainEvent::RollbackFailed),
                RunStatus::Failed { failure, .. } => {
                    again(deployment, &work, failure).unwrap_or_else(|| send(MainEvent::RollbackFailed))
                }
                _ => pursue(deployment, &work, timing, now),
            }
        }
        State::Completed
        | State::Failed { .. }
        | State::Cancelled
        | State::RolledBack
        | State::RollbackFailed { .. } => Next::Idle,
    }
}

/// When the engine should next look at the deployment; `None` for never. Cheap,
/// because it is asked with every event: whether a decision is genuine, and when people
/// are reminded, is found out at the look.
#[must_use]
pub fn due_at(deployment: &Deployment, now: Timestamp) -> Option<Timestamp> {
    if let State::AwaitingApproval { request: Some(_), .. } = &deployment.progress.state {
        return Some(now);
    }
    match next(deployment, &Timing::default(), &Gates::new(), now) {
        Next::Do(_) => Some(now),
        Next::Wait(until) => Some(until),
        Next::Idle => None,
    }
}

fn again(deployment: &Deployment, work: &Work, failure: &Failure) -> Option<Next> {
    let cautious = deployment.spec.workflow.is_cautious(&work.stage);
    work.run.may_repeat(cautious).then(|| {
        Next::Do(Box::new(Step::ScheduleRetry { attempt: work.run.attempt, failure: failure.clone() }))
    })
}

/// Remind people of a request that nobody has decided, and tell others in the end.
fn ask_again(request: &ApprovalRequest, timing: &Timing, now: Timestamp) -> Next {
    if request.withdrawn.is_some() {
        return Next::Wait(request.expires_at);
    }
    let escalate = request.requested_at.plus(timing.escalate_after);
    let remind = request.last_asked().plus(timing.remind_after);
    if request.escalated_at.is_none() && now >= escalate {
        return Next::Do(Box::new(Step::Record(MainEvent::ApprovalEscalated.into())));
    }
    if now >= remind {
        return Next::Do(Box::new(Step::Record(MainEvent::ApprovalReminded.into())));
    }
    let next = if request.escalated_at.is_none() { escalate.min(remind) } else { remind };
    Next::Wait(next.min(request.expires_at))
}

/// Bring an attempt that has not ended further.
fn pursue(deployment: &Deployment, work: &Work, timing: &Timing, now: Timestamp) -> Next {
    match &work.run.status {
        RunStatus::NotStarted { not_before } => {
            not_before_then(*not_before, now, Step::Trigger { stage: work.stage.clone() })
        }
        RunStatus::Triggering { .. } | RunStatus::OutcomeUnknown { .. } => {
            look_up(deployment, work, timing, now)
        }
        RunStatus::Live { execution, .. } => {
            let terms = deployment.spec.workflow.terms(&work.stage);
            if terms.overdue(execution, now).is_some() {
                return stop(deployment, work, timing, now);
            }
            Next::Do(Box::new(Step::Observe { execution: execution.clone() }))
        }
        RunStatus::Probing { health, .. } => probe(deployment, work, health, now),
        RunStatus::Succeeded { .. } | RunStatus::Failed { .. } | RunStatus::Aborted { .. } => Next::Idle,
    }
}

fn probe(deployment: &Deployment, work: &Work, health: &Probing, now: Timestamp) -> Next {
    if now >= health.until {
        return Next::Do(Box::new(Step::Record(RunEvent::HealthTimedOut.into())));
    }
    let Some(url) = deployment.health_url(&work.stage) else { return Next::Idle };
    not_before_then(health.next, now, Step::Probe { url, health: health.clone() })
}

/// Stop an attempt that has not ended: find its execution, have it stopped, and
/// watch until Harness confirms.
fn stop(deployment: &Deployment, work: &Work, timing: &Timing, now: Timestamp) -> Next {
    match &work.run.status {
        RunStatus::Live { execution, abort_requested_at, .. } => {
            let fresh = abort_requested_at.is_some_and(|asked| now.since(asked) < timing.abort_again_after);
            let execution = execution.clone();
            Next::Do(Box::new(if fresh { Step::Observe { execution } } else { Step::Abort { execution } }))
        }
        RunStatus::Triggering { .. } | RunStatus::OutcomeUnknown { .. } => {
            look_up(deployment, work, timing, now)
        }
        RunStatus::NotStarted { .. }
        | RunStatus::Probing { .. }
        | RunStatus::Succeeded { .. }
        | RunStatus::Failed { .. }
        | RunStatus::Aborted { .. } => Next::Idle,
    }
}

fn look_up(deployment: &Deployment, work: &Work, timing: &Timing, now: Timestamp) -> Next {
    let (RunStatus::Triggering { key, since } | RunStatus::OutcomeUnknown { key, since }) = &work.run.status
    else {
        return Next::Idle;
    };
    let Some((pipeline, mark)) = deployment.mark(&work.stage, key) else { return Next::Idle };
    let settled = now.since(*since) >= timing.settling;
    let otherwise = if matches!(work.run.status, RunStatus::Triggering { .. }) {
        Otherwise::Record(
            RunEvent::TriggerLost { message: "the process ended during the call".to_owned() }.into(),
        )
    } else if settled && !deployment.spec.workflow.is_cautious(&work.stage) {
        let failure = Failure {
            cause: Cause::Lost,
            message: "the reply to the trigger was lost, and no execution with its key has appeared"
                .to_owned(),
            retry: Retry::Retryable { after: None },
        };
        Otherwise::Record(RunEvent::AttemptFailed { failure }.into())
    } else {
        Otherwise::LookAgain
    };
    Next::Do(Box::new(Step::LookUp { pipeline, mark, since: *since, otherwise }))
}

impl Deployment {
    /// What tells the execution that `stage` asked for from all others, and the pipeline that it is of.
    fn mark(&self, stage: &Stage, key: &CorrelationKey) -> Option<(PipelineId, Mark)> {
        match self.ask(stage)? {
            Ask::Run(run) => Some((run.pipeline.clone(), Mark::Key(key.clone()))),
            Ask::RollBack(target) => {
                let undone = self.spec.workflow.pipeline_run(stage)?;
                Some((undone.pipeline.clone(), Mark::Rollback(target.clone())))
            }
        }
    }
}

fn not_before_then(not_before: Timestamp, now: Timestamp, step: Step) -> Next {
    if now >= not_before { Next::Do(Box::new(step)) } else { Next::Wait(not_before) }
}
