//! `harness_get_execution_url`

use schemars::JsonSchema;
use serde::Deserialize;

use super::tool::{Caller, Card, Hints, Tool};
use crate::app::{Error, UrlView};

/// The tool.
pub(super) struct HarnessGetExecutionUrl;

/// Which execution.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The pipeline's identifier.
    pipeline_id: String,
    /// The execution.
    execution_id: String,
}

impl Tool for HarnessGetExecutionUrl {
    const CARD: Card = Card {
        name: "harness_get_execution_url",
        title: "Link to a Harness execution",
        description: "Give the address of a Harness execution for a person to open. Use it when somebody wants to look in Harness. get_status and harness_get_execution show the address, too. Changes nothing.",
        hints: Hints::LOOKS_OUTSIDE,
    };

    type Arguments = Arguments;
    type Answer = UrlView;

    async fn call(caller: &Caller<'_>, arguments: Arguments) -> Result<UrlView, Error> {
        caller.app.execution_url(&arguments.pipeline_id, &arguments.execution_id).await
    }
}
