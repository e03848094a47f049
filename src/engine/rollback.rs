//! Rolling back without anybody asking. That it is to be done, the plan has
//! decided; whether it can be, the versions tell.

use super::Parts;
use crate::domain::deployment::Deployment;
use crate::domain::event::MainEvent;
use crate::store::{self, Fence};

/// Begin the rollback, or say once that there is nothing to go back to. Either
/// leaves the failed stage; a CANCEL that came first stands.
pub(super) async fn begin(
    parts: &Parts,
    fence: &Fence,
    deployment: &Deployment,
    reason: String,
) -> Result<(), store::Error> {
    let of = deployment.clone();
    let rollback =
        parts.blocking(move |store| store.read(|snapshot| snapshot.rollback_of(&of, &reason))).await?;
    let event = match deployment.apply(&rollback.clone().into(), parts.clock.now()) {
        Ok(_) => rollback,
        Err(refusal) => {
            tracing::error!(deployment = %deployment.id, %refusal, "a failed rollout is not rolled back");
            MainEvent::RollbackImpossible { reason: refusal.to_string() }
        }
    };
    parts.record(fence, deployment, event).await.map(drop)
}
