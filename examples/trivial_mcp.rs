//! The least that an MCP server on rmcp can do: one tool that looks nothing up,
//! over pipes or, with `--http`, at an address that it prints. What the
//! benchmarks compare `get_status` with.
#![expect(clippy::print_stdout, reason = "an example says where it listens")]

use std::sync::{Arc, LazyLock};

use axum::serve::ListenerExt as _;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::CallToolResult;
use rmcp::transport::streamable_http_server::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::{ServerHandler, ServiceExt as _, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::TcpListener;

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

/// Serve until the client hangs up or, over HTTP, until killed.
///
/// # Errors
/// When the client does not speak MCP, or nothing can be listened on.
#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|argument| argument == "--http") {
        return serve_http().await;
    }
    Trivial.serve(rmcp::transport::stdio_pipes()).await?.waiting().await?;
    Ok(())
}

async fn serve_http() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = Arc::new(LocalSessionManager::default());
    let mcp = StreamableHttpService::new(|| Ok(Trivial), sessions, Default::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("MCP is served at http://{}/mcp", listener.local_addr()?);
    // Without it each answer waits 40 ms for the other side's delayed acknowledgement.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
    axum::serve(listener, axum::Router::new().route_service("/mcp", mcp)).await?;
    Ok(())
}
