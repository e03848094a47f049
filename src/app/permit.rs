//! Who may do what: roles of people, and the limits of the agents that act for them.

use super::{App, Code, Error};
use crate::domain::deployment::Deployment;
use crate::domain::id::PrincipalName;
use crate::domain::limits::{ROLLBACK_SPAN, START_SPAN};
use crate::domain::principal::{Actor, Principal};
use crate::domain::role::Right;
use crate::domain::time::Timestamp;
use crate::domain::workflow::Workflow;
use crate::store::Allowance;

impl App {
    /// Whether `actor` may start something on this way.
    ///
    /// # Errors
    /// As [`Self::permit`].
    pub(super) async fn permit_start(&self, actor: &Actor, way: &Workflow) -> Result<(), Error> {
        let permitted = self.permitted(actor, way).await;
        self.remembering_limit("", actor, permitted).await
    }

    /// Whether `actor` may change a deployment: the role of the person behind
    /// it, and if an agent acts, its limits and the kill switch. An agent that
    /// reaches beyond its limits is recorded.
    ///
    /// # Errors
    /// The role, limit or stop that is in the way.
    pub(super) async fn permit(&self, actor: &Actor, deployment: &Deployment) -> Result<(), Error> {
        let permitted = self.permitted(actor, &deployment.spec.workflow).await;
        self.remembering_limit(deployment.id.as_str(), actor, permitted).await
    }

    /// Whether `actor` may run a pipeline outside of a workflow.
    ///
    /// # Errors
    /// As [`Self::permit`].
    pub(super) async fn permit_pipeline(&self, actor: &Actor) -> Result<(), Error> {
        let nowhere = Workflow { environments: Vec::new(), ..self.policy.workflow.clone() };
        self.permit_start(actor, &nowhere).await
    }

    /// Whether a person acts who has a right; the person.
    ///
    /// # Errors
    /// When an agent acts, or the person lacks the role.
    pub(super) fn require_person<'a>(
        &self,
        actor: &'a Actor,
        right: Right,
    ) -> Result<&'a PrincipalName, Error> {
        let Principal::Human { name } = &actor.principal else {
            return Err(Error::new(
                Code::NeedsHuman,
                "this takes a person",
                "tell the person, who uses the command line",
            ));
        };
        self.require(name, right)?;
        Ok(name)
    }

    /// How many more deployments an agent may start.
    pub(super) fn starts_left(&self, actor: &Actor, now: Timestamp) -> Allowance {
        let limit = actor.agent_of().and_then(|it| self.policy.limits_of_agents_for(it).starts_per_hour);
        limit.map_or(Allowance::Unlimited, |most| Allowance::AtMost { most, since: now.minus(START_SPAN) })
    }

    /// How many more rollbacks an agent may begin.
    pub(super) fn rollbacks_left(&self, actor: &Actor, now: Timestamp) -> Allowance {
        let limit = actor.agent_of().and_then(|it| self.policy.limits_of_agents_for(it).rollbacks_per_day);
        limit.map_or(Allowance::Unlimited, |most| Allowance::AtMost { most, since: now.minus(ROLLBACK_SPAN) })
    }

    /// Keep in the history that an agent reached beyond its limits, if it did.
    ///
    /// # Errors
    /// The outcome's, unchanged.
    pub(super) async fn remembering_limit<T>(
        &self,
        id: &str,
        actor: &Actor,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        if let Err(error) = &outcome
            && actor.agent_of().is_some()
            && is_limit(error.code)
        {
            self.remember_limit(id, actor, error).await;
        }
        outcome
    }

    /// Whether `carrier` may bring what a person signed. Whoever brings it by
    /// hand needs no right of their own; an agent that may change nothing
    /// changes nothing in this way either.
    ///
    /// # Errors
    /// As [`Self::permit`].
    pub(super) async fn permit_to_carry(&self, carrier: &Actor, id: &str) -> Result<(), Error> {
        if carrier.agent_of().is_none() {
            return Ok(());
        }
        let deployment = self.load(id).await?;
        self.permit(carrier, &deployment).await
    }

    /// Whether `actor` may change what takes this way. Nothing is recorded.
    ///
    /// # Errors
    /// As [`Self::permit`].
    pub(super) async fn permitted(&self, actor: &Actor, way: &Workflow) -> Result<(), Error> {
        let Some(person) = actor.principal.human() else { return Ok(()) };
        self.require(person, Right::Operate)?;
        if actor.agent_of().is_none() {
            return Ok(());
        }
        self.refusal_of_frozen_agents().await?;
        let limits = self.policy.limits_of_agents_for(person);
        if limits.read_only {
            return Err(Error::new(
                Code::AgentLimited,
                format!("agents that act for {person} only read"),
                "a person does it with the command line, or an operator changes `read_only` in the config",
            ));
        }
        match limits.beyond(way.environments.iter().map(|environment| &environment.name)) {
            None => Ok(()),
            Some(environment) => Err(Error::new(
                Code::AgentLimited,
                format!("agents that act for {person} may not change what goes to {environment}"),
                "target an environment before it, or have a person do it with the command line",
            )),
        }
    }

    fn require(&self, person: &PrincipalName, right: Right) -> Result<(), Error> {
        if self.policy.allows(person, right) {
            return Ok(());
        }
        let role = right.role().as_str();
        Err(Error::new(
            Code::NotPermitted,
            format!("{person} may not do this: it takes the role `{role}`"),
            format!(
                "an operator of the server adds \"{role}\" to `roles` of [people.{person}] in the config"
            ),
        ))
    }
}

/// Whether this is what [`App::permit`] answers to one who reached too far.
pub(super) fn is_limit(code: Code) -> bool {
    matches!(code, Code::NotPermitted | Code::AgentLimited | Code::AgentsFrozen)
}
