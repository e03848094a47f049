//! `explain_transition`

use schemars::JsonSchema;
use serde::Deserialize;

use super::tool::{Caller, Card, Hints, Tool};
use crate::app::Error;
use crate::app::explanation::ExplanationView;

/// The tool.
pub(super) struct ExplainTransition;

/// Which event.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The deployment.
    deployment_id: String,
    /// The event, such as `APPROVED`, `RETRY` or `ROLLBACK`.
    event: String,
}

impl Tool for ExplainTransition {
    const CARD: Card = Card {
        name: "explain_transition",
        title: "Explain an event without sending it",
        description: "Tell whether transition would accept an event now, where it would lead, and each guard with what it saw and what would open it. Use it when somebody asks why a deployment does not move, or before an event that cannot be taken back. Changes nothing.",
        hints: Hints::LOOKS,
    };

    type Arguments = Arguments;
    type Answer = ExplanationView;

    async fn call(caller: &Caller<'_>, arguments: Arguments) -> Result<ExplanationView, Error> {
        caller.app.explain(&arguments.deployment_id, &arguments.event).await
    }
}
