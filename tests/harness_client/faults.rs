//! What goes wrong between Harness and its client. After each fault: how often
//! was Harness called, how many runs are there, and what does the client claim?

use std::sync::{Arc, Mutex};
use std::time::Duration;

use deployment_orchestrator::clock::{Clock, SystemClock, SystemRandom};
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Retry};
use deployment_orchestrator::domain::id::ExecutionId;
use deployment_orchestrator::harness::simulator::{
    Ending, Endpoint, Fault, Phase, Pipeline, Reply, Script, Simulator,
};
use deployment_orchestrator::ports::{CallError, Executions, Pipelines, TriggerError};

use deployment_orchestrator::harness::Client;
use deployment_orchestrator::tally::{Outcome, Tally, Upstream};

use super::{AGAIN, HASTY, KEY, PATIENT, calls, client, harness, key, observed, pipeline, request, settings};

#[track_caller]
#[expect(clippy::panic, reason = "a failed expectation is a test's job")]
fn not_run(answer: Result<ExecutionId, TriggerError>) -> CallError {
    match answer {
        Err(TriggerError::NotRun(error)) => error,
        other => panic!("expected NotRun, got {other:?}"),
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "a failed expectation is a test's job")]
fn unknown(answer: Result<ExecutionId, TriggerError>) -> CallError {
    match answer {
        Err(TriggerError::Unknown(error)) => error,
        other => panic!("expected Unknown, got {other:?}"),
    }
}

#[tokio::test]
async fn a_run_whose_reply_is_lost_in_any_way_is_unknown_started_once_and_found() {
    let lost = [
        (Reply::Lost, Cause::Unreachable),
        (Reply::Cut, Cause::Unreachable),
        (Reply::Late { ms: 60_000 }, Cause::Timeout),
        (Reply::Stalled, Cause::Timeout),
        (Reply::Truncated, Cause::BadAnswer),
        (Reply::WebPage, Cause::BadAnswer),
        (Reply::Huge, Cause::BadAnswer),
        (Reply::Status { code: 500, retry_after: None }, Cause::Upstream),
        (Reply::Status { code: 502, retry_after: None }, Cause::Upstream),
    ];
    for (reply, cause) in lost {
        let script = Script::instant().fault(Fault::processed(Endpoint::Execute, reply.clone()));
        let (simulator, patient) = harness(script).await;
        let hasty = client(&simulator.url(), HASTY);
        let before = SystemClock.now();
        let caller = if cause == Cause::Timeout { &hasty } else { &patient };

        let error = unknown(caller.trigger(&request("dep_1:build:1")).await);

        assert_eq!(error.cause, cause, "{reply:?}: {error}");
        assert_eq!(calls(&simulator, Endpoint::Execute), 1, "{reply:?}");
        let run = simulator.runs().pop().unwrap();
        let found = patient.find(&pipeline(), &key("dep_1:build:1"), before).await.unwrap();
        assert_eq!(found.map(|seen| seen.execution), Some(run.execution), "{reply:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_lost_on_its_way_is_unknown_too() {
    let script = Script::instant().fault(Fault::ignored(Endpoint::Execute, Reply::Lost));
    let (simulator, client) = harness(script).await;
    unknown(client.trigger(&request("dep_1:build:1")).await);
    assert_eq!((calls(&simulator, Endpoint::Execute), simulator.runs().len()), (1, 0));
}

#[tokio::test]
async fn a_refusal_means_that_nothing_ran() {
    let refusals = [
        (401, None, Cause::Unauthorized, Retry::Final),
        (403, None, Cause::Unauthorized, Retry::Final),
        (404, None, Cause::NotFound, Retry::Final),
        (409, None, Cause::Refused, Retry::Final),
        (429, None, Cause::RateLimited, AGAIN),
        (429, Some(7), Cause::RateLimited, Retry::Retryable { after: Some(Duration::from_secs(7)) }),
    ];
    for (code, retry_after, cause, retry) in refusals {
        let fault = Fault::ignored(Endpoint::Execute, Reply::Status { code, retry_after });
        let (simulator, client) = harness(Script::instant().fault(fault)).await;

        let error = not_run(client.trigger(&request("dep_1:build:1")).await);

        assert_eq!((error.cause, error.retry), (cause, retry), "{code}");
        assert_eq!((calls(&simulator, Endpoint::Execute), simulator.runs().len()), (1, 0), "{code}");
    }
}

#[tokio::test]
async fn a_harness_that_cannot_be_reached_runs_nothing() {
    let (simulator, _) = harness(Script::instant()).await;
    let url = simulator.url();
    drop(simulator);
    let client = client(&url, PATIENT);
    // The port closes a moment after the simulator is dropped.
    loop {
        match client.trigger(&request("dep_1:build:1")).await {
            Err(TriggerError::NotRun(error)) if error.message.contains("refused") => {
                assert_eq!((error.cause, error.retry), (Cause::Unreachable, AGAIN));
                break;
            }
            _ => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn a_pipeline_that_harness_does_not_know_is_not_found() {
    let (_simulator, client) = harness(Script { other_pipelines: None, ..Script::instant() }).await;
    let error = not_run(client.trigger(&request("dep_1:build:1")).await);
    assert_eq!((error.cause, error.retry), (Cause::NotFound, Retry::Final));
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let (simulator, _) = harness(Script::instant()).await;
    simulator.edit(|script| script.api_key = Some("another".to_owned()));
    let client = client(&simulator.url(), PATIENT);
    assert_eq!(not_run(client.trigger(&request("dep_1:build:1")).await).cause, Cause::Unauthorized);
    let error = client.observe(&["some-run".parse().unwrap()]).await.unwrap_err();
    assert_eq!((error.cause, error.retry), (Cause::Unauthorized, Retry::Final));
}

#[tokio::test]
async fn reads_are_repeated_until_they_succeed_and_not_for_ever() {
    let (simulator, client) = harness(Script::instant()).await;
    let execution = client.trigger(&request("dep_1:build:1")).await.unwrap();
    let bad_gateway = Reply::Status { code: 502, retry_after: None };

    simulator
        .edit(|script| script.faults = vec![Fault::ignored(Endpoint::Outline, bad_gateway.clone()).times(2)]);
    assert_eq!(observed(&client, &execution).await.unwrap().status, ExecutionStatus::Succeeded);
    assert_eq!(calls(&simulator, Endpoint::Outline), 3);

    simulator.edit(|script| script.faults.push(Fault::ignored(Endpoint::Get, bad_gateway).times(100)));
    let error = client.get(&execution).await.unwrap_err();
    assert_eq!((error.cause, error.retry), (Cause::Upstream, AGAIN));
    assert_eq!(calls(&simulator, Endpoint::Get), 4);
}

#[tokio::test]
async fn a_read_waits_as_long_as_it_is_told_unless_that_is_too_long() {
    let told = |seconds| Reply::Status { code: 429, retry_after: Some(seconds) };
    let script = Script::instant()
        .fault(Fault::ignored(Endpoint::Outline, told(1)))
        .fault(Fault::ignored(Endpoint::Get, told(600)));
    let (simulator, client) = harness(script).await;
    let execution = client.trigger(&request("dep_1:build:1")).await.unwrap();

    let asked_at = SystemClock.now();
    observed(&client, &execution).await.unwrap();
    assert!(SystemClock.now().since(asked_at) >= Duration::from_millis(990));

    let error = client.get(&execution).await.unwrap_err();
    assert_eq!(error.retry, Retry::Retryable { after: Some(Duration::from_secs(600)) });
    assert_eq!(calls(&simulator, Endpoint::Get), 1);
}

#[tokio::test]
async fn a_read_of_a_stalled_harness_ends() {
    let script = Script::instant().fault(Fault::processed(Endpoint::Outline, Reply::Stalled).times(100));
    let (simulator, _) = harness(script).await;
    let error = client(&simulator.url(), HASTY).observe(&["some-run".parse().unwrap()]).await.unwrap_err();
    assert_eq!((error.cause, error.retry), (Cause::Timeout, AGAIN));
    assert_eq!(calls(&simulator, Endpoint::Outline), 1, "a timeout is not repeated");
}

#[tokio::test]
async fn a_failure_is_not_called_final_while_its_reason_cannot_be_read() {
    let failing = Pipeline::default().ending([Ending::failed("CONNECTIVITY", "no route")]);
    let unreadable = Fault::ignored(Endpoint::Get, Reply::Status { code: 503, retry_after: None });
    let script = Script::instant().with("deploy_dev", failing).fault(unreadable.times(4));
    let (_simulator, client) = harness(script).await;
    let execution = client.trigger(&request("dep_1:build:1")).await.unwrap();

    let unread = observed(&client, &execution).await.unwrap();
    assert_eq!(unread.status, ExecutionStatus::Unknown("Failed".to_owned()));
    let ExecutionStatus::Failed(failure) = observed(&client, &execution).await.unwrap().status else {
        panic!("it failed");
    };
    assert_eq!((failure.message.as_str(), failure.retry), ("no route", AGAIN));
}

#[tokio::test]
async fn a_hook_sees_every_call_before_and_after_it_is_processed() {
    let lost = Fault::ignored(Endpoint::Execute, Reply::Lost);
    let (simulator, client) = harness(Script::instant().fault(lost)).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    simulator.on_request(move |info, phase| log.lock().unwrap().push((info.number, info.endpoint, phase)));

    unknown(client.trigger(&request("dep_1:build:1")).await);
    client.trigger(&request("dep_1:build:2")).await.unwrap();

    let execute = Endpoint::Execute;
    let expected =
        [(1, execute, Phase::Received), (2, execute, Phase::Received), (2, execute, Phase::Processed)];
    assert_eq!(*seen.lock().unwrap(), expected);
    assert!(!format!("{:?}", super::settings("http://localhost", PATIENT)).contains(KEY));
}

#[tokio::test]
async fn each_request_is_counted_by_what_harness_says_of_it() {
    let status = |code| Reply::Status { code, retry_after: None };
    for (reply, outcome) in [
        (Reply::Lost, Outcome::Unreachable),
        (Reply::Cut, Outcome::Unreachable),
        (Reply::Stalled, Outcome::TimedOut),
        (Reply::Truncated, Outcome::Unreadable),
        (Reply::WebPage, Outcome::Unreadable),
        (Reply::Huge, Outcome::Unreadable),
        (status(401), Outcome::Refused),
        (status(429), Outcome::RateLimited),
        (status(502), Outcome::ServerError),
    ] {
        let script = Script {
            api_key: Some(KEY.to_owned()),
            ..Script::instant().fault(Fault::processed(Endpoint::Execute, reply.clone()))
        };
        let simulator = Simulator::start("127.0.0.1:0".parse().unwrap(), script).await.unwrap();
        let tally = Tally::default();
        let timeout = if outcome == Outcome::TimedOut { HASTY } else { PATIENT };
        let settings = settings(&simulator.url(), timeout);
        let client = Client::new(settings, Arc::new(SystemRandom), &tally).unwrap();
        for _ in 0..2 {
            let _ = client.trigger(&request("dep_1:build:1")).await;
        }
        let outcomes = tally.counts().calls.remove(&Upstream::Harness).unwrap().outcomes;
        let came: Vec<_> = outcomes.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(came, [(Outcome::Ok, 1), (outcome, 1)], "{reply:?}");
    }
}
