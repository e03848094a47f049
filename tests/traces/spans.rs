//! What is a span, what it is a part of, when it began and ended, and what came of it. Times
//! are seconds, derived by hand.

use deployment_orchestrator::domain::event::MainEvent;
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Failure, Retry};
use deployment_orchestrator::domain::trace::span::{Part, Span, SpanId, TraceId, Value};
use deployment_orchestrator::domain::trace::tell::{MOST_MOMENTS, tell};

use super::support::{START, id, spec};
use super::tale::Tale;

/// A line for each span: its name, its parent's, when it began and ended, its result and its error.
fn table(tale: &Tale) -> Vec<String> {
    let spans = tell(&tale.records).unwrap();
    let name_of = |id: SpanId| spans.iter().find(|it| it.id == id).map_or("(under way)", |it| &it.name);
    let line = |span: &Span| {
        let parent = span.parent.map_or("-", name_of);
        let result = word(span, "cicd.pipeline.result")
            .or(word(span, "cicd.pipeline.task.run.result"))
            .or(word(span, "deployment_orchestrator.answer"))
            .unwrap_or("-".to_owned());
        let error = span.error.map(|error| format!(" ({error})")).unwrap_or_default();
        let [began, ended] = [span.began_at, span.ended_at].map(|at| (at.0 - START) / 1_000);
        format!("{} < {parent}: {began}-{ended} {result}{error}", span.name)
    };
    spans.iter().map(line).collect()
}

fn word(span: &Span, key: &str) -> Option<String> {
    match span.attributes.iter().find(|it| it.key == key).map(|it| &it.value)? {
        Value::Text(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Words(words) => Some(words.join(" ")),
    }
}

fn moments(span: &Span) -> Vec<&str> {
    span.moments.iter().map(|it| it.name.as_str()).collect()
}

fn failed(cause: Cause, retry: Retry) -> ExecutionStatus {
    ExecutionStatus::Failed(Failure { cause, message: "step 3\n said no".to_owned(), retry })
}

/// Validated at 3 s.
fn validated() -> Tale {
    let mut tale = Tale::new(spec());
    tale.after(1).next("START").after(1).next("VALIDATION_REPORTED").after(1).next("VALIDATION_COMPLETE");
    tale
}

/// At the gate of production at 67 s: four stages of 16 s.
fn at_the_gate() -> Tale {
    let mut tale = validated();
    tale.stage("BUILD_COMPLETE").stage("TESTS_PASSED").stage("DEV_DEPLOYED").stage("STAGING_DEPLOYED");
    tale
}

#[test]
fn a_deployment_has_stages_with_attempts_and_a_request_that_people_answered() {
    let mut tale = at_the_gate();
    tale.after(2).next("APPROVAL_REQUESTED").after(5).looked(1).after(5).next("DECISION_MADE");
    tale.after(1).next("APPROVED"); // at 80 s
    tale.stage_of_prod(); // 18 s: two questions about its health in between
    assert_eq!(
        table(&tale),
        [
            "validating < RUN checkout to prod: 1-3 success",
            "RUN build_and_push < building: 4-18 success",
            "building < RUN checkout to prod: 3-19 success",
            "RUN run_tests < testing: 20-34 success",
            "testing < RUN checkout to prod: 19-35 success",
            "RUN deploy_dev < deploying-dev: 36-50 success",
            "deploying-dev < RUN checkout to prod: 35-51 success",
            "RUN deploy_staging < deploying-staging: 52-66 success",
            "deploying-staging < RUN checkout to prod: 51-67 success",
            "approve prod < RUN checkout to prod: 69-80 approved",
            "RUN deploy_prod < deploying-prod: 81-97 success",
            "deploying-prod < RUN checkout to prod: 80-98 success",
            "RUN checkout to prod < -: 0-98 success",
        ]
    );
    let spans = tell(&tale.records).unwrap();
    let trace = TraceId::of(&id(1)).unwrap();
    assert!(spans.iter().all(|span| span.trace == trace));
    let root = spans.last().unwrap();
    assert_eq!((root.part, root.id), (Part::Deployment, SpanId::of(Part::Deployment, 1)));
    for (key, value) in [
        ("cicd.pipeline.name", "checkout to prod"),
        ("cicd.pipeline.run.id", id(1).as_str()),
        ("deployment.environment.name", "prod"),
        ("vcs.owner.name", "acme"),
        ("vcs.repository.name", "checkout"),
        ("vcs.ref.head.name", "main"),
        ("vcs.ref.head.revision", "5c1b2f09e1d34c7aa0b7e2f1c9d8e7f6a5b4c3d2"),
        ("deployment_orchestrator.state", "completed"),
    ] {
        assert_eq!(word(root, key).as_deref(), Some(value), "{key}");
    }
    let named = |name: &str| spans.iter().find(|it| it.name == name).unwrap();
    assert_eq!(
        moments(named("approve prod")),
        ["REQUEST_SEEN", "DECISION_MADE", "APPROVED"],
        "what opened it happened before it"
    );
    assert_eq!(moments(named("validating")), ["VALIDATION_REPORTED", "VALIDATION_COMPLETE"]);
    let attempt = named("RUN deploy_prod");
    assert_eq!(word(attempt, "cicd.pipeline.name").as_deref(), Some("deploy_prod"));
    assert!(word(attempt, "cicd.pipeline.run.id").unwrap().starts_with("run-"));
    assert_eq!(
        moments(attempt),
        [
            "TRIGGER_ACCEPTED",
            "EXECUTION_OBSERVED",
            "EXECUTION_OBSERVED",
            "HEALTH_OBSERVED",
            "HEALTH_OBSERVED"
        ]
    );
}

#[test]
fn what_is_tried_again_has_a_span_for_each_try_and_retry_one_of_its_own() {
    let mut tale = validated();
    // It cannot be triggered; then a 502; then the pipeline says no. All of it is one visit of the stage.
    tale.after(1).next("ATTEMPT_FAILED").next("RETRY_SCHEDULED");
    tale.after(1).next("TRIGGER_INTENDED").next("TRIGGER_ACCEPTED");
    tale.after(4).observed(failed(Cause::Upstream, Retry::Retryable { after: None })).next("RETRY_SCHEDULED");
    tale.after(1).next("TRIGGER_INTENDED").next("TRIGGER_ACCEPTED");
    tale.after(5).observed(failed(Cause::PipelineFailed, Retry::Final)).after(1).next("FAILURE"); // at 16 s
    let before = table(&tale);
    assert_eq!(
        before,
        [
            "validating < RUN checkout to prod: 1-3 success",
            "RUN build_and_push < building: 4-4 error (upstream)",
            "RUN build_and_push < building: 5-9 error (upstream)",
            "RUN build_and_push < building: 10-15 failure (pipeline-failed)",
            "building < RUN checkout to prod: 3-16 failure (pipeline-failed)",
            "RUN checkout to prod < -: 0-16 failure (pipeline-failed)",
        ]
    );
    let spans = tell(&tale.records).unwrap();
    let attempts: Vec<_> = spans.iter().filter(|it| it.part == Part::Attempt).collect();
    let numbers: Vec<_> =
        attempts.iter().map(|it| word(it, "deployment_orchestrator.attempt").unwrap()).collect();
    assert_eq!(numbers, ["1", "2", "3"]);
    let message = word(attempts[2], "deployment_orchestrator.message_untrusted");
    assert_eq!(message.as_deref(), Some("step 3 said no"), "on one line, and marked");
    assert_eq!(
        word(spans.last().unwrap(), "deployment_orchestrator.reason").as_deref(),
        Some("stage-failed")
    );

    // A remark while it is over, and RETRY: what was told stays as it was, and what comes now hangs below the root.
    tale.after(4).looked(1).after(40).next("RETRY").stage("BUILD_COMPLETE").after(1).next("CANCEL");
    tale.after(1).next("CANCELLED");
    let now = table(&tale);
    assert_eq!(now[..6], before);
    assert_eq!(
        now[6..],
        [
            "REQUEST_SEEN < RUN checkout to prod: 20-20 -",
            "RUN build_and_push < building: 61-75 success",
            "building < retry checkout to prod: 60-76 success",
            "testing < retry checkout to prod: 76-78 cancellation",
            "retry checkout to prod < RUN checkout to prod: 60-78 cancellation",
        ]
    );
}

#[test]
fn a_rollback_after_the_end_is_a_part_of_the_same_trace() {
    let mut spec = spec();
    spec.workflow.environments.truncate(1);
    let mut tale = Tale::new(spec);
    tale.next("START").next("VALIDATION_REPORTED").next("VALIDATION_COMPLETE");
    tale.stage("BUILD_COMPLETE").stage("TESTS_PASSED").stage("DEV_DEPLOYED"); // at 48 s
    let completed = tell(&tale.records).unwrap();
    tale.after(52).next("ROLLBACK").after(1).next("TRIGGER_INTENDED").next("TRIGGER_ACCEPTED");
    tale.after(3).observed(ExecutionStatus::Succeeded).after(1).next("ROLLBACK_COMPLETE");
    assert_eq!(
        tell(&tale.records).unwrap()[..completed.len()],
        completed,
        "the root says how it ended first"
    );
    assert_eq!(
        table(&tale)[completed.len()..],
        [
            "RUN deploy_dev < restoring-dev: 101-104 success",
            "restoring-dev < roll back checkout to dev: 100-105 success",
            "roll back checkout to dev < RUN checkout to dev: 100-105 success",
        ]
    );
}

#[test]
fn a_rollback_under_way_stops_what_runs_and_is_how_the_deployment_ends() {
    let mut spec = spec();
    spec.workflow.environments.truncate(1);
    let mut tale = Tale::new(spec);
    tale.next("START").next("VALIDATION_REPORTED").next("VALIDATION_COMPLETE");
    tale.stage("BUILD_COMPLETE").stage("TESTS_PASSED"); // at 32 s
    tale.after(1).next("TRIGGER_INTENDED").next("TRIGGER_ACCEPTED").after(2).next("ROLLBACK"); // at 35 s
    tale.after(1).observed(ExecutionStatus::Aborted); // at 36 s: what ran is stopped, and the restore begins
    tale.after(1).next("TRIGGER_INTENDED").next("TRIGGER_ACCEPTED");
    tale.after(3).observed(failed(Cause::PipelineFailed, Retry::Final)).after(1).next("ROLLBACK_FAILED");
    assert_eq!(
        table(&tale)[5..],
        [
            "RUN deploy_dev < deploying-dev: 33-36 cancellation",
            "deploying-dev < RUN checkout to dev: 32-36 cancellation",
            "RUN deploy_dev < restoring-dev: 37-40 failure (pipeline-failed)",
            "restoring-dev < roll back checkout to dev: 36-41 failure (pipeline-failed)",
            "roll back checkout to dev < RUN checkout to dev: 35-41 failure (pipeline-failed)",
            "RUN checkout to dev < -: 0-41 failure (pipeline-failed)",
        ]
    );
}

#[test]
fn every_request_says_how_it_was_answered() {
    let answers = |tale: &Tale| -> Vec<String> {
        let spans = tell(&tale.records).unwrap();
        let requests = spans.iter().filter(|it| it.part == Part::Request);
        requests.map(|it| word(it, "deployment_orchestrator.answer").unwrap()).collect()
    };
    let mut tale = at_the_gate();
    tale.next("APPROVAL_REQUESTED").after(1).next("APPROVAL_VOIDED").next("APPROVAL_REQUESTED");
    tale.say(MainEvent::ApprovalWithdrawn { reason: "later".to_owned() });
    assert_eq!(answers(&tale), ["voided"], "who takes it back has not answered it");
    tale.after(86_400).next("APPROVAL_EXPIRED").next("RETRY").next("APPROVAL_REQUESTED");
    tale.after(86_400).next("APPROVAL_EXPIRED").next("RETRY").next("APPROVAL_REQUESTED");
    tale.say(MainEvent::ApprovalWithdrawn { reason: "later".to_owned() });
    tale.next("APPROVAL_VOIDED").next("APPROVAL_REQUESTED").next("CANCEL").next("CANCELLED");
    assert_eq!(answers(&tale), ["voided", "withdrawn", "expired", "withdrawn", "abandoned"]);
}

#[test]
fn a_clock_that_was_put_back_makes_no_span_of_less_than_nothing() {
    let mut tale = validated();
    tale.after(10).next("TRIGGER_INTENDED").next("TRIGGER_ACCEPTED");
    tale.after(-5).observed(ExecutionStatus::Succeeded);
    assert_eq!(table(&tale)[1], "RUN build_and_push < (under way): 13-13 success");
}

#[test]
fn a_span_has_so_many_moments_and_counts_the_others() {
    let mut tale = validated();
    tale.next("TRIGGER_INTENDED").next("TRIGGER_ACCEPTED");
    for _ in 0..MOST_MOMENTS {
        tale.looked(1);
    }
    tale.observed(ExecutionStatus::Succeeded);
    let spans = tell(&tale.records).unwrap();
    let attempt = spans.iter().find(|it| it.part == Part::Attempt).unwrap();
    assert_eq!((attempt.moments.len(), attempt.left_out), (MOST_MOMENTS, 2));
}
