//! What people are asked, and how they answer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::app::PathView;
use crate::app::findings::FindingView;
use crate::domain::approval::ApprovalRequest;
use crate::domain::assurance::Assurance;
use crate::domain::deployment::Deployment;
use crate::domain::id::{DeploymentId, PrincipalName};
use crate::domain::page::Pages;
use crate::domain::subject::Subject;

/// An open approval request in full: what people are asked, and how they answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ApprovalView {
    /// The deployment.
    pub deployment_id: String,
    /// Always `false`: asking decides nothing.
    pub approved: bool,
    /// How a person decides.
    pub how_to_decide: String,
    /// The request.
    pub request: ApprovalSummary,
    /// What will happen.
    pub what: SubjectView,
    /// For whom the deployment was started, and by which client.
    pub started_by: String,
    /// What validation warned of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<FindingView>,
}

/// An approval request in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ApprovalSummary {
    /// The environment behind the gate.
    pub environment: String,
    /// Its number.
    pub request: u32,
    /// What decisions are bound to.
    pub digest: String,
    /// Who may decide.
    pub approvers: Vec<String>,
    /// How many must approve.
    pub required_approvals: u32,
    /// Who approved.
    pub approved_by: Vec<String>,
    /// Groups of which somebody must be among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_groups: Vec<String>,
    /// What a decision may rest on: `signed`, `web`, `slack`, `client-confirmed` or `agent`.
    pub accepts: Vec<String>,
    /// Who has broken the glass; with two, the gate opens past its rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub glass_broken_by: Vec<String>,
    /// When it becomes a rejection.
    pub expires_at: String,
    /// Why it was taken back. No decision counts until people are asked again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn_untrusted: Option<String>,
}

/// What will happen, in full. The digest is over exactly this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SubjectView {
    /// Repository.
    pub repository: String,
    /// Service.
    pub service: String,
    /// Branch.
    pub branch: String,
    /// Commit.
    pub commit_sha: String,
    /// Who wrote it, as far as the caller said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commit_authors: Vec<String>,
    /// The person for whom it was started.
    pub started_for: String,
    /// What was left out on the way, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathView>,
    /// Environment.
    pub environment: String,
    /// The Harness pipeline.
    pub pipeline_id: String,
    /// Its inputs.
    pub inputs: BTreeMap<String, String>,
    /// Its input sets.
    pub input_sets: Vec<String>,
    /// The version of the approval policy.
    pub policy_version: String,
}

impl ApprovalView {
    pub(in crate::app) fn new(
        deployment: &Deployment,
        request: &ApprovalRequest,
        subject: Subject,
        warnings: Vec<FindingView>,
        ways: &[Assurance],
        pages: &Pages,
    ) -> Self {
        let id = &deployment.id;
        Self {
            deployment_id: id.to_string(),
            approved: false,
            how_to_decide: how_to_decide(id, ways, pages),
            request: ApprovalSummary::of(deployment, request),
            what: SubjectView::from(subject),
            started_by: deployment.spec.initiator.principal.to_string(),
            warnings,
        }
    }
}

impl From<Subject> for SubjectView {
    fn from(subject: Subject) -> Self {
        Self {
            repository: subject.repository.to_string(),
            service: subject.service.to_string(),
            branch: subject.branch.to_string(),
            commit_sha: subject.commit_sha.to_string(),
            commit_authors: subject.commit_authors.iter().map(ToString::to_string).collect(),
            started_for: subject.started_for.map_or_else(String::new, |name| name.to_string()),
            path: subject.shortcut.map(PathView::from),
            environment: subject.environment.map_or_else(String::new, |name| name.to_string()),
            pipeline_id: subject.pipeline_id.to_string(),
            inputs: subject.inputs.into_iter().map(|(name, value)| (name.to_string(), value)).collect(),
            input_sets: subject.input_sets,
            policy_version: subject.policy.map_or_else(String::new, |policy| policy.0.0),
        }
    }
}

/// The ways that are open to people, in words.
fn how_to_decide(id: &DeploymentId, ways: &[Assurance], pages: &Pages) -> String {
    let ways: Vec<String> = ways
        .iter()
        .filter_map(|assurance| match assurance {
            Assurance::Signed => Some(format!(
                "one of the approvers runs `deployment-orchestrator approve {id}` or `deployment-orchestrator reject {id}` on a machine with their key; with --print-token it prints a decision that can be passed here as signed_approval"
            )),
            Assurance::ClientConfirmed => Some(
                "an approver at a client that can ask them (elicitation) confirms there when approve is called; this proves no person".to_owned(),
            ),
            Assurance::Slack => Some(
                "an approver presses Approve or Reject under the question in Slack, if this server asks there".to_owned(),
            ),
            Assurance::Token => Some(
                "an approver's own token calls approve or reject over HTTP; this proves no person".to_owned(),
            ),
            Assurance::Agent => Some("an agent's own call of approve counts here: no human decides".to_owned()),
            Assurance::Web => pages
                .approval_from_here(id)
                .map(|page| format!("an approver signs in and decides on the page {page}")),
            // No decision rests on these, or this version does not have them.
            Assurance::Oauth | Assurance::OsUser | Assurance::System => None,
        })
        .collect();
    if ways.is_empty() {
        return "nobody can: the environment accepts only channels that this server does not have; an operator changes `accept` in the config".to_owned();
    }
    ways.join("; or ")
}

impl ApprovalSummary {
    /// Who decided is verified: what somebody wrote into the row is not shown as said.
    pub(in crate::app) fn of(deployment: &Deployment, request: &ApprovalRequest) -> Self {
        let names = |people: Vec<&PrincipalName>| people.into_iter().map(ToString::to_string).collect();
        Self {
            environment: request.environment.to_string(),
            request: request.number,
            digest: request.digest.to_string(),
            approvers: request.gate.approvers.iter().map(|approver| approver.name.to_string()).collect(),
            required_approvals: request.gate.required_approvals,
            approved_by: names(request.approved_by(deployment.parties())),
            required_groups: request.gate.required_groups.iter().map(|group| group.name.clone()).collect(),
            accepts: request.gate.accept.iter().map(ToString::to_string).collect(),
            glass_broken_by: names(request.glass_broken_by(deployment.parties())),
            expires_at: request.expires_at.to_rfc3339(),
            withdrawn_untrusted: request.withdrawn.as_ref().map(|it| it.reason.clone()),
        }
    }
}
