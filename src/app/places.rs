//! What holds deployments before an environment, and the locks of people.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::view::StatusView;
use super::{App, Code, Error, reason};
use crate::domain::deployment::Deployment;
use crate::domain::entrance::{Facts, Rules};
use crate::domain::event::MainEvent;
use crate::domain::freeze::{self, Freeze, FreezeState};
use crate::domain::id::{EnvironmentName, FreezeName, PrincipalName, Service};
use crate::domain::place::Hold;
use crate::domain::principal::{Actor, Principal};
use crate::domain::remark::Remark;
use crate::domain::role::Right;
use crate::domain::time::Timestamp;
use crate::store::{About, Expected};

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
    /// When `actor` is no person who operates this server, there is no such environment, or no reason.
    pub async fn lock(
        &self,
        environment: &str,
        service: Option<&str>,
        reason: &str,
        actor: &Actor,
    ) -> Result<(), Error> {
        let (environment, service) = self.place(environment, service, actor)?;
        let reason = reason::given(reason)?;
        self.remark(About::None, Remark::EnvironmentLocked { environment, service, reason }, actor).await
    }

    /// Take such a lock off. Who waits for the environment looks again at once.
    ///
    /// # Errors
    /// When `actor` is no person who operates this server, nothing is locked, or there is no reason.
    pub async fn unlock(
        &self,
        environment: &str,
        service: Option<&str>,
        reason: &str,
        actor: &Actor,
    ) -> Result<(), Error> {
        let (environment, service) = self.place(environment, service, actor)?;
        let reason = reason::given(reason)?;
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
        self.remark(About::None, Remark::EnvironmentUnlocked { environment, service, reason }, actor).await
    }

    /// Let one deployment pass the freezes that hold it now before its next
    /// environment. That is in the history, and people are told.
    ///
    /// # Errors
    /// When nothing is frozen for it, a freeze does not name the person, or there is no reason.
    pub async fn override_freeze(&self, id: &str, reason: &str, actor: &Actor) -> Result<StatusView, Error> {
        let Principal::Human { name } = &actor.principal else {
            return Err(Error::new(
                Code::NeedsHuman,
                "a freeze is overridden by a person",
                "tell a person whom the freeze names; they use the command line",
            ));
        };
        let reason = reason::given(reason)?;
        let mut deployment = self.load(id).await?;
        for freeze in self.freezes_to_override(&deployment, name)? {
            let event = MainEvent::FreezeOverridden { freeze, reason: reason.clone() };
            let expected = Expected::Version(deployment.progress.version);
            deployment = Arc::new(self.record(&deployment.id, event, actor.clone(), expected).await?);
        }
        self.view(&deployment).await
    }

    fn freezes_to_override(
        &self,
        deployment: &Deployment,
        person: &PrincipalName,
    ) -> Result<Vec<FreezeName>, Error> {
        let overridden = &deployment.progress.overridden;
        let by = match deployment.before_environment() {
            Some(next) => match freeze::state_at(&self.policy.freezes, next, self.clock.now()) {
                FreezeState::Frozen { by, .. } => by,
                FreezeState::Open { .. } => Vec::new(),
            },
            None => Vec::new(),
        };
        let by: Vec<&Freeze> = by.into_iter().filter(|freeze| !overridden.contains(&freeze.name)).collect();
        if by.is_empty() {
            return Err(Error::new(
                Code::MalformedArgument,
                "no freeze holds it now",
                "`status` says what it waits for",
            ));
        }
        match by.iter().find(|freeze| !freeze.overridable_by.contains(person)) {
            None => Ok(by.into_iter().map(|freeze| freeze.name.clone()).collect()),
            Some(freeze) => Err(Error::new(
                Code::NotPermitted,
                format!("{person} may not override the freeze `{}`", freeze.name),
                match freeze.overridable_by.iter().map(ToString::to_string).collect::<Vec<_>>() {
                    nobody if nobody.is_empty() => {
                        "nobody may: wait until it ends, or an operator changes it in the config".to_owned()
                    }
                    people => format!("these may: {}", people.join(", ")),
                },
            )),
        }
    }

    /// What `actor` may lock and unlock by these names.
    fn place(
        &self,
        environment: &str,
        service: Option<&str>,
        actor: &Actor,
    ) -> Result<(EnvironmentName, Option<Service>), Error> {
        self.require_person(actor, Right::Operate)?;
        Ok((self.environment(environment)?, service.map(str::parse).transpose()?))
    }

    /// The rules of an environment, and what is known of it for a deployment that wants to go in.
    pub(super) async fn look_at(
        &self,
        deployment: &Deployment,
        environment: &EnvironmentName,
    ) -> Result<(Rules, Facts), Error> {
        let rules = self.policy.rules_of(environment);
        let (of, at, asked) = (deployment.clone(), environment.clone(), rules.clone());
        let facts = self.read(move |snapshot| snapshot.facts(&of, &at, &asked)).await?;
        Ok((rules, facts))
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
