//! Everything at a glance: what runs where, what keeps deployments out, and what is on its way.
//!
//! All of it is read at one moment, so that what stands beside each other fits.

use std::sync::Arc;

use super::arrivals::{self, ArrivalView};
use super::closures::{self, ClosureView};
use super::environments::{self, EnvironmentsView, LockView, ServiceView, VersionView};
use super::setbacks::{self, SetbackView};
use super::strip::{self, StripStage};
use super::waits::WaitView;
use super::{App, Error, FrozenView, MessageView};
use crate::domain::deployment::Deployment;
use crate::domain::id::DeploymentId;
use crate::domain::state::State;
use crate::store::{self, Snapshot};

/// Deployments in flight that are shown.
const MOST_IN_FLIGHT: u32 = 500;

/// Deployments that are over and shown.
const MOST_OVER: u32 = 10;

/// The newest deployments that have failed, of each kind, among which the places that they left are looked for.
const MOST_FAILED: u32 = 50;

/// Messages that were not delivered and are shown.
const MOST_MESSAGES: u32 = 5;

/// What people see first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardView {
    /// What must be known of this server: that it is a trial, or that it takes weak approvals.
    pub caveats: Vec<String>,
    /// Since when agents may change nothing and why, if a person has stopped them.
    pub agents_frozen: Option<FrozenView>,
    /// Messages that were tried in vain so far, oldest first: at most a handful.
    pub undelivered: Vec<MessageView>,
    /// How many there are.
    pub all_undelivered: u32,
    /// The environments, in the order of the config.
    pub environments: Vec<ColumnView>,
    /// What runs where.
    pub services: Vec<RowView>,
    /// What keeps deployments out.
    pub closures: Vec<ClosureView>,
    /// What is on its way, newest first: at most five hundred.
    pub in_flight: Vec<FlightView>,
    /// How many there are.
    pub all_in_flight: u32,
    /// What ended last, newest first.
    pub over: Vec<OverView>,
}

/// An environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnView {
    /// Its name.
    pub environment: String,
    /// Whether people approve before anything goes here.
    pub gated: bool,
    /// Whether the config forbids deploying here now.
    pub frozen: bool,
    /// Whether a person has locked it for all services.
    pub locked: bool,
    /// When a freeze begins or a window ends, if it is open until then.
    pub closes_at: Option<String>,
}

/// One service in all environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowView {
    /// The service.
    pub service: String,
    /// Its repository; none if it is only locked.
    pub repository: Option<String>,
    /// In the order of the environments.
    pub cells: Vec<CellView>,
}

/// One service in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellView {
    /// The environment.
    pub environment: String,
    /// What runs here.
    pub live: Option<VersionView>,
    /// How that came.
    pub arrival: Option<ArrivalView>,
    /// What failed here since, and was not put back.
    pub setback: Option<SetbackView>,
    /// The deployment that has the place.
    pub place_taken_by: Option<String>,
    /// How many wait for it.
    pub waiting: usize,
    /// The lock of this service.
    pub locked: Option<LockView>,
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
    /// The named path that it takes, if it is not the ordinary way.
    pub path: Option<String>,
    /// The state.
    pub state: String,
    /// Since when.
    pub state_since: String,
    /// For whom, and by which client.
    pub started_by: String,
    /// On whom or what it waits.
    pub waits: WaitView,
    /// Its way.
    pub strip: Vec<StripStage>,
}

/// A deployment that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverView {
    /// Its handle.
    pub deployment_id: String,
    /// The service.
    pub service: String,
    /// The commit.
    pub commit_sha: String,
    /// Where it was to go.
    pub target_environment: String,
    /// The state.
    pub state: String,
    /// Since when.
    pub state_since: String,
    /// Where and why it failed, if it did: `testing: tests-failed`.
    pub failure: Option<String>,
}

impl BoardView {
    /// Whether there are two services of this name, from different repositories.
    #[must_use]
    pub fn is_twice(&self, service: &str) -> bool {
        self.services.iter().filter(|row| row.service == service).count() > 1
    }
}

impl App {
    /// Everything at a glance.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn board(&self) -> Result<BoardView, Error> {
        let app = self.clone();
        self.blocking(move |store| store.read(|snapshot| app.board_of(snapshot))).await
    }

    fn board_of(&self, snapshot: &Snapshot<'_>) -> Result<BoardView, store::Error> {
        let all = environments::at_once(snapshot, &self.policy, None, 0, self.clock.now())?;
        let in_flight = snapshot.under_way(MOST_IN_FLIGHT)?;
        let failed = snapshot.failed_last(MOST_FAILED)?;
        Ok(BoardView {
            caveats: self.policy.caveats.clone(),
            agents_frozen: snapshot.agents_frozen()?.map(FrozenView::from),
            undelivered: snapshot.tried_in_vain(MOST_MESSAGES)?.iter().map(MessageView::from).collect(),
            all_undelivered: snapshot.count_tried_in_vain()?,
            closures: closures::of(&all.environments),
            in_flight: in_flight.iter().map(|it| self.flight(it, &all)).collect(),
            all_in_flight: snapshot.count_under_way()?,
            over: snapshot.ended_last(MOST_OVER)?.iter().map(|it| OverView::of(it)).collect(),
            services: rows(snapshot, &all, &failed)?,
            environments: columns(all),
        })
    }

    fn flight(&self, deployment: &Deployment, among: &EnvironmentsView) -> FlightView {
        let (spec, progress) = (&deployment.spec, &deployment.progress);
        FlightView {
            deployment_id: deployment.id.to_string(),
            service: spec.service.to_string(),
            commit_sha: spec.commit.to_string(),
            target_environment: deployment.target().map_or_else(String::new, ToString::to_string),
            path: spec.path.as_ref().map(|path| path.name.to_string()),
            state: progress.state.name(),
            state_since: progress.state_since.to_rfc3339(),
            started_by: spec.initiator.principal.to_string(),
            waits: self.wait_of(deployment, among),
            strip: strip::of(deployment),
        }
    }
}

impl OverView {
    fn of(deployment: &Deployment) -> Self {
        let (spec, progress) = (&deployment.spec, &deployment.progress);
        Self {
            deployment_id: deployment.id.to_string(),
            service: spec.service.to_string(),
            commit_sha: spec.commit.to_string(),
            target_environment: deployment.target().map_or_else(String::new, ToString::to_string),
            state: progress.state.name(),
            state_since: progress.state_since.to_rfc3339(),
            failure: match &progress.state {
                State::Failed { stage, reason } => Some(format!("{stage}: {}", reason.name())),
                _ => None,
            },
        }
    }
}

fn columns(all: EnvironmentsView) -> Vec<ColumnView> {
    all.environments
        .into_iter()
        .map(|it| ColumnView {
            closes_at: it.freeze_changes_at.filter(|_| it.frozen.is_none()),
            frozen: it.frozen.is_some(),
            locked: it.locked.is_some(),
            gated: it.gated,
            environment: it.environment,
        })
        .collect()
}

/// Services by environments; every environment has the same services in the same order.
fn rows(
    snapshot: &Snapshot<'_>,
    all: &EnvironmentsView,
    failed: &[Arc<Deployment>],
) -> Result<Vec<RowView>, store::Error> {
    let services = all.environments.first().map_or(&[][..], |first| &first.services);
    services
        .iter()
        .enumerate()
        .map(|(place, service)| {
            let here = all.environments.iter().filter_map(|it| Some((it, it.services.get(place)?)));
            Ok(RowView {
                service: service.service.clone(),
                repository: service.repository.clone(),
                cells: here
                    .map(|(it, service)| cell(snapshot, &it.environment, service, failed))
                    .collect::<Result<_, _>>()?,
            })
        })
        .collect()
}

fn cell(
    snapshot: &Snapshot<'_>,
    environment: &str,
    here: &ServiceView,
    failed: &[Arc<Deployment>],
) -> Result<CellView, store::Error> {
    let arrival = match &here.live {
        Some(live) => {
            let by: DeploymentId = live.put_here_by.parse().expect("a view of an id is that id");
            Some(arrivals::of(&live.deployment_id, &*snapshot.load(&by)?))
        }
        None => None,
    };
    Ok(CellView {
        environment: environment.to_owned(),
        live: here.live.clone(),
        arrival,
        setback: setbacks::of(
            &here.service,
            here.repository.as_deref(),
            environment,
            here.live.as_ref(),
            failed.iter().map(AsRef::as_ref),
        ),
        place_taken_by: here.place_taken_by.clone(),
        waiting: here.queue.len(),
        locked: here.locked.clone(),
    })
}
