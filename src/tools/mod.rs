//! The MCP server: tools, resources and prompts over one [`App`]. The only
//! place that knows rmcp.
//!
//! A tool is one file: its arguments, one call of the app, a view. What all
//! tools share stands in [`tool`], [`schema`] and [`reply`]. No rule of the
//! product lives here, so none can be talked around here.

mod answer;
mod approve;
mod cancel_deployment;
mod confirm;
mod diagram;
mod event_stream;
mod explain_transition;
mod get_environments;
mod get_history;
mod get_metrics;
mod get_status;
mod guide;
mod harness_get_execution;
mod harness_get_execution_url;
mod harness_list_executions;
mod harness_trigger_pipeline;
mod leaving;
mod link_jira_issue;
mod list_deployments;
mod plan_deployment;
mod prompts;
mod reject;
mod reply;
mod resources;
mod rollback_deployment;
mod schema;
mod start_deployment;
mod streamable;
mod subscriptions;
mod summary;
mod tool;
mod toolbox;
mod transition;
mod wait_for_deployment;

use std::sync::Arc;

use http::request::Parts;
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, ErrorData, GetPromptRequestParams,
    GetPromptResponse, Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
    RequestStateCodec, ServerCapabilities, ServerConfig, SubscribeRequestParams, SubscriptionFilter, Tool,
    UnsubscribeRequestParams,
};
use rmcp::service::{
    QuitReason, RequestContext, ServerInitializeError, SubscriptionContext, serve_server_with_ct,
};
use rmcp::transport::IntoTransport;
use rmcp::{RoleServer, ServerHandler};
use tokio_util::sync::CancellationToken;

use crate::app::{App, Session};
use crate::domain::principal::Channel;
pub use event_stream::{EventStream, MOST_STREAMS};
use leaving::Noticed;
pub use streamable::Streamable;
use subscriptions::{Subscriptions, Updates};
use toolbox::TOOLS;

/// A session that broke, other than by the client going away.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client did not speak MCP, or a stream failed at the very beginning.
    #[error("the MCP session could not begin")]
    NotBegun(#[source] Box<ServerInitializeError>),
    /// The session panicked.
    #[error("the MCP session broke")]
    Broken(#[source] tokio::task::JoinError),
}

/// Serve one client on standard input and output until it closes them or
/// `shutdown` is asked for. Calls under way may still finish for a few seconds.
///
/// # Errors
/// When the client does not speak MCP. A client that leaves, early or late, is
/// no error.
pub async fn serve_stdio(app: App, shutdown: CancellationToken) -> Result<(), Error> {
    serve_on(app, rmcp::transport::stdio_pipes(), shutdown).await
}

/// [`serve_stdio`] on any transport.
///
/// # Errors
/// As there.
pub async fn serve_on<T, E, A>(app: App, transport: T, shutdown: CancellationToken) -> Result<(), Error>
where
    T: IntoTransport<RoleServer, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let left = shutdown.child_token();
    let updates = Arc::new(Updates::new(app.clone(), left.clone()));
    let server = Server { updates, ..Server::new(app, shutdown.clone()) };
    let transport = Noticed { transport: transport.into_transport(), left };
    match serve_server_with_ct(server, transport, shutdown).await {
        Ok(session) => match session.waiting().await {
            Ok(QuitReason::JoinError(error)) | Err(error) => Err(Error::Broken(error)),
            Ok(_) => Ok(()),
        },
        // A client that only asked `server/discover`, or nothing, and left.
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => Ok(()),
        Err(error) => Err(Error::NotBegun(Box::new(error))),
    }
}

/// Every tool that clients are told of, as `tools/list` has them.
#[must_use]
pub fn catalogue() -> Vec<Tool> {
    TOOLS.router.list_all()
}

/// The MCP server. Speaks 2026-07-28 and every earlier revision in one
/// process. Cheap to clone; a clone serves another session, and shares
/// everything but what that is subscribed to.
#[derive(Clone)]
pub struct Server {
    app: Arc<App>,
    codec: Arc<RequestStateCodec>,
    updates: Arc<Updates>,
    subscriptions: Subscriptions,
    closing: CancellationToken,
}

impl Server {
    /// A server of these use cases. When `closing` is cancelled, calls that wait
    /// for something return what there is, and subscriptions end.
    #[must_use]
    pub fn new(app: App, closing: CancellationToken) -> Self {
        let codec = Arc::new(confirm::codec([app.random.bits(), app.random.bits()]));
        let updates = Arc::new(Updates::new(app.clone(), closing.clone()));
        Self { app: Arc::new(app), codec, updates, subscriptions: Subscriptions::default(), closing }
    }

    /// As whom a request comes, and how. On standard input and output, and over
    /// HTTP where nobody is asked, it is an agent's that acts for the user.
    fn session(&self, request: &RequestContext<RoleServer>) -> (Session, Channel) {
        let http = request.extensions.get::<Parts>();
        let session = http.and_then(|parts| parts.extensions.get::<Session>()).cloned();
        let channel = if http.is_some() { Channel::McpHttp } else { Channel::McpStdio };
        (session.unwrap_or_else(|| Session::of_this_machine(self.app.policy.user.clone())), channel)
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .enable_resources_subscribe()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(
                Implementation::new("deployment-orchestrator", env!("CARGO_PKG_VERSION"))
                    .with_title("Deployment orchestrator"),
            )
            .with_instructions(guide::instructions())
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        only_page(page)?;
        let (session, _) = self.session(&context);
        let mut listed = ListToolsResult::with_all_items(TOOLS.listed_for(&self.app, &session));
        // Others may be told of other tools.
        listed.cache_scope = Some(CacheScope::Private);
        Ok(listed)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        TOOLS.router.get(name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        TOOLS.router.call(ToolCallContext::new(self, request, context)).await
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        only_page(page)?;
        Ok(ListResourcesResult::with_all_items(resources::fixed()))
    }

    async fn list_resource_templates(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        only_page(page)?;
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        resources::read(&self.app, &request.uri).await.map(Into::into)
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(subscriptions::acceptable(requested))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let (session, _) = self.session(context.request_context());
        self.updates.stream(&context, session.holder).await
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscriptions.add(&request.uri, &self.updates, context.peer).await
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscriptions.remove(&request.uri)
    }

    async fn list_prompts(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        only_page(page)?;
        Ok(ListPromptsResult::with_all_items(prompts::all()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::get(&request).map(Into::into)
    }
}

/// Every list is one page, and no cursor was ever given out.
fn only_page(asked: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
    match asked.and_then(|page| page.cursor) {
        None => Ok(()),
        Some(_) => Err(ErrorData::invalid_params("the list has one page; ask without a cursor", None)),
    }
}
