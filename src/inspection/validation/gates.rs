//! Every gate on the way can be opened, and production has one.

use crate::config::policy::Policy;
use crate::domain::deployment::Deployment;
use crate::domain::finding::{Finding, FindingCode};

pub(super) fn check(policy: &Policy, deployment: &Deployment) -> Vec<Finding> {
    let environments = &deployment.spec.workflow.environments;
    environments
        .iter()
        .filter_map(|environment| {
            let name = &environment.name;
            let subject = format!("environments.{name}.approval");
            if environment.gated && !policy.gates_of(&deployment.spec).contains_key(name) {
                return Some(Finding::new(
                    FindingCode::GateNotConfigured,
                    &subject,
                    &format!("nobody may approve {name}"),
                    &format!("name approvers under `approval` of environment `{name}` in the config"),
                ));
            }
            (environment.production && !environment.gated).then(|| {
                Finding::new(
                    FindingCode::ProductionNotGated,
                    &subject,
                    &format!("{name} is production, and nobody is asked before it is deployed to"),
                    &format!("give environment `{name}` an `approval` in the config"),
                )
            })
        })
        .collect()
}
