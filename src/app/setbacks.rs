//! What failed in an environment and was left there: the version that is shown as live may not be all that runs.

use super::environments::VersionView;
use crate::domain::deployment::Deployment;
use crate::domain::id::EnvironmentName;
use crate::domain::state::State;
use crate::domain::workflow::Stage;

/// A deployment that failed in an environment, where nothing has arrived since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetbackView {
    /// Its handle.
    pub deployment_id: String,
    /// The commit.
    pub commit_sha: String,
    /// Since when it has failed.
    pub since: String,
    /// Whether putting the former version back was tried, and failed, too.
    pub rollback_failed: bool,
}

/// What was left in an environment by the last of the `failed` deployments of a
/// service and its repository, if that was after `live` arrived.
pub(super) fn of<'a>(
    service: &str,
    repository: Option<&str>,
    environment: &str,
    live: Option<&VersionView>,
    failed: impl Iterator<Item = &'a Deployment>,
) -> Option<SetbackView> {
    failed
        .filter(|it| it.spec.service.as_str() == service && repository == Some(it.spec.repository.as_str()))
        .filter(|it| has_left_something(it, environment))
        .map(SetbackView::of)
        // Instants are all written alike, and sort as they are written.
        .filter(|it| live.is_none_or(|live| live.put_here_by != it.deployment_id && live.since <= it.since))
        .max_by(|one, other| one.since.cmp(&other.since))
}

/// Whether it ended while it changed the environment: something of it ran there, or
/// may have run, and so what it has left is not known.
fn has_left_something(deployment: &Deployment, environment: &str) -> bool {
    let progress = &deployment.progress;
    let restored =
        |name: &EnvironmentName| progress.intents.contains_key(&Stage::Restoring(name.clone()).to_string());
    let mut touched = progress.touched.iter().filter(|name| name.as_str() == environment);
    touched.any(|name| match &progress.state {
        State::Failed { stage, .. } => stage.environment() == Some(name),
        State::RollbackFailed { .. } => restored(name),
        _ => false,
    })
}

impl SetbackView {
    fn of(deployment: &Deployment) -> Self {
        Self {
            deployment_id: deployment.id.to_string(),
            commit_sha: deployment.spec.commit.to_string(),
            since: deployment.progress.state_since.to_rfc3339(),
            rollback_failed: matches!(deployment.progress.state, State::RollbackFailed { .. }),
        }
    }
}
