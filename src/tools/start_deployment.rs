//! `start_deployment`

use super::tool::{Caller, Card, Hints, Tool};
use crate::app::view::StartedView;
use crate::app::{Error, StartRequest};

/// The tool.
pub(super) struct StartDeployment;

impl Tool for StartDeployment {
    const CARD: Card = Card {
        name: "start_deployment",
        title: "Start a deployment",
        description: "Deploy one commit of one repository: validate, build, test, then each environment up to target_environment. Use it when a person wants a commit rolled out. Returns at once with a deployment_id; the server does the rest and goes on without you. Call wait_for_deployment next.\n\nIt does not approve anything: before a gated environment, such as prod, the deployment waits for people (see approve). It refuses a target behind a gate that nobody could open. A repeated call with the same idempotency_key returns the first deployment and starts nothing.",
        hints: Hints { read_only: false, destructive: false, idempotent: true, open_world: true },
    };

    type Arguments = StartRequest;
    type Answer = StartedView;

    async fn call(caller: &Caller<'_>, arguments: StartRequest) -> Result<StartedView, Error> {
        caller.app.start(arguments, caller.actor.clone()).await
    }
}
