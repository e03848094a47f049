//! The use cases: one method each, for tools, pages and the command line alike.
//!
//! A use case reads, checks, records one event and rings the bell. It never
//! drives a deployment; that is the engine's.

pub mod acts;
mod agents;
mod approval;
pub mod arrivals;
pub mod board;
pub mod brief;
pub mod closures;
mod decision;
pub mod drift;
mod durations;
pub mod environments;
mod error;
mod evidence;
pub mod explanation;
pub mod findings;
mod harness;
mod history;
mod incidents;
mod issues;
mod looks;
mod messages;
pub mod metrics;
mod path;
mod permit;
mod places;
pub mod plan;
mod press;
mod quarantine;
mod reach;
mod reason;
mod remarks;
pub mod requests;
mod reviews;
mod seals;
mod session;
pub mod setbacks;
mod sign_in;
mod start;
mod status;
pub mod story;
pub mod strip;
mod timeline;
mod tokens;
pub mod told;
pub mod trail;
mod transition;
mod validate;
pub mod view;
mod wait;
pub mod waits;
mod watch;

use std::sync::Arc;

pub use agents::FrozenView;
pub use decision::Answer;
pub use error::{Code, Error};
pub use harness::{
    ExecutionStageView, ExecutionView, ExecutionsView, ListExecutionsRequest, TriggerPipelineRequest,
    TriggeredView, UrlView,
};
pub use history::{ListRequest, RemarkView};
pub use issues::LinkedView;
pub use messages::MessageView;
pub use path::PathView;
pub use quarantine::ReleasedView;
pub use reviews::ReviewView;
pub use seals::Seals;
pub use session::Session;
pub use sign_in::{Identity, SignIn};
pub use start::{CommitRequest, RequestedMode, StartRequest};
pub use tokens::{TokenRequest, TokenView};
pub use transition::TransitionRequest;
pub use wait::Until;
pub use watch::{Following, Lookout, Watch, Watched};

use crate::clock::{Clock, Random};
use crate::config::policy::Policy;
use crate::domain::deployment::Deployment;
use crate::domain::event::{Event, MainEvent};
use crate::domain::id::{DeploymentId, ExecutionId};
use crate::domain::principal::Actor;
use crate::domain::signature::PrivateKey;
use crate::inspection::Sources;
use crate::ports::{Executions, Pipelines, Probe, Tracker};
use crate::store::{self, Allowance, Authority, Entry, Expected, Snapshot, Store};
use crate::wake::Wake;

/// What the use cases act with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub store: Arc<Store>,
    /// The rules.
    pub policy: Arc<Policy>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub random: Arc<dyn Random>,
    /// The bell.
    pub wake: Wake,
    /// Reads of Harness.
    pub executions: Arc<dyn Executions>,
    /// Questions to environments.
    pub probe: Arc<dyn Probe>,
    /// Whoever knows issues.
    pub tracker: Arc<dyn Tracker>,
    /// Effects on Harness, for the one pipeline run that an agent may ask for
    /// outside a workflow.
    pub pipelines: Arc<dyn Pipelines>,
    /// With which the server vouches for what it saw. `None` where nothing is to be vouched for.
    pub server_key: Option<Arc<PrivateKey>>,
}

impl App {
    /// Where to look for what is not in the database.
    fn sources(&self) -> Sources {
        Sources {
            store: Arc::clone(&self.store),
            executions: Arc::clone(&self.executions),
            probe: Arc::clone(&self.probe),
            tracker: Arc::clone(&self.tracker),
            policy: Arc::clone(&self.policy),
            clock: Arc::clone(&self.clock),
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&Store) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Error> {
        Ok(self.visit(verb).await?)
    }

    /// [`Self::blocking`] for a caller who looks at what the store said.
    async fn visit<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&Store) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, store::Error> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || verb(&store)).await.expect("store verbs do not panic")
    }

    /// Read a few rows: at once where nothing has to be waited for, because a
    /// hop to another thread and back costs several times as much as they do.
    async fn read<T: Send + 'static>(
        &self,
        read: impl Fn(&Snapshot<'_>) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Error> {
        match self.store.read_at_once(&read) {
            Err(store::Error::Busy) => self.blocking(move |store| store.read(read)).await,
            outcome => Ok(outcome?),
        }
    }

    /// Look at an execution as soon as possible, if a deployment waits for it:
    /// somebody says that it has moved. What it has become, only Harness says.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn look_soon(&self, execution: ExecutionId) -> Result<(), Error> {
        let now = self.clock.now();
        if self.blocking(move |store| store.hasten(&execution, now)).await? {
            self.wake.ring();
        }
        Ok(())
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn reach_database(&self) -> Result<(), Error> {
        self.blocking(|store| store.driver().map(drop)).await
    }

    async fn load(&self, id: &str) -> Result<Arc<Deployment>, Error> {
        let id: DeploymentId = id.parse()?;
        self.read(move |snapshot| snapshot.load(&id)).await
    }

    async fn record(
        &self,
        id: &DeploymentId,
        event: impl Into<Event>,
        actor: Actor,
        expected: Expected,
    ) -> Result<Deployment, Error> {
        Ok(self.try_record(id, event, actor, expected).await?)
    }

    /// [`Self::record`] for a caller who looks at what the store said.
    async fn try_record(
        &self,
        id: &DeploymentId,
        event: impl Into<Event>,
        actor: Actor,
        expected: Expected,
    ) -> Result<Deployment, store::Error> {
        let (event, at) = (event.into(), self.clock.now());
        let allowance = match &event {
            Event::Main(MainEvent::Rollback { .. }) => self.rollbacks_left(&actor, at),
            _ => Allowance::Unlimited,
        };
        let entry =
            Entry { id: id.clone(), event, actor, expected, authority: Authority::Caller, allowance, at };
        let recorded = self.visit(move |store| store.record(&entry)).await?;
        self.wake.ring();
        Ok(recorded)
    }

    /// The deployment, and the ROLLBACK that it would take at the same moment.
    async fn see(&self, id: &str) -> Result<(Arc<Deployment>, MainEvent), Error> {
        let id: DeploymentId = id.parse()?;
        self.read(move |snapshot| {
            let deployment = snapshot.load(&id)?;
            let rollback = snapshot.rollback_of(&deployment, "")?;
            Ok((deployment, rollback))
        })
        .await
    }

    async fn rollback_of(&self, deployment: &Deployment, reason: &str) -> Result<MainEvent, Error> {
        if deployment.touched().is_empty() {
            return Ok(MainEvent::Rollback {
                reason: reason.to_owned(),
                targets: Vec::new(),
                overtaken: Vec::new(),
                unknown: Vec::new(),
            });
        }
        let (deployment, reason) = (deployment.clone(), reason.to_owned());
        self.read(move |snapshot| snapshot.rollback_of(&deployment, &reason)).await
    }
}
