//! Jira has the issues of the deployment, and shows them to us.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use super::Sources;
use crate::domain::deployment::Deployment;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::id::IssueKey;
use crate::ports::{Sight, TellError};

/// How long Jira may take for all of them. A deployment does not wait for it any longer.
const PATIENCE: Duration = Duration::from_secs(4);

pub(super) async fn check(sources: &Sources, deployment: &Deployment) -> Vec<Finding> {
    let issues = sources.policy.issues_of(&deployment.spec);
    let looks = issues.iter().map(|issue| async move { (issue, sources.tracker.look_at(issue).await) });
    match timeout(PATIENCE, join_all(looks)).await {
        Ok(seen) => seen.into_iter().filter_map(|(issue, seen)| finding(issue, seen)).collect(),
        Err(_) => vec![unreachable(&format!("Jira does not answer within {} s", PATIENCE.as_secs()))],
    }
}

fn finding(issue: &IssueKey, seen: Result<Sight, TellError>) -> Option<Finding> {
    match seen {
        Ok(Sight::Visible | Sight::NotAsked) => None,
        Ok(Sight::Missing) => Some(Finding::new(
            FindingCode::JiraIssue,
            "jira_issues",
            &format!("Jira has no {issue}, or does not show it to the account of this server"),
            "correct the key, or let that account browse the project",
        )),
        Err(error) => Some(unreachable(&error.to_string())),
    }
}

/// The same sentence for each issue is one finding.
fn unreachable(why: &str) -> Finding {
    Finding::new(
        FindingCode::JiraUnreachable,
        "jira",
        &format!("whether the issues are there is not known: {why}"),
        "look at Jira and at [jira] in the config; the deployment goes on",
    )
}
