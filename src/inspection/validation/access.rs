//! Harness lets us look at executions.

use super::{Sources, may_pass};
use crate::domain::deployment::Deployment;
use crate::domain::finding::{Finding, FindingCode};
use crate::ports::{CallError, ExecutionFilter};

pub(super) async fn check(sources: &Sources, deployment: &Deployment) -> Result<Vec<Finding>, CallError> {
    let pipeline = deployment.spec.workflow.build.pipeline.clone();
    let filter = ExecutionFilter { pipeline: Some(pipeline), statuses: Vec::new(), limit: 1 };
    let Err(error) = sources.executions.list(&filter).await else { return Ok(Vec::new()) };
    may_pass(&error)?;
    Ok(vec![Finding::new(
        FindingCode::HarnessRefused,
        "harness",
        &format!("Harness does not let us in: {error}"),
        "check account, org and project under [harness] in the config, and what the API key may do",
    )])
}
