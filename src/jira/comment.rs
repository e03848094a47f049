//! The one comment about a deployment on an issue.
//!
//! Jira has no key for a comment that would make writing it idempotent. So the
//! comment is recognised: by its id, once that is known, and before that by its
//! author, who is us, and its last line, which names the deployment. Both APIs
//! document the body and the author in the list of comments. (An entity property
//! of the comment would not be seen, but neither documents a list with
//! properties, and asking for each comment's would be a call each.)

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::domain::id::IssueKey;
use crate::ports::{TellError, Thread};

use super::client::{Client, Request};
use super::error::{Aim, Call, Failure};
use super::said::Said;
use super::wire::{Comment, Comments};
use super::{Site, adf, wiki};

/// Comments that are asked for at once: a page of the longest stays below what is read of a body.
const PAGE: usize = 50;

/// The pages that are looked through, from the newest comment back. Ours was
/// written when the deployment began, or the reply to it was lost moments ago.
const PAGES: usize = 10;

/// Write what is said into our comment, wherever it is, or into a new one.
/// Returns its id. May be called again after a lost reply.
pub(super) async fn keep(
    client: &Client,
    issue: &IssueKey,
    said: &Said,
    thread: Option<&Thread>,
) -> Result<Thread, TellError> {
    let body = json!({ "body": match client.site {
        Site::Cloud { .. } => adf::document(said),
        Site::DataCenter => Value::String(wiki::text(said)),
    }});
    if let Some(Thread(id)) = thread
        && edit(client, issue, id, &body).await?.is_some()
    {
        return Ok(Thread(id.clone()));
    }
    // Not written yet; or the reply was lost; or somebody has deleted it.
    if let Some(id) = find(client, issue, said).await?
        && edit(client, issue, &id, &body).await?.is_some()
    {
        return Ok(Thread(id));
    }
    let request = Request {
        call: Call { issue, aim: Aim::Comment },
        method: Method::POST,
        path: &["issue", issue.as_str(), "comment"],
        query: &[],
        body: Some(body),
    };
    let comment: Comment = client.read(request).await?;
    Ok(Thread(comment.id))
}

/// `None` if there is no such comment.
async fn edit(client: &Client, issue: &IssueKey, id: &str, body: &Value) -> Result<Option<()>, Failure> {
    let request = Request {
        call: Call { issue, aim: Aim::Edit },
        method: Method::PUT,
        path: &["issue", issue.as_str(), "comment", id],
        query: &[],
        body: Some(body.clone()),
    };
    match client.send(request).await {
        Ok(_) => Ok(Some(())),
        Err(failure) if failure.status == Some(StatusCode::NOT_FOUND) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The comment of ours whose last line names the deployment.
async fn find(client: &Client, issue: &IssueKey, said: &Said) -> Result<Option<String>, Failure> {
    let call = Call { issue, aim: Aim::Look };
    let own = client.own_id(call).await?;
    for page in 0..PAGES {
        let start = page * PAGE;
        let (first, size) = (start.to_string(), PAGE.to_string());
        let request = Request {
            call,
            method: Method::GET,
            path: &["issue", issue.as_str(), "comment"],
            query: &[("orderBy", "-created"), ("startAt", &first), ("maxResults", &size)],
            body: None,
        };
        let Comments { comments, total } = client.read(request).await?;
        let seen = start + comments.len();
        let ours = comments.iter().find(|comment| {
            let author = comment.author.as_ref().and_then(|author| author.id());
            author == Some(own) && last_line(&comment.body).is_some_and(|it| it == said.last_line)
        });
        if let Some(comment) = ours {
            return Ok(Some(comment.id.clone()));
        }
        if comments.is_empty() || seen >= total {
            break;
        }
    }
    Ok(None)
}

fn last_line(body: &Value) -> Option<String> {
    match body {
        Value::String(text) => text.trim_end().lines().last().map(str::to_owned),
        document => adf::last_paragraph(document),
    }
}
