//! What a client may read without calling a tool.

use rmcp::model::{ErrorData, ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde::Serialize;
use serde_json::{Value, json};

use super::{diagram, guide};
use crate::app::{App, Code, Error, ListRequest, Watched};
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
            (JSON, text(&app.list(request).await.map_err(|error| error_about(uri, error))?))
        }
        DIAGRAM => (MERMAID, diagram::of(&app.policy.workflow)),
        AGENT => (MARKDOWN, guide::PAGE.to_owned()),
        _ => match uri.strip_prefix(DEPLOYMENT) {
            Some(id) => (JSON, text(&app.full_status(id).await.map_err(|error| error_about(uri, error))?)),
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

/// What changes at `uri`.
///
/// # Errors
/// When nothing does, or the id is none.
pub(super) fn watched(uri: &str) -> Result<Watched, ErrorData> {
    match uri.strip_prefix(DEPLOYMENT) {
        Some(id) => {
            let id = id.parse().map_err(|error| error_about(uri, Error::from(error)))?;
            Ok(Watched::Deployment(id))
        }
        None if uri == ACTIVE => Ok(Watched::Active),
        None => {
            let uri = shortened(uri, URI_LIMIT);
            Err(ErrorData::resource_not_found(
                format!("nothing changes at {uri}; watch {ACTIVE} or {DEPLOYMENT}{{id}}"),
                Some(json!({ "uri": uri })),
            ))
        }
    }
}

/// Where it is read.
pub(super) fn uri_of(watched: &Watched) -> String {
    match watched {
        Watched::Deployment(id) => format!("{DEPLOYMENT}{id}"),
        Watched::Active => ACTIVE.to_owned(),
    }
}

fn text(view: &impl Serialize) -> String {
    serde_json::to_string(view).expect("views have string keys and finite numbers")
}

/// [`protocol_error`], which names the resource that was asked for.
pub(super) fn error_about(uri: &str, error: Error) -> ErrorData {
    let mut told = protocol_error(error);
    if let Some(data) = told.data.as_mut().and_then(Value::as_object_mut) {
        data.insert("uri".to_owned(), json!(shortened(uri, URI_LIMIT)));
    }
    told
}

/// An error of the protocol: only tools have refusals.
pub(super) fn protocol_error(error: Error) -> ErrorData {
    let data = json!({ "code": error.code.as_str(), "hint": error.hint, "retryable": error.retryable });
    match error.code {
        Code::UnknownDeployment | Code::MalformedArgument => {
            ErrorData::resource_not_found(error.message, Some(data))
        }
        Code::TooManyWatched => ErrorData::invalid_request(error.message, Some(data)),
        _ => ErrorData::internal_error(error.message, Some(data)),
    }
}
