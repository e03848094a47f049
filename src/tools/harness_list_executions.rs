//! `harness_list_executions`

use super::tool::{Caller, Card, Hints, Tool};
use crate::app::{Error, ExecutionsView, ListExecutionsRequest};

/// The tool.
pub(super) struct HarnessListExecutions;

impl Tool for HarnessListExecutions {
    const CARD: Card = Card {
        name: "harness_list_executions",
        title: "List Harness executions",
        description: "List recent runs of Harness pipelines, newest first, including those that no deployment here started. Use it to see what else runs, or to look for a run after outcome-unknown. Changes nothing. harness_get_execution tells more about one of them.",
        hints: Hints::LOOKS_OUTSIDE,
    };

    type Arguments = ListExecutionsRequest;
    type Answer = ExecutionsView;

    async fn call(caller: &Caller<'_>, arguments: ListExecutionsRequest) -> Result<ExecutionsView, Error> {
        caller.app.executions(arguments).await
    }
}
