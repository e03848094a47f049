//! The state machine's door.

use schemars::JsonSchema;
use serde::Deserialize;

use super::reason::{self, REASON_LIMIT};
use super::view::StatusView;
use super::{App, Code, Error};
use crate::domain::deployment::Deployment;
use crate::domain::door;
use crate::domain::event::MainEvent;
use crate::domain::principal::Actor;
use crate::domain::run::RunEvent;
use crate::domain::text::shortened;
use crate::store::Expected;

/// An event that a caller sends.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitionRequest {
    /// The deployment.
    pub deployment_id: String,
    /// The event, such as `BUILD_COMPLETE`, `RETRY` or `CANCEL`.
    pub event: String,
    /// The version that get_status showed; the event is refused when the deployment has moved since.
    pub expected_version: Option<u64>,
    /// Why, for the history.
    pub reason: Option<String>,
}

impl App {
    /// Send an event. Claims of completion are checked, never believed.
    ///
    /// # Errors
    /// The refusal with every guard, its value and what would open it.
    pub async fn transition(&self, request: TransitionRequest, actor: Actor) -> Result<StatusView, Error> {
        let deployment = self.load(&request.deployment_id).await?;
        let expected = request.expected_version.map_or(Expected::Any, Expected::Version);
        let reason = request.reason.unwrap_or_default();
        self.permit(&actor, &deployment).await?;
        let event = self.door(&deployment, &request.event, &reason).await?;
        let recorded = self.send(&deployment, event, actor, expected).await?;
        self.view(&recorded).await
    }

    /// Stop a deployment. It is `cancelled` once Harness confirms that nothing runs.
    ///
    /// # Errors
    /// When it is over already, or there is no reason.
    pub async fn cancel(&self, id: &str, reason: &str, actor: Actor) -> Result<StatusView, Error> {
        self.transition(
            TransitionRequest {
                deployment_id: id.to_owned(),
                event: "CANCEL".to_owned(),
                expected_version: None,
                reason: Some(reason::given(reason)?),
            },
            actor,
        )
        .await
    }

    /// Put every touched environment back to its last good version, as far as one is known.
    ///
    /// # Errors
    /// When nothing was touched, no environment has an earlier good version, or there is no reason.
    pub async fn rollback(&self, id: &str, reason: &str, actor: Actor) -> Result<StatusView, Error> {
        self.transition(
            TransitionRequest {
                deployment_id: id.to_owned(),
                event: "ROLLBACK".to_owned(),
                expected_version: None,
                reason: Some(reason::given(reason)?),
            },
            actor,
        )
        .await
    }

    /// A person has looked in Harness: the trigger whose reply was lost did not run.
    ///
    /// # Errors
    /// When no outcome is unknown.
    pub async fn resolve_as_not_run(&self, id: &str, actor: Actor) -> Result<StatusView, Error> {
        let deployment = self.load(id).await?;
        self.permit(&actor, &deployment).await?;
        let expected = Expected::Version(deployment.progress.version);
        let recorded = self.record(&deployment.id, RunEvent::OutcomeResolved, actor, expected).await?;
        self.view(&recorded).await
    }

    /// Record this event of one who is permitted to send it; an agent that reaches
    /// beyond a limit all the same is recorded, too.
    ///
    /// # Errors
    /// As [`Self::transition`].
    pub(super) async fn send(
        &self,
        deployment: &Deployment,
        event: MainEvent,
        actor: Actor,
        expected: Expected,
    ) -> Result<Deployment, Error> {
        let recorded = self.record(&deployment.id, event, actor.clone(), expected).await;
        self.remembering_limit(deployment.id.as_str(), &actor, recorded).await
    }

    pub(super) async fn door(
        &self,
        deployment: &Deployment,
        name: &str,
        reason: &str,
    ) -> Result<MainEvent, Error> {
        let reason = shortened(reason, REASON_LIMIT);
        let event = door::parse(name, &reason, &deployment.spec.workflow).map_err(|error| {
            let names: Vec<String> =
                door::doors(&deployment.spec.workflow, "").map(|door| door.name().0).collect();
            Error::new(Code::UnknownEvent, error.to_string(), format!("the events are: {}", names.join(", ")))
        })?;
        match event {
            MainEvent::Rollback { .. } => self.rollback_of(deployment, &reason).await,
            event => Ok(event),
        }
    }
}
