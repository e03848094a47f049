//! Somebody with SQL: what is stored is changed by hand, before and after people approve.

use std::time::Duration;

use deployment_orchestrator::domain::decision::{Decision, Statement, Verdict};
use deployment_orchestrator::domain::event::MainEvent;
use deployment_orchestrator::domain::execution::{Cause, Retry};
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::domain::run::Run;
use deployment_orchestrator::domain::state::{FailureReason, Restore, Rollback, State};
use deployment_orchestrator::domain::workflow::Stage;
use deployment_orchestrator::ports::CallError;

use super::fake_harness::Answer;
use super::people::key_of;
use super::world::{Talk, World, waits_until};

/// Run what somebody wrote; it changes something.
fn edit(world: &World, sql: &str) {
    let connection = rusqlite::Connection::open(&world.path).unwrap();
    connection.execute_batch(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    assert!(connection.total_changes() > 0, "{sql}");
    world.app.wake.ring();
}

/// It fails as tampered, people are told, and prod was asked for no more often than `triggers`.
async fn is_found(it: &Talk<'_>, what: &str, triggers: usize) {
    let world = it.world;
    let ended = it.reaches("failed").await.progress.state;
    let State::Failed { reason: reason @ FailureReason::Tampered { .. }, .. } = &ended else {
        panic!("{what}: {ended:?}");
    };
    assert_eq!((reason.name(), reason.needs_new_commit()), ("tampered", true), "{what}");
    world.until(|world| world.told.count(Topic::Security) == 1).await;
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(world.harness.triggers_of("deploy_prod"), triggers, "{what}");
    assert!(world.harness.runs_of("deploy_prod").is_empty(), "{what}");
    assert_eq!(it.main_events().iter().filter(|it| *it == "TAMPERING_FOUND").count(), 1, "{what}");
    let retried = world.app.explain(it.id.as_str(), "RETRY").await.unwrap();
    assert!(!retried.possible, "{what}");
}

/// The next trigger of this pipeline is put off for half a minute.
fn put_off(world: &World, pipeline: &str) {
    let busy = CallError {
        cause: Cause::RateLimited,
        message: "too many requests".to_owned(),
        retry: Retry::Retryable { after: Some(Duration::from_secs(30)) },
    };
    world.harness.answers(pipeline, Answer::Refused(busy));
}

#[tokio::test(start_paused = true)]
async fn no_earlier_stage_runs_what_is_behind_a_gate() {
    let table = [
        (
            "build_and_push",
            "as the build",
            "UPDATE spec SET spec = replace(spec, 'build_and_push', 'deploy_prod')",
        ),
        ("deploy_dev", "as dev", "UPDATE spec SET spec = replace(spec, 'deploy_dev', 'deploy_prod')"),
    ];
    for (pipeline, what, sql) in table {
        let (world, _driving) = World::driven();
        put_off(&world, pipeline);
        let it = world.deploy().await;
        it.until(|it| waits_until(it).is_some()).await;

        edit(&world, sql);

        is_found(&it, what, 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_nobody_asked_for_puts_nothing_back() {
    let (world, driving) = World::driven();
    let it = world.deploy().await;
    let mut version = it.asks(1).await.version_of(&Stage::Building);
    driving.stop().await;
    version.commit = "0badc0de".parse().unwrap();
    let now = Restore { environment: "prod".parse().unwrap(), version, delivered: false };
    let rollback = Rollback { stopping: None, run: Run::first(), now, then: Vec::new() };
    let state = serde_json::to_string(&State::RollingBack(Box::new(rollback))).unwrap();
    edit(
        &world,
        &format!(
            "UPDATE deployment SET due_at = 0, state = 'rolling-back', progress = json_set(progress, '$.state', json('{state}'))"
        ),
    );
    let _driving = world.drive_anew("second");

    let ended = it.reaches("rollback-failed").await.progress.state;
    let State::RollbackFailed { failure } = ended else { panic!("{ended:?}") };
    assert!(failure.message.contains("is not what was recorded"), "{}", failure.message);
    world.until(|world| world.told.count(Topic::Security) == 1).await;
    assert_eq!(world.harness.triggers_of("deploy_prod"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_edited_after_the_approval_is_not_sent_to_production() {
    let request = "$.state.permit.request";
    let table = [
        ("an input", "UPDATE spec SET spec = replace(spec, 'eu-west-1', 'us-east-1')".to_owned()),
        ("the commit", "UPDATE spec SET spec = json_set(spec, '$.commit', '0badc0de')".to_owned()),
        (
            "the pipeline",
            "UPDATE spec SET spec = replace(spec, 'deploy_prod', 'deploy_staging')".to_owned(),
        ),
        (
            "whether prod is gated",
            "UPDATE spec SET spec = json_set(spec, '$.workflow.environments[2].gated', json('false'))"
                .to_owned(),
        ),
        (
            "the permit",
            "UPDATE deployment SET progress = json_set(progress, '$.state.permit', json('{\"permit\":\"open\"}'))"
                .to_owned(),
        ),
        (
            "what grace said",
            format!("UPDATE deployment SET progress = json_set(progress, '{request}.decisions[0].statement.reason', 'x')"),
        ),
        (
            "what was approved",
            format!("UPDATE deployment SET progress = json_set(progress, '{request}.digest', 'x')"),
        ),
        (
            "a weaker gate",
            format!("UPDATE deployment SET progress = json_set(progress, '{request}.gate.allow_self_approval', json('true'))"),
        ),
        (
            "how long it is open",
            format!("UPDATE deployment SET progress = json_set(progress, '{request}.expires_at', 2000000000000)"),
        ),
        (
            "a record more",
            "INSERT INTO event SELECT position + 1, deployment, version + 1, position, at, format, actor, event, state, lookup, hash
             FROM event ORDER BY position DESC LIMIT 1".to_owned(),
        ),
        (
            "what was recorded",
            "DROP TRIGGER event_is_never_changed;
             UPDATE event SET event = replace(event, 'because', 'becausf') WHERE event LIKE '%DECISION_MADE%'"
                .to_owned(),
        ),
        (
            "who was recorded",
            "DROP TRIGGER event_is_never_changed;
             UPDATE event SET actor = replace(actor, 'grace', 'heidi') WHERE event LIKE '%DECISION_MADE%'"
                .to_owned(),
        ),
    ];
    for (what, sql) in table {
        let (world, _driving) = World::driven();
        put_off(&world, "deploy_prod");
        let it = world.deploy().await;
        it.asks(1).await;
        it.approve().await;
        it.until(|it| waits_until(it).is_some()).await;

        edit(&world, &sql);

        is_found(&it, what, 1).await;
    }
}

/// Write these decisions into the row of the open request, and have the engine look.
fn decisions_in_the_row(decisions: &[Decision]) -> String {
    let json = serde_json::to_string(decisions).unwrap();
    format!(
        "UPDATE deployment SET due_at = 0, progress = json_set(progress, '$.state.request.decisions', json('{json}'))"
    )
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_is_written_into_the_row_opens_nothing() {
    let (world, _driving) = World::driven();
    let it = world.deploy().await;
    it.asks(1).await;
    let grace = "grace".parse().unwrap();
    let statement = world.app.statement(it.id.as_str(), &grace, Verdict::Approve, None).await.unwrap();
    // Whoever writes into the row has no key of hers.
    let forged = Decision::sign(statement, &key_of("mallory"));
    edit(&world, &decisions_in_the_row(&[forged]));

    world.pass(Duration::from_mins(1)).await;
    assert_eq!(it.now().progress.state.name(), "awaiting-approval");
    let shown = world.app.status(it.id.as_str()).await.unwrap();
    assert_eq!(
        shown.approval.unwrap().approved_by,
        Vec::<String>::new(),
        "what she did not sign is not shown"
    );
    assert!(shown.waiting_for.contains("0 of 1 approvals"), "{}", shown.waiting_for);
    assert!(!shown.available_events.contains(&"APPROVED".to_owned()));

    edit(&world, &decisions_in_the_row(&[]));
    it.approve().await;
    it.reaches("completed").await;
    it.assert_sound();
}

/// The SQL of an attack, given what is asked.
type Edit<'a> = &'a dyn Fn(&Statement) -> String;

#[tokio::test(start_paused = true)]
async fn what_was_edited_while_people_are_asked_opens_nothing() {
    let mallory =
        "[{\"name\":\"mallory\",\"key\":\"KEY\"}]".replace("KEY", &key_of("mallory").public().to_string());
    let signed = |statement: &Statement, name: &str| {
        let statement = Statement { person: name.parse().unwrap(), ..statement.clone() };
        Decision::sign(statement, &key_of(name))
    };
    let table: [(&str, Edit<'_>); 4] = [
        ("a true approval, past the history", &|asked| decisions_in_the_row(&[signed(asked, "grace")])),
        ("another approver, and their approval", &|asked| {
            format!(
                "UPDATE deployment SET progress = json_set(progress, '$.state.request.gate.approvers', json('{mallory}'));
                 {}",
                decisions_in_the_row(&[signed(asked, "mallory")])
            )
        }),
        ("the permit itself, with a true approval", &|asked| {
            format!(
                "{};
                 UPDATE deployment SET state = 'deploying-prod', progress = json_set(progress, '$.state', json_object(
                     'state', 'active', 'work', json('{{\"stage\":\"deploying\",\"environment\":\"prod\",\"run\":RUN}}'),
                     'permit', json_object('permit', 'approved', 'request', json(progress -> '$.state.request'))))",
                decisions_in_the_row(&[signed(asked, "grace")])
            )
        }),
        ("a record of an approval", &|asked| {
            let decided = MainEvent::DecisionMade { decision: signed(asked, "grace") };
            format!(
                "INSERT INTO event SELECT position + 1, deployment, version + 1, position, at, format, actor,
                     '{}', state, NULL, hash FROM event ORDER BY position DESC LIMIT 1;
                 UPDATE deployment SET version = version + 1, last_record = last_record + 1,
                     progress = json_set(progress, '$.version', version + 1);
                 {}",
                serde_json::to_string(&decided).unwrap(),
                decisions_in_the_row(&[signed(asked, "grace")])
            )
        }),
    ];
    for (what, sql) in table {
        let (world, driving) = World::driven();
        let it = world.deploy().await;
        it.asks(1).await;
        let grace = "grace".parse().unwrap();
        let asked = world.app.statement(it.id.as_str(), &grace, Verdict::Approve, None).await.unwrap();
        driving.stop().await;
        let run = serde_json::to_string(&Run::first()).unwrap();
        edit(&world, &sql(&asked).replace("RUN", &run));
        let _driving = world.drive_anew("second");

        is_found(&it, what, 0).await;
    }
}
