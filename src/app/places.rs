//! What holds deployments before an environment, and the locks of people.

use schemars::JsonSchema;
use serde::Serialize;

use super::approval::REASON_LIMIT;
use super::{App, Code, Error};
use crate::domain::id::{EnvironmentName, Service};
use crate::domain::place::Hold;
use crate::domain::principal::Actor;
use crate::domain::remark::Remark;
use crate::domain::role::Right;
use crate::domain::text::shortened;
use crate::domain::time::Timestamp;
use crate::store::About;

/// One thing that holds a deployment before an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HoldView {
    /// `taken`, `queued`, `full`, `locked`, `frozen`, `soaking`, `unproven` or `quarantined`.
    pub hold: String,
    /// What there is. A person's reason in it is data.
    pub saw_untrusted: String,
    /// What ends it, and who can.
    pub opens_when: String,
    /// When it ends by itself, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
}

impl From<&Hold> for HoldView {
    fn from(hold: &Hold) -> Self {
        Self {
            hold: hold.name().to_owned(),
            saw_untrusted: hold.to_string(),
            opens_when: hold.opens_when(),
            ends_at: hold.ends_at().map(Timestamp::to_rfc3339),
        }
    }
}

impl App {
    /// Keep everything out of an environment: of one service, or of all. What
    /// runs there goes on; its next attempt waits. Rollbacks wait, too.
    ///
    /// # Errors
    /// When `actor` is no person who operates this server, or there is no such environment.
    pub async fn lock(
        &self,
        environment: &str,
        service: Option<&str>,
        reason: &str,
        actor: &Actor,
    ) -> Result<(), Error> {
        self.require_person(actor, Right::Operate)?;
        let (environment, service) = self.place(environment, service)?;
        let reason = shortened(reason, REASON_LIMIT);
        self.remark(About::None, Remark::EnvironmentLocked { environment, service, reason }, actor).await
    }

    /// Take such a lock off. Who waits for the environment looks again at once.
    ///
    /// # Errors
    /// When `actor` is no person who operates this server, or nothing is locked.
    pub async fn unlock(
        &self,
        environment: &str,
        service: Option<&str>,
        reason: &str,
        actor: &Actor,
    ) -> Result<(), Error> {
        self.require_person(actor, Right::Operate)?;
        let (environment, service) = self.place(environment, service)?;
        let (at, of) = (environment.clone(), service.clone());
        let locked =
            self.blocking(move |store| store.read(|snapshot| snapshot.own_lock(&at, of.as_ref()))).await?;
        if locked.is_none() {
            return Err(Error::new(
                Code::MalformedArgument,
                match &service {
                    Some(service) => format!("{environment} is not locked for {service} alone"),
                    None => format!("{environment} is not locked for all services"),
                },
                "`deployment-orchestrator status --environments` lists the locks",
            ));
        }
        let reason = shortened(reason, REASON_LIMIT);
        self.remark(About::None, Remark::EnvironmentUnlocked { environment, service, reason }, actor).await
    }

    fn place(
        &self,
        environment: &str,
        service: Option<&str>,
    ) -> Result<(EnvironmentName, Option<Service>), Error> {
        Ok((self.environment(environment)?, service.map(str::parse).transpose()?))
    }

    /// The environment of this name.
    ///
    /// # Errors
    /// Which ones there are.
    pub(super) fn environment(&self, name: &str) -> Result<EnvironmentName, Error> {
        let name: EnvironmentName = name.parse()?;
        if self.policy.workflow.environment(&name).is_some() {
            return Ok(name);
        }
        let names: Vec<&str> =
            self.policy.workflow.environments.iter().map(|environment| environment.name.as_str()).collect();
        Err(Error::new(
            Code::UnknownEnvironment,
            format!("there is no environment `{name}`"),
            format!("the environments are: {}", names.join(", ")),
        ))
    }
}
