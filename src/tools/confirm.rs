//! A person's confirmation through the client (elicitation), where an environment
//! accepts that. It proves no person: a client may answer by itself.
//!
//! Clients of 2026-07-28 get the question as an `input_required` result with a
//! sealed state and call again with the answer; older ones are asked during the call.

use std::time::Duration;

use rmcp::model::{
    ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema, InputRequest,
    InputRequests, InputRequiredResult, InputResponses, ProtocolVersion, RequestStateCodec, SealOptions,
};

use super::tool::Caller;
use crate::app::view::ApprovalView;
use crate::app::{Code, Error};
use crate::domain::assurance::Assurance;
use crate::domain::id::PrincipalName;
use crate::domain::text::visible;

/// How long a question may be answered.
const PATIENCE: Duration = Duration::from_mins(5);

/// The name of the question among the inputs, and of the answer in the form.
const QUESTION: &str = "approval";
const ANSWER: &str = "approve";

/// What came of asking.
pub(super) enum Reply {
    /// The client reports that the person approved.
    Approved,
    /// The client reports anything else. Nothing is decided.
    NotApproved,
    /// The client is to ask, and to call again.
    Ask(Box<InputRequiredResult>),
    /// The client cannot ask anybody, or nobody is to be asked there.
    CannotAsk,
}

/// The client's part of a call that answers a question.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) state: Option<String>,
    pub(super) inputs: Option<InputResponses>,
}

/// Seals what a client brings back, so that an answer fits its question. The
/// key lives as long as the server: a question does not outlive it.
pub(super) fn codec(fresh: [u128; 2]) -> RequestStateCodec {
    let key: Vec<u8> = fresh.into_iter().flat_map(u128::to_ne_bytes).collect();
    RequestStateCodec::try_new(key).expect("256 bits are as long as a key must be")
}

/// Whether the environment lets `person` confirm at the client.
pub(super) fn may_confirm(asked: &ApprovalView, person: &PrincipalName) -> bool {
    accepts(asked, Assurance::ClientConfirmed)
        && asked.request.approvers.iter().any(|name| name == person.as_str())
}

/// Whether the environment accepts decisions that rest on no more than this.
pub(super) fn accepts(asked: &ApprovalView, assurance: Assurance) -> bool {
    asked.request.accepts.iter().any(|name| name == assurance.as_str())
}

/// Have the client ask its person, or take the answer that it brought.
///
/// # Errors
/// When an answer does not fit a question that this server asked lately.
pub(super) async fn ask(caller: &Caller<'_>, asked: &ApprovalView) -> Result<Reply, Error> {
    let context = format!("{}\n{}\n{}", asked.deployment_id, asked.request.request, asked.request.digest);
    if let Some(inputs) = &caller.answers.inputs {
        let state = caller.answers.state.as_deref().unwrap_or_default();
        caller.codec.open_with(state, context.as_bytes()).map_err(|_| {
            Error::new(
                Code::MalformedArgument,
                "this answer is to no question that this server has asked about the open request",
                "call approve without answers, and let the client ask anew",
            )
        })?;
        let answer = inputs.get(QUESTION).cloned().and_then(|answer| serde_json::from_value(answer).ok());
        return Ok(answer.map_or(Reply::NotApproved, |answer| read(&answer)));
    }
    let can_ask = caller.request.client_capabilities().and_then(|it| it.elicitation).is_some_and(|it| {
        // Before there were two modes, a bare declaration meant forms.
        it.form.is_some() || it.url.is_none()
    });
    if !can_ask {
        return Ok(Reply::CannotAsk);
    }
    let question = question(asked)?;
    let modern =
        caller.request.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
    if modern {
        let mut requests = InputRequests::new();
        requests.insert(QUESTION.to_owned(), InputRequest::Elicitation(ElicitRequest::new(question)));
        let options = SealOptions::new().associated_data(context.as_bytes()).ttl(PATIENCE);
        let state = caller.codec.seal_with(b"asked", &options);
        return Ok(Reply::Ask(Box::new(InputRequiredResult::new(Some(requests), Some(state)))));
    }
    Ok(match tokio::time::timeout(PATIENCE, caller.request.peer.create_elicitation(question)).await {
        Ok(Ok(answer)) => read(&answer),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the client could not ask its person");
            Reply::CannotAsk
        }
        Err(_) => Reply::NotApproved,
    })
}

fn read(answer: &ElicitResult) -> Reply {
    let approves = answer.content.as_ref().and_then(|form| form.get(ANSWER)).and_then(|it| it.as_bool());
    if answer.action == ElicitationAction::Accept && approves == Some(true) {
        Reply::Approved
    } else {
        Reply::NotApproved
    }
}

fn question(asked: &ApprovalView) -> Result<ElicitRequestParams, Error> {
    let what = &asked.what;
    let inputs: Vec<String> =
        what.inputs.iter().map(|(name, value)| format!("{name} = {}", visible(value))).collect();
    let warnings: Vec<String> =
        asked.warnings.iter().map(|warning| format!("\nWarning: {}", warning.in_one_line())).collect();
    let path = what.path.as_ref().map_or_else(String::new, |path| {
        format!(
            "NOT THE ORDINARY WAY: path {}.\nIts reason: {}\n",
            path.meaning(),
            visible(&path.reason_untrusted)
        )
    });
    let message = format!(
        "{path}Deploy {} {} (branch {} of {}) to {}?\nPipeline {} with: {}\nStarted by {}.{}\nDigest {}",
        what.service,
        what.commit_sha,
        what.branch,
        what.repository,
        what.environment,
        what.pipeline_id,
        inputs.join(", "),
        asked.started_by,
        warnings.concat(),
        asked.request.digest
    );
    let requested_schema = ElicitationSchema::builder()
        .required_bool_property(ANSWER, |answer| {
            answer.title("Approve").description("Yes: exactly this is deployed. No: nothing is decided.")
        })
        .build()
        .map_err(|error| Error::new(Code::Defect, format!("the question is malformed: {error}"), ""))?;
    Ok(ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema })
}
