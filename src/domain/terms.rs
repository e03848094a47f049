//! What the workflow says of the attempts at one stage.

use super::health::HealthCheck;
use super::workflow::{Stage, Workflow};

/// The terms of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms<'a> {
    /// Whether an attempt is repeated only when it is known that the one before did not run.
    pub cautious: bool,
    /// What must be seen after the execution, before the stage has succeeded.
    pub health: Option<&'a HealthCheck>,
}

impl Workflow {
    /// The terms of `stage`.
    #[must_use]
    pub fn terms(&self, stage: &Stage) -> Terms<'_> {
        let environment = stage.environment().and_then(|name| self.environment(name));
        Terms {
            cautious: self.is_cautious(stage),
            health: environment.and_then(|environment| environment.health.as_ref()),
        }
    }
}
