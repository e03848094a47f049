//! What is wrong with a deployment before anything runs.
//!
//! One file for each thing that is looked at, and [`CHECKS`] names them all.

mod access;
mod arguments;
mod environments;
mod gates;
mod issues;
mod manifests;
mod pipelines;
mod quarantine;

use futures::future::{BoxFuture, FutureExt as _};

use super::Sources;
use crate::domain::deployment::Deployment;
use crate::domain::execution::Retry;
use crate::domain::finding::{Finding, ValidationReport};
use crate::ports::CallError;

/// Look at one thing. Reads only. An error that may pass ends the look, and
/// the whole validation is made again; another one is for the check to report.
type Check = for<'a> fn(&'a Sources, &'a Deployment) -> BoxFuture<'a, Result<Vec<Finding>, CallError>>;

/// Everything that is looked at, what costs nothing first.
const CHECKS: [Check; 8] = [
    |sources, deployment| async { Ok(gates::check(&sources.policy, deployment)) }.boxed(),
    |_, deployment| async { Ok(arguments::check(deployment)) }.boxed(),
    |sources, deployment| {
        async { Ok(quarantine::check(sources, deployment).await.into_iter().collect()) }.boxed()
    },
    |sources, deployment| async { Ok(environments::check(sources, deployment).await) }.boxed(),
    |sources, deployment| async { Ok(manifests::check(sources, deployment).await) }.boxed(),
    |sources, deployment| async { Ok(issues::check(sources, deployment).await) }.boxed(),
    |sources, deployment| access::check(sources, deployment).boxed(),
    |sources, deployment| pipelines::check(sources, deployment).boxed(),
];

/// Look at everything, and judge it by the levels of the config.
///
/// # Errors
/// Where a look may succeed later; then nothing is known.
pub async fn report(sources: &Sources, deployment: &Deployment) -> Result<ValidationReport, CallError> {
    let findings = findings(sources, deployment).await?;
    Ok(ValidationReport::of(findings, &sources.policy.validation.levels))
}

async fn findings(sources: &Sources, deployment: &Deployment) -> Result<Vec<Finding>, CallError> {
    let mut findings = Vec::new();
    for check in CHECKS {
        findings.extend(check(sources, deployment).await?);
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
