//! What the state machine's door would answer, and why, without going through it.

use schemars::JsonSchema;
use serde::Serialize;

use super::places::HoldView;
use super::{App, Error};
use crate::domain::deployment::Deployment;
use crate::domain::door::OpenDoor;
use crate::domain::entrance;
use crate::domain::event::Event;
use crate::domain::guard::{Guard, Provenance};

/// A guard and what it saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GuardView {
    /// Its name.
    pub name: String,
    /// Whether it holds.
    pub holds: bool,
    /// What it saw.
    pub saw: String,
    /// What would open it.
    pub opens_when: String,
    /// Where what it saw comes from.
    pub source: &'static str,
    /// Who can open it.
    pub opened_by: &'static str,
}

/// An event that the present state has an arrow for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DoorView {
    /// The event.
    pub event: String,
    /// Whether all its guards hold.
    pub open: bool,
    /// The guards that do not hold.
    pub unmet: Vec<GuardView>,
}

/// What an event would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExplanationView {
    /// The deployment.
    pub deployment_id: String,
    /// Its state.
    pub state: String,
    /// Its version.
    pub version: u64,
    /// The event.
    pub event: String,
    /// Whether it would be accepted now.
    pub possible: bool,
    /// The state that it would lead to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_lead_to: Option<String>,
    /// Every guard; empty when the state has no such arrow at all.
    pub guards: Vec<GuardView>,
    /// What holds it before the environment that is next, as it is now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<HoldView>,
    /// The events that the state has an arrow for.
    pub events_of_this_state: Vec<DoorView>,
}

impl App {
    /// What [`Self::transition`] would answer, and nothing happens.
    ///
    /// # Errors
    /// When there is no such deployment or event.
    pub async fn explain(&self, id: &str, event: &str) -> Result<ExplanationView, Error> {
        let (deployment, rollback) = self.see(id).await?;
        let event = Event::from(self.door(&deployment, event, "").await?);
        let now = self.clock.now();
        // Where there is no such arrow, there are no guards either.
        let guards = deployment.explain(&event, now).ok();
        Ok(ExplanationView {
            deployment_id: deployment.id.to_string(),
            state: deployment.progress.state.name(),
            version: deployment.progress.version,
            event: event.name().0,
            possible: guards.as_ref().is_some_and(|guards| guards.iter().all(|guard| guard.holds)),
            would_lead_to: deployment.apply(&event, now).ok().map(|it| it.progress.state.name()),
            guards: guards.unwrap_or_default().into_iter().map(GuardView::from).collect(),
            held_by: self.held_by(&deployment).await?,
            events_of_this_state: deployment
                .open_doors(&rollback, now)
                .into_iter()
                .map(DoorView::from)
                .collect(),
        })
    }

    /// What holds a deployment before its next environment, as it is now.
    async fn held_by(&self, deployment: &Deployment) -> Result<Vec<HoldView>, Error> {
        let Some(environment) = deployment.before_environment().cloned() else { return Ok(Vec::new()) };
        let (rules, facts) = self.look_at(deployment, &environment).await?;
        let (freezes, now) = (&self.policy.freezes, self.clock.now());
        let holds = entrance::holds(deployment, &environment, &rules, freezes, &facts, now);
        Ok(holds.iter().map(HoldView::from).collect())
    }
}

impl From<Guard> for GuardView {
    fn from(guard: Guard) -> Self {
        let Provenance { source, opened_by } = guard.provenance();
        Self {
            source,
            opened_by,
            name: guard.name.to_owned(),
            holds: guard.holds,
            saw: guard.saw.into_owned(),
            opens_when: guard.opens_when.into_owned(),
        }
    }
}

impl From<OpenDoor> for DoorView {
    fn from(door: OpenDoor) -> Self {
        Self {
            open: door.is_open(),
            event: door.event.0,
            unmet: door.guards.into_iter().filter(|guard| !guard.holds).map(GuardView::from).collect(),
        }
    }
}
