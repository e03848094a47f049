//! Looking beforehand at everything that a deployment needs.

use super::findings::ValidationView;
use super::{App, Error, StartRequest};
use crate::domain::deployment::Deployment;
use crate::domain::id::DeploymentId;
use crate::domain::principal::Actor;
use crate::inspection::validation;

impl App {
    /// What the stage `validating` would report of [`Self::start`] with the same
    /// request. Nothing is started and nothing is recorded.
    ///
    /// # Errors
    /// Malformed arguments, an unknown environment, a gate that nobody may open;
    /// or as Harness answers, where a look may succeed later.
    pub async fn validate(&self, request: StartRequest, actor: Actor) -> Result<ValidationView, Error> {
        let spec = self.spec(request, actor)?;
        // The findings do not speak of the deployment's id, which nobody knows yet.
        let deployment = Deployment::create(DeploymentId::new(0, 0), spec, self.clock.now());
        let report = validation::report(&self.sources(), &deployment).await?;
        Ok(ValidationView::from(&report))
    }
}
