//! Harness undoes its last rollout, which takes no key of ours.

use std::collections::BTreeMap;
use std::time::Duration;

use deployment_orchestrator::clock::{Clock, SystemClock};
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus};
use deployment_orchestrator::domain::id::ExecutionId;
use deployment_orchestrator::domain::rollback_way::{EnvironmentType, HarnessRollback};
use deployment_orchestrator::harness::Client;
use deployment_orchestrator::harness::simulator::{Endpoint, Fault, Reply, Script};
use deployment_orchestrator::ports::{Executions, Pipelines, TriggerError, TriggerRequest};

use super::{calls, harness, observed, request};

fn target() -> HarnessRollback {
    HarnessRollback {
        service: "check_out".parse().expect("a well-formed name"),
        environment: "prod".parse().expect("a well-formed name"),
        environment_type: EnvironmentType::Production,
        infrastructure: "k8s_prod".parse().expect("a well-formed name"),
    }
}

async fn rolled_out(client: &Client, service: &str) -> ExecutionId {
    let inputs = [("service", service), ("environment", "prod")];
    let inputs = inputs.map(|(name, value)| (name.parse().expect("a well-formed name"), value.to_owned()));
    let request = TriggerRequest { inputs: BTreeMap::from(inputs), ..request("dep_1:deploying-prod:1") };
    client.trigger(&request).await.expect("it runs")
}

#[tokio::test]
async fn the_last_rollout_is_undone_and_watched() {
    let (simulator, client) = harness(Script::instant()).await;
    rolled_out(&client, "check-out").await;
    let last = rolled_out(&client, "check-out").await;
    rolled_out(&client, "payments").await;

    let rollback = client.roll_back(&target()).await.unwrap();

    let run = simulator.runs().pop().unwrap();
    assert_eq!((&run.execution, run.undoes), (&rollback, Some(last)));
    assert_eq!(observed(&client, &rollback).await.unwrap().status, ExecutionStatus::Succeeded);
}

#[tokio::test]
async fn a_rollback_that_harness_declines_was_not_made() {
    let (simulator, client) = harness(Script::instant()).await;
    rolled_out(&client, "check-out").await;
    let Err(TriggerError::NotRun(first)) = client.roll_back(&target()).await else {
        panic!("it is declined")
    };
    assert_eq!(first.cause, Cause::Refused);
    assert!(first.message.contains("no earlier successful deployment"), "{}", first.message);

    rolled_out(&client, "check-out").await;
    client.roll_back(&target()).await.unwrap();
    let Err(TriggerError::NotRun(second)) = client.roll_back(&target()).await else { panic!("only once") };
    assert!(second.message.contains("rolled back before"), "{}", second.message);
    assert_eq!(simulator.runs().len(), 3);
}

#[tokio::test]
async fn a_rollback_whose_reply_is_lost_is_found_and_never_asked_for_again() {
    let script = Script::instant().fault(Fault::processed(Endpoint::RollBack, Reply::Lost));
    let (simulator, client) = harness(script).await;
    rolled_out(&client, "check-out").await;
    rolled_out(&client, "check-out").await;
    let since = SystemClock.now();
    assert_eq!(client.find_rollback(&target(), since).await.unwrap(), None, "rollouts are not rollbacks");

    let lost = client.roll_back(&target()).await.unwrap_err();
    assert!(matches!(lost, TriggerError::Unknown(_)), "{lost}");
    assert_eq!(calls(&simulator, Endpoint::RollBack), 1);

    let run = simulator.runs().pop().unwrap();
    let found = client.find_rollback(&target(), since).await.unwrap().unwrap();
    assert_eq!(found.execution, run.execution);
    let elsewhere = HarnessRollback { environment: "staging".parse().unwrap(), ..target() };
    assert_eq!(client.find_rollback(&elsewhere, since).await.unwrap(), None);
    let later = since.plus(Duration::from_secs(120));
    assert_eq!(client.find_rollback(&target(), later).await.unwrap(), None);
}

#[tokio::test]
async fn of_two_rollbacks_none_is_taken_for_ours() {
    let (_simulator, client) = harness(Script { page_limit: 1, ..Script::instant() }).await;
    let since = SystemClock.now();
    for _ in 0..2 {
        rolled_out(&client, "check-out").await;
        rolled_out(&client, "check-out").await;
        client.roll_back(&target()).await.unwrap();
    }
    let error = client.find_rollback(&target(), since).await.unwrap_err();
    assert_eq!(error.cause, Cause::BadAnswer);
    assert!(error.message.contains("2 rollbacks of check_out in prod"), "{}", error.message);
}
