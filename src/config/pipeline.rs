//! What a stage runs in Harness, and with what.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::file::duration;
use crate::domain::id::{PipelineId, VariableName};
use crate::domain::template::{Placeholder, Template};
use crate::domain::workflow::PipelineRun;

/// A shorter timeout would stop what has hardly begun.
const SHORTEST_TIMEOUT: Duration = Duration::from_mins(1);

/// `[pipelines]`: of the stages that deploy to no environment.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct Pipelines {
    build: Option<PipelineSection>,
    test: Option<PipelineSection>,
}

/// One of them, or one that rolls back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct PipelineSection {
    pipeline: PipelineId,
    #[serde(default)]
    input_sets: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<VariableName, String>,
    timeout: Option<String>,
}

impl Pipelines {
    pub(super) fn build(&self) -> Result<PipelineRun, String> {
        self.build.as_ref().map_or_else(|| named("build_and_push"), |section| section.at("build"))
    }

    pub(super) fn test(&self) -> Result<PipelineRun, String> {
        self.test.as_ref().map_or_else(|| named("run_tests"), |section| section.at("test"))
    }
}

impl PipelineSection {
    pub(super) fn run(&self) -> Result<PipelineRun, String> {
        Ok(PipelineRun {
            timeout_ms: timeout(self.timeout.as_deref())?,
            ..with_inputs(self.pipeline.clone(), &self.input_sets, &self.variables)?
        })
    }

    /// The run of a stage that deploys to no environment.
    fn at(&self, name: &str) -> Result<PipelineRun, String> {
        let place = |error| format!("pipelines.{name}: {error}");
        let run = self.run().map_err(place)?;
        let mut texts = run.input_sets.iter().chain(run.variables.values());
        if texts.any(|text| text.placeholders().any(|it| it == Placeholder::Environment)) {
            return Err(place(
                "${environment.name} stands for nothing here, where no environment is deployed to".to_owned(),
            ));
        }
        Ok(run)
    }
}

fn named(pipeline: &str) -> Result<PipelineRun, String> {
    let pipeline = pipeline.parse().map_err(|error| format!("{error}"))?;
    with_inputs(pipeline, &[], &BTreeMap::new())
}

/// A pipeline with inputs in which placeholders may stand.
pub(super) fn with_inputs(
    pipeline: PipelineId,
    input_sets: &[String],
    variables: &BTreeMap<VariableName, String>,
) -> Result<PipelineRun, String> {
    let parse = |key: &str, text: &String| input(text).map_err(|error| format!("{key}: {error}"));
    Ok(PipelineRun {
        pipeline,
        input_sets: input_sets.iter().map(|set| parse("input_sets", set)).collect::<Result<_, _>>()?,
        variables: variables
            .iter()
            .map(|(name, text)| Ok((name.clone(), parse(&format!("variable `{name}`"), text)?)))
            .collect::<Result<_, String>>()?,
        timeout_ms: None,
    })
}

/// How long an execution may take, in milliseconds.
pub(super) fn timeout(text: Option<&str>) -> Result<Option<u64>, String> {
    match duration(text, "timeout")? {
        Some(timeout) if timeout < SHORTEST_TIMEOUT => Err(format!(
            "`timeout` must be at least {} s, in which Harness has hardly begun",
            SHORTEST_TIMEOUT.as_secs()
        )),
        timeout => Ok(timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX))),
    }
}

/// Harness evaluates `<+…>`: with a placeholder beside it, a caller would have a say in what.
fn input(text: &str) -> Result<Template, String> {
    let template: Template = text.parse().map_err(|error| format!("{error}"))?;
    if text.contains("<+") && template.placeholders().next().is_some() {
        return Err(format!(
            "`{text}` has a placeholder beside an expression of Harness; give each a variable of its own"
        ));
    }
    Ok(template)
}
