//! What a start would do, before it is done.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::durations::UsualView;
use super::path::PathView;
use super::places::HoldView;
use super::{App, Code, Error, StartRequest};
use crate::domain::commit;
use crate::domain::deployment::{Deployment, Spec, Variable};
use crate::domain::entrance::{self, OnConflict, Rules};
use crate::domain::gate::{Gate, PolicyVersion};
use crate::domain::id::{DeploymentId, EnvironmentName, PrincipalName};
use crate::domain::path::PathTaken;
use crate::domain::principal::Actor;
use crate::domain::subject::Digest;
use crate::domain::workflow::{Stage, Workflow};

/// The way that a deployment would take, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanView {
    /// Pass it as `expected_plan_hash` to start_deployment: it starts nothing else than this.
    pub plan_hash: String,
    /// Whether start_deployment would take it now.
    pub startable: bool,
    /// What stands in the way of the start itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blockers: Vec<String>,
    /// Service.
    pub service: String,
    /// Commit.
    pub commit_sha: String,
    /// The environment that ends the way.
    pub target_environment: String,
    /// `auto` or `step`.
    pub mode: String,
    /// The named path that it would take instead of the ordinary way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathView>,
    /// The stages in their order.
    pub stages: Vec<PlannedStageView>,
    /// How long all of it usually takes, in milliseconds, people's time included; absent while too little is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual_total_ms: Option<u64>,
}

/// A stage of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedStageView {
    /// Its name.
    pub stage: String,
    /// The Harness pipeline that it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_id: Option<String>,
    /// The inputs that it is given, apart from the deployment's id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// Its input sets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub input_sets: Vec<String>,
    /// Who is asked before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<PlannedApprovalView>,
    /// What the environment runs now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces_commit: Option<String>,
    /// How many of the start's `commits` are new there; absent if they do not go back so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commits_ahead: Option<usize>,
    /// What would hold it there if it came now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<HoldView>,
    /// What else the config asks before it: soaking, evidence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<String>,
    /// How long it usually takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual: Option<UsualView>,
}

/// Who is asked, and what counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedApprovalView {
    /// Who may decide.
    pub approvers: Vec<String>,
    /// How many must approve.
    pub required_approvals: u32,
    /// Groups of which somebody must be among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_groups: Vec<String>,
    /// What a decision may rest on.
    pub accepts: Vec<String>,
    /// How long people usually take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual: Option<UsualView>,
}

/// What makes a plan this plan. Whatever may change by itself, such as a freeze, is not in it.
#[derive(Serialize)]
struct Identity<'a> {
    repository: &'a str,
    service: &'a str,
    branch: &'a str,
    commit: &'a str,
    mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a PathTaken>,
    variables: &'a BTreeMap<crate::domain::id::VariableName, String>,
    workflow: &'a Workflow,
    gates: BTreeMap<&'a EnvironmentName, PolicyVersion>,
    entrances: BTreeMap<&'a EnvironmentName, Asked>,
    authors: BTreeSet<&'a PrincipalName>,
}

/// What the config asks before an environment. How many may be in it stands in the workflow.
#[derive(Serialize)]
struct Asked {
    soak_ms: u64,
    require: Vec<&'static str>,
    on_conflict: OnConflict,
}

impl From<&Rules> for Asked {
    fn from(rules: &Rules) -> Self {
        Self {
            soak_ms: u64::try_from(rules.soak.as_millis()).unwrap_or(u64::MAX),
            require: rules.require.iter().map(|proof| proof.as_str()).collect(),
            on_conflict: rules.on_conflict,
        }
    }
}

impl App {
    /// What [`Self::start`] would do with the same request. Nothing happens.
    ///
    /// # Errors
    /// Malformed arguments, an unknown environment, a gate that nobody may open.
    pub async fn plan(&self, request: StartRequest, actor: Actor) -> Result<PlanView, Error> {
        let spec = self.spec(request, actor)?;
        let permitted = self.permitted(&spec.initiator, &spec.workflow).await;
        let permitted = permitted.and_then(|()| self.path_is_open_to(&spec));
        let plan_hash = self.plan_hash(&spec).to_string();
        let usual = self.usual_durations(&spec.repository).await?;
        let deployment = Deployment::create(DeploymentId::new(0, 0), spec, self.clock.now());
        let mut stages = Vec::new();
        let mut stage = Some(Stage::Validating);
        while let Some(present) = stage {
            stages.push(self.planned(&deployment, &present, &usual).await?);
            stage = deployment.spec.workflow.after(&present);
        }
        let known: Option<Vec<u64>> = stages.iter().map(|it| it.usual.map(|usual| usual.median_ms)).collect();
        let asked = stages.iter().filter_map(|it| it.approval.as_ref()?.usual).map(|usual| usual.median_ms);
        let quarantined = self.refusal_of_quarantined(&deployment.spec).await?;
        let blockers = permitted.err().into_iter().chain(quarantined).map(|error| error.message);
        let blockers: Vec<String> = blockers.collect();
        Ok(PlanView {
            plan_hash,
            startable: blockers.is_empty(),
            blockers,
            service: deployment.spec.service.to_string(),
            commit_sha: deployment.spec.commit.to_string(),
            target_environment: deployment.target().map_or_else(String::new, ToString::to_string),
            mode: super::view::wire_name(&deployment.spec.mode),
            path: PathView::of(&deployment),
            usual_total_ms: known.map(|known| known.into_iter().chain(asked).sum()),
            stages,
        })
    }

    /// The hash of what would be deployed how, by whom it was written, past which gates and rules.
    pub(super) fn plan_hash(&self, spec: &Spec) -> Digest {
        let on_its_way = self.policy.gates_of(spec);
        let gate = |name| on_its_way.get(name).map(Gate::version);
        let environments = || spec.workflow.environments.iter().map(|it| &it.name);
        Digest::of(&Identity {
            repository: spec.repository.as_str(),
            service: spec.service.as_str(),
            branch: spec.branch.as_str(),
            commit: spec.commit.as_str(),
            mode: super::view::wire_name(&spec.mode),
            path: spec.path.as_ref(),
            variables: &spec.variables,
            workflow: &spec.workflow,
            gates: environments().filter_map(|name| Some((name, gate(name)?))).collect(),
            entrances: environments().map(|name| (name, Asked::from(&self.policy.rules_of(name)))).collect(),
            authors: spec.commits.iter().filter_map(|commit| commit.author.as_ref()).collect(),
        })
    }

    /// Whether this is the plan that the caller has seen.
    ///
    /// # Errors
    /// When it is another.
    pub(super) fn require_plan(&self, spec: &Spec, expected: Option<&str>) -> Result<(), Error> {
        let Some(expected) = expected else { return Ok(()) };
        let actual = self.plan_hash(spec).to_string();
        if expected == actual {
            return Ok(());
        }
        Err(Error::new(
            Code::PlanChanged,
            format!("what would happen now is plan {actual}, and not the expected one"),
            "call plan_deployment with the same arguments, look at what is different, and pass its plan_hash",
        ))
    }

    async fn planned(
        &self,
        deployment: &Deployment,
        stage: &Stage,
        usual: &BTreeMap<String, UsualView>,
    ) -> Result<PlannedStageView, Error> {
        let subject = deployment.subject(stage, None);
        let at = match stage.environment() {
            Some(environment) => self.planned_entrance(deployment, environment, usual).await?,
            None => Entrance::default(),
        };
        let id = Variable::DeploymentId.name();
        // The deployment's id, which nobody knows yet, is shown as its placeholder.
        let unknown = |text: &String| text.replace(deployment.id.as_str(), "${deployment.id}");
        let inputs = subject.iter().flat_map(|subject| &subject.inputs).filter(|(name, _)| **name != id);
        Ok(PlannedStageView {
            stage: stage.to_string(),
            pipeline_id: subject.as_ref().map(|subject| subject.pipeline_id.to_string()),
            inputs: inputs.map(|(name, value)| (name.to_string(), unknown(value))).collect(),
            input_sets: subject
                .as_ref()
                .map_or_else(Vec::new, |subject| subject.input_sets.iter().map(unknown).collect()),
            approval: at.approval,
            replaces_commit: at.replaces_commit,
            commits_ahead: at.commits_ahead,
            held_by: at.held_by,
            asks: at.asks,
            usual: usual.get(&stage.to_string()).copied(),
        })
    }

    async fn planned_entrance(
        &self,
        deployment: &Deployment,
        environment: &EnvironmentName,
        usual: &BTreeMap<String, UsualView>,
    ) -> Result<Entrance, Error> {
        let (rules, facts) = self.look_at(deployment, environment).await?;
        let waives = deployment.spec.workflow.waives(environment);
        let waived = |rule: &str| waives.contains(&rule);
        let soak = (!rules.soak.is_zero() && !waived(entrance::SOAK))
            .then(|| format!("the commit has been in the environment before for {} s", rules.soak.as_secs()));
        let gates = self.policy.gates_of(&deployment.spec);
        let gate = gates.get(environment);
        let freezes = &self.policy.freezes;
        let held_by = entrance::foreseen(deployment, environment, freezes, &facts, self.clock.now());
        Ok(Entrance {
            approval: gate.map(|gate| PlannedApprovalView {
                approvers: gate.approvers.iter().map(|approver| approver.name.to_string()).collect(),
                required_approvals: gate.required_approvals,
                required_groups: gate.required_groups.iter().map(|group| group.name.clone()).collect(),
                accepts: gate.accept.iter().map(ToString::to_string).collect(),
                usual: usual.get("awaiting-approval").copied(),
            }),
            commits_ahead: facts
                .here
                .as_ref()
                .and_then(|stay| commit::ahead_of(&deployment.spec.commits, &stay.version.commit)),
            replaces_commit: facts.here.as_ref().map(|stay| stay.version.commit.to_string()),
            held_by: held_by.iter().map(HoldView::from).collect(),
            asks: soak
                .into_iter()
                .chain(
                    rules
                        .require
                        .iter()
                        .map(|it| it.as_str())
                        .filter(|it| !waived(it))
                        .map(ToOwned::to_owned),
                )
                .collect(),
        })
    }
}

/// What is known of an environment on the way.
#[derive(Default)]
struct Entrance {
    approval: Option<PlannedApprovalView>,
    replaces_commit: Option<String>,
    commits_ahead: Option<usize>,
    held_by: Vec<HoldView>,
    asks: Vec<String>,
}
