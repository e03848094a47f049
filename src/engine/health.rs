//! Asking an environment once whether it is healthy.
//!
//! What came back is recorded where it is news; the same answer once more is only
//! a later look. How often it is asked and until when stands in the row, so that
//! whoever comes after a crash asks on, until the same time.

use tokio::time::timeout;

use super::Parts;
use crate::domain::deployment::Deployment;
use crate::domain::health::{Answer, Probing};
use crate::domain::run::RunEvent;
use crate::ports::PROBE_TIMEOUT;
use crate::store::{self, Fence};

pub(super) async fn ask(
    parts: &Parts,
    fence: &Fence,
    deployment: &Deployment,
    url: &str,
    health: &Probing,
) -> Result<(), store::Error> {
    let left = health.until.since(parts.clock.now());
    let answer = match timeout(PROBE_TIMEOUT.min(left), parts.probe.ask(url)).await {
        Ok(answer) => answer,
        Err(_) => Answer::TimedOut,
    };
    let stage = deployment.progress.state.work().map(|(stage, _)| stage);
    let Some(check) = stage.and_then(|stage| deployment.spec.workflow.terms(&stage).health) else {
        return Ok(());
    };
    if check.is_news(health, answer) {
        return parts.record(fence, deployment, RunEvent::HealthObserved { answer }).await.map(drop);
    }
    let now = parts.clock.now();
    parts.look_again(fence, deployment, check.next(health, now).since(now)).await
}
