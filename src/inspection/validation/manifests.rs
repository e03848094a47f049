//! The manifests that the caller named, below the root that the operator chose.

use super::Sources;
use crate::checkout;
use crate::domain::deployment::Deployment;
use crate::domain::finding::{Finding, FindingCode};
use crate::manifests;

/// Whoever names no manifests has none looked at.
pub(super) async fn check(sources: &Sources, deployment: &Deployment) -> Vec<Finding> {
    let Some(path) = deployment.spec.manifests.clone() else { return Vec::new() };
    let rules = sources.policy.validation.clone();
    let Some(root) = rules.manifests_root else {
        return vec![unreadable("the config names no folder to look for them in")];
    };
    let found = tokio::task::spawn_blocking(move || {
        checkout::read(&root, &path).map(|files| manifests::findings(&files, &rules.manifests))
    });
    match found.await {
        Ok(Ok(findings)) => findings,
        Ok(Err(error)) => vec![unreadable(&format!("the path {error}"))],
        // Nothing that we know panics on a file; if something does, it is the file's finding.
        Err(_) => vec![unreadable("a file could not be looked at")],
    }
}

fn unreadable(message: &str) -> Finding {
    Finding::new(
        FindingCode::ManifestsUnreadable,
        "manifests",
        message,
        "name a path with YAML, relative to `validation.manifests_root` of the config",
    )
}
