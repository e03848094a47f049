//! Tools that say something before they are done.

use std::time::Duration;

use rmcp::model::{CallToolResult, LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam};
use rmcp::service::{RequestContext, ServiceError};
use rmcp::{RoleServer, tool, tool_router};
use serde_json::json;

use crate::fixture::{Fixture, said};

/// Long enough for a client to see one message before the next.
const PAUSE: Duration = Duration::from_millis(50);

#[tool_router(router = streams, vis = "pub(crate)")]
impl Fixture {
    /// Log three lines.
    #[tool]
    async fn test_tool_with_logging(&self, context: RequestContext<RoleServer>) -> CallToolResult {
        for line in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
            tokio::time::sleep(PAUSE).await;
            if let Err(error) = log(&context, line).await {
                return gone(&error);
            }
        }
        said("Three lines were logged.")
    }

    /// Tell the progress three times, if anybody wants to know.
    #[tool]
    async fn test_tool_with_progress(&self, context: RequestContext<RoleServer>) -> CallToolResult {
        for percent in [0, 50, 100] {
            tokio::time::sleep(PAUSE).await;
            let Some(token) = context.meta.get_progress_token() else { continue };
            let progress = ProgressNotificationParam::new(token, percent.into()).with_total(100.0);
            if let Err(error) = context.peer.notify_progress(progress).await {
                return gone(&error);
            }
        }
        said("It is done.")
    }

    /// Log a line, if the request wants that.
    #[tool]
    async fn test_logging_tool(&self, context: RequestContext<RoleServer>) -> CallToolResult {
        if context.meta.log_level().is_some()
            && let Err(error) = log(&context, "a line that was asked for").await
        {
            return gone(&error);
        }
        said("Whoever wanted a line has it.")
    }
}

async fn log(context: &RequestContext<RoleServer>, line: &str) -> Result<(), ServiceError> {
    let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(line));
    context.peer.notify_logging_message(message).await
}

fn gone(error: &ServiceError) -> CallToolResult {
    CallToolResult::error(vec![rmcp::model::ContentBlock::text(format!("nobody listens: {error}"))])
}
