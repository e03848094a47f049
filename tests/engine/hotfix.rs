//! Named paths: what is left out does not run, people are asked for more, and nothing of it is silent.

use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::app::{Code, StartRequest};
use deployment_orchestrator::config::{self, Policy};
use deployment_orchestrator::domain::decision::{Decision, Statement, Verdict};
use deployment_orchestrator::domain::deployment::Deployment;
use deployment_orchestrator::domain::entrance::{Proof, Rules};
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::domain::place::Hold;
use deployment_orchestrator::domain::principal::{Actor, Channel};
use deployment_orchestrator::domain::record::What;
use deployment_orchestrator::domain::subject::Digest;
use deployment_orchestrator::domain::workflow::Stage;

use super::fake_harness::{Course, rejected};
use super::people::key_of;
use super::world::{Driving, Talk, World};

/// Grace or Heidi may approve; on the path `hotfix`, for Ada alone, both must. `rest` is more of the config.
fn policy(rest: &str) -> Policy {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let (grace, heidi) = (key_of("grace").public(), key_of("heidi").public());
    let text = format!(
        r#"
[people.ada]
[people.erin]
[people.grace]
public_key = "{grace}"
[people.heidi]
public_key = "{heidi}"
[paths.hotfix]
skip = ["staging", "testing", "dev"]
approval = {{ required_approvals = 2 }}
may_start = ["ada"]
{rest}
[[environments]]
name = "dev"
[[environments]]
name = "staging"
[[environments]]
name = "prod"
approval = {{ approvers = ["grace", "heidi"] }}
"#
    );
    std::fs::write(&path, text).unwrap();
    config::load(Some(&path), "ada").unwrap().policy
}

fn installed(policy: Policy) -> (World, Driving) {
    World::driven_under(|ordinary| *ordinary = policy)
}

fn asked_for() -> StartRequest {
    StartRequest {
        path: Some("hotfix".to_owned()),
        reason: Some("customers cannot pay".to_owned()),
        ..StartRequest::default()
    }
}

/// What would have held it on the ordinary way, by the place that it took in prod.
fn waived(it: &Talk<'_>) -> Vec<String> {
    let history = it.world.app.store.history(&it.id, 0, 1_000).unwrap();
    let taken = history.into_iter().find_map(|record| match record.what {
        What::Event(Event::Main(MainEvent::PlaceTaken { waived, .. })) => Some(waived),
        _ => None,
    });
    taken.unwrap().iter().filter_map(Hold::rule).map(ToOwned::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_left_out_does_not_run_and_two_people_open_the_gate() {
    let (world, _driving) = installed(policy(""));
    let it = world.start(asked_for()).await;
    it.asks(1).await;
    it.decided_by("grace", Verdict::Approve).await;
    world.pass(Duration::from_secs(30)).await;
    assert_eq!(it.now().progress.state.name(), "awaiting-approval", "one is not enough");
    assert_eq!(world.harness.triggers_of("deploy_prod"), 0);

    it.decided_by("heidi", Verdict::Approve).await;
    it.reaches("completed").await;
    for (pipeline, times) in [
        ("build_and_push", 1),
        ("run_tests", 0),
        ("deploy_dev", 0),
        ("deploy_staging", 0),
        ("deploy_prod", 1),
    ] {
        assert_eq!(world.harness.triggers_of(pipeline), times, "{pipeline}");
    }
    assert_eq!(it.now().progress.touched.len(), 1, "only prod was touched");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn everybody_is_told_what_is_left_out_and_why() {
    let (world, _driving) = installed(policy(""));
    let it = world.start(asked_for()).await;
    it.asks(1).await;

    let id = it.id.as_str();
    let status = world.app.full_status(id).await.unwrap();
    let path = status.path.clone().unwrap();
    assert_eq!((path.name.as_str(), path.reason_untrusted.as_str()), ("hotfix", "customers cannot pay"));
    assert_eq!(path.skipped, ["testing", "deploying-dev", "deploying-staging"], "in their order");
    assert_eq!(
        path.waives,
        ["tests-passed", "previous-environment", "soak"].map(|rule| format!("{rule} before prod"))
    );
    let went_through: Vec<String> = status.timeline.unwrap().into_iter().map(|it| it.state).collect();
    assert_eq!(went_through, ["pending", "validating", "building", "awaiting-approval"]);
    assert_eq!(world.app.list(Default::default()).await.unwrap().deployments[0].path, Some(path.clone()));
    assert_eq!(world.app.history(id, 0, 1).await.unwrap().path, Some(path.clone()));

    let asked = world.app.approval(id).await.unwrap().what.path.unwrap();
    assert_eq!((asked.skipped, asked.waives.len()), (path.skipped, 3));
    world.until(|it| it.told.count(Topic::ApprovalRequested) == 1).await;
    let told = world.told.notices();
    let asked = told.iter().find(|notice| notice.topic == Topic::ApprovalRequested).unwrap();
    for said in
        ["PATH hotfix", "without testing, deploying-dev", "waives tests-passed", "customers cannot pay"]
    {
        assert!(asked.text.contains(said), "{}", asked.text);
    }
    assert!(told.iter().all(|notice| notice.text.contains("hotfix")), "{told:?}");
}

/// The same deployment, had it been started on the ordinary way.
fn ordinary(deployment: &Deployment) -> Deployment {
    let mut ordinary = deployment.clone();
    let spec = Arc::make_mut(&mut ordinary.spec);
    spec.path = None;
    spec.workflow.skipped.clear();
    ordinary
}

#[tokio::test(start_paused = true)]
async fn an_approval_of_the_ordinary_way_does_not_count() {
    let (world, _driving) = installed(policy(""));
    let it = world.start(asked_for()).await;
    let asked = it.asks(1).await;
    let prod = "prod".parse().unwrap();
    let gates = |it: &Deployment| world.app.policy.gates_of(&it.spec)[&prod].version();
    assert_ne!(gates(&asked), gates(&ordinary(&asked)));

    let of = |it: &Deployment| Digest::of(&it.subject(&Stage::Deploying(prod.clone()), Some(gates(it))));
    let grace = "grace".parse().unwrap();
    let statement = world.app.statement(it.id.as_str(), &grace, Verdict::Approve, None).await.unwrap();
    assert_eq!(statement.digest, of(&asked));
    let statement = Statement { digest: of(&ordinary(&asked)), ..statement };
    let token = Decision::sign(statement, &key_of("grace")).to_token();
    let carrier = Actor::at_command_line(grace);
    let refused = world.app.decide(it.id.as_str(), &token, Verdict::Approve, &carrier).await.unwrap_err();
    assert_eq!(refused.code, Code::GuardRefused);
    assert!(refused.guards.iter().any(|it| !it.holds && it.name == "decision-is-for-this-request"));
}

#[tokio::test(start_paused = true)]
async fn a_start_on_a_path_is_refused_without_its_name_its_reason_its_target_or_its_people() {
    let (world, _driving) = installed(policy(""));
    let usual = StartRequest {
        repository: "acme/checkout".to_owned(),
        branch: "main".to_owned(),
        commit_sha: "5c1b2f0".to_owned(),
        ..asked_for()
    };
    let unknown = StartRequest { path: Some("shortcut".to_owned()), ..usual.clone() };
    let unnamed = StartRequest { path: None, ..usual.clone() };
    let silent = StartRequest { reason: Some("  ".to_owned()), ..usual.clone() };
    let to_dev = StartRequest { target_environment: Some("dev".to_owned()), ..usual.clone() };
    let agent_for =
        |name: &str| Actor::agent("a client".to_owned(), name.parse().unwrap(), Channel::McpStdio);
    for (request, person, code, says) in [
        (unknown, "ada", Code::UnknownPath, "no path `shortcut`"),
        (unnamed, "ada", Code::MalformedArgument, "for the ordinary way"),
        (silent, "ada", Code::MalformedArgument, "with a `reason`"),
        (to_dev, "ada", Code::MalformedArgument, "leaves deploying-dev out"),
        (usual, "erin", Code::NotPermitted, "for erin on the path `hotfix`"),
    ] {
        let refused = world.app.start(request, agent_for(person)).await.unwrap_err();
        assert_eq!(refused.code, code, "{refused:?}");
        assert!(refused.message.contains(says), "{}", refused.message);
    }
    assert!(world.app.list(Default::default()).await.unwrap().deployments.is_empty());
}

#[tokio::test(start_paused = true)]
async fn evidence_of_what_is_left_out_is_waived_on_record_and_nothing_else_is() {
    let mut policy = policy("");
    let rules = Rules {
        soak: Duration::from_hours(4),
        require: [Proof::PreviousEnvironment, Proof::TestsPassed, Proof::NoNewerFailure].into(),
        ..Rules::default()
    };
    policy.rules.insert("prod".parse().unwrap(), rules);
    let (world, _driving) = installed(policy);
    let both = async |it: &Talk<'_>| {
        it.asks(1).await;
        it.decided_by("grace", Verdict::Approve).await;
        it.decided_by("heidi", Verdict::Approve).await;
    };
    let it = world.start(asked_for()).await;
    both(&it).await;
    it.reaches("completed").await;
    assert_eq!(waived(&it), ["previous-environment", "tests-passed", "soak"]);
    it.assert_sound();

    let later = StartRequest { commit_sha: "0ddba11".to_owned(), ..asked_for() };
    let it = world.start(later).await;
    it.asks(1).await;
    world.harness.goes("run_tests", Course::Ends(rejected()));
    let again = StartRequest {
        commit_sha: "0ddba11".to_owned(),
        target_environment: Some("dev".to_owned()),
        ..StartRequest::default()
    };
    world.start(again).await.reaches("failed").await;
    both(&it).await;
    let held = it.until(|it| it.progress.held.is_some()).await.progress.held.unwrap();
    assert_eq!(held.by[0].rule(), Some("no-newer-failure"));
}

#[tokio::test(start_paused = true)]
async fn tests_count_that_really_passed_for_the_commit() {
    let (world, _driving) = installed(policy(""));
    let tested_by = |it: &Talk<'_>| {
        let (deployment, prod) = (it.now(), "prod".parse().unwrap());
        let rules = Rules { require: [Proof::TestsPassed].into(), ..Rules::default() };
        world.app.store.read(|snapshot| snapshot.facts(&deployment, &prod, &rules)).unwrap().tested_by
    };
    let untested = world.start(asked_for()).await;
    untested.asks(1).await;
    assert_eq!(tested_by(&untested), None, "its path has left them out");
    let tested = world.deploy().await;
    tested.asks(1).await;
    assert_eq!(tested_by(&tested), Some(tested.id.clone()));
    assert_eq!(tested_by(&untested), Some(tested.id.clone()), "of the same commit");
    let another = StartRequest { commit_sha: "0ddba11".to_owned(), ..asked_for() };
    assert_eq!(tested_by(&world.start(another).await), None);
}

#[tokio::test(start_paused = true)]
async fn a_freeze_holds_a_path_like_any_other() {
    let freeze = "[[freezes]]\nname = \"sale\"\nreason = \"the shop is full\"\ntime_zone = \"UTC\"\n\
                  from = 2023-11-14T00:00:00\nto = 2023-11-20T00:00:00\n";
    let (world, _driving) = installed(policy(freeze));
    let it = world.start(asked_for()).await;
    it.asks(1).await;
    it.decided_by("grace", Verdict::Approve).await;
    it.decided_by("heidi", Verdict::Approve).await;
    let held = it.until(|it| it.progress.held.is_some()).await.progress.held.unwrap();
    assert_eq!(held.by[0].name(), "frozen");
}

#[tokio::test(start_paused = true)]
async fn a_path_that_the_config_has_no_more_opens_for_nobody() {
    let (world, driving) = installed(policy(""));
    let it = world.start(asked_for()).await;
    it.asks(1).await;
    it.decided_by("grace", Verdict::Approve).await;
    driving.stop().await;
    it.decided_by("heidi", Verdict::Approve).await;
    let without = Policy { paths: Default::default(), ..Policy::clone(&world.app.policy) };
    world.drive_under("second", Arc::new(without));

    world.pass(Duration::from_mins(5)).await;
    assert!(it.main_events().contains(&"APPROVAL_VOIDED".to_owned()));
    assert_eq!(it.now().progress.state.name(), "awaiting-approval");
    assert_eq!(it.now().progress.requests, 1, "nobody can be asked");
    assert_eq!(world.harness.triggers_of("deploy_prod"), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_goes_around_a_gate_that_was_added_meanwhile() {
    let (world, driving) = installed(policy(""));
    let it = world.start(asked_for()).await;
    it.asks(1).await;
    driving.stop().await;
    it.decided_by("grace", Verdict::Approve).await;
    it.decided_by("heidi", Verdict::Approve).await;
    let mut stricter = Policy::clone(&world.app.policy);
    stricter.workflow.environments[1].gated = true;
    world.drive_under("second", Arc::new(stricter));

    it.reaches("failed").await;
    assert_eq!(world.harness.triggers_of("deploy_prod"), 0);
}
