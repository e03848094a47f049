//! What a tool is, and the way of a call: arguments, caller, answer, reply.

use rmcp::RoleServer;
use rmcp::handler::server::router::tool::ToolRoute;
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::model::{
    self, CallToolResponse, ErrorData, InputRequiredResult, RequestStateCodec, ToolAnnotations,
};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::confirm::Answers;
use super::summary::Summary;
use super::{Server, reply, schema};
use crate::app::{self, App, Session};
use crate::domain::principal::Actor;
use crate::domain::role::Right;
use crate::domain::text::shortened;

/// One tool: what clients are told about it, and its one call.
pub(super) trait Tool: 'static {
    /// What clients are told.
    const CARD: Card;

    /// Whether it takes decisions. What it does not understand is then recorded,
    /// as an attempt at one.
    const DECIDES: bool = false;

    /// Of these rights of the person it takes one; to look it takes none.
    const RIGHTS: &[Right] = if Self::CARD.hints.read_only { &[] } else { &[Right::Operate] };

    /// What it takes. Refuses unknown fields, so that an argument that means
    /// nothing never looks as if it did.
    type Arguments: DeserializeOwned + JsonSchema + Send;

    /// What it gives: a JSON object.
    type Answer: Serialize + JsonSchema + Summary + Send;

    /// Do it.
    fn call(
        caller: &Caller<'_>,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<Self::Answer, app::Error>> + Send;

    /// A question to the client's person, which goes out instead of the answer.
    fn question(_answer: &mut Self::Answer) -> Option<InputRequiredResult> {
        None
    }
}

/// What clients are told about a tool. The texts are read by a model that has
/// seen nothing else: when to use it, what comes next, what it will not do.
pub(super) struct Card {
    /// Stable.
    pub(super) name: &'static str,
    /// For people.
    pub(super) title: &'static str,
    /// For models.
    pub(super) description: &'static str,
    /// The annotations.
    pub(super) hints: Hints,
}

/// MCP's four annotations, none of them left to its default.
#[expect(clippy::struct_excessive_bools, reason = "the protocol has these four")]
pub(super) struct Hints {
    /// Changes nothing.
    pub(super) read_only: bool,
    /// May undo or stop something, or let it through.
    pub(super) destructive: bool,
    /// A repeated call with the same arguments changes nothing more.
    pub(super) idempotent: bool,
    /// Acts on, or reads from, systems other than this server.
    pub(super) open_world: bool,
}

impl Hints {
    /// A look at our own records.
    pub(super) const LOOKS: Self =
        Self { read_only: true, destructive: false, idempotent: true, open_world: false };

    /// A look into Harness.
    pub(super) const LOOKS_OUTSIDE: Self = Self { open_world: true, ..Self::LOOKS };
}

/// Who calls, and with what.
pub(super) struct Caller<'a> {
    /// The use cases.
    pub(super) app: &'a App,
    /// As whom the client was let in.
    session: Session,
    /// Whose deed it is.
    pub(super) actor: Actor,
    /// The request: its progress token and its cancellation.
    pub(super) request: &'a RequestContext<RoleServer>,
    /// What the client's person answered to an earlier question.
    pub(super) answers: Answers,
    /// Seals questions.
    pub(super) codec: &'a RequestStateCodec,
    /// The server is about to end.
    pub(super) closing: &'a CancellationToken,
}

/// The longest client name that the history keeps.
const CLIENT_LIMIT: usize = 60;

impl<'a> Caller<'a> {
    /// What the client calls itself is only noted.
    fn new(server: &'a Server, request: &'a RequestContext<RoleServer>, answers: Answers) -> Self {
        let app = &*server.app;
        let client = request.client_info().map_or_else(
            || "unknown".to_owned(),
            |client| shortened(&format!("{}/{}", client.name, client.version), CLIENT_LIMIT),
        );
        let (session, channel) = server.session(request);
        let actor = session.actor(client, channel);
        Self { app, session, actor, request, answers, codec: &server.codec, closing: &server.closing }
    }
}

/// The tool as the router has it.
pub(super) fn route<T: Tool>() -> ToolRoute<Server> {
    ToolRoute::new_dyn(advertised::<T>(), |context| Box::pin(answer::<T>(context)))
}

fn advertised<T: Tool>() -> model::Tool {
    let Card { name, title, description, hints } = T::CARD;
    let annotations = ToolAnnotations::with_title(title)
        .read_only(hints.read_only)
        .destructive(hints.destructive)
        .idempotent(hints.idempotent)
        .open_world(hints.open_world);
    model::Tool::new(name, description, schema::of_arguments::<T::Arguments>())
        .with_title(title)
        .with_raw_output_schema(schema::of_answer::<T::Answer>())
        .with_annotations(annotations)
}

async fn answer<T: Tool>(context: ToolCallContext<'_, Server>) -> Result<CallToolResponse, ErrorData> {
    let answers = Answers { state: context.request_state, inputs: context.input_responses };
    let caller = Caller::new(context.service, &context.request_context, answers);
    let arguments = context.arguments.unwrap_or_default();
    let id = arguments.get("deployment_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let allowed = caller.app.require_right(&caller.session, T::RIGHTS, &id, &caller.actor).await;
    let outcome = match allowed.map(|()| reply::decode(arguments)) {
        Err(refusal) => Err(refusal),
        Ok(Ok(arguments)) => T::call(&caller, arguments).await,
        Ok(Err(error)) if T::DECIDES => caller.app.remembering(&id, &caller.actor, Err(error)).await,
        Ok(Err(error)) => Err(error),
    };
    let code = outcome.as_ref().err().map(|error| error.code.as_str());
    // An agent looks far more often than it acts.
    if T::CARD.hints.read_only {
        tracing::debug!(tool = T::CARD.name, by = %caller.actor.principal, code, "called");
    } else {
        tracing::info!(tool = T::CARD.name, by = %caller.actor.principal, code, "called");
    }
    Ok(match outcome {
        Ok(mut answer) => match T::question(&mut answer) {
            Some(question) => return Ok(question.into()),
            None => reply::success(&answer),
        },
        Err(error) => reply::failure(&error),
    }
    .into())
}
