//! What will happen in Harness, in full, and its digest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::gate::PolicyVersion;
use super::hex;
use super::id::{
    Branch, CommitSha, DeploymentId, EnvironmentName, PipelineId, PrincipalName, Repository, Service,
    VariableName,
};
use super::path::Shortcut;
use super::rollback_way::HarnessRollback;

/// SHA-256 over RFC 8785 canonical JSON, as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub String);

impl Digest {
    /// The digest of `value`. Equal JSON gives equal digests, whatever the order of its keys.
    #[must_use]
    pub fn of(value: &impl Serialize) -> Self {
        let canonical = serde_json_canonicalizer::to_vec(value).expect(
            "our own types have string keys and finite numbers, which is all that canonical JSON asks",
        );
        Self(hex::encode(&Sha256::digest(&canonical)))
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

/// Everything that a run in Harness will be given, and for whom. This is what a
/// person approves: its digest is in their decision, and is computed anew from
/// what is about to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The deployment.
    pub deployment_id: DeploymentId,
    /// The repository.
    pub repository: Repository,
    /// The service.
    pub service: Service,
    /// The branch that the commit was taken from.
    pub branch: Branch,
    /// The commit.
    pub commit_sha: CommitSha,
    /// The people who wrote it, as far as the caller said.
    pub commit_authors: Vec<PrincipalName>,
    /// The person for whom the deployment was started.
    pub started_for: Option<PrincipalName>,
    /// What was left out on the way, and why; `None` on the ordinary way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortcut: Option<Shortcut>,
    /// The environment; `None` for build and test.
    pub environment: Option<EnvironmentName>,
    /// The pipeline.
    pub pipeline_id: PipelineId,
    /// The resolved inputs, without the correlation key, which differs by attempt.
    pub inputs: BTreeMap<VariableName, String>,
    /// The input sets.
    pub input_sets: Vec<String>,
    /// The version of the approval policy; `None` where there is no gate.
    pub policy: Option<PolicyVersion>,
    /// What Harness is asked to undo. Nothing else is sent then: `pipeline_id` is
    /// the pipeline that is undone, and it has no inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness_rollback: Option<HarnessRollback>,
}
