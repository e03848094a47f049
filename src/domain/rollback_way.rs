//! How an environment gets its last good version back, and what that asks of Harness.

use serde::{Deserialize, Serialize};

use super::deployment::Deployment;
use super::id::{HarnessId, Service};
use super::workflow::{PipelineRun, Stage};

/// How an environment gets its last good version back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "way")]
pub enum RollbackWay {
    /// The pipeline that deploys there runs with the earlier version.
    #[default]
    Redeploy,
    /// A pipeline of its own runs, with the same variables and two more: what is
    /// put back is not what this deployment brought.
    Pipeline(PipelineRun),
    /// Harness undoes what it rolled out last.
    Harness(HarnessRollback),
}

/// What Harness is asked to undo: the last rollout of a service in an environment.
/// All of it in Harness's own names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HarnessRollback {
    /// The service.
    pub service: HarnessId,
    /// The environment.
    pub environment: HarnessId,
    /// Its type.
    pub environment_type: EnvironmentType,
    /// The infrastructure in it.
    pub infrastructure: HarnessId,
}

/// The type of an environment, as Harness writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnvironmentType {
    /// Customers use it.
    Production,
    /// They do not.
    PreProduction,
}

/// What a stage asks of Harness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask<'a> {
    /// Run a pipeline.
    Run(&'a PipelineRun),
    /// Undo the last rollout.
    RollBack(&'a HarnessRollback),
}

impl RollbackWay {
    /// Whether it is the usual way.
    #[must_use]
    pub fn is_redeploy(&self) -> bool {
        *self == Self::Redeploy
    }
}

impl HarnessRollback {
    /// Whether it undoes what is rolled out of `service`. Harness's identifiers
    /// have no hyphen and no dot; both stand as `_` there.
    #[must_use]
    pub fn is_of(&self, service: &Service) -> bool {
        self.service.as_str() == service.as_str().replace(['-', '.'], "_")
    }
}

impl Deployment {
    /// What `stage` asks of Harness; `None` for validation, and for an
    /// environment that is not on the way.
    ///
    /// Harness undoes only a rollout that succeeded, and goes back behind it. A
    /// rollout that failed is not there to be undone: behind it would be one
    /// version too far, so the earlier version is deployed again instead.
    #[must_use]
    pub fn ask(&self, stage: &Stage) -> Option<Ask<'_>> {
        let Some(restore) = self.restore_of(stage) else {
            return self.spec.workflow.pipeline_run(stage).map(Ask::Run);
        };
        let environment = self.spec.workflow.environment(&restore.environment)?;
        Some(match &environment.rollback {
            RollbackWay::Pipeline(run) => Ask::Run(run),
            RollbackWay::Harness(target) if restore.delivered && target.is_of(&self.spec.service) => {
                Ask::RollBack(target)
            }
            RollbackWay::Redeploy | RollbackWay::Harness(_) => Ask::Run(&environment.deploy),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_no_hyphen_and_no_dot_in_harness() {
        let target = HarnessRollback {
            service: "shop_check_out".parse().expect("an identifier"),
            environment: "prod".parse().expect("an identifier"),
            environment_type: EnvironmentType::Production,
            infrastructure: "k8s_prod".parse().expect("an identifier"),
        };
        for (service, is_it) in [
            ("shop.check-out", true),
            ("shop_check_out", true),
            ("shop-checkout", false),
            ("check-out", false),
        ] {
            assert_eq!(target.is_of(&service.parse().expect("a service")), is_it, "{service}");
        }
    }
}
