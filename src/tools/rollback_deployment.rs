//! `rollback_deployment`

use schemars::JsonSchema;
use serde::Deserialize;

use super::tool::{Caller, Card, Hints, Tool};
use crate::app::Error;
use crate::app::view::StatusView;

/// The tool.
pub(super) struct RollbackDeployment;

/// Which deployment, and why.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The deployment.
    deployment_id: String,
    /// Why, in a sentence, for the history and for the people who are told; it may not be empty.
    reason: String,
}

impl Tool for RollbackDeployment {
    const CARD: Card = Card {
        name: "rollback_deployment",
        title: "Roll a deployment back",
        description: "Put every environment that a deployment touched back to its last good version, production first. Use it when a person asks for it, or after a failed rollout when a person agrees. Call wait_for_deployment with until=ended next.\n\nIt refuses, with the reason, when nothing was touched or there is no earlier version to go back to. A rollback that fails is not repeated: tell a person at once.",
        hints: Hints { read_only: false, destructive: true, idempotent: true, open_world: true },
    };

    type Arguments = Arguments;
    type Answer = StatusView;

    async fn call(caller: &Caller<'_>, arguments: Arguments) -> Result<StatusView, Error> {
        let Arguments { deployment_id, reason } = arguments;
        caller.app.rollback(&deployment_id, &reason, caller.actor.clone()).await
    }
}
