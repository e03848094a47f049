//! Looking at executions: many deployments, one call.

use super::Parts;
use crate::domain::deployment::Deployment;
use crate::domain::execution::{ExecutionStatus, Observation};
use crate::domain::id::ExecutionId;
use crate::domain::run::{Execution, Phase, RunEvent, RunStatus};
use crate::store::{Deferral, Fence};

/// Look at every execution; record those that changed, look at the others
/// again after a pause that grows with their age.
pub(super) async fn look(parts: &Parts, fence: &Fence, observed: Vec<(Deployment, Execution)>) {
    let ids: Vec<ExecutionId> = observed.iter().map(|(_, execution)| execution.id.clone()).collect();
    let observations = match parts.executions.observe(&ids).await {
        Ok(observations) => observations,
        Err(error) => {
            tracing::warn!(executions = ids.len(), %error, "Harness does not tell how executions are; they are looked at again");
            Vec::new()
        }
    };
    let mut unchanged = Vec::new();
    for (deployment, execution) in observed {
        match news(&deployment, &execution, &observations) {
            Some(event) => {
                let _ = parts
                    .record(fence, &deployment, event)
                    .await
                    .inspect_err(|error| parts.report(&deployment.id, deployment.progress.version, error));
            }
            None => unchanged.push((deployment, execution)),
        }
    }
    let now = parts.clock.now();
    let deferrals: Vec<Deferral> = unchanged
        .into_iter()
        .map(|(deployment, execution)| Deferral {
            id: deployment.id,
            version: deployment.progress.version,
            until: now.plus(parts.policy.timing.poll_pause(now.since(execution.since))),
        })
        .collect();
    if deferrals.is_empty() {
        return;
    }
    let fence = fence.clone();
    if let Err(error) = parts.blocking(move |store| store.defer(&fence, &deferrals)).await {
        tracing::warn!(%error, "the next look could not be scheduled; it comes at once");
    }
}

/// The event that the execution's observation is, if it says something new. A
/// status that goes back from final cannot: a final one is no longer looked at.
fn news(deployment: &Deployment, execution: &Execution, observations: &[Observation]) -> Option<RunEvent> {
    let observation = observations.iter().find(|observation| observation.execution == execution.id)?;
    let (_, run) = deployment.progress.state.work()?;
    let RunStatus::Live { phase, .. } = &run.status else { return None };
    let stored = match phase {
        Phase::Queued => ExecutionStatus::Queued,
        Phase::Running => ExecutionStatus::Running,
        Phase::NeedsHuman(wait) => ExecutionStatus::NeedsHuman(*wait),
        Phase::Unknown(word) => ExecutionStatus::Unknown(word.clone()),
    };
    (observation.status != stored)
        .then(|| RunEvent::ExecutionObserved { status: observation.status.clone() })
}
