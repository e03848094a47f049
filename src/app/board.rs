//! Everything at a glance: what runs where, and what is on its way.

use super::environments::{EnvironmentsRequest, EnvironmentsView};
use super::strip::{self, StripStage};
use super::{App, Error};
use crate::domain::deployment::Deployment;
use crate::store::{Activity, Filter};

/// Deployments in flight that are shown.
const MOST_IN_FLIGHT: u32 = 100;

/// Deployments that are over and shown.
const MOST_OVER: u32 = 10;

/// What people see first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardView {
    /// What runs where.
    pub environments: EnvironmentsView,
    /// What is on its way, newest first: at most a hundred.
    pub in_flight: Vec<FlightView>,
    /// Whether there are more.
    pub more_in_flight: bool,
    /// What ended last, newest first.
    pub over: Vec<FlightView>,
    /// Why agents may change nothing, if a person has stopped them.
    pub agents_frozen: Option<String>,
}

/// A deployment at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlightView {
    /// Its handle.
    pub deployment_id: String,
    /// The service.
    pub service: String,
    /// The commit.
    pub commit_sha: String,
    /// Where it goes.
    pub target_environment: String,
    /// The state.
    pub state: String,
    /// Since when.
    pub state_since: String,
    /// For whom, and by which client.
    pub started_by: String,
    /// What it waits for, in one sentence.
    pub waiting_for: String,
    /// Whether people are asked.
    pub asks_people: bool,
    /// Its way.
    pub strip: Vec<StripStage>,
}

impl App {
    /// What runs where, and what is on its way.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn board(&self) -> Result<BoardView, Error> {
        let environments = self.environments(EnvironmentsRequest::default()).await?;
        let page = |activity, limit| Filter { activity, limit, ..Filter::default() };
        let (active, over) = self
            .blocking(move |store| {
                let active = store.list(&page(Activity::Active, MOST_IN_FLIGHT))?;
                Ok((active, store.list(&page(Activity::Ended, MOST_OVER))?))
            })
            .await?;
        let frozen = self.read(|snapshot| snapshot.agents_frozen()).await?;
        let flights = |them: &[Deployment]| them.iter().map(|it| self.flight(it)).collect();
        Ok(BoardView {
            environments,
            in_flight: flights(&active.deployments),
            more_in_flight: active.next.is_some(),
            over: flights(&over.deployments),
            agents_frozen: frozen.map(|frozen| frozen.reason),
        })
    }

    fn flight(&self, deployment: &Deployment) -> FlightView {
        let progress = &deployment.progress;
        FlightView {
            deployment_id: deployment.id.to_string(),
            service: deployment.spec.service.to_string(),
            commit_sha: deployment.spec.commit.to_string(),
            target_environment: deployment.target().map_or_else(String::new, ToString::to_string),
            state: progress.state.name(),
            state_since: progress.state_since.to_rfc3339(),
            started_by: deployment.spec.initiator.principal.to_string(),
            waiting_for: self.waiting_for(deployment),
            asks_people: super::approval::open_request(deployment).is_ok(),
            strip: strip::of(deployment),
        }
    }
}
