//! What the caller said, as far as it can be judged without Harness.

use std::collections::BTreeSet;

use crate::domain::deployment::Deployment;
use crate::domain::finding::{Finding, FindingCode};

pub(super) fn check(deployment: &Deployment) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let issues = &deployment.spec.jira_issues;
    let repeated: BTreeSet<_> = issues.iter().filter(|issue| !seen.insert(*issue)).collect();
    repeated
        .into_iter()
        .map(|issue| {
            Finding::new(
                FindingCode::IssueDuplicate,
                "jira_issues",
                &format!("{issue} is named more than once"),
                "name each issue once",
            )
        })
        .collect()
}
