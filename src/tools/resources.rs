//! What a client may read without calling a tool.

use rmcp::model::{ErrorData, ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde::Serialize;
use serde_json::json;

use super::{diagram, guide};
use crate::app::{self, App, Code, ListRequest};
use crate::domain::text::shortened;

const JSON: &str = "application/json";
const MARKDOWN: &str = "text/markdown";
const MERMAID: &str = "text/vnd.mermaid";

/// What stands before the id of a deployment.
const DEPLOYMENT: &str = "deployment://";
const ACTIVE: &str = "deployments://active";
const DIAGRAM: &str = "workflow://diagram";
const AGENT: &str = "agent://deployment-orchestrator";

/// The longest name that is said again in an error.
const URI_LIMIT: usize = 80;

/// Resources that are always there.
pub(super) fn fixed() -> Vec<Resource> {
    let resource = |uri, name, title, description, mime| {
        Resource::new(uri, name).with_title(title).with_description(description).with_mime_type(mime)
    };
    vec![
        resource(
            ACTIVE,
            "active-deployments",
            "Deployments in flight",
            "Every deployment that is not over, as list_deployments has it",
            JSON,
        ),
        resource(
            DIAGRAM,
            "workflow-diagram",
            "State machine",
            "States and events of the configured workflow, as Mermaid",
            MERMAID,
        ),
        resource(
            AGENT,
            "deployment-orchestrator",
            "How to run deployments",
            "The whole guide for an agent; usable as it is as an agent file",
            MARKDOWN,
        ),
    ]
}

/// Resources by name.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(format!("{DEPLOYMENT}{{id}}"), "deployment")
            .with_title("A deployment")
            .with_description("Its status with its timeline, as get_status with detail=full has it")
            .with_mime_type(JSON),
    ]
}

/// The resource at `uri`.
pub(super) async fn read(app: &App, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let (mime, text) = match uri {
        ACTIVE => {
            let request = ListRequest { active: Some(true), limit: Some(u32::MAX), ..ListRequest::default() };
            (JSON, text(&app.list(request).await.map_err(|error| protocol_error(error, uri))?))
        }
        DIAGRAM => (MERMAID, diagram::of(&app.policy.workflow)),
        AGENT => (MARKDOWN, guide::PAGE.to_owned()),
        _ => match uri.strip_prefix(DEPLOYMENT) {
            Some(id) => (JSON, text(&app.full_status(id).await.map_err(|error| protocol_error(error, uri))?)),
            None => {
                let uri = shortened(uri, URI_LIMIT);
                return Err(ErrorData::resource_not_found(
                    format!("there is no resource {uri}; resources/list has them"),
                    Some(json!({ "uri": uri })),
                ));
            }
        },
    };
    Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(mime)]))
}

fn text(view: &impl Serialize) -> String {
    serde_json::to_string(view).expect("views have string keys and finite numbers")
}

fn protocol_error(error: app::Error, uri: &str) -> ErrorData {
    let data = json!({
        "uri": shortened(uri, URI_LIMIT),
        "code": error.code.as_str(),
        "hint": error.hint,
        "retryable": error.retryable,
    });
    match error.code {
        Code::UnknownDeployment | Code::MalformedArgument => {
            ErrorData::resource_not_found(error.message, Some(data))
        }
        _ => ErrorData::internal_error(error.message, Some(data)),
    }
}
