//! `get_environments`

use super::tool::{Caller, Card, Hints, Tool};
use crate::app::Error;
use crate::app::environments::{EnvironmentsRequest, EnvironmentsView};

/// The tool.
pub(super) struct GetEnvironments;

impl Tool for GetEnvironments {
    const CARD: Card = Card {
        name: "get_environments",
        title: "What runs where",
        description: "Show what each environment runs of each service: commit, deployment, since when; whether it is locked or frozen, which deployment has the place, and who waits for it. Use it before start_deployment, and when a deployment is held. With check_drift=true it also asks Harness, and environments that say what they run, whether that is still there; tell a person of drift, and never count `unknown` as none. Changes nothing: locks and freezes are people's.",
        hints: Hints::LOOKS_OUTSIDE,
    };

    type Arguments = EnvironmentsRequest;
    type Answer = EnvironmentsView;

    async fn call(caller: &Caller<'_>, arguments: EnvironmentsRequest) -> Result<EnvironmentsView, Error> {
        caller.app.environments(arguments).await
    }
}
