//! The rules of this installation, resolved: who, through which stages, past
//! which gates.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::approval::Gate;
use crate::domain::id::{EnvironmentName, PipelineId, PrincipalName};
use crate::domain::plan::Timing;
use crate::domain::workflow::Workflow;

/// The rules. Read at start; a change of the file takes a restart.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The person for whom an agent acts, and who uses the command line.
    pub user: PrincipalName,
    /// All environments, in order. A start copies it up to its target.
    pub workflow: Workflow,
    /// The gates that can be opened. A gated environment that is missing here
    /// has nobody who could approve, and a start that needs it is refused.
    pub gates: BTreeMap<EnvironmentName, Gate>,
    /// Pipelines that an agent may run by itself.
    pub triggerable: BTreeSet<PipelineId>,
    /// The engine's times.
    pub timing: Timing,
    /// What a reader of any status must know about these rules.
    pub caveats: Vec<String>,
}

impl Policy {
    /// Whether an agent may run this pipeline by itself. One behind a gate is
    /// never allowed, whatever the list says.
    #[must_use]
    pub fn agent_may_trigger(&self, pipeline: &PipelineId) -> bool {
        self.triggerable.contains(pipeline) && !self.is_behind_a_gate(pipeline)
    }

    /// Whether the workflow uses this pipeline behind a gate.
    #[must_use]
    pub fn is_behind_a_gate(&self, pipeline: &PipelineId) -> bool {
        self.workflow
            .environments
            .iter()
            .any(|environment| environment.gated && environment.deploy.pipeline == *pipeline)
    }
}
