//! Looking at executions: many deployments, one call.

use super::{Parts, REST};
use crate::domain::deployment::Deployment;
use crate::domain::execution::{Cause, ExecutionStatus, Failure, Observation, Retry};
use crate::domain::id::ExecutionId;
use crate::domain::run::{Execution, Phase, RunEvent, RunStatus};
use crate::domain::time::Timestamp;
use crate::store::{self, Deferral, Fence};

/// Look at every execution; record those that changed, look at the others
/// again after a pause that grows with their age.
pub(super) async fn look(parts: &Parts, fence: &Fence, observed: Vec<(Deployment, Execution)>) {
    let ids: Vec<ExecutionId> = observed.iter().map(|(_, execution)| execution.id.clone()).collect();
    let observations = match parts.executions.observe(&ids).await {
        Ok(observations) => observations,
        Err(error) => {
            tracing::warn!(executions = ids.len(), %error, "Harness does not tell how executions are; they are looked at again");
            return put_off(parts, fence, observed).await;
        }
    };
    let now = parts.clock.now();
    let mut unchanged = Vec::new();
    let mut unrecorded = false;
    for (deployment, execution) in observed {
        let event = match observations.iter().find(|seen| seen.execution == execution.id) {
            Some(observation) => news(&deployment, observation),
            None => unlisted(parts, &deployment, &execution, now).await,
        };
        match event {
            Some(event) => {
                if let Err(error) = parts.record(fence, &deployment, event).await {
                    parts.report(&deployment.id, deployment.progress.version, &error);
                    unrecorded |= !matches!(error, store::Error::Stale { .. });
                }
            }
            None => unchanged.push((deployment, execution)),
        }
    }
    put_off(parts, fence, unchanged).await;
    if unrecorded {
        tokio::time::sleep(REST).await;
    }
}

/// Look at these again after a pause that grows with their age.
async fn put_off(parts: &Parts, fence: &Fence, observed: Vec<(Deployment, Execution)>) {
    let now = parts.clock.now();
    let deferrals: Vec<Deferral> = observed
        .into_iter()
        .map(|(deployment, execution)| Deferral {
            id: deployment.id,
            version: deployment.progress.version,
            until: parts.policy.timing.next_look(execution.since, now),
        })
        .collect();
    if deferrals.is_empty() {
        return;
    }
    let fence = fence.clone();
    if let Err(error) = parts.blocking(move |store| store.defer(&fence, &deferrals)).await {
        tracing::warn!(%error, "the next look could not be scheduled; it comes soon");
        tokio::time::sleep(REST).await;
    }
}

/// The event that an observation is, if it says something new. A status that
/// goes back from final cannot: a final one is no longer looked at.
fn news(deployment: &Deployment, observation: &Observation) -> Option<RunEvent> {
    let (_, run) = deployment.progress.state.work()?;
    let RunStatus::Live { phase, .. } = &run.status else { return None };
    let stored = match phase {
        Phase::Queued => ExecutionStatus::Queued,
        Phase::Running => ExecutionStatus::Running,
        Phase::NeedsHuman(wait) => ExecutionStatus::NeedsHuman(*wait),
        Phase::Unknown(word) => ExecutionStatus::Unknown(word.clone()),
    };
    (observation.status != stored).then(|| RunEvent::ExecutionObserved { status: observation.status.clone() })
}

/// An execution that no list shows is asked for by its id, and what that says
/// counts. Only Harness's clear word that it does not exist, and that long
/// after its start, ends the attempt.
async fn unlisted(
    parts: &Parts,
    deployment: &Deployment,
    execution: &Execution,
    now: Timestamp,
) -> Option<RunEvent> {
    if now.since(execution.since) < parts.policy.timing.settling {
        return None;
    }
    match parts.executions.get(&execution.id).await {
        Ok(detail) => news(deployment, &detail.observation),
        Err(error) if error.cause == Cause::NotFound => Some(RunEvent::ExecutionObserved {
            status: ExecutionStatus::Failed(Failure {
                cause: Cause::NotFound,
                message: "Harness no longer knows the execution".to_owned(),
                retry: Retry::Final,
            }),
        }),
        Err(_) => None,
    }
}
