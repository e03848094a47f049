//! Named paths: stages are left out, on record, and people are asked for more.
//!
//! What a path leaves out is copied into the deployment, like all that its stages
//! run. What it demands of its gates is judged as the config has it, like the gates.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::assurance::Assurance;
use super::deployment::Deployment;
use super::entrance::{Proof, SOAK};
use super::gate::{Gate, RequiredGroup};
use super::id::{EnvironmentName, PathName, PrincipalName};
use super::workflow::{Stage, Workflow};

/// A path, as the config has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The stages that it leaves out.
    pub skip: BTreeSet<Stage>,
    /// What it asks at each gate on its way, on top of what the environment asks.
    pub demands: Demands,
    /// For whom a deployment may be started on it; `None`: for whoever operates.
    pub may_start: Option<BTreeSet<PrincipalName>>,
}

/// What is asked on top of a gate. It can only ever make a gate harder to open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demands {
    /// How many people must approve at least.
    pub required_approvals: u32,
    /// Groups of which somebody must be among them.
    pub required_groups: Vec<RequiredGroup>,
    /// Whether nobody approves their own, even where the environment allows it.
    pub forbids_self_approval: bool,
    /// After how long a request expires at the latest.
    pub expires_after_ms: Option<u64>,
    /// The assurances that count, of those that the environment accepts; `None`: all of them.
    pub accept: Option<Vec<Assurance>>,
}

/// The path that a deployment was started on, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathTaken {
    /// Its name.
    pub name: PathName,
    /// Why, from the caller, shortened.
    pub reason: String,
}

/// What a deployment on a path does not do before a stage. Whoever approves, approves this, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shortcut {
    /// The path.
    pub path: PathName,
    /// Why it was taken, from the caller.
    pub reason: String,
    /// The stages that are left out, by their wire names.
    pub skipped: Vec<String>,
    /// The rules about evidence that hold nobody on this path, by their names in the config.
    pub waives: Vec<String>,
}

impl Demands {
    /// The gate that asks what `gate` asks, and this.
    #[must_use]
    pub fn on_top_of(&self, gate: &Gate) -> Gate {
        let mut harder = gate.clone();
        harder.required_approvals = gate.required_approvals.max(self.required_approvals);
        for group in &self.required_groups {
            if !harder.required_groups.contains(group) {
                harder.required_groups.push(group.clone());
            }
        }
        harder.allow_self_approval &= !self.forbids_self_approval;
        harder.expires_after_ms =
            self.expires_after_ms.map_or(gate.expires_after_ms, |most| gate.expires_after_ms.min(most));
        if let Some(accept) = &self.accept {
            harder.accept.retain(|assurance| accept.contains(assurance));
        }
        harder
    }
}

impl Shortcut {
    /// What it means, in one line without the reason.
    #[must_use]
    pub fn meaning(&self) -> String {
        meaning(self.path.as_str(), &self.skipped, &self.waives)
    }
}

/// What a path means that leaves these stages out and waives these rules, in one line.
#[must_use]
pub fn meaning(path: &str, skipped: &[String], waives: &[String]) -> String {
    let left_out = if skipped.is_empty() { "leaving anything out".to_owned() } else { skipped.join(", ") };
    let waived = if waives.is_empty() { String::new() } else { format!("; waives {}", waives.join(", ")) };
    format!("{path}, without {left_out}{waived}")
}

impl Workflow {
    /// The rules about evidence before `environment` that nobody on this way could
    /// meet, because what they speak of is left out: by their names in the config.
    #[must_use]
    pub fn waives(&self, environment: &EnvironmentName) -> Vec<&'static str> {
        let skips_the_one_before =
            self.before(environment).is_some_and(|it| self.skips(&Stage::Deploying(it.name.clone())));
        let mut waives = Vec::new();
        if self.skips(&Stage::Testing) {
            waives.push(Proof::TestsPassed.as_str());
        }
        if skips_the_one_before {
            waives.extend([Proof::PreviousEnvironment.as_str(), SOAK]);
        }
        waives
    }
}

impl Deployment {
    /// What its path leaves out before `stage`; `None` on the ordinary way.
    #[must_use]
    pub fn shortcut(&self, stage: &Stage) -> Option<Shortcut> {
        let PathTaken { name, reason } = self.spec.path.as_ref()?;
        let workflow = &self.spec.workflow;
        let waives = match stage {
            Stage::Deploying(environment) => workflow.waives(environment),
            Stage::Validating | Stage::Building | Stage::Testing | Stage::Restoring(_) => Vec::new(),
        };
        Some(Shortcut {
            path: name.clone(),
            reason: reason.clone(),
            skipped: workflow.skipped.iter().map(ToString::to_string).collect(),
            waives: waives.into_iter().map(ToOwned::to_owned).collect(),
        })
    }
}
