//! What is kept although it moved nothing: refusals, above all.

use super::permit::is_limit;
use super::{App, Code, Error};
use crate::domain::id::DeploymentId;
use crate::domain::principal::Actor;
use crate::domain::remark::Remark;
use crate::domain::text::shortened;
use crate::store::{self, About, Remarked};

/// The longest message that a remark keeps.
const MESSAGE_LIMIT: usize = 300;

impl App {
    /// Add a remark to the history.
    ///
    /// # Errors
    /// Only those of the database.
    pub(super) async fn remark(&self, about: About, remark: Remark, actor: &Actor) -> Result<(), Error> {
        let remarked = Remarked { about, remark, actor: actor.clone(), at: self.clock.now() };
        self.blocking(move |store| store.remark(&remarked)).await?;
        self.wake.ring();
        Ok(())
    }

    /// Keep in the history that a decision, or an attempt at one, did not count,
    /// and who brought it. People are told of those that a rule refused, and not of
    /// answers to an older question.
    ///
    /// # Errors
    /// The outcome's, unchanged.
    pub async fn remembering<T>(
        &self,
        id: &str,
        carrier: &Actor,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        if let Err(error) = &outcome
            // Kept as what it is: an agent that reached beyond its limits.
            && !(carrier.agent_of().is_some() && is_limit(error.code))
        {
            let (code, message) = said(error);
            let notice = (error.code == Code::GuardRefused && !is_stale(error))
                .then(|| format!("a decision was refused that {} brought: {message}", carrier.principal));
            self.keep(id, notice, Remark::DecisionRefused { code, message }, carrier).await;
        }
        outcome
    }

    /// Keep in the history that an agent reached beyond its limits.
    pub(super) async fn remember_limit(&self, id: &str, agent: &Actor, error: &Error) {
        let (code, message) = said(error);
        self.keep(id, None, Remark::AgentRefused { code, message }, agent).await;
    }

    /// The refusal stands whether it can be kept or not.
    async fn keep(&self, id: &str, notice: Option<String>, remark: Remark, actor: &Actor) {
        let about = match id.parse::<DeploymentId>() {
            Ok(id) => About::Deployment { id, notice },
            Err(_) => About::None,
        };
        let remarked = Remarked { about, remark, actor: actor.clone(), at: self.clock.now() };
        let nowhere = Remarked { about: About::None, ..remarked.clone() };
        let kept = match self.visit(move |store| store.remark(&remarked)).await {
            Err(store::Error::NotFound { .. }) => self.visit(move |store| store.remark(&nowhere)).await,
            kept => kept,
        };
        match kept {
            Ok(_) => self.wake.ring(),
            Err(error) => tracing::error!(%error, by = %actor.principal, "a refusal could not be recorded"),
        }
    }
}

/// Whether somebody answered an older question than the one that is open: a mistake, and no alarm.
fn is_stale(error: &Error) -> bool {
    error.guards.iter().any(|guard| guard.name == "decision-is-for-this-request" && !guard.holds)
}

fn said(error: &Error) -> (String, String) {
    (error.code.as_str().to_owned(), shortened(&error.message, MESSAGE_LIMIT))
}
