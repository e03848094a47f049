//! The environments on the way are open and healthy now, and run what we think.
//! What counts is how they are when the deployment comes there, so nothing of this blocks by itself.

use std::collections::BTreeSet;

use tokio::time::timeout;

use super::Sources;
use crate::domain::deployment::Deployment;
use crate::domain::drift::Drift;
use crate::domain::finding::{Finding, FindingCode, Level};
use crate::domain::freeze;
use crate::domain::health::Answer;
use crate::domain::id::EnvironmentName;
use crate::domain::place::Place;
use crate::domain::workflow::Stage;
use crate::inspection::drift;
use crate::ports::PROBE_TIMEOUT;

pub(super) async fn check(sources: &Sources, deployment: &Deployment) -> Vec<Finding> {
    let mut findings = Vec::new();
    for environment in &deployment.spec.workflow.environments {
        let stage = Stage::Deploying(environment.name.clone());
        if deployment.spec.workflow.skips(&stage) {
            continue;
        }
        findings.extend(locked(sources, deployment, &environment.name).await);
        findings.extend(frozen(sources, &environment.name));
        findings.extend(unhealthy(sources, deployment, &stage, &environment.name).await);
        findings.extend(drifted(sources, deployment, &environment.name).await);
    }
    findings
}

/// A database that cannot be read stops the engine anyway, so here it finds nothing.
async fn locked(sources: &Sources, deployment: &Deployment, name: &EnvironmentName) -> Option<Finding> {
    let (service, environment) = (deployment.spec.service.clone(), name.clone());
    let lock = sources.read(move |snapshot| snapshot.lock(&environment, &service)).await.ok().flatten()?;
    Some(Finding::new(
        FindingCode::EnvironmentLocked,
        &format!("environments.{name}"),
        &format!("{} has locked {name}: {}", lock.by, lock.reason),
        &format!("the deployment waits before {name} until somebody runs `unlock`"),
    ))
}

fn frozen(sources: &Sources, name: &EnvironmentName) -> Option<Finding> {
    let hold = freeze::hold(&sources.policy.freezes, name, &BTreeSet::new(), sources.clock.now())?;
    Some(Finding::new(
        FindingCode::EnvironmentFrozen,
        &format!("environments.{name}"),
        &format!("{name}: {hold}"),
        "wait: it goes on by itself when the freeze ends",
    ))
}

async fn unhealthy(
    sources: &Sources,
    deployment: &Deployment,
    stage: &Stage,
    name: &EnvironmentName,
) -> Option<Finding> {
    if is_off(sources, FindingCode::TargetUnhealthy) {
        return None;
    }
    let url = deployment.health_url(stage)?;
    let check = deployment.spec.workflow.terms(stage).health?;
    let answer = match timeout(PROBE_TIMEOUT, sources.probe.ask(&url)).await {
        Ok(answer) => answer,
        Err(_) => Answer::TimedOut,
    };
    (answer != Answer::Status(check.status)).then(|| {
        Finding::new(
            FindingCode::TargetUnhealthy,
            &format!("environments.{name}.health"),
            &format!("{name} is not healthy before anything was deployed: {answer}"),
            "look at what runs there; a deployment of it may or may not be the remedy",
        )
    })
}

/// What cannot be told is no finding: it would be one of every deployment while
/// Harness does not answer. Nor does a database that cannot be read make one.
async fn drifted(sources: &Sources, deployment: &Deployment, name: &EnvironmentName) -> Vec<Finding> {
    if is_off(sources, FindingCode::EnvironmentDrifted) {
        return Vec::new();
    }
    let place = Place { service: deployment.spec.service.clone(), environment: name.clone() };
    let seen = drift::look(sources, &place, &deployment.spec.repository).await.unwrap_or_default();
    seen.into_iter()
        .filter_map(|(_, drift)| match drift {
            Drift::Differs { ours, theirs, source } => Some(Finding::new(
                FindingCode::EnvironmentDrifted,
                &format!("environments.{name}"),
                &format!("this server deployed {ours} to {name}, and {} says {theirs}", source.in_words()),
                "find out who changed it; this deployment replaces it, and a rollback brings back what this server knows",
            )),
            Drift::None | Drift::Unknown { .. } => None,
        })
        .collect()
}

/// What is turned off is not asked either.
fn is_off(sources: &Sources, code: FindingCode) -> bool {
    sources.policy.validation.levels.get(&code) == Some(&Level::Off)
}
