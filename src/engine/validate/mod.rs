//! The validation stage: what is wrong with a deployment before anything runs.
//!
//! One file for each thing that is looked at, and [`CHECKS`] names them all.

mod access;
mod arguments;
mod environments;
mod gates;
mod manifests;
mod pipelines;

use futures::future::{BoxFuture, FutureExt as _};

use super::Parts;
use crate::domain::deployment::Deployment;
use crate::domain::execution::Retry;
use crate::domain::finding::{Finding, ValidationReport};
use crate::domain::run::RunEvent;
use crate::ports::CallError;
use crate::store::{self, Fence};

/// Look at one thing. Reads only. An error that may pass ends the attempt, and
/// the whole validation is made again; another one is for the check to report.
type Check = for<'a> fn(&'a Parts, &'a Deployment) -> BoxFuture<'a, Result<Vec<Finding>, CallError>>;

/// Everything that is looked at, what costs nothing first.
const CHECKS: [Check; 6] = [
    |parts, deployment| async { Ok(gates::check(&parts.policy, deployment)) }.boxed(),
    |_, deployment| async { Ok(arguments::check(deployment)) }.boxed(),
    |parts, deployment| async { Ok(environments::check(parts, deployment).await) }.boxed(),
    |parts, deployment| async { Ok(manifests::check(parts, deployment).await) }.boxed(),
    |parts, deployment| access::check(parts, deployment).boxed(),
    |parts, deployment| pipelines::check(parts, deployment).boxed(),
];

/// Look at everything and record what was found. A look that may succeed later
/// is a failed attempt, and no finding.
pub(super) async fn report(
    parts: &Parts,
    fence: &Fence,
    deployment: &Deployment,
) -> Result<(), store::Error> {
    let event = match findings(parts, deployment).await {
        Ok(findings) => {
            let report = ValidationReport::of(findings, &parts.policy.validation.levels);
            RunEvent::ValidationReported { report }
        }
        Err(error) => RunEvent::AttemptFailed { failure: error.into() },
    };
    parts.record(fence, deployment, event).await.map(drop)
}

async fn findings(parts: &Parts, deployment: &Deployment) -> Result<Vec<Finding>, CallError> {
    let mut findings = Vec::new();
    for check in CHECKS {
        findings.extend(check(parts, deployment).await?);
    }
    Ok(findings)
}

/// The error, where it may pass; else nothing, and the caller reports it.
fn may_pass(error: &CallError) -> Result<(), CallError> {
    match error.retry {
        Retry::Retryable { .. } => Err(error.clone()),
        Retry::Final => Ok(()),
    }
}
