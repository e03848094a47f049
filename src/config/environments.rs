//! `[[environments]]`: where a deployment goes, with what, and when it may.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use serde::Deserialize;

use super::approval::ApprovalSection;
use super::file::duration;
use super::health::HealthSection;
use super::pipeline;
use super::rollback::RollbackSection;
use super::version::VersionSection;
use crate::domain::drift::VersionCheck;
use crate::domain::entrance::{OnConflict, Proof, Rules, WhileWaiting};
use crate::domain::id::{EnvironmentName, PipelineId, VariableName};
use crate::domain::workflow::{Environment, PipelineRun};

/// One of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct EnvironmentSection {
    pub(super) name: EnvironmentName,
    pub(super) pipeline: Option<PipelineId>,
    #[serde(default)]
    pub(super) input_sets: Vec<String>,
    #[serde(default)]
    pub(super) variables: BTreeMap<VariableName, String>,
    pub(super) production: Option<bool>,
    pub(super) approval: Option<ApprovalSection>,
    pub(super) concurrency: Option<NonZeroU32>,
    pub(super) on_conflict: Option<OnConflict>,
    pub(super) while_waiting: Option<WhileWaiting>,
    pub(super) soak: Option<String>,
    #[serde(default)]
    pub(super) require: BTreeSet<Proof>,
    pub(super) alert_after: Option<String>,
    pub(super) health: Option<HealthSection>,
    pub(super) version: Option<VersionSection>,
    pub(super) timeout: Option<String>,
    #[serde(default)]
    pub(super) rollback: RollbackSection,
    #[serde(default)]
    pub(super) automatic_rollback: bool,
}

impl EnvironmentSection {
    /// What a deployment copies when it starts.
    pub(super) fn environment(&self) -> Result<Environment, String> {
        let is_prod = matches!(self.name.as_str(), "prod" | "production");
        let gated = self.approval.is_some() || is_prod;
        let pipeline = match &self.pipeline {
            Some(pipeline) => pipeline.clone(),
            None => format!("deploy_{}", self.name.as_str().replace('-', "_"))
                .parse()
                .map_err(|error| self.wrong(&format!("{error}")))?,
        };
        Ok(Environment {
            name: self.name.clone(),
            production: self.production.unwrap_or(gated),
            gated,
            exclusive: true,
            concurrency: self.concurrency.map(NonZeroU32::get),
            deploy: self.deploy(pipeline).map_err(|error| self.wrong(&error))?,
            health: self
                .health
                .as_ref()
                .map(HealthSection::check)
                .transpose()
                .map_err(|error| self.wrong(&error))?,
            rollback: self.rollback.way().map_err(|error| self.wrong(&format!("rollback: {error}")))?,
            automatic_rollback: self.automatic_rollback,
        })
    }

    fn deploy(&self, pipeline: PipelineId) -> Result<PipelineRun, String> {
        Ok(PipelineRun {
            timeout_ms: pipeline::timeout(self.timeout.as_deref())?,
            ..pipeline::with_inputs(pipeline, &self.input_sets, &self.variables)?
        })
    }

    /// Where it says what it runs, if it does.
    pub(super) fn version(&self) -> Result<Option<VersionCheck>, String> {
        self.version.as_ref().map(VersionSection::check).transpose().map_err(|error| self.wrong(&error))
    }

    fn wrong(&self, error: &str) -> String {
        format!("environment `{}`: {error}", self.name)
    }

    /// What is judged as it is at that time.
    pub(super) fn rules(&self) -> Result<Rules, String> {
        let defaults = Rules::default();
        let long =
            |text: &Option<String>, key| duration(text.as_deref(), key).map_err(|error| self.wrong(&error));
        Ok(Rules {
            on_conflict: self.on_conflict.unwrap_or(defaults.on_conflict),
            while_waiting: self.while_waiting.unwrap_or(defaults.while_waiting),
            soak: long(&self.soak, "soak")?.unwrap_or(defaults.soak),
            require: self.require.clone(),
            alert_after: long(&self.alert_after, "alert_after")?.unwrap_or(defaults.alert_after),
        })
    }
}

/// `dev`, `staging` and `prod`, of a config that names none.
pub(super) fn defaults() -> Vec<EnvironmentSection> {
    ["dev", "staging", "prod"]
        .into_iter()
        .filter_map(|name| name.parse().ok())
        .map(|name| EnvironmentSection {
            name,
            pipeline: None,
            input_sets: Vec::new(),
            variables: BTreeMap::new(),
            production: None,
            approval: None,
            concurrency: None,
            on_conflict: None,
            while_waiting: None,
            soak: None,
            require: BTreeSet::new(),
            alert_after: None,
            health: None,
            version: None,
            timeout: None,
            rollback: RollbackSection::default(),
            automatic_rollback: false,
        })
        .collect()
}
