//! `link_jira_issue`

use schemars::JsonSchema;
use serde::Deserialize;

use super::tool::{Caller, Card, Hints, Tool};
use crate::app::{Error, LinkedView};

/// The tool.
pub(super) struct LinkJiraIssue;

/// Which deployment, and which issue.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The deployment, in any state.
    deployment_id: String,
    /// The issue, such as `SHOP-42`.
    issue_key: String,
}

impl Tool for LinkJiraIssue {
    const CARD: Card = Card {
        name: "link_jira_issue",
        title: "Link a Jira issue",
        description: "Let a Jira issue belong to a deployment that is under way or over. Use it when a person names an issue that start_deployment was not given; keys in the branch and in the commits are found by themselves if the config lists their project. Where this server tells Jira, the issue gets one comment that is kept up to date. Linking it again does nothing and says so.\n\nIt does not move the issue to another status: only the end of a deployment does, if the config says so. It does not create issues, and nothing removes the link.",
        hints: Hints { read_only: false, destructive: false, idempotent: true, open_world: true },
    };

    type Arguments = Arguments;
    type Answer = LinkedView;

    async fn call(caller: &Caller<'_>, arguments: Arguments) -> Result<LinkedView, Error> {
        let Arguments { deployment_id, issue_key } = arguments;
        caller.app.link_issue(&deployment_id, &issue_key, caller.actor.clone()).await
    }
}
