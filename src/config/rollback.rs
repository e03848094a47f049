//! `rollback` of an environment: how the version before comes back.

use serde::Deserialize;

use super::pipeline::PipelineSection;
use crate::domain::rollback_way::{HarnessRollback, RollbackWay};

/// One of the three ways.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "`rollback` is \"redeploy\", { pipeline = \"…\", input_sets = […], variables = {…}, timeout = \"…\" } or { harness = { service = \"…\", environment = \"…\", environment_type = \"Production\" or \"PreProduction\", infrastructure = \"…\" } }, in Harness's identifiers"
)]
pub(super) enum RollbackSection {
    Word(Word),
    Pipeline(PipelineSection),
    Harness(HarnessSection),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    Redeploy,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HarnessSection {
    harness: HarnessRollback,
}

impl Default for RollbackSection {
    fn default() -> Self {
        Self::Word(Word::Redeploy)
    }
}

impl RollbackSection {
    pub(super) fn way(&self) -> Result<RollbackWay, String> {
        Ok(match self {
            Self::Word(Word::Redeploy) => RollbackWay::Redeploy,
            Self::Pipeline(section) => RollbackWay::Pipeline(section.run()?),
            Self::Harness(HarnessSection { harness }) => RollbackWay::Harness(harness.clone()),
        })
    }
}
