//! One step: do one thing in the outside world, record what came of it.

use std::time::Duration;

use tokio::time::timeout;

use super::request::Request;
use super::{Parts, entrance, health, validate};
use crate::domain::deployment::Deployment;
use crate::domain::event::{Event, MainEvent};
use crate::domain::execution::{Cause, Failure, Retry};
use crate::domain::gate::Gate;
use crate::domain::guard::Refusal;
use crate::domain::id::{CorrelationKey, EnvironmentName};
use crate::domain::plan::{Mark, Otherwise, Step};
use crate::domain::retry;
use crate::domain::run::{Execution, RunEvent, RunStatus};
use crate::domain::subject::{Digest, Subject};
use crate::domain::workflow::Stage;
use crate::ports::{TRIGGER_TIMEOUT, TriggerError};
use crate::store::{self, ChainError, Fence};

/// The longest time between committing an intent and calling Harness. A process
/// that slept longer may have lost its lease, and another may have looked the
/// key up in vain already; so it does not call.
const CALL_WINDOW: Duration = Duration::from_secs(5);

/// The pause before another look at a gate that nobody can open: only a person
/// with the config can help.
const CLOSED_GATE_PAUSE: Duration = Duration::from_mins(1);

/// The pause before another look at a stage that the stored workflow does not have.
const NO_WAY_PAUSE: Duration = Duration::from_mins(1);

/// Guards of a trigger that speak of the moment and not of what people approved.
const OF_THE_MOMENT: [&str; 2] = ["backoff-elapsed", "key-is-fresh"];

/// Do `step` for `deployment`, which was loaded for it. What reaches people or
/// Harness first sees whether somebody has edited what is stored.
pub(super) async fn take(
    parts: &Parts,
    fence: &Fence,
    deployment: Deployment,
    step: Step,
) -> Result<(), store::Error> {
    if rests_on_the_row(&step)
        && let Some(what) = tampering(parts, &deployment).await?
    {
        tracing::error!(deployment = %deployment.id, %what, "what is stored is not what was recorded");
        return parts.record(fence, &deployment, MainEvent::TamperingFound { what }).await.map(drop);
    }
    match step {
        Step::Record(event) => parts.record(fence, &deployment, event).await.map(drop),
        Step::Validate => validate::report(parts, fence, &deployment).await,
        Step::RequestApproval { environment } => {
            match entrance::reserve(parts, fence, &deployment, &environment).await? {
                Some(deployment) => request_approval(parts, fence, &deployment, &environment).await,
                None => Ok(()),
            }
        }
        Step::Trigger { stage } => match stage.environment() {
            None => trigger(parts, fence, &deployment, &stage).await,
            Some(environment) => match entrance::enter(parts, fence, &deployment, environment).await? {
                Some(inside) => trigger(parts, fence, &inside, &stage).await,
                None => Ok(()),
            },
        },
        Step::LookUp { pipeline, mark, since, otherwise } => {
            let pause = parts.policy.timing.poll_pause(parts.clock.now().since(since));
            let found = match &mark {
                Mark::Key(key) => parts.executions.find(&pipeline, key, since).await,
                Mark::Rollback(target) => parts.executions.find_rollback(target, since).await,
            };
            match found {
                Ok(Some(found)) => {
                    let event =
                        RunEvent::TriggerAccepted { execution: found.execution, pipeline: found.pipeline };
                    parts.record(fence, &deployment, event).await.map(drop)
                }
                Ok(None) => match otherwise {
                    Otherwise::Record(event) => parts.record(fence, &deployment, event).await.map(drop),
                    Otherwise::LookAgain => parts.look_again(fence, &deployment, pause).await,
                },
                Err(error) => {
                    tracing::warn!(deployment = %deployment.id, %error, "a lost trigger cannot be looked up now");
                    parts.look_again(fence, &deployment, pause).await
                }
            }
        }
        Step::Probe { url, health } => health::ask(parts, fence, &deployment, &url, &health).await,
        Step::RollBack { reason } => super::rollback::begin(parts, fence, &deployment, reason).await,
        Step::Abort { execution } => abort(parts, fence, &deployment, &execution).await,
        Step::ScheduleRetry { attempt, failure } => {
            let pause = retry::pause_after(attempt, &failure, parts.random.bits()).unwrap_or_default();
            let not_before = parts.clock.now().plus(pause);
            parts.record(fence, &deployment, RunEvent::RetryScheduled { not_before }).await.map(drop)
        }
        Step::Observe { execution } => {
            super::observe::look(parts, fence, vec![(deployment, execution)]).await;
            Ok(())
        }
    }
}

/// Whether `step` asks people, follows from what they said, or runs something:
/// which pipeline is behind a gate, only the row and the config know together.
fn rests_on_the_row(step: &Step) -> bool {
    match step {
        Step::RequestApproval { .. } | Step::Trigger { .. } => true,
        Step::Record(Event::Main(event)) => matches!(
            event,
            MainEvent::Approved
                | MainEvent::Rejected
                | MainEvent::ApprovalVoided { .. }
                | MainEvent::ApprovalExpired
        ),
        _ => false,
    }
}

/// What does not fit between the stored deployment and its history, if anything.
async fn tampering(parts: &Parts, deployment: &Deployment) -> Result<Option<String>, store::Error> {
    let id = deployment.id.clone();
    match parts.blocking(move |store| Ok(store.intact(&id))).await? {
        Ok(()) => Ok(None),
        Err(ChainError::Store(error)) => Err(error),
        Err(broken @ ChainError::Broken { .. }) => Ok(Some(broken.to_string())),
    }
}

/// Commit the intent, call Harness, record the outcome. A crash anywhere in
/// between leaves the intent, whose key is looked up by whoever comes next.
async fn trigger(
    parts: &Parts,
    fence: &Fence,
    deployment: &Deployment,
    stage: &Stage,
) -> Result<(), store::Error> {
    let policy = match stage {
        Stage::Deploying(environment) if deployment.spec.workflow.is_gated(stage) => {
            parts.policy.gates_of(&deployment.spec).get(environment).map(Gate::version)
        }
        _ => None,
    };
    let Some(subject) = deployment.subject(stage, policy.clone()) else {
        return no_way(parts, fence, deployment, stage).await;
    };
    if let Some(failure) = missing_gate(parts, deployment, stage, &subject) {
        return parts.record(fence, deployment, RunEvent::AttemptFailed { failure }).await.map(drop);
    }
    let key = deployment.next_key(stage);
    let request = Request::of(&subject, key.clone());
    let intent = RunEvent::TriggerIntended { key: key.clone(), digest: request.digest(&subject), policy };
    let intended = match parts.record(fence, deployment, intent).await {
        Ok(intended) => intended,
        Err(store::Error::Refused(Refusal::Guarded { guards, .. }))
            if deployment.spec.workflow.is_gated(stage)
                && guards.iter().any(|guard| !guard.holds && !OF_THE_MOMENT.contains(&guard.name)) =>
        {
            let unmet: Vec<String> = guards
                .iter()
                .filter(|guard| !guard.holds)
                .map(|guard| format!("{}: {}", guard.name, guard.saw))
                .collect();
            let reason = unmet.join("; ");
            tracing::error!(deployment = %deployment.id, %stage, %reason, "the approval does not cover what would be sent");
            return parts.record(fence, deployment, MainEvent::ApprovalVoided { reason }).await.map(drop);
        }
        Err(error) => return Err(error),
    };
    if parts.clock.now().since(intended.progress.updated_at) > CALL_WINDOW {
        let failure = Failure {
            cause: Cause::Timeout,
            message: "the process was suspended before it could call Harness; nothing was sent".to_owned(),
            retry: Retry::Retryable { after: None },
        };
        return parts.record(fence, &intended, RunEvent::AttemptFailed { failure }).await.map(drop);
    }
    let outcome = match timeout(TRIGGER_TIMEOUT, request.send(&*parts.pipelines)).await {
        Ok(Ok(execution)) => RunEvent::TriggerAccepted { execution, pipeline: subject.pipeline_id },
        Ok(Err(TriggerError::NotRun(error))) => RunEvent::AttemptFailed { failure: error.into() },
        Ok(Err(TriggerError::Unknown(error))) => RunEvent::TriggerLost { message: error.message },
        Err(_) => RunEvent::TriggerLost { message: "Harness did not answer in time".to_owned() },
    };
    conclude(parts, fence, intended, &key, outcome).await
}

/// Record what came of a trigger. An event that came between, such as a CANCEL,
/// does not make the answer worthless: as long as the attempt is the one that
/// was triggered, it is recorded on top of that event.
async fn conclude(
    parts: &Parts,
    fence: &Fence,
    intended: Deployment,
    key: &CorrelationKey,
    outcome: RunEvent,
) -> Result<(), store::Error> {
    let mut deployment = intended;
    loop {
        match parts.record(fence, &deployment, outcome.clone()).await {
            Err(stale @ store::Error::Stale { .. }) => {
                let id = deployment.id.clone();
                deployment = parts.blocking(move |store| store.load(&id)).await?;
                if !awaits(&deployment, key) {
                    return Err(stale);
                }
            }
            recorded => return recorded.map(drop),
        }
    }
}

/// Whether the present attempt is the trigger with this key, unanswered.
fn awaits(deployment: &Deployment, key: &CorrelationKey) -> bool {
    let run = deployment.progress.state.work().map(|(_, run)| &run.status);
    matches!(run, Some(RunStatus::Triggering { key: own, .. }) if own == key)
}

/// The row was edited: it is at a stage that its own workflow does not have.
async fn no_way(
    parts: &Parts,
    fence: &Fence,
    deployment: &Deployment,
    stage: &Stage,
) -> Result<(), store::Error> {
    tracing::error!(deployment = %deployment.id, %stage, "the stored workflow has no such stage; cancel the deployment");
    parts.look_again(fence, deployment, NO_WAY_PAUSE).await
}

/// The stored workflow says whether a stage is gated or left out, and a stored row
/// can be edited. What the config has behind a gate never runs without one, and
/// nobody goes around a gate.
fn missing_gate(parts: &Parts, deployment: &Deployment, stage: &Stage, subject: &Subject) -> Option<Failure> {
    let to_a_gate = match stage {
        Stage::Deploying(name) => parts.policy.workflow.environment(name).is_some_and(|it| it.gated),
        Stage::Validating | Stage::Building | Stage::Testing => false,
        // A version that was good is put back without asking.
        Stage::Restoring(_) => return None,
    };
    let gated_by_config = to_a_gate || parts.policy.is_behind_a_gate(&subject.pipeline_id);
    let denied = |message| Failure { cause: Cause::PolicyDenied, message, retry: Retry::Final };
    if gated_by_config && !deployment.spec.workflow.is_gated(stage) {
        return Some(denied(format!(
            "the config asks for an approval before {} runs, and this deployment's workflow does not; start a new deployment",
            subject.pipeline_id
        )));
    }
    let is_gated =
        |name: &&EnvironmentName| parts.policy.workflow.environment(name).is_some_and(|it| it.gated);
    let mut left_out = deployment.spec.workflow.skipped.iter().filter_map(Stage::environment);
    left_out.find(is_gated).filter(|_| stage.environment().is_some()).map(|gate| {
        denied(format!("the config asks for an approval before {gate}, which this deployment's path leaves out; start a new deployment"))
    })
}

async fn request_approval(
    parts: &Parts,
    fence: &Fence,
    deployment: &Deployment,
    environment: &EnvironmentName,
) -> Result<(), store::Error> {
    let stage = Stage::Deploying(environment.clone());
    let gates = parts.policy.gates_of(&deployment.spec);
    let Some(gate) = gates.get(environment) else {
        tracing::error!(deployment = %deployment.id, %environment, "nobody may approve: the config names no approvers");
        return parts.look_again(fence, deployment, CLOSED_GATE_PAUSE).await;
    };
    let Some(subject) = deployment.subject(&stage, Some(gate.version())) else {
        return no_way(parts, fence, deployment, &stage).await;
    };
    let asked = MainEvent::ApprovalRequested { gate: Box::new(gate.clone()), digest: Digest::of(&subject) };
    parts.record(fence, deployment, asked).await.map(drop)
}

async fn abort(
    parts: &Parts,
    fence: &Fence,
    deployment: &Deployment,
    execution: &Execution,
) -> Result<(), store::Error> {
    match parts.pipelines.abort(&execution.id).await {
        Ok(()) => parts.record(fence, deployment, RunEvent::AbortRequested).await.map(drop),
        Err(error) => {
            tracing::warn!(deployment = %deployment.id, execution = %execution.id, %error, "Harness did not take the request to stop");
            // It may have ended meanwhile; then there is nothing to stop.
            super::observe::look(parts, fence, vec![(deployment.clone(), execution.clone())]).await;
            Ok(())
        }
    }
}
