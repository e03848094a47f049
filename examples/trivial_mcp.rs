//! The least that an MCP server on rmcp can do: one tool that looks nothing up.
//! What `benches/stdio.rs` compares `get_status` with.

use std::sync::LazyLock;

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::CallToolResult;
use rmcp::{ServerHandler, ServiceExt as _, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

/// A server without any state.
#[derive(Clone)]
pub(crate) struct Trivial;

/// As `get_status` has it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    deployment_id: String,
}

#[tool_router]
impl Trivial {
    /// Say the id again.
    #[tool]
    async fn trivial(&self, Parameters(arguments): Parameters<Arguments>) -> CallToolResult {
        CallToolResult::structured(serde_json::json!({ "deployment_id": arguments.deployment_id }))
    }
}

/// Made once, as ours is: the macro's own way makes one for every call.
static TOOLS: LazyLock<ToolRouter<Trivial>> = LazyLock::new(Trivial::tool_router);

#[tool_handler(router = TOOLS)]
impl ServerHandler for Trivial {}

/// Serve on standard input and output until the client hangs up.
///
/// # Errors
/// When the client does not speak MCP.
#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    Trivial.serve(rmcp::transport::stdio_pipes()).await?.waiting().await?;
    Ok(())
}
