//! What is at stake when something is deployed to an environment, and what the way back is.

use crate::domain::commit::short;
use crate::domain::deployment::Deployment;
use crate::domain::entrance::Stay;
use crate::domain::id::EnvironmentName;
use crate::domain::rollback_way::RollbackWay;
use crate::domain::time;
use crate::domain::workflow::{Environment, Stage};

/// What a deployment reaches with `environment`, each in a sentence. `live` is what is there now.
pub(super) fn of(deployment: &Deployment, environment: &EnvironmentName, live: Option<&Stay>) -> Vec<String> {
    let Some(there) = deployment.spec.workflow.environment(environment) else { return Vec::new() };
    vec![
        touches(deployment, there),
        goes_on(deployment, environment),
        checks(there),
        fails(there),
        way_back(there, live),
    ]
}

fn touches(deployment: &Deployment, there: &Environment) -> String {
    let service = &deployment.spec.service;
    let kind = if there.production { "production" } else { "no production by the config" };
    format!("It changes {service} in {}, which is {kind}, and no other service.", there.name)
}

fn goes_on(deployment: &Deployment, environment: &EnvironmentName) -> String {
    let way = &deployment.spec.workflow;
    let rest =
        std::iter::successors(way.after(&Stage::Deploying(environment.clone())), |stage| way.after(stage));
    let rest: Vec<String> = rest
        .filter_map(|stage| {
            let name = stage.environment()?;
            Some(if way.is_gated(&stage) {
                format!("{name}, after another approval")
            } else {
                format!("{name}, where nobody is asked")
            })
        })
        .collect();
    match rest.as_slice() {
        [] => format!("{environment} ends its way: it goes nowhere else."),
        rest => format!("From there it goes on to {}.", rest.join("; then ")),
    }
}

fn checks(there: &Environment) -> String {
    match &there.health {
        Some(check) => {
            let time = time::in_words(std::time::Duration::from_millis(check.timeout_ms));
            format!(
                "Afterwards it has {time} to answer {} times in a row that it is healthy.",
                check.successes
            )
        }
        None => "Nobody asks afterwards whether it is healthy: what the pipeline says counts.".to_owned(),
    }
}

fn fails(there: &Environment) -> String {
    if there.automatic_rollback {
        "If the rollout fails, it is rolled back without anybody asking.".to_owned()
    } else {
        "If the rollout fails, nothing is put back until somebody asks for ROLLBACK.".to_owned()
    }
}

fn way_back(there: &Environment, live: Option<&Stay>) -> String {
    let Some(live) = live else {
        return format!("There is no way back: no earlier version in {} is known.", there.name);
    };
    let how = match &there.rollback {
        RollbackWay::Redeploy => format!("with the pipeline {}", there.deploy.pipeline),
        RollbackWay::Pipeline(run) => format!("with the pipeline {}", run.pipeline),
        RollbackWay::Harness(_) => "by Harness, which undoes the rollout".to_owned(),
    };
    format!("The way back is {}, {how}.", short(live.version.commit.as_str()))
}
