//! `reject`: only what a person signed counts as a rejection.

use schemars::JsonSchema;
use serde::Deserialize;

use super::confirm;
use super::tool::{Caller, Card, Hints, Tool};
use crate::app::view::StatusView;
use crate::app::{Code, Error};
use crate::domain::decision::Verdict;
use crate::domain::principal::Principal;
use crate::domain::role::Right;

/// The tool.
pub(super) struct Reject;

/// Which request, and a person's answer to it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The deployment.
    deployment_id: String,
    /// A rejection that a person made with their own key and gave you, word for word.
    signed_decision: Option<String>,
}

impl Tool for Reject {
    const CARD: Card = Card {
        name: "reject",
        title: "Hand in a signed rejection",
        description: "Record a rejection that a person signed with their own key and gave you. It is final for the request: the deployment fails with approval-rejected and cannot be retried.\n\nIt does not reject on your word: without signed_decision it is refused, because only people decide. To stop a deployment yourself, call cancel_deployment.",
        hints: Hints { read_only: false, destructive: true, idempotent: true, open_world: false },
    };

    const DECIDES: bool = true;
    const RIGHTS: &[Right] = &[Right::Operate, Right::Approve];

    type Arguments = Arguments;
    type Answer = StatusView;

    async fn call(caller: &Caller<'_>, arguments: Arguments) -> Result<StatusView, Error> {
        let id = &arguments.deployment_id;
        match arguments.signed_decision {
            Some(token) => caller.app.decide(id, &token, Verdict::Reject, &caller.actor).await,
            None => {
                let asked = caller.app.approval(id).await?;
                if let Principal::Human { name } = &caller.actor.principal
                    && confirm::accepts(&asked, caller.actor.assurance)
                {
                    let assurance = caller.actor.assurance;
                    return caller.app.vouch(&asked, name, Verdict::Reject, assurance, &caller.actor).await;
                }
                let request = asked.request;
                let refusal = Err(Error::new(
                    Code::NeedsHuman,
                    format!(
                        "rejecting {} for {id} is for people: {}",
                        request.environment,
                        request.approvers.join(", ")
                    ),
                    format!(
                        "one of them runs `deployment-orchestrator reject {id}`; to stop the deployment yourself, call cancel_deployment"
                    ),
                ));
                caller.app.remembering(id, &caller.actor, refusal).await
            }
        }
    }
}
