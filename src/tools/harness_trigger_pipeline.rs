//! `harness_trigger_pipeline`

use super::tool::{Caller, Card, Hints, Tool};
use crate::app::{Error, TriggerPipelineRequest, TriggeredView};

/// The tool.
pub(super) struct HarnessTriggerPipeline;

impl Tool for HarnessTriggerPipeline {
    const CARD: Card = Card {
        name: "harness_trigger_pipeline",
        title: "Run a Harness pipeline by itself",
        description: "Run a Harness pipeline that is not part of a deployment, such as a cache purge. Only pipelines that the config lists for agents can be run, and never one that deploys behind an approval: start_deployment is the way to deploy. Follow the run with harness_get_execution.\n\nEach call is one more run. After outcome-unknown, look for the run with harness_list_executions before you call again.",
        hints: Hints { read_only: false, destructive: true, idempotent: false, open_world: true },
    };

    type Arguments = TriggerPipelineRequest;
    type Answer = TriggeredView;

    async fn call(caller: &Caller<'_>, arguments: TriggerPipelineRequest) -> Result<TriggeredView, Error> {
        caller.app.trigger_pipeline(arguments, &caller.actor).await
    }
}
