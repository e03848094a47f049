//! The Harness client against the simulator, over real HTTP, and against
//! servers that answer as nobody should.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::clock::{Clock, SystemClock, SystemRandom};
use deployment_orchestrator::domain::execution::{
    Cause, ExecutionStatus, Failure, HumanWait, Observation, Retry,
};
use deployment_orchestrator::domain::id::{CorrelationKey, ExecutionId, PipelineId};
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::harness::simulator::{
    Ending, Endpoint, Fault, Phase, Pipeline, Reply, RunRecord, Script, Simulator,
};
use deployment_orchestrator::harness::{Client, Settings};
use deployment_orchestrator::ports::{
    CallError, ExecutionFilter, Executions, Pipelines, TriggerError, TriggerRequest,
};

const KEY: &str = "pat.acme.token1.s3cr3t-s3cr3t";

const AGAIN: Retry = Retry::Retryable { after: None };

fn client(base_url: &str) -> Client {
    client_with_timeout(base_url, Duration::from_secs(10))
}

fn client_with_timeout(base_url: &str, timeout: Duration) -> Client {
    let settings = Settings {
        base_url: base_url.to_owned(),
        account: "acme".to_owned(),
        org: "default".to_owned(),
        project: "shop".to_owned(),
        api_key: KEY.to_owned().into(),
        correlation_variable: "deployment_id".parse().unwrap(),
        timeout,
        requests_per_second: 1000,
    };
    Client::new(settings, Arc::new(SystemRandom)).unwrap()
}

async fn simulator(script: Script) -> (Simulator, Client) {
    let script = Script { api_key: Some(KEY.to_owned()), ..script };
    let simulator = Simulator::start("127.0.0.1:0".parse().unwrap(), script).await.unwrap();
    let client = client(&simulator.url());
    (simulator, client)
}

fn pipeline() -> PipelineId {
    "deploy_dev".parse().unwrap()
}

fn key(text: &str) -> CorrelationKey {
    text.parse().unwrap()
}

fn request(correlation: &str) -> TriggerRequest {
    TriggerRequest {
        pipeline: pipeline(),
        key: key(correlation),
        inputs: BTreeMap::from([("image_tag".parse().unwrap(), "1.4.2 \"ü😀\"\n".to_owned())]),
        input_sets: Vec::new(),
        pipeline_branch: None,
    }
}

async fn observed(client: &Client, execution: &ExecutionId) -> Option<Observation> {
    client.observe(std::slice::from_ref(execution)).await.unwrap().pop()
}

/// The observation once its status is final.
async fn ended(client: &Client, execution: &ExecutionId) -> Observation {
    loop {
        match observed(client, execution).await {
            Some(observation) if observation.status.is_final() => return observation,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

fn started(simulator: &Simulator) -> Vec<RunRecord> {
    simulator.runs()
}

fn calls(simulator: &Simulator, endpoint: Endpoint) -> usize {
    simulator.calls().get(&endpoint).copied().unwrap_or(0)
}

#[tokio::test]
async fn a_run_is_started_with_its_inputs_and_watched_to_its_end() {
    let (simulator, client) = simulator(Script::instant().with("deploy_dev", Pipeline::lasting(200))).await;
    let execution = client.trigger(&request("dep_1:build:1")).await.unwrap();

    let run = started(&simulator).pop().unwrap();
    assert_eq!(run.execution, execution);
    assert_eq!(run.notes.as_deref(), Some("dep_1:build:1"));
    assert_eq!(run.inputs["image_tag"], "1.4.2 \"ü😀\"\n");
    assert_eq!(run.inputs["deployment_id"], "dep_1:build:1");

    let running = observed(&client, &execution).await.unwrap();
    assert_eq!((running.status, running.ended_at), (ExecutionStatus::Running, None));
    let end = ended(&client, &execution).await;
    assert_eq!((end.status, end.harness_status.as_str()), (ExecutionStatus::Succeeded, "Success"));
    assert_eq!(end.ended_at, Some(end.started_at.unwrap().plus(Duration::from_millis(200))));
}
