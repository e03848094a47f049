//! `list_deployments`

use super::tool::{Caller, Card, Hints, Tool};
use crate::app::view::ListView;
use crate::app::{Error, ListRequest};

/// The tool.
pub(super) struct ListDeployments;

impl Tool for ListDeployments {
    const CARD: Card = Card {
        name: "list_deployments",
        title: "List deployments",
        description: "List deployments, newest first, one line each. Use it to find a deployment_id, to see what is in flight (active=true) or what waits for people (state=awaiting-approval). Changes nothing. get_status tells more about one of them.",
        hints: Hints::LOOKS,
    };

    type Arguments = ListRequest;
    type Answer = ListView;

    async fn call(caller: &Caller<'_>, arguments: ListRequest) -> Result<ListView, Error> {
        caller.app.list(arguments).await
    }
}
