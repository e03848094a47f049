//! What the simulator plays. Readable from TOML and JSON:
//!
#![doc = concat!("```toml\n", include_str!("example.toml"), "```")]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Everything that the simulator is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// The only API key that is accepted. Without one, any key will do.
    pub api_key: Option<String>,
    /// What these pipelines do, by identifier.
    pub pipelines: BTreeMap<String, Pipeline>,
    /// What all other pipelines do. Without it, they do not exist.
    pub other_pipelines: Option<Pipeline>,
    /// From an abort to the end of the run.
    pub abort_ms: u64,
    /// The largest page, whatever size is asked for.
    pub page_limit: usize,
    /// Leave the runtime inputs out of the outline, so that a run can be
    /// recognised by its notes only.
    pub hide_inputs: bool,
    /// What goes wrong between Harness and its client. The first that matches a call wins.
    pub faults: Vec<Fault>,
}

impl Default for Script {
    /// A pleasant demo: everything succeeds, a build and a test in two seconds,
    /// a deployment in one and a half.
    fn default() -> Self {
        let pipelines = [
            ("build_and_push", 2000, ["Build", "Push image"]),
            ("run_tests", 2000, ["Unit tests", "Integration tests"]),
            ("deploy_dev", 1500, ["Deploy", "Smoke test"]),
            ("deploy_staging", 1500, ["Deploy", "Smoke test"]),
            ("deploy_prod", 1500, ["Canary", "Rollout"]),
        ];
        let pipelines = pipelines.map(|(name, duration_ms, stages)| {
            let stages = stages.map(str::to_owned).to_vec();
            (name.to_owned(), Pipeline { duration_ms, queued_ms: 200, stages, ..Pipeline::default() })
        });
        Self {
            api_key: None,
            pipelines: BTreeMap::from(pipelines),
            other_pipelines: Some(Pipeline { duration_ms: 1500, ..Pipeline::default() }),
            abort_ms: 500,
            page_limit: 100,
            hide_inputs: false,
            faults: Vec::new(),
        }
    }
}

impl Script {
    /// For tests: every pipeline exists and succeeds at once, and an abort is
    /// done at once.
    #[must_use]
    pub fn instant() -> Self {
        Self {
            pipelines: BTreeMap::new(),
            other_pipelines: Some(Pipeline::default()),
            abort_ms: 0,
            ..Self::default()
        }
    }

    /// Read a script that a person wrote.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.message().replace('\n', " "))
    }

    /// This script, with `pipeline` doing as told.
    #[must_use]
    pub fn with(mut self, pipeline: &str, does: Pipeline) -> Self {
        self.pipelines.insert(pipeline.to_owned(), does);
        self
    }

    /// This script, with one fault more.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }
}

/// What a pipeline does when it runs. By default it succeeds at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pipeline {
    /// How long a run waits before it runs.
    pub queued_ms: u64,
    /// How long it runs.
    pub duration_ms: u64,
    /// How long after its start no read knows the run (eventual consistency).
    pub hidden_ms: u64,
    /// Its stages, which share the duration evenly. Without any, there is one.
    pub stages: Vec<String>,
    /// The YAML of its runtime inputs. Without it, it asks for what the product
    /// gives every pipeline, and requires nothing.
    pub template: Option<String>,
    /// How its first run ends, its second, and so on; the last one stays.
    /// Without any, every run succeeds.
    pub endings: Vec<Ending>,
}

impl Pipeline {
    /// A pipeline that runs for so long.
    #[must_use]
    pub fn lasting(duration_ms: u64) -> Self {
        Self { duration_ms, ..Self::default() }
    }

    /// This pipeline, asking for these runtime inputs.
    #[must_use]
    pub fn asking(self, template: &str) -> Self {
        Self { template: Some(template.to_owned()), ..self }
    }

    /// This pipeline, with its runs ending like this, one after the other.
    #[must_use]
    pub fn ending(mut self, endings: impl IntoIterator<Item = Ending>) -> Self {
        self.endings = endings.into_iter().collect();
        self
    }
}

/// How a run ends, or does not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It succeeds.
    #[default]
    Success,
    /// It succeeds, with a failure that its pipeline ignores.
    IgnoreFailed,
    /// It fails.
    Failed {
        /// Harness's failure types, such as `CONNECTIVITY`.
        types: Vec<String>,
        /// What its last stage says.
        message: String,
    },
    /// It runs out of time.
    Expired,
    /// An approver inside Harness says no.
    ApprovalRejected,
    /// A freeze window begins while it runs.
    AbortedByFreeze,
    /// Somebody stops it.
    Aborted,
    /// It waits for an approval for ever.
    ApprovalWaiting,
    /// It shows this status word in the second half of its time, and succeeds.
    Strange {
        /// A word that no client knows.
        word: String,
    },
    /// It is queued again in the middle of its time, and succeeds.
    Wavers,
    /// No read knows it any more.
    Vanishes,
}

impl Ending {
    /// A failure of one type.
    #[must_use]
    pub fn failed(kind: &str, message: &str) -> Self {
        Self::Failed { types: vec![kind.to_owned()], message: message.to_owned() }
    }
}

/// The endpoints, as faults and counts name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// Run a pipeline.
    Execute,
    /// Run a pipeline with input sets.
    ExecuteWithInputSets,
    /// Stop a run.
    Interrupt,
    /// Undo the last rollout.
    RollBack,
    /// Many executions in short.
    Outline,
    /// Executions by page number.
    List,
    /// One execution with its stages.
    Get,
    /// The notes of an execution.
    Notes,
    /// Where to look at an execution.
    Url,
    /// What a pipeline asks for.
    Template,
}

/// Something that goes wrong with some calls of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// With calls of this endpoint …
    pub on: Endpoint,
    /// … for this pipeline, or any …
    #[serde(default)]
    pub pipeline: Option<String>,
    /// … beginning with the n-th of them …
    #[serde(default = "one")]
    pub nth: u32,
    /// … and so often …
    #[serde(default = "one")]
    pub times: u32,
    /// … the request is treated like this …
    pub request: Treatment,
    /// … and its reply like this.
    pub reply: Reply,
}

fn one() -> u32 {
    1
}

impl Fault {
    /// The first call never reaches Harness, and its reply is this.
    #[must_use]
    pub fn ignored(on: Endpoint, reply: Reply) -> Self {
        Self { on, pipeline: None, nth: 1, times: 1, request: Treatment::Ignored, reply }
    }

    /// Harness does what the first call asks for, and the reply becomes this.
    #[must_use]
    pub fn processed(on: Endpoint, reply: Reply) -> Self {
        Self { request: Treatment::Processed, ..Self::ignored(on, reply) }
    }

    /// Beginning with the n-th call, counted from 1.
    #[must_use]
    pub fn nth(self, nth: u32) -> Self {
        Self { nth, ..self }
    }

    /// So many calls in a row.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }
}

/// Whether Harness does what a call asks for, when its reply goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Treatment {
    /// It does not.
    Ignored,
    /// It does.
    Processed,
}

/// What becomes of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// The connection closes without one.
    Lost,
    /// It comes so much later.
    Late {
        /// Milliseconds.
        ms: u64,
    },
    /// It is an error with this HTTP status, in Harness's envelope.
    Status {
        /// The HTTP status.
        code: u16,
        /// Seconds, for the `Retry-After` header.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// It is a web page, with status 200.
    WebPage,
    /// It is the first half of what it should be, as if that were all.
    Truncated,
    /// The connection closes after the first half.
    Cut,
    /// Nothing comes after the first half, and the connection stays open.
    Stalled,
    /// It is 5 MB of JSON.
    Huge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_is_a_script() {
        let script: Script = toml::from_str(include_str!("example.toml")).expect("the example");
        let deploy = &script.pipelines["deploy_prod"];
        let first = Ending::failed("CONNECTIVITY", "cluster unreachable");
        assert_eq!(deploy.endings, [first, Ending::Success]);
        assert_eq!(script.faults[0], Fault::processed(Endpoint::Execute, Reply::Lost).nth(2));
        let bad_gateway = Reply::Status { code: 502, retry_after: None };
        assert_eq!(script.faults[1], Fault::ignored(Endpoint::Outline, bad_gateway).times(2));
        assert_eq!(script.abort_ms, Script::default().abort_ms, "what is left out has its default");
        assert!(toml::from_str::<Script>("durations = 1").is_err(), "a misspelt field is an error");
    }
}
