//! A deployment: what was asked for, and how far it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::approval::Parties;
use super::commit::Commit;
use super::gate::PolicyVersion;
use super::id::{
    Branch, ChannelName, CommitSha, CorrelationKey, DeploymentId, EnvironmentName, FreezeName,
    IdempotencyKey, IssueKey, ManifestPath, PrincipalName, Repository, Service, VariableName,
};
use super::path::PathTaken;
use super::place::{Held, Place};
use super::principal::Actor;
use super::rollback_way::{Ask, RollbackWay};
use super::state::{Restore, State, Version};
use super::subject::Subject;
use super::template::{Placeholder, Template, in_a_url};
use super::time::Timestamp;
use super::workflow::{PipelineRun, Stage, Workflow};

/// One run of a workflow for one commit of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Its handle.
    pub id: DeploymentId,
    /// When it was created.
    pub created_at: Timestamp,
    /// What was asked for. Never changes, so that the deployment's versions share it.
    pub spec: Arc<Spec>,
    /// How far it is. Changes with every event.
    pub progress: Progress,
}

/// What was asked for, and the workflow as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The repository.
    pub repository: Repository,
    /// The service.
    pub service: Service,
    /// The branch.
    pub branch: Branch,
    /// The commit.
    pub commit: CommitSha,
    /// Who sends the completion events.
    pub mode: Mode,
    /// The caller's pipeline variables.
    pub variables: BTreeMap<VariableName, String>,
    /// Where the manifests are that validation looks at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifests: Option<ManifestPath>,
    /// Jira issues to link.
    pub jira_issues: Vec<IssueKey>,
    /// Who is told of it beside those whom the config names.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub notify: BTreeSet<ChannelName>,
    /// Who started it.
    pub initiator: Actor,
    /// Who wrote the commit, as far as the caller said. They do not approve it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commit_authors: Vec<PrincipalName>,
    /// What it brings, newest first, as far as the caller said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<Commit>,
    /// The caller's key: the same key with the same arguments is the same deployment.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The deployment that this one repeats.
    pub restart_of: Option<DeploymentId>,
    /// The named path that it takes; `None`: the ordinary way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathTaken>,
    /// The way that it takes, ending at the target environment.
    pub workflow: Workflow,
}

/// Who sends the completion events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The engine.
    Auto,
    /// The caller, with `transition`; the engine runs the stages.
    Step,
}

/// How far a deployment is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Rises by one with every event; 1 after creation. Every change is a
    /// compare-and-swap on it.
    pub version: u64,
    /// The state.
    pub state: State,
    /// Since when it is in a state of this name.
    pub state_since: Timestamp,
    /// When the last event was recorded.
    pub updated_at: Timestamp,
    /// How many approval requests there were.
    pub requests: u32,
    /// How often a trigger was intended, by stage. Makes correlation keys unique.
    pub intents: BTreeMap<String, u32>,
    /// Environments in which an execution of ours ran or may have run.
    pub touched: BTreeSet<EnvironmentName>,
    /// The environment whose place it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<EnvironmentName>,
    /// What holds it before the environment that is next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// The freezes of that environment that somebody has overridden for it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub overridden: BTreeSet<FreezeName>,
    /// The environments that its rollback leaves as they are, because no good version of them is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unrestored: Vec<EnvironmentName>,
}

impl Deployment {
    /// A new deployment, as its first event makes it.
    #[must_use]
    pub fn create(id: DeploymentId, spec: impl Into<Arc<Spec>>, at: Timestamp) -> Self {
        let progress = Progress {
            version: 1,
            state: State::Pending,
            state_since: at,
            updated_at: at,
            requests: 0,
            intents: BTreeMap::new(),
            touched: BTreeSet::new(),
            place: None,
            held: None,
            overridden: BTreeSet::new(),
            unrestored: Vec::new(),
        };
        Self { id, created_at: at, spec: spec.into(), progress }
    }

    /// The person who answers for it.
    #[must_use]
    pub fn initiator(&self) -> Option<&PrincipalName> {
        self.spec.initiator.principal.human()
    }

    /// Whose deployment it is.
    #[must_use]
    pub fn parties(&self) -> Parties<'_> {
        Parties { deployment: &self.id, initiator: self.initiator(), authors: &self.spec.commit_authors }
    }

    /// The environment that ends its way.
    #[must_use]
    pub fn target(&self) -> Option<&EnvironmentName> {
        self.spec.workflow.environments.last().map(|environment| &environment.name)
    }

    /// The place that it has.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.place_in(self.progress.place.as_ref())
    }

    /// The place that it is before or in.
    #[must_use]
    pub fn place_at_hand(&self) -> Option<Place> {
        self.place_in(self.progress.state.environment())
    }

    fn place_in(&self, environment: Option<&EnvironmentName>) -> Option<Place> {
        Some(Place { service: self.spec.service.clone(), environment: environment?.clone() })
    }

    /// The key of the next attempt at `stage`.
    #[must_use]
    pub fn next_key(&self, stage: &Stage) -> CorrelationKey {
        let stage = stage.to_string();
        let ordinal = self.progress.intents.get(&stage).copied().unwrap_or(0) + 1;
        CorrelationKey::new(&self.id, &stage, ordinal)
    }

    /// The version of the code that `stage` brings to its environment: the
    /// deployment's own, or, when restoring, the one that is put back.
    #[must_use]
    pub fn version_of(&self, stage: &Stage) -> Version {
        match self.restore_of(stage) {
            Some(restore) => restore.version.clone(),
            None => Version {
                deployment: self.id.clone(),
                commit: self.spec.commit.clone(),
                branch: self.spec.branch.clone(),
                variables: self.spec.variables.clone(),
            },
        }
    }

    /// What `stage` puts back, if that is what it does.
    pub(super) fn restore_of(&self, stage: &Stage) -> Option<&Restore> {
        let restore = match &self.progress.state {
            State::RollingBack(rollback) => Some(&rollback.now),
            State::Cancelling { restoring, .. } => restoring.as_deref(),
            _ => None,
        };
        let Stage::Restoring(environment) = stage else { return None };
        restore.filter(|restore| restore.environment == *environment)
    }

    /// What a placeholder of the config stands for at `stage`; empty for the
    /// environment of a stage that has none.
    fn value(&self, placeholder: Placeholder, stage: &Stage) -> String {
        let version = self.version_of(stage);
        match placeholder {
            Placeholder::Id => version.deployment.to_string(),
            Placeholder::Repository => self.spec.repository.to_string(),
            Placeholder::Service => self.spec.service.to_string(),
            Placeholder::Branch => version.branch.to_string(),
            Placeholder::CommitSha => version.commit.to_string(),
            Placeholder::Environment => stage.environment().map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// Where to ask after `stage` whether its environment is healthy; `None` where nobody asks.
    #[must_use]
    pub fn health_url(&self, stage: &Stage) -> Option<String> {
        Some(self.address(&self.spec.workflow.terms(stage).health?.url, stage))
    }

    /// The address of the config, filled in for `stage`. Nothing that is filled
    /// in can leave the part of the address that it stands in.
    #[must_use]
    pub fn address(&self, url: &Template, stage: &Stage) -> String {
        url.filled(|placeholder| in_a_url(&self.value(placeholder, stage)))
    }

    /// What `stage` will run in Harness, with all inputs resolved. The caller's
    /// variables give way to the config's, and both to ours. `None` for
    /// validation.
    #[must_use]
    pub fn subject(&self, stage: &Stage, policy: Option<PolicyVersion>) -> Option<Subject> {
        let version = self.version_of(stage);
        let (pipeline_id, inputs, input_sets, harness_rollback) = match self.ask(stage)? {
            Ask::Run(run) => {
                let value = |placeholder| self.value(placeholder, stage);
                let input_sets = run.input_sets.iter().map(|set| set.filled(value)).collect();
                (run.pipeline.clone(), self.inputs(stage, run, &version), input_sets, None)
            }
            // Harness runs the pipeline that it undoes, with the inputs that it had.
            Ask::RollBack(target) => {
                let undone = &self.spec.workflow.pipeline_run(stage)?.pipeline;
                (undone.clone(), BTreeMap::new(), Vec::new(), Some(target.clone()))
            }
        };
        Some(Subject {
            deployment_id: self.id.clone(),
            repository: self.spec.repository.clone(),
            service: self.spec.service.clone(),
            branch: version.branch,
            commit_sha: version.commit,
            commit_authors: self.spec.commit_authors.clone(),
            started_for: self.initiator().cloned(),
            shortcut: self.shortcut(stage),
            environment: stage.environment().cloned(),
            pipeline_id,
            inputs,
            input_sets,
            policy,
            harness_rollback,
        })
    }

    fn inputs(&self, stage: &Stage, run: &PipelineRun, version: &Version) -> BTreeMap<VariableName, String> {
        let value = |placeholder| self.value(placeholder, stage);
        let mut inputs = version.variables.clone();
        inputs.extend(run.variables.iter().map(|(name, text)| (name.clone(), text.filled(value))));
        let own = [
            (Variable::Repository, self.spec.repository.to_string()),
            (Variable::Service, self.spec.service.to_string()),
            (Variable::Branch, version.branch.to_string()),
            (Variable::CommitSha, version.commit.to_string()),
            (Variable::DeploymentId, self.id.to_string()),
        ];
        inputs.extend(own.map(|(variable, value)| (variable.name(), value)));
        let Some(environment) = stage.environment() else { return inputs };
        inputs.insert(Variable::Environment.name(), environment.to_string());
        let way = self.spec.workflow.environment(environment).map(|it| &it.rollback);
        if let (Some(_), Some(RollbackWay::Pipeline(_))) = (self.restore_of(stage), way) {
            inputs.insert(Variable::RolledBackCommitSha.name(), self.spec.commit.to_string());
            inputs.insert(Variable::RestoredDeploymentId.name(), version.deployment.to_string());
        }
        inputs
    }
}

/// The pipeline variables that we set. A caller may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// `repository`
    Repository,
    /// `service`
    Service,
    /// `branch`
    Branch,
    /// `commit_sha`
    CommitSha,
    /// `environment`, for deploying stages
    Environment,
    /// `deployment_id`
    DeploymentId,
    /// `rolled_back_commit_sha`, for a pipeline that rolls back: what is there and goes
    RolledBackCommitSha,
    /// `restored_deployment_id`, for such a pipeline: whose version comes back
    RestoredDeploymentId,
}

impl Variable {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Repository,
        Self::Service,
        Self::Branch,
        Self::CommitSha,
        Self::Environment,
        Self::DeploymentId,
        Self::RolledBackCommitSha,
        Self::RestoredDeploymentId,
    ];

    /// Its name in Harness.
    #[must_use]
    pub fn name(self) -> VariableName {
        let name = match self {
            Self::Repository => "repository",
            Self::Service => "service",
            Self::Branch => "branch",
            Self::CommitSha => "commit_sha",
            Self::Environment => "environment",
            Self::DeploymentId => "deployment_id",
            Self::RolledBackCommitSha => "rolled_back_commit_sha",
            Self::RestoredDeploymentId => "restored_deployment_id",
        };
        name.parse().expect("letters and underscores are a variable name")
    }
}
