//! Looking before leaping: what runs where, what would happen, and why something waits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::app::environments::EnvironmentsRequest;
use deployment_orchestrator::app::{Code, CommitRequest, ListRequest, StartRequest};
use deployment_orchestrator::config::Policy;
use deployment_orchestrator::domain::entrance::{OnConflict, Proof};
use deployment_orchestrator::domain::id::EnvironmentName;
use deployment_orchestrator::domain::principal::Actor;

use super::people::agent;
use super::world::{COMMIT, World};

fn request() -> StartRequest {
    StartRequest {
        repository: "acme/checkout".to_owned(),
        branch: "main".to_owned(),
        commit_sha: COMMIT.to_owned(),
        ..StartRequest::default()
    }
}

fn person() -> Actor {
    Actor::at_command_line("ada".parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_plan_has_every_stage_and_starts_nothing() {
    let (world, _driving) = World::driven();
    let plan = world.app.plan(request(), agent()).await.unwrap();
    let stages: Vec<&str> = plan.stages.iter().map(|it| it.stage.as_str()).collect();
    assert_eq!(
        stages,
        ["validating", "building", "testing", "deploying-dev", "deploying-staging", "deploying-prod"]
    );
    assert!(plan.startable && plan.usual_total_ms.is_none(), "nothing is known yet");
    let prod = plan.stages.last().unwrap();
    assert_eq!(prod.pipeline_id.as_deref(), Some("deploy_prod"));
    assert_eq!(prod.inputs["commit_sha"], COMMIT);
    assert_eq!(prod.approval.as_ref().unwrap().required_approvals, 1);
    assert_eq!(prod.replaces_commit, None);
    assert!(world.app.list(ListRequest::default()).await.unwrap().deployments.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_what_placeholders_stand_for_and_leaves_the_id_open() {
    let mut world = World::new();
    let mut policy = (*world.app.policy).clone();
    let dev = &mut policy.workflow.environments[0].deploy;
    let text = "${deployment.id}-${deployment.commit_sha}-${environment.name}";
    dev.variables.insert("release".parse().unwrap(), text.parse().unwrap());
    world.app.policy = Arc::new(policy);

    let plan = world.app.plan(request(), agent()).await.unwrap();
    let dev = plan.stages.iter().find(|it| it.stage == "deploying-dev").unwrap();
    assert_eq!(dev.inputs["release"], format!("${{deployment.id}}-{COMMIT}-dev"));
}

#[tokio::test(start_paused = true)]
async fn what_was_planned_is_started_and_nothing_else() {
    let (mut world, driving) = World::driven();
    let hash = world.app.plan(request(), agent()).await.unwrap().plan_hash;
    let again = world.app.plan(request(), agent()).await.unwrap().plan_hash;
    assert_eq!(hash, again, "the same plan has the same hash");
    let other = StartRequest { target_environment: Some("dev".to_owned()), ..request() };
    let refused = world
        .app
        .start(StartRequest { expected_plan_hash: Some(hash.clone()), ..other }, agent())
        .await
        .unwrap_err();
    assert_eq!(refused.code, Code::PlanChanged);

    driving.stop().await;
    let mut policy = Policy::clone(&world.app.policy);
    policy.gates.values_mut().for_each(|gate| gate.allow_self_approval = true);
    world.app.policy = Arc::new(policy);
    let expecting = StartRequest { expected_plan_hash: Some(hash), ..request() };
    let refused = world.app.start(expecting, agent()).await.unwrap_err();
    assert_eq!(refused.code, Code::PlanChanged, "the gate is another");
    assert!(world.app.list(ListRequest::default()).await.unwrap().deployments.is_empty());

    let hash = world.app.plan(request(), agent()).await.unwrap().plan_hash;
    world.app.start(StartRequest { expected_plan_hash: Some(hash), ..request() }, agent()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn other_rules_before_an_environment_and_other_authors_make_another_plan() {
    let mut world = World::new();
    let hash = world.app.plan(request(), agent()).await.unwrap().plan_hash;
    let written = |author: &str| {
        let commit = CommitRequest {
            sha: COMMIT.to_owned(),
            author: Some(author.to_owned()),
            ..CommitRequest::default()
        };
        StartRequest { commits: vec![commit], ..request() }
    };
    let mut hashes = vec![hash.clone()];
    for author in ["grace", "heidi"] {
        hashes.push(world.app.plan(written(author), agent()).await.unwrap().plan_hash);
    }
    let usual = Policy::clone(&world.app.policy);
    let staging = "staging".parse().unwrap();
    let changes: [fn(&mut Policy, &EnvironmentName); 4] = [
        |policy, at| policy.rules.get_mut(at).unwrap().soak = Duration::from_mins(20),
        |policy, at| policy.rules.get_mut(at).unwrap().require = [Proof::TestsPassed].into(),
        |policy, at| policy.rules.get_mut(at).unwrap().on_conflict = OnConflict::Refuse,
        |policy, _| policy.workflow.environments[1].concurrency = Some(2),
    ];
    for change in changes {
        let mut policy = usual.clone();
        change(&mut policy, &staging);
        world.app.policy = Arc::new(policy);
        hashes.push(world.app.plan(request(), agent()).await.unwrap().plan_hash);
    }
    let different: BTreeSet<&String> = hashes.iter().collect();
    assert_eq!(different.len(), hashes.len(), "{hashes:?}");
    world.app.policy = Arc::new(usual);
    assert_eq!(world.app.plan(request(), agent()).await.unwrap().plan_hash, hash);
}

#[tokio::test(start_paused = true)]
async fn a_plan_knows_what_is_there_what_is_locked_and_how_long_it_takes() {
    let (world, _driving) = World::driven();
    let it = world.deploy().await;
    it.asks(1).await;
    it.approve().await;
    it.reaches("completed").await;
    world.app.lock("staging", None, "an audit", &person()).await.unwrap();

    let commit = |sha: &str| CommitRequest { sha: sha.to_owned(), ..CommitRequest::default() };
    let commits = vec![commit("ddddddd"), commit("ccccccc"), commit(COMMIT)];
    let plan = world.app.plan(StartRequest { commits, ..request() }, agent()).await.unwrap();
    let staging = &plan.stages[4];
    assert_eq!(staging.commits_ahead, Some(2));
    assert_eq!(staging.replaces_commit.as_deref(), Some(COMMIT));
    assert_eq!(staging.held_by[0].hold, "locked");
    assert_eq!(staging.usual.unwrap().count, 1);
    assert!(plan.stages[3].held_by.is_empty());
    assert!(plan.usual_total_ms.is_some());
}

#[tokio::test(start_paused = true)]
async fn environments_say_what_runs_there_and_who_waits() {
    let (world, _driving) = World::driven();
    let it = world.deploy().await;
    it.asks(1).await;
    world.app.lock("prod", Some("checkout"), "an audit", &person()).await.unwrap();
    it.approve().await;
    it.until(|it| it.progress.held.is_some()).await;

    let request =
        EnvironmentsRequest { service: Some("checkout".to_owned()), ..EnvironmentsRequest::default() };
    let view = world.app.environments(request).await.unwrap();
    let of = |name: &str| view.environments.iter().find(|it| it.environment == name).unwrap();
    let dev = of("dev").services[0].live.clone().unwrap();
    assert_eq!((dev.commit_sha.as_str(), dev.put_here_by), (COMMIT, it.id.to_string()));
    let prod = &of("prod").services[0];
    assert_eq!(prod.live, None);
    assert_eq!(prod.queue, [it.id.to_string()]);
    assert_eq!(prod.locked.as_ref().unwrap().reason_untrusted, "an audit");
}

#[tokio::test(start_paused = true)]
async fn environments_show_what_comes_for_the_first_time_and_what_is_locked_before_that() {
    let (world, _driving) = World::driven();
    let lock = async |service: &str| {
        world.app.lock("dev", Some(service), "an audit", &person()).await.unwrap();
    };
    lock("checkout").await;
    lock("billing").await;
    lock("search").await;
    world.app.unlock("dev", Some("search"), "done", &person()).await.unwrap();
    let it = world.deploy().await;
    it.until(|it| it.progress.held.is_some()).await;

    let view = world.app.environments(EnvironmentsRequest::default()).await.unwrap();
    let [billing, checkout] = &view.environments[0].services[..] else { panic!("{view:?}") };
    assert_eq!((billing.service.as_str(), &billing.repository), ("billing", &None));
    assert_eq!(billing.locked.as_ref().unwrap().reason_untrusted, "an audit");
    assert_eq!(
        (checkout.service.as_str(), checkout.repository.as_deref()),
        ("checkout", Some("acme/checkout"))
    );
    assert_eq!((&checkout.queue, &checkout.live), (&vec![it.id.to_string()], &None));
    let billing =
        EnvironmentsRequest { service: Some("billing".to_owned()), ..EnvironmentsRequest::default() };
    let view = world.app.environments(billing).await.unwrap();
    assert_eq!(view.environments[0].services.len(), 1, "only the one that was asked for");
}

#[tokio::test(start_paused = true)]
async fn an_explanation_names_source_and_opener_of_each_guard_and_what_holds_it() {
    let (world, _driving) = World::driven();
    world.app.lock("dev", None, "an audit", &person()).await.unwrap();
    let it = world.deploy().await;
    it.until(|it| it.progress.held.is_some()).await;
    let explained = world.app.explain(it.id.as_str(), "DEV_DEPLOYED").await.unwrap();
    assert!(!explained.possible);
    assert_eq!(
        (explained.guards[0].name.as_str(), explained.guards[0].source),
        ("execution-succeeded", "Harness")
    );
    assert_eq!(explained.held_by[0].hold, "locked");
    assert!(explained.held_by[0].opens_when.contains("unlock"));
}
