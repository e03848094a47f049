//! What the suite looks for where each request stands for itself: capabilities
//! that a request lacks, headers that repeat an argument, changes of lists.

use rmcp::handler::server::tool::InputResponses;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolResponse, CallToolResult, ClientCapabilities, ErrorCode, ErrorData, ProtocolVersion,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;

use crate::fixture::{Fixture, said};
use crate::rounds::{question, text_of, who};

/// A list that is said to have changed.
#[derive(Clone, Copy)]
pub(crate) enum Change {
    Tools,
    Prompts,
}

#[derive(Deserialize, JsonSchema)]
struct Place {
    /// Where, which the header `Mcp-Param-Region` says, too.
    #[schemars(extend("x-mcp-header" = "Region"))]
    region: String,
}

#[tool_router(router = stateless, vis = "pub(crate)")]
impl Fixture {
    /// Need the client's model.
    #[tool]
    async fn test_missing_capability(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        if context.client_capabilities().is_some_and(|client| client.sampling.is_some()) {
            return Ok(said("The client has a model."));
        }
        let needed = ClientCapabilities::builder().enable_sampling().build();
        Err(ErrorData::missing_required_client_capability(needed))
    }

    /// Ask the person, in a result and never in a request.
    #[tool]
    async fn test_streaming_elicitation(&self, InputResponses(answers): InputResponses) -> CallToolResponse {
        match text_of(answers.as_ref(), "user_name", "name") {
            Some(name) => said(format!("Hello, {name}!")).into(),
            None => question([("user_name", who())], None),
        }
    }

    /// Say a region that a header says, too.
    #[tool]
    async fn test_header_parameter(&self, Parameters(Place { region }): Parameters<Place>) -> CallToolResult {
        said(region)
    }

    /// Tell listeners that the tools have changed.
    #[tool]
    async fn test_trigger_tool_change(&self) -> CallToolResult {
        self.tell(Change::Tools)
    }

    /// Tell listeners that the prompts have changed.
    #[tool]
    async fn test_trigger_prompt_change(&self) -> CallToolResult {
        self.tell(Change::Prompts)
    }
}

impl Fixture {
    fn tell(&self, change: Change) -> CallToolResult {
        said(format!("{} listeners are told.", self.changes.send(change).unwrap_or_default()))
    }

    /// Pass changes on until the subscription is over.
    pub(crate) async fn tell_of_changes(&self, context: &SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.changes.subscribe();
        loop {
            let change = tokio::select! {
                () = context.cancelled() => return Ok(()),
                change = changes.recv() => change,
            };
            // What the subscription does not want is refused, and that is what it wants.
            let _refused = match change {
                Ok(Change::Tools) => context.sink().notify_tool_list_changed().await,
                Ok(Change::Prompts) => context.sink().notify_prompt_list_changed().await,
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return Ok(()),
            };
        }
    }
}

/// Refuse a method that 2026-07-28 has no more.
pub(crate) fn older_revisions_only(
    context: &RequestContext<RoleServer>,
    method: &'static str,
) -> Result<(), ErrorData> {
    match context.protocol_version() {
        Some(version) if version >= ProtocolVersion::V_2026_07_28 => {
            Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method, None))
        }
        _ => Ok(()),
    }
}
