//! Starting, watching, finding and stopping runs when nothing goes wrong
//! between Harness and its client.

use std::time::Duration;

use deployment_orchestrator::clock::{Clock, SystemClock};
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Failure, HumanWait, Retry};
use deployment_orchestrator::domain::id::ExecutionId;
use deployment_orchestrator::harness::simulator::{Ending, Endpoint, Pipeline, Script};
use deployment_orchestrator::ports::{ExecutionFilter, Executions, Pipelines, TriggerRequest};

use super::{AGAIN, calls, harness, key, observed, observed_when, pipeline, request};

#[tokio::test]
async fn a_run_is_started_with_its_inputs_and_watched_to_its_end() {
    let (simulator, client) = harness(Script::instant().with("deploy_dev", Pipeline::lasting(200))).await;
    let execution = client.trigger(&request("dep_1:build:1")).await.unwrap();

    let run = simulator.runs().pop().unwrap();
    assert_eq!(run.execution, execution);
    assert_eq!(run.notes.as_deref(), Some("dep_1:build:1"));
    assert_eq!(run.inputs["image_tag"], "1.4.2 \"ü😀\"\n");
    assert_eq!(run.inputs["deployment_id"], "dep_1:build:1");

    let running = observed(&client, &execution).await.unwrap();
    assert_eq!((running.status, running.ended_at), (ExecutionStatus::Running, None));
    let end = observed_when(&client, &execution, |seen| seen.status.is_final()).await;
    assert_eq!((end.status, end.harness_status.as_str()), (ExecutionStatus::Succeeded, "Success"));
    assert_eq!(end.ended_at, Some(end.started_at.unwrap().plus(Duration::from_millis(200))));
}

#[tokio::test]
async fn input_sets_and_a_branch_travel_with_the_inputs() {
    let (simulator, client) = harness(Script::instant()).await;
    let mut request = TriggerRequest {
        input_sets: vec!["staging_defaults".to_owned(), "eu".to_owned()],
        pipeline_branch: Some("release/1.4".parse().unwrap()),
        ..request("dep_1:build:1")
    };
    request.inputs.insert("deployment_id".parse().unwrap(), "forged".to_owned());
    client.trigger(&request).await.unwrap();

    let run = simulator.runs().pop().unwrap();
    assert_eq!(calls(&simulator, Endpoint::ExecuteWithInputSets), 1);
    assert_eq!(run.input_sets, ["staging_defaults", "eu"]);
    assert_eq!(run.branch.as_deref(), Some("release/1.4"));
    assert_eq!(run.inputs["deployment_id"], "dep_1:build:1", "an input cannot forge the key");
}

#[tokio::test]
async fn one_request_observes_a_hundred_executions_and_every_page_is_read() {
    let (simulator, client) = harness(Script { page_limit: 40, ..Script::instant() }).await;
    let mut executions: Vec<ExecutionId> = vec!["never-started".parse().unwrap()];
    for attempt in 0..119 {
        executions.push(client.trigger(&request(&format!("dep_1:build:{attempt}"))).await.unwrap());
    }

    let observations = client.observe(&executions).await.unwrap();

    assert_eq!(observations.len(), 119, "an unknown execution is left out");
    assert!(executions[1..].iter().all(|id| observations.iter().any(|seen| seen.execution == *id)));
    assert_eq!(calls(&simulator, Endpoint::Outline), 4, "99 in pages of 40, then 20");
}

#[tokio::test]
async fn a_run_is_found_by_its_key_and_by_nothing_else() {
    for hide_inputs in [false, true] {
        let (simulator, client) = harness(Script { hide_inputs, ..Script::instant() }).await;
        let before = SystemClock.now();
        let tenth = client.trigger(&request("dep_1:build:10")).await.unwrap();
        let first = client.trigger(&request("dep_1:build:1")).await.unwrap();
        // Somebody presses "rerun" in Harness, which copies the inputs and the notes.
        client.trigger(&request("dep_1:build:1")).await.unwrap();

        let find = async |text| {
            let found = client.find(&pipeline(), &key(text), before).await.unwrap();
            found.map(|seen| seen.execution)
        };
        assert_eq!(find("dep_1:build:1").await, Some(first));
        assert_eq!(find("dep_1:build:10").await, Some(tenth));
        assert_eq!(find("dep_1:build").await, None);
        assert_eq!(find("dep_2:build:1").await, None);
        assert_eq!(calls(&simulator, Endpoint::Notes) > 0, hide_inputs, "notes are asked for only if needed");

        let later = before.plus(Duration::from_secs(120));
        assert_eq!(client.find(&pipeline(), &key("dep_1:build:1"), later).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_search_that_cannot_see_everything_is_an_error_and_not_a_no() {
    let (_simulator, client) = harness(Script { page_limit: 1, ..Script::instant() }).await;
    let before = SystemClock.now();
    for attempt in 0..21 {
        client.trigger(&request(&format!("dep_1:build:{attempt}"))).await.unwrap();
    }
    let error = client.find(&pipeline(), &key("dep_2:build:1"), before).await.unwrap_err();
    assert_eq!((error.cause, error.retry), (Cause::BadAnswer, Retry::Final));
}

#[tokio::test]
async fn every_ending_is_understood() {
    let failed = |cause, message: &str, retry| {
        ExecutionStatus::Failed(Failure { cause, message: message.to_owned(), retry })
    };
    let cases = [
        (Ending::Success, ExecutionStatus::Succeeded),
        (Ending::IgnoreFailed, ExecutionStatus::Succeeded),
        (Ending::Aborted, ExecutionStatus::Aborted),
        (Ending::ApprovalWaiting, ExecutionStatus::NeedsHuman(HumanWait::Approval)),
        (Ending::failed("CONNECTIVITY", "no route"), failed(Cause::PipelineFailed, "no route", AGAIN)),
        (
            Ending::failed("VERIFICATION", "bad canary"),
            failed(Cause::PipelineFailed, "bad canary", Retry::Final),
        ),
        (Ending::Expired, failed(Cause::PipelineExpired, "the pipeline ran out of time", Retry::Final)),
        (Ending::ApprovalRejected, failed(Cause::PipelineRejected, "an approver rejected it", Retry::Final)),
        (Ending::AbortedByFreeze, failed(Cause::Frozen, "a freeze window is active", Retry::Final)),
    ];
    let endings = cases.iter().map(|(ending, _)| ending.clone());
    let (_simulator, client) =
        harness(Script::instant().with("deploy_dev", Pipeline::default().ending(endings))).await;
    for (ending, expected) in cases {
        let execution = client.trigger(&request("dep_1:build:1")).await.unwrap();
        assert_eq!(observed(&client, &execution).await.unwrap().status, expected, "{ending:?}");
    }
}

#[tokio::test]
async fn a_strange_word_is_shown_and_the_run_is_watched_further() {
    let strange = Pipeline::lasting(400).ending([Ending::Strange { word: "Frobnicating".to_owned() }]);
    let (_simulator, client) = harness(Script::instant().with("deploy_dev", strange)).await;
    let execution = client.trigger(&request("dep_1:build:1")).await.unwrap();

    let strange = ExecutionStatus::Unknown("Frobnicating".to_owned());
    observed_when(&client, &execution, |seen| seen.status == strange).await;
    observed_when(&client, &execution, |seen| seen.status == ExecutionStatus::Succeeded).await;
}

#[tokio::test]
async fn a_run_that_reads_do_not_know_is_left_out() {
    let hidden = Pipeline { hidden_ms: 300, ..Pipeline::default() };
    let vanishing = Pipeline::default().ending([Ending::Vanishes]);
    let (_simulator, client) =
        harness(Script::instant().with("deploy_dev", hidden).with("other", vanishing)).await;

    let late = client.trigger(&request("dep_1:build:1")).await.unwrap();
    assert_eq!(observed(&client, &late).await, None);
    observed_when(&client, &late, |seen| seen.status == ExecutionStatus::Succeeded).await;

    let vanished = TriggerRequest { pipeline: "other".parse().unwrap(), ..request("dep_1:build:2") };
    let vanished = client.trigger(&vanished).await.unwrap();
    assert_eq!(observed(&client, &vanished).await, None);
    assert_eq!(client.get(&vanished).await.unwrap_err().cause, Cause::NotFound);
}

#[tokio::test]
async fn an_abort_takes_its_time_and_is_harmless_when_the_run_is_over() {
    let script = Script { abort_ms: 200, ..Script::instant() };
    let (simulator, client) = harness(script.with("deploy_dev", Pipeline::lasting(60_000))).await;
    let execution = client.trigger(&request("dep_1:build:1")).await.unwrap();

    client.abort(&execution).await.unwrap();
    let stopping = observed(&client, &execution).await.unwrap();
    assert_eq!(
        (stopping.status, stopping.harness_status.as_str()),
        (ExecutionStatus::Running, "Discontinuing")
    );
    observed_when(&client, &execution, |seen| seen.status == ExecutionStatus::Aborted).await;

    client.abort(&execution).await.unwrap();
    assert_eq!(calls(&simulator, Endpoint::Interrupt), 2);
    let unknown = client.abort(&"never-started".parse().unwrap()).await.unwrap_err();
    assert_eq!(unknown.cause, Cause::NotFound);
}

#[tokio::test]
async fn a_failed_execution_names_the_stage_that_failed() {
    let stages = ["Canary", "Rollout", "Verify"].map(str::to_owned).to_vec();
    let failing =
        Pipeline { stages, ..Pipeline::default() }.ending([Ending::failed("VERIFICATION", "errors rose")]);
    let (_simulator, client) = harness(Script::instant().with("deploy_dev", failing)).await;
    let execution = client.trigger(&request("dep_1:build:1")).await.unwrap();

    let detail = client.get(&execution).await.unwrap();
    let stages: Vec<_> = detail
        .stages
        .iter()
        .map(|stage| (stage.name.as_str(), stage.harness_status.as_str(), stage.failure.as_deref()))
        .collect();
    assert_eq!(
        stages,
        [
            ("Canary", "Success", None),
            ("Rollout", "Success", None),
            ("Verify", "Failed", Some("errors rose"))
        ]
    );
}

#[tokio::test]
async fn executions_are_listed_newest_first_and_have_an_address() {
    let endings = [Ending::Success, Ending::failed("VERIFICATION", "no"), Ending::Success];
    let (_simulator, client) =
        harness(Script::instant().with("deploy_dev", Pipeline::default().ending(endings))).await;
    let mut started = Vec::new();
    for attempt in 1..=3 {
        started.push(client.trigger(&request(&format!("dep_1:build:{attempt}"))).await.unwrap());
    }
    let list = async |statuses: &[&str], limit| {
        let statuses = statuses.iter().map(|&word| word.to_owned()).collect();
        let filter = ExecutionFilter { pipeline: Some(pipeline()), statuses, limit };
        let listed = client.list(&filter).await.unwrap();
        listed.into_iter().map(|seen| seen.execution).collect::<Vec<_>>()
    };
    assert_eq!(list(&[], 2).await, [started[2].clone(), started[1].clone()]);
    assert_eq!(list(&["Failed"], 10).await, [started[1].clone()]);
    let statuses = vec!["Faild".to_owned()];
    let misspelt = client.list(&ExecutionFilter { pipeline: None, statuses, limit: 10 }).await.unwrap_err();
    assert_eq!((misspelt.cause, misspelt.retry), (Cause::Invalid, Retry::Final), "{}", misspelt.message);

    let run = &started[0];
    let asked = client.url(&pipeline(), run).await.unwrap();
    assert!(asked.starts_with("https://") && asked.contains(run.as_str()), "{asked}");
    let path = format!(
        "/ng/account/acme/all/orgs/default/projects/shop/pipelines/deploy_dev/deployments/{run}/pipeline"
    );
    assert!(client.link(&pipeline(), run).ends_with(&path));
}
