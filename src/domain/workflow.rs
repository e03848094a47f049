//! The ordered stages and environments that a deployment follows.
//!
//! A workflow is copied into the deployment when it starts, so that a change of
//! the config never alters one in flight.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::health::HealthCheck;
use super::id::{EnvironmentName, PipelineId, VariableName};
use super::rollback_way::RollbackWay;
use super::template::Template;

/// What a deployment goes through, up to its target environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// The pipeline of the stage `building`.
    pub build: PipelineRun,
    /// The pipeline of the stage `testing`.
    pub test: PipelineRun,
    /// The environments in their order; the last is the target.
    pub environments: Vec<Environment>,
    /// The stages that the deployment's path leaves out, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Stage>,
}

/// One environment of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// A failed attempt here is repeated only when it is known not to have run.
    pub production: bool,
    /// Whether people must approve before anything is deployed here. Who and
    /// how is the gate of the config, which is judged as it is at that time.
    pub gated: bool,
    /// Whether only the deployment that has the place may trigger anything here.
    /// `false` in a workflow that was copied before there were places.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exclusive: bool,
    /// How many services may be deployed here at a time; `None`: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// The pipeline that deploys here.
    pub deploy: PipelineRun,
    /// What must be seen of it after each deploy and restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthCheck>,
    /// How the version before comes back. The usual way in a workflow that was
    /// copied before there were others.
    #[serde(default, skip_serializing_if = "RollbackWay::is_redeploy")]
    pub rollback: RollbackWay,
    /// Whether a deployment whose rollout failed here is rolled back without anybody asking.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic_rollback: bool,
}

/// Which Harness pipeline to run, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineRun {
    /// The Harness identifier.
    pub pipeline: PipelineId,
    /// Input sets in Harness, applied in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input_sets: Vec<Template>,
    /// Variables from the config.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<VariableName, Template>,
    /// How long an execution may take before it is stopped; `None`: as long as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A stage: a part of the way that does work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "stage", content = "environment")]
pub enum Stage {
    /// Check arguments, config and Harness.
    Validating,
    /// Run the build pipeline.
    Building,
    /// Run the tests.
    Testing,
    /// Deploy to an environment.
    Deploying(EnvironmentName),
    /// Put an environment's last good version back.
    Restoring(EnvironmentName),
}

impl Stage {
    /// Where it deploys to.
    #[must_use]
    pub fn environment(&self) -> Option<&EnvironmentName> {
        match self {
            Self::Deploying(environment) | Self::Restoring(environment) => Some(environment),
            Self::Validating | Self::Building | Self::Testing => None,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Validating => out.write_str("validating"),
            Self::Building => out.write_str("building"),
            Self::Testing => out.write_str("testing"),
            Self::Deploying(environment) => write!(out, "deploying-{environment}"),
            Self::Restoring(environment) => write!(out, "restoring-{environment}"),
        }
    }
}

impl Workflow {
    /// The environment of this name.
    #[must_use]
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == *name)
    }

    /// The stage after `stage`; `None` when `stage` ends the way. What is left out comes after nothing.
    #[must_use]
    pub fn after(&self, stage: &Stage) -> Option<Stage> {
        std::iter::successors(self.next(stage), |stage| self.next(stage)).find(|stage| !self.skips(stage))
    }

    /// Whether `stage` is left out. Its target, a gate, validation and build never are, whatever is stored.
    #[must_use]
    pub fn skips(&self, stage: &Stage) -> bool {
        let may_be = match stage {
            Stage::Testing => true,
            Stage::Deploying(_) => !self.is_gated(stage) && self.next(stage).is_some(),
            Stage::Validating | Stage::Building | Stage::Restoring(_) => false,
        };
        may_be && self.skipped.contains(stage)
    }

    /// The same way without those of `stages` that are on it.
    #[must_use]
    pub fn without(mut self, stages: &BTreeSet<Stage>) -> Self {
        let way = std::iter::successors(Some(Stage::Validating), |stage| self.next(stage));
        self.skipped = way.filter(|stage| stages.contains(stage)).collect();
        self
    }

    /// The stage after `stage`, left out or not.
    fn next(&self, stage: &Stage) -> Option<Stage> {
        let deploying = |environment: &Environment| Stage::Deploying(environment.name.clone());
        match stage {
            Stage::Validating => Some(Stage::Building),
            Stage::Building => Some(Stage::Testing),
            Stage::Testing => self.environments.first().map(deploying),
            Stage::Deploying(name) => {
                let here = self.environments.iter().position(|environment| environment.name == *name)?;
                self.environments.get(here + 1).map(deploying)
            }
            Stage::Restoring(_) => None,
        }
    }

    /// What `stage` runs in Harness, where nothing else was said of a rollback;
    /// `None` for validation, which runs here, and for an environment that is not
    /// on the way.
    #[must_use]
    pub fn pipeline_run(&self, stage: &Stage) -> Option<&PipelineRun> {
        match stage {
            Stage::Validating => None,
            Stage::Building => Some(&self.build),
            Stage::Testing => Some(&self.test),
            Stage::Deploying(name) | Stage::Restoring(name) => {
                self.environment(name).map(|environment| &environment.deploy)
            }
        }
    }

    /// Whether people must approve before `stage`. An environment that is not
    /// on the way counts as gated.
    #[must_use]
    pub fn is_gated(&self, stage: &Stage) -> bool {
        matches!(stage, Stage::Deploying(name) if self.environment(name).is_none_or(|it| it.gated))
    }

    /// Whether `stage` takes the place of its environment.
    #[must_use]
    pub fn is_exclusive(&self, stage: &Stage) -> bool {
        stage.environment().and_then(|name| self.environment(name)).is_some_and(|it| it.exclusive)
    }

    /// The environment before this one on the way.
    #[must_use]
    pub fn before(&self, name: &EnvironmentName) -> Option<&Environment> {
        let here = self.environments.iter().position(|environment| environment.name == *name)?;
        self.environments.get(here.checked_sub(1)?)
    }

    /// Whether an attempt at `stage` may be repeated only when it is known that
    /// the one before did not run. Restoring counts: two at once would fight.
    #[must_use]
    pub fn is_cautious(&self, stage: &Stage) -> bool {
        match stage {
            Stage::Deploying(name) => self.environment(name).is_none_or(|it| it.production || it.gated),
            Stage::Restoring(_) => true,
            Stage::Validating | Stage::Building | Stage::Testing => false,
        }
    }
}
