//! A commit that was rolled back stays out, until an admin releases it.

use std::time::Duration;

use deployment_orchestrator::app::{Code, Error, StartRequest};
use deployment_orchestrator::config::policy::Person;
use deployment_orchestrator::domain::execution::ExecutionStatus;
use deployment_orchestrator::domain::limits::Limits;
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::role::Role;

use super::fake_harness::{Course, rejected};
use super::people::agent;
use super::rollback::{EARLIER, admin, completed, to_dev};
use super::world::{COMMIT, Talk, World};

pub(super) fn request(commit: &str) -> StartRequest {
    StartRequest {
        repository: "acme/checkout".to_owned(),
        branch: "main".to_owned(),
        commit_sha: commit.to_owned(),
        ..StartRequest::default()
    }
}

/// One that is on its way to dev, and whose tests take long.
pub(super) async fn at_tests<'w>(world: &'w World, commit: &str) -> Talk<'w> {
    world.harness.goes("run_tests", Course::Stays(ExecutionStatus::Running));
    let it = to_dev(world, commit).await;
    it.reaches_in("testing", "running").await;
    it
}

pub(super) async fn try_start(world: &World, commit: &str) -> Result<(), Error> {
    world.app.start(request(commit), agent()).await.map(drop)
}

pub(super) async fn rolled_back<'w>(world: &'w World, commit: &str) -> Talk<'w> {
    let it = completed(world, commit).await;
    it.send("ROLLBACK").await;
    it.reaches("rolled-back").await;
    it
}

#[tokio::test(start_paused = true)]
async fn an_admin_releases_a_commit_and_no_agent_does() {
    let (world, _driving) = World::driven_under(|policy| {
        let operator = Person {
            key: None,
            roles: [Role::Operator].into(),
            emails: [].into(),
            oauth_subject: None,
            openid_subject: None,
            slack_user: None,
            agent_limits: Limits::default(),
        };
        policy.people.insert("olga".parse().unwrap(), operator);
    });
    completed(&world, EARLIER).await;
    let waits = at_tests(&world, COMMIT).await;
    let tests = world.harness.runs_of("run_tests").pop().unwrap().execution;
    let bad = rolled_back(&world, COMMIT).await;
    world.harness.ends(&tests, ExecutionStatus::Succeeded);
    waits.until(|it| it.progress.held.is_some()).await;
    let release = async |commit: &str, actor: Actor| {
        world.app.release_commit("checkout", commit, "it was the network", &actor).await
    };

    assert_eq!(release(COMMIT, agent()).await.unwrap_err().code, Code::NeedsHuman);
    for name in ["mallory", "olga"] {
        let other = Actor::at_command_line(name.parse().unwrap());
        assert_eq!(release(COMMIT, other).await.unwrap_err().code, Code::NotPermitted, "{name} is no admin");
    }
    assert_eq!(release(EARLIER, admin()).await.unwrap_err().code, Code::MalformedArgument);
    assert_eq!(release(&COMMIT[..7], admin()).await.unwrap().rolled_back_by, [bad.id.to_string()]);

    waits.reaches("completed").await;
    // A later remark about the deployment does not bring the quarantine back.
    world.pass(Duration::from_mins(1)).await;
    let late: Result<(), _> = Err(Error::new(Code::GuardRefused, "too late", "nothing"));
    world.app.remembering(bad.id.as_str(), &agent(), late).await.unwrap_err();
    assert!(try_start(&world, COMMIT).await.is_ok());
    assert_eq!(bad.record_of("COMMIT_RELEASED").actor.principal, admin().principal);
    bad.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_abbreviation_keeps_the_whole_commit_out_and_only_of_its_service() {
    let (world, _driving) = World::driven();
    completed(&world, EARLIER).await;
    rolled_back(&world, &COMMIT[..7]).await;

    assert_eq!(try_start(&world, COMMIT).await.unwrap_err().code, Code::CommitQuarantined);
    let found = world.app.validate(request(COMMIT), agent()).await.unwrap();
    assert_eq!(found.errors.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["commit-quarantined"]);
    let billing = StartRequest { service: Some("billing".to_owned()), ..request(COMMIT) };
    assert!(world.app.start(billing, agent()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_release_is_for_every_rollback_before_it_and_for_none_after_it() {
    let (world, _driving) = World::driven();
    completed(&world, EARLIER).await;
    let older = to_dev(&world, COMMIT).await;
    older.reaches("completed").await;
    let newer = completed(&world, &COMMIT[..7]).await;
    for it in [&newer, &older] {
        it.send("ROLLBACK").await;
        it.reaches("rolled-back").await;
    }

    let released =
        world.app.release_commit("checkout", COMMIT, "it was the network", &admin()).await.unwrap();
    assert_eq!(released.rolled_back_by, [newer.id.to_string(), older.id.to_string()]);
    rolled_back(&world, COMMIT).await;

    assert_eq!(try_start(&world, COMMIT).await.unwrap_err().code, Code::CommitQuarantined);
}

#[tokio::test(start_paused = true)]
async fn the_same_start_is_answered_with_the_deployment_that_it_made() {
    let (world, _driving) = World::driven();
    completed(&world, EARLIER).await;
    let keyed = || StartRequest { idempotency_key: Some("release-42".to_owned()), ..request(COMMIT) };
    let first = world.app.start(keyed(), agent()).await.unwrap().deployment.deployment_id;
    let it = Talk { world: &world, id: first.parse().unwrap() };
    it.asks(1).await;
    it.approve().await;
    it.reaches("completed").await;
    it.send("ROLLBACK").await;
    it.reaches("rolled-back").await;

    let again = world.app.start(keyed(), agent()).await.unwrap();
    assert_eq!((again.existing, again.deployment.deployment_id), (true, first));
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_rollback_failed_stays_out_too() {
    let (world, _driving) = World::driven();
    completed(&world, EARLIER).await;
    let bad = completed(&world, COMMIT).await;
    world.harness.goes("deploy_prod", Course::Ends(rejected()));
    bad.send("ROLLBACK").await;
    bad.reaches("rollback-failed").await;

    let refused = try_start(&world, COMMIT).await.unwrap_err();
    assert_eq!(refused.code, Code::CommitQuarantined);
    assert!(refused.message.contains(bad.id.as_str()), "{}", refused.message);
    let status = world.app.status(bad.id.as_str()).await.unwrap();
    assert!(status.caveats.iter().any(|it| it.starts_with("quarantined")), "{:?}", status.caveats);
    assert!(try_start(&world, EARLIER).await.is_ok(), "a good one goes out at once");
    world.app.release_commit("checkout", COMMIT, "mended by hand", &admin()).await.unwrap();
    assert!(try_start(&world, COMMIT).await.is_ok());
    bad.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_came_back_itself_is_not_kept_out() {
    let (world, _driving) = World::driven();
    completed(&world, COMMIT).await;
    let again = rolled_back(&world, &COMMIT[..7]).await;

    let status = world.app.status(again.id.as_str()).await.unwrap();
    assert!(!status.caveats.iter().any(|it| it.starts_with("quarantined")), "{:?}", status.caveats);
    assert!(try_start(&world, COMMIT).await.is_ok());
}
