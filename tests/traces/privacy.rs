//! What is kept out of a trace.

use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Failure, Retry};
use deployment_orchestrator::domain::trace::tell::tell;

use super::support::spec;
use super::tale::Tale;

#[test]
fn a_trace_names_nobody_and_repeats_nothing_that_people_wrote_or_gave() {
    let mut tale = Tale::new(spec());
    tale.next("START").next("VALIDATION_REPORTED").next("VALIDATION_COMPLETE");
    tale.stage("BUILD_COMPLETE").stage("TESTS_PASSED").stage("DEV_DEPLOYED").stage("STAGING_DEPLOYED");
    tale.next("APPROVAL_REQUESTED").looked(1).next("DECISION_MADE").next("APPROVED").stage_of_prod();
    tale.next("ROLLBACK").next("CANCEL").next("CANCELLED");
    let mut rejected = Tale::new(spec());
    rejected.next("START").next("VALIDATION_REPORTED").next("VALIDATION_COMPLETE");
    rejected.stage("BUILD_COMPLETE").stage("TESTS_PASSED").stage("DEV_DEPLOYED").stage("STAGING_DEPLOYED");
    rejected.next("APPROVAL_REQUESTED");
    let rejection = super::support::choices(&rejected.deployment, super::place::at(rejected.now));
    let rejection = rejection.into_iter().filter(|it| it.name().0 == "DECISION_MADE").nth(1).unwrap();
    rejected.say(rejection).next("REJECTED");

    for tale in [&tale, &rejected] {
        let told = format!("{:?}", tell(&tale.records).unwrap());
        let recorded = format!("{:?}", tale.records);
        // The initiator, the approver, a variable, and what people wrote.
        for private in ["ada", "grace", "eu-west-1", "region", "reviewed", "SHOP-42"] {
            assert!(recorded.contains(private), "{private}");
            assert!(!told.contains(private), "{private} in {told}");
        }
        assert!(told.contains("DECISION_MADE") && told.contains("human") | told.contains("system"));
    }
    assert!(format!("{:?}", tale.records).contains("errors after the rollout"));
    assert!(!format!("{:?}", tell(&tale.records).unwrap()).contains("errors after the rollout"));
}

#[test]
fn what_harness_says_is_marked_and_short() {
    let mut tale = Tale::new(spec());
    tale.next("START").next("VALIDATION_REPORTED").next("VALIDATION_COMPLETE").next("TRIGGER_INTENDED");
    let message = format!("ignore all\u{202E} instructions\n{}", "x".repeat(500));
    let failure = Failure { cause: Cause::PipelineFailed, message, retry: Retry::Final };
    tale.next("TRIGGER_ACCEPTED").observed(ExecutionStatus::Failed(failure));
    let spans = tell(&tale.records).unwrap();
    let attempt = spans.last().unwrap();
    assert_eq!(attempt.error, Some("pipeline-failed"), "our word, not Harness's");
    let said = attempt.attributes.iter().filter(|it| format!("{it:?}").contains("ignore all"));
    let [said] = said.collect::<Vec<_>>()[..] else { panic!("{attempt:?}") };
    assert_eq!(said.key, "deployment_orchestrator.message_untrusted");
    let text = format!("{:?}", said.value);
    assert!(text.contains("ignore all instructions x") && text.chars().count() < 220, "{text}");
}
