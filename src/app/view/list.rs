//! Many deployments, one line each.

use schemars::JsonSchema;
use serde::Serialize;

use crate::app::PathView;
use crate::domain::deployment::Deployment;

/// Deployments, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListView {
    /// One line each.
    pub deployments: Vec<LineView>,
    /// Pass it as `cursor` to get the next ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A deployment in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LineView {
    /// Its handle.
    pub deployment_id: String,
    /// State.
    pub state: String,
    /// Service.
    pub service: String,
    /// Commit.
    pub commit_sha: String,
    /// Target environment.
    pub target_environment: String,
    /// The named path that it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathView>,
    /// When it was created.
    pub created_at: String,
    /// When its last event was recorded.
    pub updated_at: String,
}

impl From<&Deployment> for LineView {
    fn from(deployment: &Deployment) -> Self {
        Self {
            deployment_id: deployment.id.to_string(),
            state: deployment.progress.state.name(),
            service: deployment.spec.service.to_string(),
            commit_sha: deployment.spec.commit.to_string(),
            target_environment: deployment.target().map_or_else(String::new, ToString::to_string),
            path: PathView::of(deployment),
            created_at: deployment.created_at.to_rfc3339(),
            updated_at: deployment.progress.updated_at.to_rfc3339(),
        }
    }
}
