//! Incidents that people link to a service, and rows from other tools.

use super::{App, Code, Error};
use crate::domain::id::EnvironmentName;
use crate::domain::metrics::incident::Incident;
use crate::domain::principal::Actor;
use crate::domain::remark::Remark;
use crate::domain::role::Right;
use crate::store::{About, Import};

impl App {
    /// Keep in the history that something was wrong in production. Said again of the same
    /// incident, the last word counts.
    ///
    /// # Errors
    /// When `actor` is no person who operates this server, the times cannot be, or
    /// there is no such deployment, or it is one of another service.
    pub async fn link_incident(&self, incident: Incident, actor: &Actor) -> Result<(), Error> {
        self.require_person(actor, Right::Operate)?;
        let Incident { id, service, began_at, resolved_at, deployment } = incident;
        let now = self.clock.now();
        if began_at > now || resolved_at.is_some_and(|resolved| resolved > now || resolved < began_at) {
            return Err(Error::new(
                Code::MalformedArgument,
                format!("{id} cannot have been at those times"),
                "an incident begins before it is resolved, and neither lies ahead",
            ));
        }
        let about = match &deployment {
            None => About::None,
            Some(deployment) => {
                let known = self.load(deployment.as_str()).await?;
                if known.spec.service != service {
                    return Err(Error::new(
                        Code::MalformedArgument,
                        format!("{deployment} is one of {}, not of {service}", known.spec.service),
                        "name its own service, or leave the deployment out",
                    ));
                }
                About::Deployment { id: known.id.clone(), notice: None }
            }
        };
        let linked = Remark::IncidentLinked { incident: id, service, began_at, resolved_at };
        self.remark(about, linked, actor).await
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
