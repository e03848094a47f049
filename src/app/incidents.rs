//! Incidents that people and programs link to a service, and rows from other tools.

use std::time::Duration;

use super::{App, Code, Error, reason};
use crate::domain::id::{DeploymentId, EnvironmentName, IncidentId};
use crate::domain::metrics::incident::{Heard, Incident};
use crate::domain::principal::Actor;
use crate::domain::remark::Remark;
use crate::domain::role::Right;
use crate::domain::time::Timestamp;
use crate::store::{About, Import, Report, Store};

/// How far the clock of a program that reports incidents may be ahead of ours.
const CLOCKS_APART: Duration = Duration::from_mins(5);

impl App {
    /// Keep in the history that something was wrong in production. Said again of the same
    /// incident, the last word counts.
    ///
    /// # Errors
    /// When `actor` is no person who operates this server, the times cannot be, or
    /// there is no such deployment, or it is one of another service.
    pub async fn link_incident(&self, incident: Incident, actor: &Actor) -> Result<(), Error> {
        self.require_person(actor, Right::Operate)?;
        self.can_have_been(&incident, self.clock.now()).await?;
        let Incident { id: incident, service, began_at, resolved_at, deployment } = incident;
        let linked = Remark::IncidentLinked { incident, service, began_at, resolved_at, sent_at: None };
        self.remark(about(deployment), linked, actor).await
    }

    /// Take an incident back: it belongs to nothing here, whoever linked or imported it, until a
    /// person links it again.
    ///
    /// # Errors
    /// When `actor` is no person who operates this server, no such incident counts, or there is no reason.
    pub async fn unlink_incident(&self, id: &IncidentId, reason: &str, actor: &Actor) -> Result<(), Error> {
        self.require_person(actor, Right::Operate)?;
        let reason = reason::given(reason)?;
        let known = self.blocking(Store::incidents).await?.into_iter().find(|incident| incident.id == *id);
        let Some(known) = known else {
            return Err(Error::new(
                Code::MalformedArgument,
                format!("no incident {id} is linked or imported"),
                "look at its name; there is nothing to take back",
            ));
        };
        let unlinked = Remark::IncidentUnlinked { incident: known.id, reason };
        self.remark(about(known.deployment), unlinked, actor).await
    }

    /// Take in what a program says of an incident, and signed at `sent_at` by its own clock. The
    /// same twice is once. `None`: too much is said at present, and nothing was kept.
    ///
    /// # Errors
    /// As [`Self::link_incident`], but that nobody is asked who they are: the signature says it.
    pub async fn hear_incident(
        &self,
        incident: Incident,
        sent_at: Timestamp,
    ) -> Result<Option<Heard>, Error> {
        let now = self.clock.now();
        self.can_have_been(&incident, now.plus(CLOCKS_APART)).await?;
        let report = Report { incident, sent_at, at: now };
        self.blocking(move |store| store.hear(&report)).await
    }

    /// Whether its times are in order and not after `latest`, and its deployment is one of its service.
    async fn can_have_been(&self, incident: &Incident, latest: Timestamp) -> Result<(), Error> {
        let Incident { id, service, began_at, resolved_at, deployment } = incident;
        if *began_at > latest || resolved_at.is_some_and(|it| it > latest || it < *began_at) {
            return Err(Error::new(
                Code::MalformedArgument,
                format!("{id} cannot have been at those times"),
                "an incident begins before it is resolved, and neither lies ahead",
            ));
        }
        let Some(deployment) = deployment else { return Ok(()) };
        let known = self.load(deployment.as_str()).await?;
        if known.spec.service == *service {
            return Ok(());
        }
        Err(Error::new(
            Code::MalformedArgument,
            format!("{deployment} is one of {}, not of {service}", known.spec.service),
            "name its own service, or leave the deployment out",
        ))
    }

    /// Keep rows that another tool knows: all, or none. Returns how many changed
    /// something; the others were there as they are.
    ///
    /// # Errors
    /// When `actor` is no person who administers this server.
    pub async fn import(&self, import: Import, actor: &Actor) -> Result<usize, Error> {
        let by = self.require_person(actor, Right::Administer)?.clone();
        let at = self.clock.now();
        self.blocking(move |store| store.import(import, by, at)).await
    }

    /// Whether an environment is one of production: by the config, or, where it does
    /// not know it any more, by its name.
    #[must_use]
    pub fn is_production(&self, environment: &EnvironmentName) -> bool {
        match self.policy.workflow.environment(environment) {
            Some(known) => known.production,
            None => matches!(environment.as_str(), "prod" | "production"),
        }
    }
}

fn about(deployment: Option<DeploymentId>) -> About {
    deployment.map_or(About::None, |id| About::Deployment { id, notice: None })
}
