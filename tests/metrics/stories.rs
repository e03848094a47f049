//! What one deployment's records tell. Each number is derived by hand, in the comment beside it.

use deployment_orchestrator::domain::event::MainEvent;
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Failure, HumanWait, Retry};
use deployment_orchestrator::domain::metrics::story::{Answered, Asked, Outcome, Repeated, Rollout, Story};
use deployment_orchestrator::domain::metrics::tell::tell;

use super::place::at;
use super::support::spec;
use super::tale::Tale;

impl Tale {
    pub(crate) fn story(&self) -> Story {
        tell(&self.records).unwrap()
    }
}

/// `(queue, run, wait)` of a stage, in seconds, and its attempts.
fn times(story: &Story, stage: &str) -> (u64, u64, u64, u32) {
    let times = story.stages[stage];
    (times.queue_ms / 1_000, times.run_ms / 1_000, times.wait_ms / 1_000, times.attempts)
}

/// As far as the gate of production, at 68 s.
fn at_the_gate() -> Tale {
    let mut tale = Tale::new(spec());
    tale.after(1).next("START"); // 1 s in `pending`
    tale.after(2).next("VALIDATION_REPORTED").after(1).next("VALIDATION_COMPLETE"); // at 4 s
    tale.stage("BUILD_COMPLETE").stage("TESTS_PASSED").stage("DEV_DEPLOYED").stage("STAGING_DEPLOYED"); // 4 × 16 s
    tale
}

fn approved(tale: &mut Tale) {
    tale.after(2).next("APPROVAL_REQUESTED"); // at 70 s
    tale.after(3_600).next("DECISION_MADE").after(1).next("APPROVED"); // at 3,670 s and 3,671 s
}

fn failure(cause: Cause) -> ExecutionStatus {
    ExecutionStatus::Failed(Failure { cause, message: "no".to_owned(), retry: Retry::Final })
}

#[test]
fn where_the_time_goes_when_all_goes_well() {
    let mut tale = at_the_gate();
    assert_eq!(tale.now, 68);
    approved(&mut tale);
    tale.after(4).next("TRIGGER_INTENDED").after(1).next("TRIGGER_ACCEPTED"); // at 3,675 s
    tale.after(2).observed(ExecutionStatus::NeedsHuman(HumanWait::Approval)); // queued until 3,678 s
    tale.after(20).observed(ExecutionStatus::Running); // waits until 3,698 s
    tale.after(30).observed(ExecutionStatus::Succeeded); // runs until 3,728 s, and then is asked for its health
    tale.after(1).next("HEALTH_OBSERVED").after(1).next("HEALTH_OBSERVED"); // healthy at 3,730 s
    tale.after(1).next("PROD_DEPLOYED"); // at 3,731 s
    let story = tale.story();

    assert_eq!(story.outcome, Outcome::Completed);
    assert_eq!((story.created_at, story.ended_at), (at(0), Some(at(3_731))));
    assert_eq!(story.total_ms, Some(3_731_000), "from CREATED to completed, the wait for people included");
    assert_eq!(times(&story, "validating"), (0, 2, 1, 1), "it is at work from the start");
    assert_eq!(times(&story, "building"), (5, 10, 1, 1), "1 + 1 + 3 until it ran");
    // 4 s until the trigger, 1 s until it was taken, 2 s queued; 30 s of work and 2 s of
    // questions; 20 s for a person in Harness and 1 s for the completion.
    assert_eq!(times(&story, "deploying-prod"), (7, 32, 21, 1));
    let [asked] = story.approvals.as_slice() else { panic!("{:?}", story.approvals) };
    assert_eq!(
        asked,
        &Asked {
            environment: "prod".parse().unwrap(),
            requested_at: at(70),
            answer: Answered::Approved,
            seen_at: None,               // nobody was seen opening it
            decided_at: Some(at(3_670)), // an hour after it was asked, one second before APPROVED
            triggered_at: Some(at(3_675)),
        }
    );
    let arrived: Vec<_> =
        story.rollouts.iter().map(|it| (it.environment.as_str(), it.production, it.arrived_at)).collect();
    assert_eq!(
        arrived,
        [("dev", false, Some(at(52))), ("staging", false, Some(at(68))), ("prod", true, Some(at(3_731)))],
        "validating ends at 4 s, and each stage takes 16 s"
    );
    assert!(story.retries.is_empty() && !story.hotfix);
}

#[test]
fn a_request_is_first_seen_when_somebody_opens_it_before_anybody_decides() {
    let mut tale = at_the_gate();
    tale.looked(0).after(2).next("APPROVAL_REQUESTED"); // at 70 s; nobody was asked before
    tale.after(10).looked(2).after(5).looked(1).after(5).looked(1); // at 80 s of another one, then at 85 s and 90 s
    tale.after(10).next("APPROVAL_VOIDED").after(1).next("APPROVAL_REQUESTED"); // at 101 s
    tale.after(4).looked(1).after(5).next("DECISION_MADE"); // at 110 s, by somebody who was not seen to look
    tale.after(5).looked(2).after(1).next("APPROVED");
    let seen: Vec<_> =
        tale.story().approvals.iter().map(|it| (it.requested_at, it.seen_at, it.decided_at)).collect();
    assert_eq!(seen, [(at(70), Some(at(85)), None), (at(101), None, Some(at(110)))]);
}

#[test]
fn what_is_tried_again_says_why_and_who_wanted_it() {
    let mut tale = Tale::new(spec());
    tale.next("START").next("VALIDATION_REPORTED").next("VALIDATION_COMPLETE");
    // A 502 for the first attempt, and for the second: each is repeated by itself, the backoff lasts 7 s.
    for _ in 0..2 {
        tale.next("TRIGGER_INTENDED").next("TRIGGER_ACCEPTED");
        let transient = Failure {
            cause: Cause::Upstream,
            message: "502".to_owned(),
            retry: Retry::Retryable { after: None },
        };
        tale.observed(ExecutionStatus::Failed(transient)).next("RETRY_SCHEDULED").after(7);
    }
    // The third is a pipeline that says no. Somebody retries a minute later.
    tale.next("TRIGGER_INTENDED").next("TRIGGER_ACCEPTED").observed(failure(Cause::PipelineFailed));
    tale.next("FAILURE").after(60);
    assert_eq!(tale.story().outcome, Outcome::Failed { reason: "stage-failed".to_owned() });
    assert_eq!(tale.story().total_ms, None, "it never was completed");
    tale.next("RETRY").next("TRIGGER_INTENDED");

    let story = tale.story();
    let again =
        |cause: &str, asked| Repeated { stage: "building".to_owned(), cause: cause.to_owned(), asked };
    assert_eq!(
        story.retries,
        [again("upstream", false), again("upstream", false), again("pipeline-failed", true)]
    );
    // Two backoffs are waited for; the minute in which it had failed is nobody's.
    assert_eq!(times(&story, "building"), (0, 0, 14, 4));
    assert_eq!((story.outcome, story.ended_at), (Outcome::UnderWay, None));
}

#[test]
fn the_time_in_which_it_had_failed_is_not_time_under_way() {
    let mut tale = Tale::new(spec());
    tale.next("START").next("VALIDATION_REPORTED").next("VALIDATION_COMPLETE");
    tale.next("TRIGGER_INTENDED").next("TRIGGER_ACCEPTED").after(5).observed(failure(Cause::PipelineFailed));
    tale.next("FAILURE").after(86_400).next("RETRY");
    tale.stage("BUILD_COMPLETE").stage("TESTS_PASSED").stage("DEV_DEPLOYED").stage("STAGING_DEPLOYED");
    approved(&mut tale);
    tale.stage_of_prod();
    // 5 s, four stages of 16 s, 2 + 3,600 + 1 s for the approval, 16 s and two questions of 1 s: no day.
    assert_eq!(tale.story().total_ms, Some((5 + 64 + 3_603 + 18) * 1_000));
}

#[test]
fn a_rollback_puts_back_and_takes_no_time_of_the_deployment() {
    let mut tale = at_the_gate();
    approved(&mut tale);
    tale.stage_of_prod();
    let (total, arrived) = (tale.story().total_ms, tale.now);
    tale.after(600).next("ROLLBACK");
    let rollback = tale.now;
    // Production first. Each is triggered, taken, queued, run, and probed where that is asked.
    let restored = |tale: &mut Tale, done: &str| {
        tale.after(1)
            .next("TRIGGER_INTENDED")
            .next("TRIGGER_ACCEPTED")
            .after(2)
            .observed(ExecutionStatus::Succeeded);
        while tale.deployment.progress.state.work().unwrap().1.status.name() == "probing" {
            tale.after(1).next("HEALTH_OBSERVED");
        }
        tale.next(done);
        tale.now
    };
    let prod = restored(&mut tale, "ENVIRONMENT_RESTORED");
    let staging = restored(&mut tale, "ENVIRONMENT_RESTORED");
    let dev = restored(&mut tale, "ROLLBACK_COMPLETE");
    assert_eq!(
        (prod, staging, dev),
        (rollback + 5, rollback + 8, rollback + 11),
        "3 s each, and 2 questions"
    );

    let story = tale.story();
    assert_eq!((story.outcome.clone(), story.ended_at), (Outcome::RolledBack, Some(at(dev))));
    assert_eq!(story.total_ms, total, "as before the rollback");
    assert_eq!(
        story.rollouts[2],
        Rollout {
            environment: "prod".parse().unwrap(),
            production: true,
            arrived_at: Some(at(arrived)),
            failed_at: None,
            rolled_back_at: Some(at(rollback)),
            restored_at: Some(at(prod)),
            goes_back_to: Some(spec().commit), // what these tests put back
        }
    );
    assert_eq!(times(&story, "restoring-prod"), (3, 2, 0, 1));
}

#[test]
fn only_what_ran_in_an_environment_has_failed_there() {
    // The rollout of production runs and fails.
    let mut tale = at_the_gate();
    approved(&mut tale);
    tale.next("TRIGGER_INTENDED").next("TRIGGER_ACCEPTED").after(9).observed(failure(Cause::PipelineFailed));
    tale.next("FAILURE");
    assert_eq!(tale.story().rollouts[2].failed_at, Some(at(tale.now)));

    // Harness refuses the trigger: production was not touched.
    let mut tale = at_the_gate();
    approved(&mut tale);
    tale.next("TRIGGER_INTENDED").next("ATTEMPT_FAILED");
    assert!(tale.story().rollouts.iter().all(|rollout| !rollout.production), "{:?}", tale.story().rollouts);

    // Somebody says no inside of Harness: nothing was rolled out.
    let mut tale = at_the_gate();
    approved(&mut tale);
    tale.next("TRIGGER_INTENDED").next("TRIGGER_ACCEPTED").observed(failure(Cause::PipelineRejected));
    assert!(!tale.story().reached_production());

    // It runs, and is not healthy in its minute.
    let mut tale = at_the_gate();
    approved(&mut tale);
    tale.next("TRIGGER_INTENDED").next("TRIGGER_ACCEPTED").observed(ExecutionStatus::Succeeded);
    tale.after(60).say(deployment_orchestrator::domain::run::RunEvent::HealthTimedOut);
    assert_eq!(tale.story().rollouts[2].failed_at, Some(at(tale.now)));
}

#[test]
fn every_request_has_its_answer() {
    let answers = |tale: &Tale| {
        let story = tale.story();
        story.approvals.iter().map(|it| (it.answer, it.decided_at.is_some())).collect::<Vec<_>>()
    };
    let mut tale = at_the_gate();
    tale.next("APPROVAL_REQUESTED");
    assert_eq!(answers(&tale), [(Answered::Open, false)]);
    tale.after(1).next("DECISION_MADE");
    assert_eq!(answers(&tale), [(Answered::Open, true)], "decided, and not opened yet");
    tale.next("APPROVAL_VOIDED").next("APPROVAL_REQUESTED");
    assert_eq!(answers(&tale), [(Answered::Voided, false), (Answered::Open, false)]);
    tale.say(MainEvent::ApprovalWithdrawn { reason: "later".to_owned() });
    tale.say(MainEvent::ApprovalVoided { reason: "asked anew".to_owned() }).next("APPROVAL_REQUESTED");
    tale.after(86_400).next("APPROVAL_EXPIRED").next("RETRY").next("APPROVAL_REQUESTED").next("CANCEL");
    let all: Vec<Answered> = answers(&tale).into_iter().map(|(answer, _)| answer).collect();
    assert_eq!(all, [Answered::Voided, Answered::Withdrawn, Answered::Expired, Answered::Abandoned]);
}
