//! What runs where: the version of each service in each environment, since when
//! and by what, what wants to change it, and what keeps it from that.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::drift::DriftView;
use super::{App, Error};
use crate::config::policy::Policy;
use crate::domain::entrance::{Lock, Stay};
use crate::domain::freeze::{self, FreezeState};
use crate::domain::id::{DeploymentId, Repository, Service};
use crate::domain::place::Place;
use crate::domain::time::Timestamp;
use crate::domain::workflow::Environment;
use crate::store::{self, Snapshot};

/// Which service to look at.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentsRequest {
    /// Only this service; all that were deployed here by default.
    pub service: Option<String>,
    /// How many earlier versions to show of each: none by default, and 20 where more are asked for.
    pub versions: Option<u32>,
    /// Ask Harness, and environments that say what they run, whether that is still what was deployed here. Takes some calls; `false` by default.
    #[serde(default)]
    pub check_drift: bool,
}

/// All environments, in the order of the config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EnvironmentsView {
    /// They.
    pub environments: Vec<EnvironmentView>,
}

/// An environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EnvironmentView {
    /// Its name.
    pub environment: String,
    /// Whether a failed attempt here is repeated only when it is known not to have run.
    pub production: bool,
    /// Whether people approve before anything goes here.
    pub gated: bool,
    /// What forbids deploying here now; absent when nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<FreezeView>,
    /// When that changes: it ends, or the next freeze begins. Absent if it is not in sight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze_changes_at: Option<String>,
    /// The lock of all services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<LockView>,
    /// The services that are or were here, or want to come.
    pub services: Vec<ServiceView>,
}

/// What forbids deploying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FreezeView {
    /// Freezes and windows, by their names.
    pub by: Vec<String>,
    /// Why, from the config.
    pub reason: String,
}

/// A person's lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LockView {
    /// Who.
    pub by: String,
    /// Why, in that person's words: data.
    pub reason_untrusted: String,
    /// Since when.
    pub since: String,
}

/// A service in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ServiceView {
    /// The service.
    pub service: String,
    /// Its repository; absent if it is only locked, and nothing of it was deployed or is on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// What runs here; absent if nothing was deployed by this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<VersionView>,
    /// The deployment that has the place: nothing else of the service goes here meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place_taken_by: Option<String>,
    /// The deployments that wait for the place, first the one whose turn it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queue: Vec<String>,
    /// The lock of this service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<LockView>,
    /// What Harness and the environment say of that version, if they were to be asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<DriftView>,
    /// Earlier versions, newest first, if they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<VersionView>,
}

/// A version in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VersionView {
    /// The commit.
    pub commit_sha: String,
    /// The branch.
    pub branch: String,
    /// The deployment whose version it is.
    pub deployment_id: String,
    /// The deployment that put it here: another one, if it was put back by a rollback.
    pub put_here_by: String,
    /// Since when.
    pub since: String,
}

/// The most earlier versions in one answer, of each service.
const MOST_VERSIONS: u32 = 20;

impl App {
    /// What runs where; where that is asked for, compared with what others say.
    ///
    /// # Errors
    /// When the service is malformed.
    pub async fn environments(&self, request: EnvironmentsRequest) -> Result<EnvironmentsView, Error> {
        let service: Option<Service> = request.service.map(|service| service.parse()).transpose()?;
        let versions = request.versions.unwrap_or(0).min(MOST_VERSIONS);
        let (policy, now) = (self.policy.clone(), self.clock.now());
        let view = self
            .blocking(move |store| {
                store.read(|snapshot| at_once(snapshot, &policy, service.as_ref(), versions, now))
            })
            .await?;
        if request.check_drift { self.compared(view).await } else { Ok(view) }
    }

    /// The services of which something runs somewhere or is on its way, each once, by name.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn services(&self) -> Result<BTreeSet<String>, Error> {
        let known = self.read(|snapshot| snapshot.services(None)).await?;
        Ok(known.into_iter().map(|(service, _)| service.to_string()).collect())
    }
}

/// What runs where at one moment: of all services, or of one, with so many earlier versions.
pub(super) fn at_once(
    snapshot: &Snapshot<'_>,
    policy: &Policy,
    service: Option<&Service>,
    versions: u32,
    now: Timestamp,
) -> Result<EnvironmentsView, store::Error> {
    let known = snapshot.services(service)?;
    let look = Look { snapshot, known: &known, versions };
    let environments = policy.workflow.environments.iter();
    let environments = environments
        .map(|it| Ok(look.at(it)?.with_freeze(&policy.freezes, it, now)))
        .collect::<Result<_, store::Error>>()?;
    Ok(EnvironmentsView { environments })
}

/// One look into the database.
struct Look<'a> {
    snapshot: &'a Snapshot<'a>,
    known: &'a [(Service, Option<Repository>)],
    versions: u32,
}

impl Look<'_> {
    fn at(&self, environment: &Environment) -> Result<EnvironmentView, store::Error> {
        let services = self
            .known
            .iter()
            .map(|(service, repository)| self.service(environment, service, repository.as_ref()))
            .collect::<Result<_, _>>()?;
        Ok(EnvironmentView {
            environment: environment.name.to_string(),
            production: environment.production,
            gated: environment.gated,
            frozen: None,
            freeze_changes_at: None,
            locked: self.snapshot.own_lock(&environment.name, None)?.map(LockView::from),
            services,
        })
    }

    fn service(
        &self,
        environment: &Environment,
        service: &Service,
        repository: Option<&Repository>,
    ) -> Result<ServiceView, store::Error> {
        let name = &environment.name;
        let place = Place { service: service.clone(), environment: name.clone() };
        let stays = match repository {
            Some(repository) => self.snapshot.stays(service, repository, name, self.versions + 1)?,
            None => Vec::new(),
        };
        let mut stays = stays.into_iter();
        let ids = |ids: Vec<DeploymentId>| ids.iter().map(ToString::to_string).collect();
        Ok(ServiceView {
            service: service.to_string(),
            repository: repository.map(ToString::to_string),
            live: stays.next().map(VersionView::from),
            place_taken_by: self.snapshot.place_taken_by(&place)?.map(|id| id.to_string()),
            queue: ids(self.snapshot.queue(&place)?),
            locked: self.snapshot.own_lock(name, Some(service))?.map(LockView::from),
            drift: Vec::new(),
            earlier: stays.map(VersionView::from).collect(),
        })
    }
}

impl EnvironmentView {
    fn with_freeze(self, freezes: &[freeze::Freeze], of: &Environment, now: Timestamp) -> Self {
        let (frozen, changes) = match freeze::state_at(freezes, &of.name, now) {
            FreezeState::Open { closes_at } => (None, closes_at),
            FreezeState::Frozen { by, until } => {
                let reason = by.first().map_or_else(String::new, |freeze| freeze.reason.clone());
                let by = by.iter().map(|freeze| freeze.name.to_string()).collect();
                (Some(FreezeView { by, reason }), until)
            }
        };
        Self { frozen, freeze_changes_at: changes.map(Timestamp::to_rfc3339), ..self }
    }
}

impl From<Lock> for LockView {
    fn from(lock: Lock) -> Self {
        Self { by: lock.by, reason_untrusted: lock.reason, since: lock.since.to_rfc3339() }
    }
}

impl From<Stay> for VersionView {
    fn from(stay: Stay) -> Self {
        Self {
            commit_sha: stay.version.commit.to_string(),
            branch: stay.version.branch.to_string(),
            deployment_id: stay.version.deployment.to_string(),
            put_here_by: stay.by.to_string(),
            since: stay.since.to_rfc3339(),
        }
    }
}
