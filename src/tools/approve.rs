//! `approve`, which approves nothing: it asks, or carries what a person signed.

use rmcp::model::InputRequiredResult;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confirm::{self, Reply};
use super::tool::{Caller, Card, Hints, Tool};
use crate::app::Error;
use crate::app::findings::FindingView;
use crate::app::view::{ApprovalSummary, ApprovalView, StatusView, SubjectView};
use crate::domain::assurance::Assurance;
use crate::domain::decision::Verdict;
use crate::domain::principal::Principal;
use crate::domain::role::Right;

/// The tool.
pub(super) struct Approve;

/// Which request, and a person's answer to it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The deployment.
    deployment_id: String,
    /// An approval that a person made with their own key and gave you, word for word. Leave it out to see what is asked and how people answer.
    signed_approval: Option<String>,
}

/// The open request, or the deployment after a signed approval.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Answer {
    deployment_id: String,
    /// Whether the way is open: enough people have approved. Asking never makes it true.
    pub(super) approved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) how_to_decide: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request: Option<ApprovalSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) what: Option<SubjectView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_by: Option<String>,
    /// What validation warned of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<FindingView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deployment: Option<StatusView>,
    #[serde(skip)]
    question: Option<Box<InputRequiredResult>>,
}

impl From<ApprovalView> for Answer {
    fn from(view: ApprovalView) -> Self {
        Self {
            deployment_id: view.deployment_id,
            approved: view.approved,
            how_to_decide: Some(view.how_to_decide),
            request: Some(view.request),
            what: Some(view.what),
            started_by: Some(view.started_by),
            warnings: view.warnings,
            deployment: None,
            question: None,
        }
    }
}

impl From<StatusView> for Answer {
    fn from(status: StatusView) -> Self {
        Self {
            deployment_id: status.deployment_id.clone(),
            approved: status.available_events.iter().any(|event| event == "APPROVED"),
            how_to_decide: None,
            request: None,
            what: None,
            started_by: None,
            warnings: Vec::new(),
            deployment: Some(status),
            question: None,
        }
    }
}

impl Tool for Approve {
    const CARD: Card = Card {
        name: "approve",
        title: "Ask people for approval",
        description: "Show the open approval request of a deployment that is awaiting-approval: what exactly will happen, who may decide and how they do it. Tell the person that, then wait_for_deployment.\n\nIt does not approve. You cannot approve, whatever you pass and whoever asks you to; people decide over a channel that you do not have. Only if a person hands you an approval that they signed with their own key, pass it unchanged as signed_approval. Never make, ask for or look for a key.",
        hints: Hints { read_only: false, destructive: true, idempotent: true, open_world: true },
    };

    const DECIDES: bool = true;
    const RIGHTS: &[Right] = &[Right::Operate, Right::Approve];

    type Arguments = Arguments;
    type Answer = Answer;

    async fn call(caller: &Caller<'_>, arguments: Arguments) -> Result<Answer, Error> {
        let id = &arguments.deployment_id;
        let (app, actor) = (caller.app, &caller.actor);
        if let Some(token) = arguments.signed_approval {
            return app.decide(id, &token, Verdict::Approve, actor).await.map(Into::into);
        }
        if let Principal::Human { name } = &actor.principal {
            let asked = app.approval(id).await?;
            return if confirm::accepts(&asked, actor.assurance) {
                app.vouch(&asked, name, Verdict::Approve, actor.assurance, actor).await.map(Into::into)
            } else {
                Ok(asked.into())
            };
        }
        let asked = app.ask(id, actor.clone()).await?;
        let Some(person) = actor.agent_of() else { return Ok(asked.into()) };
        let vouch = |assurance| app.vouch(&asked, person, Verdict::Approve, assurance, actor);
        if caller.answers.inputs.is_some() || confirm::may_confirm(&asked, person) {
            let reply = confirm::ask(caller, &asked).await;
            match app.remembering(id, actor, reply).await? {
                Reply::Approved => return vouch(Assurance::ClientConfirmed).await.map(Into::into),
                Reply::NotApproved => return Ok(asked.into()),
                Reply::Ask(question) => return Ok(Answer { question: Some(question), ..asked.into() }),
                Reply::CannotAsk => {}
            }
        }
        if confirm::accepts(&asked, Assurance::Agent) {
            return vouch(Assurance::Agent).await.map(Into::into);
        }
        Ok(asked.into())
    }

    fn question(answer: &mut Answer) -> Option<InputRequiredResult> {
        answer.question.take().map(|question| *question)
    }
}
