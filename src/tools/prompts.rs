//! What people start with a slash command: short orders that name the right tools.

use rmcp::model::{
    ErrorData, GetPromptRequestParams, GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage,
    Role,
};
use serde_json::Value;

use super::guide;
use crate::domain::text::shortened;

/// One prompt.
struct Order {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    arguments: &'static [Slot],
    /// What the model is told. `{name}` stands for an argument; a line whose
    /// argument was not given is left out.
    text: &'static str,
}

/// One argument of a prompt.
struct Slot {
    name: &'static str,
    description: &'static str,
    required: bool,
}

const DEPLOYMENT: Slot =
    Slot { name: "deployment_id", description: "The deployment, such as dep_…", required: true };

const DEPLOYMENT_IF_KNOWN: Slot = Slot {
    name: "deployment_id",
    description: "The deployment; without it, those in flight",
    required: false,
};

/// The agent page is a prompt, too.
const GUIDE: &str = "deployment-orchestrator";

const ORDERS: [Order; 5] = [
    Order {
        name: "deploy",
        title: "Deploy a commit",
        description: "Start a deployment and follow it to its end",
        arguments: &[
            Slot { name: "repository", description: "Repository, as name or owner/name", required: true },
            Slot { name: "commit_sha", description: "Commit to deploy", required: true },
            Slot {
                name: "branch",
                description: "Branch that the commit is on; main by default",
                required: false,
            },
            Slot { name: "target_environment", description: "Environment to end at", required: false },
        ],
        text: "Deploy this commit and follow it to its end.\n\
               - Repository: {repository}\n\
               - Commit: {commit_sha}\n\
               - Branch: {branch}\n\
               - Target environment: {target_environment}\n\
               Where no branch is given it is main; look it up if you can, and do not guess a commit. \
               Call start_deployment with an idempotency_key, then wait_for_deployment with until=attention until it has ended. \
               When it waits for an approval, call approve, tell me what it says, and wait with until=ended: people approve, you do not. \
               When it fails, say why and what is possible; ask me before RETRY or rollback_deployment.",
    },
    Order {
        name: "status",
        title: "Status of deployments",
        description: "Tell how one deployment is, or all in flight",
        arguments: &[DEPLOYMENT_IF_KNOWN],
        text: "Tell me how this deployment is: {deployment_id}\n\
               With an id, call get_status with detail=full; without one, list_deployments with active=true. \
               Say where each is, what it waits for and for whom, and what I could do. Change nothing.",
    },
    Order {
        name: "approve",
        title: "What waits for approval",
        description: "Show what waits for people, and how they decide",
        arguments: &[DEPLOYMENT_IF_KNOWN],
        text: "Show me what there is to approve: {deployment_id}\n\
               Without an id, call list_deployments with state=awaiting-approval. Call approve for each, and show me the commit, \
               the environment, the pipeline with its inputs, the path and what it leaves out if there is one, the digest, who may decide until when, and the command to decide with. \
               You cannot approve and must not try; if I give you a signed approval, pass it as signed_approval.",
    },
    Order {
        name: "rollback",
        title: "Roll a deployment back",
        description: "Put the environments that a deployment touched back",
        arguments: &[
            DEPLOYMENT,
            Slot { name: "reason", description: "Why, for the history", required: true },
        ],
        text: "Roll this deployment back: {deployment_id}\n\
               Reason: {reason}\n\
               Call explain_transition with event=ROLLBACK, and if it is possible rollback_deployment, then \
               wait_for_deployment with until=ended. Tell me for each environment what it has now. \
               If it ends as rollback-failed, say so at once and repeat nothing.",
    },
    Order {
        name: "history",
        title: "What happened to a deployment",
        description: "Tell the story of a deployment from its audit trail",
        arguments: &[DEPLOYMENT],
        text: "Tell me what happened to this deployment: {deployment_id}\n\
               Call get_history, page by page, and get_status with detail=full. Say who did what and when, how long each state took, \
               what was tried again and why, and who approved. Change nothing.",
    },
];

/// Every prompt.
pub(super) fn all() -> Vec<Prompt> {
    let guide = Prompt::new(GUIDE, Some("How to run deployments with this server; the whole guide"), None)
        .with_title("Deployment orchestrator");
    let orders = ORDERS.iter().map(|order| {
        let arguments = order.arguments.iter().map(|slot| {
            PromptArgument::new(slot.name).with_description(slot.description).with_required(slot.required)
        });
        Prompt::new(order.name, Some(order.description), Some(arguments.collect())).with_title(order.title)
    });
    std::iter::once(guide).chain(orders).collect()
}

/// A prompt with its arguments filled in.
pub(super) fn get(request: &GetPromptRequestParams) -> Result<GetPromptResult, ErrorData> {
    let no_arguments = JsonObject::new();
    let given = request.arguments.as_ref().unwrap_or(&no_arguments);
    if request.name == GUIDE {
        return Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, guide::body())]));
    }
    let order = ORDERS.iter().find(|order| order.name == request.name).ok_or_else(|| {
        let name = shortened(&request.name, 80);
        ErrorData::invalid_params(format!("there is no prompt {name}; prompts/list has them"), None)
    })?;
    let text = filled(order, given)?;
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)])
        .with_description(order.description))
}

/// The longest argument that is put into a prompt.
const ARGUMENT_LIMIT: usize = 300;

fn filled(order: &Order, given: &JsonObject) -> Result<String, ErrorData> {
    let value = |slot: &Slot| {
        let value = given.get(slot.name).and_then(Value::as_str)?;
        Some(shortened(value, ARGUMENT_LIMIT)).filter(|value| !value.is_empty())
    };
    if let Some(missing) = order.arguments.iter().find(|slot| slot.required && value(slot).is_none()) {
        let message = format!("the prompt {} needs {}", order.name, missing.name);
        return Err(ErrorData::invalid_params(message, None));
    }
    let lines = order.text.lines().filter_map(|line| {
        let line = line.trim_start();
        let place = |slot: &Slot| format!("{{{}}}", slot.name);
        match order.arguments.iter().find(|slot| line.contains(&place(slot))) {
            Some(slot) => value(slot).map(|value| line.replace(&place(slot), &value)),
            None => Some(line.to_owned()),
        }
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}
