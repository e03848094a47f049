//! Moving an issue to a status.

use reqwest::Method;
use serde_json::json;

use crate::domain::id::IssueKey;
use crate::domain::text::shortened;
use crate::ports::TellError;

use super::client::{Client, Request};
use super::error::{Aim, Call, Failure};
use super::wire::{Issue, Transition, Transitions};

/// The longest list of names in a message.
const NAMES_LIMIT: usize = 200;

/// Move the issue to the status of this name, if it is not there. An id would
/// belong to one workflow, and each project may have its own.
pub(super) async fn to(client: &Client, issue: &IssueKey, wanted: &str) -> Result<(), TellError> {
    if is_same(&status(client, issue).await?, wanted) {
        return Ok(());
    }
    let path = ["issue", issue.as_str(), "transitions"];
    let call = Call { issue, aim: Aim::Move };
    let query = [("expand", "transitions.fields")];
    let request = Request { call, method: Method::GET, path: &path, query: &query, body: None };
    let Transitions { transitions } = client.read(request).await?;
    let chosen = choose(issue, wanted, &transitions).map_err(|message| TellError::Never { message })?;
    let body = Some(json!({ "transition": { "id": chosen.id } }));
    client.send(Request { call, method: Method::POST, path: &path, query: &[], body }).await?;
    Ok(())
}

/// The status that the issue has now.
pub(super) async fn status(client: &Client, issue: &IssueKey) -> Result<String, Failure> {
    let request = Request {
        call: Call { issue, aim: Aim::Look },
        method: Method::GET,
        path: &["issue", issue.as_str()],
        query: &[("fields", "status")],
        body: None,
    };
    let issue: Issue = client.read(request).await?;
    Ok(issue.fields.status.name)
}

/// The transition to the status that asks for nothing; else why there is none.
fn choose<'a>(
    issue: &IssueKey,
    wanted: &str,
    transitions: &'a [Transition],
) -> Result<&'a Transition, String> {
    let available = || transitions.iter().filter(|it| it.is_available != Some(false));
    let leading = || available().filter(|it| is_same(&it.to.name, wanted));
    if let Some(free) = leading().find(|it| asked(it).is_empty()) {
        return Ok(free);
    }
    match leading().next() {
        Some(transition) => Err(format!(
            "{issue} is not moved to `{wanted}`, because the screen of that transition requires {}: let the workflow have a transition to it without required fields, or move the issue by hand",
            listed(asked(transition))
        )),
        None => Err(format!(
            "{issue} is not moved to `{wanted}`, because from where it is there is no such transition for this account: move it by hand, or let `on_completed` or `on_rolled_back` under [jira] name one that there is: {}",
            listed(available().map(|it| it.to.name.as_str()).collect())
        )),
    }
}

/// The fields that its screen requires, and Jira does not fill in by itself.
fn asked(transition: &Transition) -> Vec<&str> {
    let required = transition.fields.iter().filter(|(_, it)| it.required && !it.has_default_value);
    required.map(|(id, field)| field.name.as_deref().unwrap_or(id)).collect()
}

fn listed(names: Vec<&str>) -> String {
    if names.is_empty() { "none".to_owned() } else { shortened(&names.join(", "), NAMES_LIMIT) }
}

fn is_same(name: &str, wanted: &str) -> bool {
    name.trim().to_lowercase() == wanted.trim().to_lowercase()
}
