//! `cancel_deployment`

use schemars::JsonSchema;
use serde::Deserialize;

use super::tool::{Caller, Card, Hints, Tool};
use crate::app::Error;
use crate::app::view::StatusView;

/// The tool.
pub(super) struct CancelDeployment;

/// Which deployment, and why.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The deployment.
    deployment_id: String,
    /// Why, in a sentence, for the history and for the people who are told; it may not be empty.
    reason: String,
}

impl Tool for CancelDeployment {
    const CARD: Card = Card {
        name: "cancel_deployment",
        title: "Stop a deployment",
        description: "Stop a deployment that is in flight. Use it when a person asks to stop, or when going on would do harm. Call wait_for_deployment with until=ended next: it is `cancelling` until Harness confirms that nothing runs any more, and if the running stage succeeds first, that is what is recorded.\n\nIt does not put anything back: environments keep what was deployed. rollback_deployment does that.",
        hints: Hints { read_only: false, destructive: true, idempotent: true, open_world: true },
    };

    type Arguments = Arguments;
    type Answer = StatusView;

    async fn call(caller: &Caller<'_>, arguments: Arguments) -> Result<StatusView, Error> {
        let Arguments { deployment_id, reason } = arguments;
        caller.app.cancel(&deployment_id, &reason, caller.actor.clone()).await
    }
}
