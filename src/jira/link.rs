//! The link from an issue to a deployment.

use reqwest::Method;
use serde_json::{Value, json};

use crate::domain::id::IssueKey;
use crate::domain::message::{About, Message};
use crate::domain::text::shortened;
use crate::ports::TellError;

use super::client::{Client, Request};
use super::error::{Aim, Call};
use super::said;

/// The longest title. Jira keeps 255 characters.
const TITLE_LIMIT: usize = 250;

/// What `POST remotelink` takes. The global id makes it an update of the link that
/// is there. `None` where nobody serves a page to which it could lead.
pub(super) fn of(message: &Message) -> Option<Value> {
    let About { deployment, ended, .. } = &message.about;
    let url = said::page(message)?;
    Some(json!({
        "globalId": format!("deployment-orchestrator={deployment}"),
        "application": { "type": "deployment-orchestrator", "name": "Deployment Orchestrator" },
        "relationship": "deployed by",
        "object": {
            "url": url,
            "title": shortened(&said::headline(&message.about), TITLE_LIMIT),
            "summary": deployment.as_str(),
            // A resolved one is struck through.
            "status": { "resolved": ended },
        },
    }))
}

pub(super) async fn put(client: &Client, issue: &IssueKey, link: &Value) -> Result<(), TellError> {
    let request = Request {
        call: Call { issue, aim: Aim::Link },
        method: Method::POST,
        path: &["issue", issue.as_str(), "remotelink"],
        query: &[],
        body: Some(link.clone()),
    };
    client.send(request).await?;
    Ok(())
}
