//! Answers word for word, as Harness and whatever stands before it give them.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, header};
use deployment_orchestrator::clock::SystemRandom;
use deployment_orchestrator::domain::execution::{Cause, Retry};
use deployment_orchestrator::harness::Client;
use deployment_orchestrator::ports::{ExecutionFilter, Executions, Pipelines, TriggerError};
use deployment_orchestrator::tally::Tally;

use super::{KEY, PATIENT, client, pipeline, request, settings};

/// A server that answers every request like this, for as long as the test lives.
async fn serving(answer: impl Fn(&Request) -> Response<Body> + Clone + Send + Sync + 'static) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let routes = Router::new().fallback(async move |request: Request| answer(&request));
    tokio::spawn(axum::serve(listener, routes).into_future());
    url
}

async fn answering(status: u16, body: &'static str) -> Client {
    let url =
        serving(move |_| Response::builder().status(status).body(Body::from(body)).expect("a response"))
            .await;
    client(&url, PATIENT)
}

#[tokio::test]
async fn every_shape_of_a_failed_trigger_is_judged() {
    let shapes = [
        (
            400,
            r#"{"status":"FAILURE","code":"INVALID_REQUEST","message":"Invalid request","errors":[{"fieldId":"image_tag","error":"is required"}]}"#,
        ),
        (
            400,
            r#"{"status":"ERROR","code":"RESOURCE_NOT_FOUND_EXCEPTION","message":"Pipeline does not exist"}"#,
        ),
        (400, r#"{"status":"ERROR","code":"FREEZE_EXCEPTION","message":"Deployment freeze is active"}"#),
        (
            400,
            r#"{"status":"ERROR","code":"HINT","message":"Check the delegate","detailedMessage":"Check the delegate","responseMessages":[{"code":"HINT","message":"Check the delegate"},{"code":"DELEGATE_NOT_AVAILABLE","message":"No delegate is connected","failureTypes":["DELEGATE_PROVISIONING_FAILURE"]}]}"#,
        ),
        (
            400,
            r#"{"message":"bad inputs","code":"invalid","errors":[{"field_name":"yaml","message":"does not parse"}]}"#,
        ),
        (
            403,
            r#"{"status":"ERROR","code":"NG_ACCESS_DENIED","message":"Missing permission core_pipeline_execute"}"#,
        ),
        (408, "{}"),
        (500, r#"{"status":"ERROR","code":"UNKNOWN_ERROR","message":"Oops, something went wrong"}"#),
        (200, r#"{"status":"FAILURE","code":"INVALID_REQUEST","message":"Invalid request"}"#),
        (200, r#"{"status":"ERROR","code":"EXPIRED_TOKEN","message":"Token expired","data":null}"#),
        (200, r#"{"status":"ERROR","code":"UNKNOWN_ERROR","message":"Oops","data":"a shape of its own"}"#),
        (200, r#"{"status":"SUCCESS","data":{"planExecution":{"governanceMetadata":{"deny":true}}}}"#),
        (200, r#"{"status":"SUCCESS","data":{"planExecution":{"status":"RUNNING"}}}"#),
        (200, r#"{"status":"SUCCESS","data":{"planExecution":{"uuid":"../../etc"}}}"#),
        (200, r#"{"status":"SUC"#),
        (200, ""),
        (200, "<!doctype html><title>Sign in</title>"),
        (302, ""),
        (401, "<html>Sign in</html>"),
        (404, "<html>nginx</html>"),
        (404, "not found"),
        (429, "slow down"),
        (503, "<html>maintenance</html>"),
    ];
    let mut verdicts = String::new();
    for (status, body) in shapes {
        let answer = answering(status, body).await.trigger(&request("dep_1:build:1")).await;
        let (effect, error) = match answer {
            Err(TriggerError::NotRun(error)) => ("not run", error),
            Err(TriggerError::Unknown(error)) => ("unknown", error),
            Ok(execution) => panic!("{status} {body} started {execution}"),
        };
        let again = if error.retry == Retry::Final { "final" } else { "retryable" };
        writeln!(verdicts, "{status} {body}\n    {effect}, {again}, {}: {error}", error.cause.as_str())
            .unwrap();
    }
    insta::assert_snapshot!(verdicts);
}

#[tokio::test]
async fn the_execution_is_found_wherever_the_answer_has_it() {
    for body in [
        r#"{"status":"SUCCESS","data":{"planExecution":{"uuid":"run-1"}}}"#,
        r#"{"status":"SUCCESS","data":{"planExecution":{"metadata":{"executionUuid":"run-1"},"status":"RUNNING"}}}"#,
        r#"{"status":"SUCCESS","data":{"planExecutionId":"run-1"}}"#,
        r#"{"planExecution":{"uuid":"run-1","planId":"x"},"gitDetails":{}}"#,
        r#"{"executionId":"run-1"}"#,
    ] {
        let execution = answering(200, body).await.trigger(&request("dep_1:build:1")).await.unwrap();
        assert_eq!(execution.as_str(), "run-1", "{body}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let url = serving(|request| {
        let response = match request.uri().path() {
            "/login" => Response::builder().status(200),
            _ => Response::builder().status(302).header(header::LOCATION, "/login"),
        };
        response.body(Body::from(r#"{"executionId":"run-1"}"#)).expect("a response")
    })
    .await;
    let error = client(&url, PATIENT).observe(&["run-1".parse().unwrap()]).await.unwrap_err();
    assert_eq!(error.cause, Cause::BadAnswer);
    assert!(error.message.contains("redirect (302)"), "{error}");
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let url = serving(|_| {
        let chunk = || Ok::<_, std::io::Error>(vec![b'x'; 64 * 1024]);
        Response::new(Body::from_stream(futures::stream::repeat_with(chunk)))
    })
    .await;
    let error = client(&url, PATIENT).observe(&["run-1".parse().unwrap()]).await.unwrap_err();
    assert_eq!((error.cause, error.retry), (Cause::BadAnswer, Retry::Final));
    assert!(error.message.contains("larger than 4 MiB"), "{error}");
}

#[tokio::test]
async fn the_key_is_nowhere_even_if_harness_echoes_it() {
    let secret = KEY.rsplit('.').next().unwrap();
    let shapes = [
        (
            400,
            r#"{"status":"ERROR","code":"KEY","message":"bad key KEY","responseMessages":[{"message":"KEY KEY"}]}"#,
        ),
        (500, r#"{"status":"ERROR","code":"SECRET","message":"SECRET"}"#),
        (
            200,
            r#"{"data":{"content":[{"planExecutionId":"run-1","pipelineIdentifier":"p","status":"KEY","failureInfo":"KEY"}]}}"#,
        ),
        (
            200,
            r#"{"data":{"content":[{"planExecutionId":"run-1","pipelineIdentifier":"p","status":"Failed","failureInfo":{"message":"SECRET","failureTypeList":["KEY"]}}]}}"#,
        ),
        (200, r#"{"data":"https://harness.example/?key=KEY"}"#),
    ];
    for (status, body) in shapes {
        let url = serving(move |request| {
            let echoed = request.headers()["x-api-key"].to_str().expect("a key");
            let body =
                body.replace("KEY", echoed).replace("SECRET", echoed.rsplit('.').next().expect("a part"));
            Response::builder().status(status).body(Body::from(body)).expect("a response")
        })
        .await;
        let client = client(&url, PATIENT);
        let run = "run-1".parse().unwrap();
        let filter = ExecutionFilter { pipeline: None, statuses: Vec::new(), limit: 1 };
        let told = format!(
            "{:?} {:?} {:?} {:?}",
            client.trigger(&request("dep_1:build:1")).await,
            client.list(&filter).await,
            client.url(&pipeline(), &run).await,
            client.abort(&run).await,
        );
        assert!(!told.contains(secret), "{told}");
        assert!(told.contains("[redacted]") || told.contains("redacted"), "{told}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    for base_url in ["", "app.harness.io", "ftp://app.harness.io", "http://"] {
        assert!(
            Client::new(settings(base_url, PATIENT), Arc::new(SystemRandom), &Tally::default()).is_err(),
            "{base_url}"
        );
    }
    for api_key in ["", "  ", "line\nbreak"] {
        let settings = deployment_orchestrator::harness::Settings {
            api_key: api_key.to_owned().into(),
            ..settings("https://app.harness.io", PATIENT)
        };
        assert!(Client::new(settings, Arc::new(SystemRandom), &Tally::default()).is_err(), "{api_key:?}");
    }
}
