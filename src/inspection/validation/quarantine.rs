//! The commit may be deployed at all: nobody had to take it back, or somebody let it in again.

use super::Sources;
use crate::domain::deployment::Deployment;
use crate::domain::finding::{Finding, FindingCode};

/// A database that cannot be read stops the engine anyway, so here it finds nothing.
pub(super) async fn check(sources: &Sources, deployment: &Deployment) -> Option<Finding> {
    let (service, commit) = (deployment.spec.service.clone(), deployment.spec.commit.clone());
    let standing = sources.read(move |snapshot| snapshot.quarantines(&service, &commit)).await.ok()?;
    let quarantine = standing.first()?;
    Some(Finding::new(
        FindingCode::CommitQuarantined,
        "commit_sha",
        &format!("{} is quarantined by the rollback of {}", quarantine.commit, quarantine.by),
        &format!(
            "deploy a commit that mends it, or an admin runs `deployment-orchestrator release-commit {} {} --reason …`",
            quarantine.service, quarantine.commit
        ),
    ))
}
