//! `plan_deployment`

use super::tool::{Caller, Card, Hints, Tool};
use crate::app::plan::PlanView;
use crate::app::{Error, StartRequest};

/// The tool.
pub(super) struct PlanDeployment;

impl Tool for PlanDeployment {
    const CARD: Card = Card {
        name: "plan_deployment",
        title: "Plan a deployment",
        description: "Show what start_deployment would do with the same arguments: every stage with its pipeline and inputs, who is asked, what the environments run now, what would hold it there (locks, freezes, other deployments), and how long it usually takes. Use it before a start that matters, show it to the person, and pass its plan_hash as expected_plan_hash. Nothing happens.",
        hints: Hints::LOOKS,
    };

    type Arguments = StartRequest;
    type Answer = PlanView;

    async fn call(caller: &Caller<'_>, arguments: StartRequest) -> Result<PlanView, Error> {
        caller.app.plan(arguments, caller.actor.clone()).await
    }
}
