//! The validation stage: one look, and one event with what was found.

use super::Parts;
use crate::domain::deployment::Deployment;
use crate::domain::run::RunEvent;
use crate::inspection::validation;
use crate::store::{self, Fence};

/// Look at everything and record what was found. A look that may succeed later
/// is a failed attempt, and no finding.
pub(super) async fn report(
    parts: &Parts,
    fence: &Fence,
    deployment: &Deployment,
) -> Result<(), store::Error> {
    let event = match validation::report(&parts.sources(), deployment).await {
        Ok(report) => RunEvent::ValidationReported { report },
        Err(error) => RunEvent::AttemptFailed { failure: error.into() },
    };
    parts.record(fence, deployment, event).await.map(drop)
}
