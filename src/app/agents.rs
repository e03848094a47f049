//! The kill switch: a person stops all agents, and lets them go on.

use schemars::JsonSchema;
use serde::Serialize;

use super::{App, Code, Error, reason};
use crate::domain::principal::Actor;
use crate::domain::remark::Remark;
use crate::domain::role::Right;
use crate::store::{self, About, Frozen};

/// Since when all agents are stopped, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FrozenView {
    /// Since when.
    pub at: String,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason_untrusted: String,
}

impl App {
    /// Stop all agents: they may only read. Deployments in flight go on. A call
    /// that an agent made in the same instant may still land.
    ///
    /// # Errors
    /// When `actor` is no person who operates this server, or there is no reason.
    pub async fn freeze_agents(&self, reason: &str, actor: Actor) -> Result<FrozenView, Error> {
        self.require_person(&actor, Right::Operate)?;
        let reason = reason::given(reason)?;
        self.remark(About::None, Remark::AgentsFrozen { reason: reason.clone() }, &actor).await?;
        Ok(FrozenView {
            at: self.clock.now().to_rfc3339(),
            by: actor.principal.to_string(),
            reason_untrusted: reason,
        })
    }

    /// Let agents act again, within their limits.
    ///
    /// # Errors
    /// When `actor` is no admin, agents are not stopped, or there is no reason.
    pub async fn release_agents(&self, reason: &str, actor: Actor) -> Result<(), Error> {
        self.require_person(&actor, Right::Administer)?;
        let reason = reason::given(reason)?;
        if self.frozen_agents().await?.is_none() {
            return Err(Error::new(
                Code::MalformedArgument,
                "agents are not stopped",
                "there is nothing to do",
            ));
        }
        self.remark(About::None, Remark::AgentsReleased { reason }, &actor).await
    }

    /// Whether all agents are stopped.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn frozen_agents(&self) -> Result<Option<FrozenView>, Error> {
        Ok(self.read(|snapshot| snapshot.agents_frozen()).await?.map(FrozenView::from))
    }

    /// The refusal of an agent while all are stopped.
    pub(super) async fn refusal_of_frozen_agents(&self) -> Result<(), Error> {
        let frozen = self.read(|snapshot| snapshot.agents_frozen()).await?;
        frozen.map_or(Ok(()), |frozen| Err(store::Error::AgentsFrozen(frozen).into()))
    }
}

impl From<Frozen> for FrozenView {
    fn from(frozen: Frozen) -> Self {
        Self {
            at: frozen.at.to_rfc3339(),
            by: frozen.by.principal.to_string(),
            reason_untrusted: frozen.reason,
        }
    }
}
