//! The Harness client over real HTTP: against the simulator, and against
//! servers that answer as nobody should.

mod answers;
mod faults;
mod rollbacks;
mod rollouts;
mod runs;
mod templates;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::clock::SystemRandom;
use deployment_orchestrator::domain::execution::{Observation, Retry};
use deployment_orchestrator::domain::id::{CorrelationKey, ExecutionId, PipelineId};
use deployment_orchestrator::harness::simulator::{Endpoint, Script, Simulator};
use deployment_orchestrator::harness::{Client, Settings};
use deployment_orchestrator::ports::{Executions, TriggerRequest};
use deployment_orchestrator::tally::Tally;

const KEY: &str = "pat.acme.token1.s3cr3t-s3cr3t";

const AGAIN: Retry = Retry::Retryable { after: None };

/// For calls that are expected to be answered.
const PATIENT: Duration = Duration::from_secs(20);

/// For calls that are expected to time out.
const HASTY: Duration = Duration::from_millis(250);

fn settings(base_url: &str, timeout: Duration) -> Settings {
    Settings {
        base_url: base_url.to_owned(),
        account: "acme".to_owned(),
        org: "default".to_owned(),
        project: "shop".to_owned(),
        api_key: KEY.to_owned().into(),
        correlation_variable: "deployment_id".parse().expect("a variable name"),
        timeout,
        requests_per_second: 1000,
    }
}

fn client(base_url: &str, timeout: Duration) -> Client {
    Client::new(settings(base_url, timeout), Arc::new(SystemRandom), &Tally::default()).expect("a client")
}

/// A simulator that plays `script`, and a client of it.
async fn harness(script: Script) -> (Simulator, Client) {
    let script = Script { api_key: Some(KEY.to_owned()), ..script };
    let any_port = "127.0.0.1:0".parse().expect("an address");
    let simulator = Simulator::start(any_port, script).await.expect("a port");
    let client = client(&simulator.url(), PATIENT);
    (simulator, client)
}

fn pipeline() -> PipelineId {
    "deploy_dev".parse().expect("a pipeline")
}

fn key(text: &str) -> CorrelationKey {
    text.parse().expect("a key")
}

fn request(correlation: &str) -> TriggerRequest {
    let image_tag = "image_tag".parse().expect("a variable name");
    TriggerRequest {
        pipeline: pipeline(),
        key: key(correlation),
        inputs: BTreeMap::from([(image_tag, "1.4.2 \"ü😀\"\n".to_owned())]),
        input_sets: Vec::new(),
        pipeline_branch: None,
    }
}

/// What Harness shows of `execution` now.
async fn observed(client: &Client, execution: &ExecutionId) -> Option<Observation> {
    client.observe(std::slice::from_ref(execution)).await.expect("an answer").pop()
}

/// What Harness shows of `execution` once that satisfies `condition`.
async fn observed_when(
    client: &Client,
    execution: &ExecutionId,
    condition: impl Fn(&Observation) -> bool,
) -> Observation {
    loop {
        match observed(client, execution).await {
            Some(observation) if condition(&observation) => return observation,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

fn calls(simulator: &Simulator, endpoint: Endpoint) -> usize {
    simulator.calls().get(&endpoint).copied().unwrap_or(0)
}
