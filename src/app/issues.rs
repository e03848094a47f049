//! The Jira issues of a deployment, and linking one more.

use schemars::JsonSchema;
use serde::Serialize;

use super::{App, Code, Error};
use crate::domain::deployment::Deployment;
use crate::domain::id::IssueKey;
use crate::domain::issue::{self, MOST_LINKED};
use crate::domain::principal::Actor;
use crate::domain::remark::Remark;
use crate::store::{About, Remarked};

/// An issue that belongs to a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LinkedView {
    /// The deployment.
    pub deployment_id: String,
    /// The issue.
    pub issue_key: String,
    /// Whether it was linked before, so that nothing was done.
    pub already_linked: bool,
    /// Whether this server tells Jira: the comment on the issue follows within seconds.
    pub jira_is_told: bool,
    /// All issues of the deployment.
    pub jira_issues: Vec<String>,
}

impl App {
    /// The issues of a deployment: of its start, found in what it brings, and linked later.
    ///
    /// # Errors
    /// Only those of the database.
    pub(super) async fn issues_of(&self, deployment: &Deployment) -> Result<Vec<IssueKey>, Error> {
        let id = deployment.id.clone();
        let linked = self.read(move |snapshot| snapshot.linked_issues(&id)).await?;
        Ok(issue::with_linked(self.policy.issues_of(&deployment.spec), linked))
    }

    /// Let a Jira issue belong to a deployment, whatever its state, so that it is
    /// told of it now and from now on. Nothing happens if it does already.
    ///
    /// # Errors
    /// No such deployment, no issue key, too many issues, or `actor` may not.
    pub async fn link_issue(&self, id: &str, issue: &str, actor: Actor) -> Result<LinkedView, Error> {
        let issue: IssueKey = issue.parse()?;
        let deployment = self.load(id).await?;
        self.permit(&actor, &deployment).await?;
        let known = self.issues_of(&deployment).await?;
        let already_linked = known.contains(&issue);
        if !already_linked {
            let own = self.policy.issues_of(&deployment.spec).len();
            if known.len() - own >= MOST_LINKED {
                return Err(Error::new(
                    Code::MalformedArgument,
                    format!("as many issues are linked to {} as a deployment may have", deployment.id),
                    "link it in Jira to one of those that are linked already",
                ));
            }
            self.linked(&deployment, &issue, &actor).await?;
        }
        Ok(LinkedView {
            deployment_id: deployment.id.to_string(),
            issue_key: issue.to_string(),
            already_linked,
            jira_is_told: self.policy.routing.tracker.is_some(),
            jira_issues: self.issues_of(&deployment).await?.iter().map(ToString::to_string).collect(),
        })
    }

    /// Keep the link in the history, and tell of it.
    async fn linked(&self, deployment: &Deployment, issue: &IssueKey, actor: &Actor) -> Result<(), Error> {
        let spec = &deployment.spec;
        let notice =
            format!("{} {}: {issue} is linked to it, by {}", spec.service, spec.commit, actor.principal);
        let remarked = Remarked {
            about: About::Deployment { id: deployment.id.clone(), notice: Some(notice) },
            remark: Remark::IssueLinked { issue: issue.clone() },
            actor: actor.clone(),
            at: self.clock.now(),
        };
        self.blocking(move |store| store.remark(&remarked)).await?;
        self.wake.ring();
        Ok(())
    }
}
