//! The pipelines on the way are there, and what they ask for is what we give.
//!
//! Harness leaves aside what a pipeline does not declare, and a run without a
//! required input fails when it is triggered, perhaps in production. One read
//! for each pipeline says so before anything runs.

use std::borrow::Cow;
use std::collections::BTreeMap;

use regex_lite::Regex;

use super::{Sources, may_pass};
use crate::domain::deployment::{Deployment, Progress, Variable};
use crate::domain::execution::Cause;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::id::{EnvironmentName, PipelineId, VariableName};
use crate::domain::rollback_way::RollbackWay;
use crate::domain::run::Run;
use crate::domain::runtime_input::{Asked, RuntimeInput, RuntimeInputs};
use crate::domain::state::{Restore, Rollback, State};
use crate::domain::text::shortened;
use crate::domain::workflow::{PipelineRun, Stage};
use crate::ports::CallError;

/// So much of a value is shown.
const VALUE_LIMIT: usize = 40;

/// The longest list of allowed values that is shown.
const ALLOWED_LIMIT: usize = 120;

pub(super) async fn check(sources: &Sources, deployment: &Deployment) -> Result<Vec<Finding>, CallError> {
    let mut findings = Vec::new();
    let mut read: BTreeMap<&PipelineId, Result<RuntimeInputs, CallError>> = BTreeMap::new();
    let visits = visits(deployment);
    for Visit { deployment, key, stage, run } in &visits {
        if !read.contains_key(&run.pipeline) {
            let answer = sources.executions.template(&run.pipeline).await;
            answer.as_ref().err().map_or(Ok(()), may_pass)?;
            read.insert(&run.pipeline, answer);
        }
        match read.get(&run.pipeline) {
            Some(Ok(template)) => {
                findings.extend(At { deployment, key, stage, run, template }.findings());
            }
            Some(Err(error)) => findings.push(unread(key, &run.pipeline, error)),
            None => {}
        }
    }
    let templates: Result<Vec<&RuntimeInputs>, _> = read.values().map(Result::as_ref).collect();
    if let Ok(templates) = templates {
        findings.extend(unused(deployment, &templates));
    }
    Ok(findings)
}

/// A pipeline where the deployment, or its rollback, comes to it.
struct Visit<'a> {
    /// The deployment as it is then.
    deployment: Cow<'a, Deployment>,
    /// Where the config speaks of it.
    key: String,
    stage: Stage,
    run: &'a PipelineRun,
}

/// All pipelines on the way, and those of its own by which an environment is rolled back.
fn visits(deployment: &Deployment) -> Vec<Visit<'_>> {
    let workflow = &deployment.spec.workflow;
    let visit = |key: &str, stage, run| Visit {
        deployment: Cow::Borrowed(deployment),
        key: key.to_owned(),
        stage,
        run,
    };
    let mut visits = vec![
        visit("pipelines.build", Stage::Building, &workflow.build),
        visit("pipelines.test", Stage::Testing, &workflow.test),
    ];
    for environment in &workflow.environments {
        let (name, key) = (&environment.name, format!("environments.{}", environment.name));
        visits.push(visit(&key, Stage::Deploying(name.clone()), &environment.deploy));
        if let RollbackWay::Pipeline(run) = &environment.rollback {
            visits.push(Visit {
                deployment: Cow::Owned(rolled_back(deployment, name)),
                key: format!("{key}.rollback"),
                stage: Stage::Restoring(name.clone()),
                run,
            });
        }
    }
    visits
}

/// The deployment while `environment` gets a version back. Which one that will be
/// nobody knows; its own has inputs of the same names.
fn rolled_back(deployment: &Deployment, environment: &EnvironmentName) -> Deployment {
    let now = Restore {
        environment: environment.clone(),
        version: deployment.version_of(&Stage::Deploying(environment.clone())),
        delivered: true,
    };
    let state =
        State::RollingBack(Box::new(Rollback { stopping: None, run: Run::first(), now, then: Vec::new() }));
    let progress = Progress { state, ..deployment.progress.clone() };
    Deployment { progress, ..deployment.clone() }
}

fn unread(key: &str, pipeline: &PipelineId, error: &CallError) -> Finding {
    match error.cause {
        Cause::NotFound => Finding::new(
            FindingCode::PipelineNotFound,
            &format!("{key}.pipeline"),
            &format!("Harness has no pipeline {pipeline}"),
            "name one that the project has, or make it there",
        ),
        Cause::Unauthorized => Finding::new(
            FindingCode::HarnessRefused,
            &format!("{key}.pipeline"),
            &format!("Harness does not let us see what {pipeline} asks for: {error}"),
            "give the API key the right to view and run pipelines of the project",
        ),
        _ => Finding::new(
            FindingCode::TemplateUnreadable,
            &format!("{key}.pipeline"),
            &format!("it is not known what {pipeline} asks for: {error}"),
            "look at the pipeline's runtime inputs in Harness",
        ),
    }
}

/// Variables of the caller that go nowhere.
fn unused(deployment: &Deployment, templates: &[&RuntimeInputs]) -> Vec<Finding> {
    let taken = |name| templates.iter().any(|template| template.variable(name).is_some());
    let unused = deployment.spec.variables.keys().filter(|name| !taken(name));
    unused
        .map(|name| {
            Finding::new(
                FindingCode::VariableUnused,
                &format!("variables.{name}"),
                "no pipeline on the way takes this variable",
                "leave it out, or declare it as a runtime input of a pipeline",
            )
        })
        .collect()
}

/// A pipeline at one stage of the way.
struct At<'a> {
    deployment: &'a Deployment,
    /// Where the config speaks of it.
    key: &'a str,
    stage: &'a Stage,
    run: &'a PipelineRun,
    template: &'a RuntimeInputs,
}

impl At<'_> {
    fn findings(&self) -> Vec<Finding> {
        let inputs = self.deployment.subject(self.stage, None).map(|subject| subject.inputs);
        let inputs = inputs.unwrap_or_default();
        // An input set may give anything.
        let asked = if self.run.input_sets.is_empty() { self.template.inputs.as_slice() } else { &[] };
        let missing =
            asked.iter().filter(|input| input.required).filter_map(|input| self.missing(input, &inputs));
        let refused = inputs.iter().filter_map(|(name, value)| self.refused(name, value));
        let unknown = self.run.variables.keys().filter_map(|name| self.unknown(name));
        missing.chain(refused).chain(unknown).chain(self.without_commit()).chain(self.without_key()).collect()
    }

    fn missing(&self, input: &RuntimeInput, given: &BTreeMap<VariableName, String>) -> Option<Finding> {
        let Self { key, stage, run, .. } = self;
        let (subject, what, fix) = match &input.asked {
            Asked::Variable(name) if given.contains_key(name) => return None,
            // What comes back was started long ago, and its caller gives nothing more.
            Asked::Variable(name) if matches!(stage, Stage::Restoring(_)) => (
                format!("{key}.variables.{name}"),
                format!("the variable {name}"),
                format!("set it under `{key}.variables` in the config"),
            ),
            Asked::Variable(name) => (
                format!("variables.{name}"),
                format!("the variable {name}"),
                format!("pass it in `variables`, or set it under `{key}.variables` in the config"),
            ),
            Asked::Field(way) => (
                format!("{key}.input_sets"),
                format!("{way}, which is no pipeline variable"),
                format!(
                    "name an input set that gives it under `{key}.input_sets`, or give it a default in Harness"
                ),
            ),
        };
        let message = format!("{} at {stage} requires {what}, and nobody gives it", run.pipeline);
        Some(Finding::new(FindingCode::InputMissing, &subject, &message, &fix))
    }

    fn refused(&self, name: &VariableName, value: &str) -> Option<Finding> {
        let input = self.template.variable(name)?;
        // Harness resolves an expression later.
        if value.contains("<+") {
            return None;
        }
        let wanted = if !input.allowed.is_empty() && !input.allowed.iter().any(|allowed| allowed == value) {
            format!("allows only {}", shortened(&input.allowed.join(", "), ALLOWED_LIMIT))
        } else {
            let pattern = input.pattern.as_deref().filter(|pattern| !may_match(pattern, value))?;
            format!("wants a value that matches {}", shortened(pattern, ALLOWED_LIMIT))
        };
        Some(Finding::new(
            FindingCode::InputNotAllowed,
            &self.source(name),
            &format!(
                "{} {wanted} for {name}, and is given `{}`",
                self.run.pipeline,
                shortened(value, VALUE_LIMIT)
            ),
            "give a value that the pipeline takes, or change what it takes in Harness",
        ))
    }

    /// Who gives this variable: the config, the caller, or one of the caller's other arguments.
    fn source(&self, name: &VariableName) -> String {
        let is_ours = Variable::ALL.iter().any(|own| own.name() == *name);
        if is_ours {
            name.to_string()
        } else if self.run.variables.contains_key(name) {
            format!("{}.variables.{name}", self.key)
        } else {
            format!("variables.{name}")
        }
    }

    fn unknown(&self, name: &VariableName) -> Option<Finding> {
        if self.template.variable(name).is_some() {
            return None;
        }
        Some(Finding::new(
            FindingCode::InputUnknown,
            &format!("{}.variables.{name}", self.key),
            &format!("{} does not take {name}, and Harness leaves it aside", self.run.pipeline),
            "take it out of the config, or declare it as a runtime input of the pipeline",
        ))
    }

    fn without_commit(&self) -> Option<Finding> {
        self.template.variable(&Variable::CommitSha.name()).is_none().then(|| {
            Finding::new(
                FindingCode::CommitUnused,
                &format!("{}.pipeline", self.key),
                &format!(
                    "{} does not take commit_sha, and may run another commit than the one that is meant",
                    self.run.pipeline
                ),
                "declare `commit_sha` as a runtime input of the pipeline and use it",
            )
        })
    }

    fn without_key(&self) -> Option<Finding> {
        (!self.template.takes_key).then(|| {
            Finding::new(
                FindingCode::CorrelationMissing,
                &format!("{}.pipeline", self.key),
                &format!(
                    "{} does not take the correlation key, so that a run whose reply is lost can be found by its notes only",
                    self.run.pipeline
                ),
                "declare the variable that harness.correlation_variable names as a runtime input of the pipeline",
            )
        })
    }
}

/// Whether `value` may match: a pattern that we cannot read is left to Harness.
fn may_match(pattern: &str, value: &str) -> bool {
    Regex::new(&format!("^(?:{pattern})$")).map_or(true, |pattern| pattern.is_match(value))
}
