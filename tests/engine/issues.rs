//! The Jira issues of a deployment: found, linked, looked for, and told.

use std::time::Duration;

use deployment_orchestrator::app::{Code, CommitRequest, StartRequest};
use deployment_orchestrator::config::Policy;
use deployment_orchestrator::domain::limits::Limits;
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::domain::principal::Actor;
use tokio::time::Instant;

use super::people::agent;
use super::world::{COMMIT, World};

/// The config has a Jira, in which the project SHOP is ours.
fn jira(policy: &mut Policy) {
    policy.jira_projects = ["SHOP".parse().unwrap()].into();
    policy.routing.tracker = Some("jira".parse().unwrap());
}

fn request() -> StartRequest {
    let commit = |sha: &str, message: &str| CommitRequest {
        sha: sha.to_owned(),
        message: Some(message.to_owned()),
        ..CommitRequest::default()
    };
    StartRequest {
        branch: "feature/SHOP-2-retry".to_owned(),
        jira_issues: vec!["OPS-9".to_owned()],
        commits: vec![commit(COMMIT, "SHOP-3: UTF-8 names"), commit("aaaaaaa", "SHOP-2 and SHOP-4")],
        ..StartRequest::default()
    }
}

#[tokio::test(start_paused = true)]
async fn the_issues_of_the_call_the_branch_and_the_commits_are_told() {
    let (world, _driving) = World::driven_under(jira);
    let it = world.start(request()).await;
    it.asks(1).await;

    let all = ["OPS-9", "SHOP-2", "SHOP-3", "SHOP-4"];
    assert_eq!(world.app.status(it.id.as_str()).await.unwrap().jira_issues, all);
    world.until(|world| world.tracker.told_of(Topic::ApprovalRequested).len() == all.len()).await;
    let mut told = world.tracker.told_of(Topic::Started);
    told.sort();
    assert_eq!(told, all);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_issue_that_is_linked_when_all_is_over_is_told_at_once_and_once() {
    let (world, _driving) = World::driven_under(jira);
    let it = world.deploy().await;
    it.asks(1).await;
    it.approve().await;
    it.reaches("completed").await;

    let link = |issue: &'static str| world.app.link_issue(it.id.as_str(), issue, agent());
    let linked = link("SHOP-7").await.unwrap();
    assert!(!linked.already_linked && linked.jira_is_told);
    world.until(|world| world.tracker.told_of(Topic::Completed) == ["SHOP-7"]).await;
    let again = link("SHOP-7").await.unwrap();
    assert!(again.already_linked);
    assert_eq!(again.jira_issues, ["SHOP-7"]);
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(world.tracker.told_of(Topic::Completed).len(), 1, "the issue is told how it ended");

    assert_eq!(world.app.status(it.id.as_str()).await.unwrap().jira_issues, ["SHOP-7"]);
    assert_eq!(it.record_of("ISSUE_LINKED").actor.principal, agent().principal);
    assert_eq!(link("shop-7").await.unwrap_err().code, Code::MalformedArgument);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_issue_that_the_start_brought_is_linked_already() {
    let (world, _driving) = World::driven_under(jira);
    let it = world.start(request()).await;
    for issue in ["OPS-9", "SHOP-3"] {
        assert!(
            world.app.link_issue(it.id.as_str(), issue, agent()).await.unwrap().already_linked,
            "{issue}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn links_end_at_a_limit_and_are_not_for_everybody() {
    let mut world = World::new();
    let it = world.deploy().await.id.clone();
    for number in 1..=20 {
        world.app.link_issue(it.as_str(), &format!("SHOP-{number}"), agent()).await.unwrap();
    }
    let refused = world.app.link_issue(it.as_str(), "SHOP-21", agent()).await.unwrap_err();
    assert_eq!(refused.code, Code::MalformedArgument);
    assert!(refused.message.starts_with("as many issues are linked"), "{}", refused.message);

    let mut policy = Policy::clone(&world.app.policy);
    policy.agent_limits = Limits { read_only: true, ..policy.agent_limits };
    world.app.policy = policy.into();
    let refused = world.app.link_issue(it.as_str(), "SHOP-1", agent()).await.unwrap_err();
    assert_eq!(refused.code, Code::AgentLimited);
    let stranger = Actor::at_command_line("mallory".parse().unwrap());
    let refused = world.app.link_issue(it.as_str(), "SHOP-1", stranger).await.unwrap_err();
    assert_eq!(refused.code, Code::NotPermitted);
}

#[tokio::test(start_paused = true)]
async fn an_issue_that_is_not_there_is_a_warning() {
    let (world, _driving) = World::driven_under(jira);
    world.tracker.missing.lock().unwrap().insert("SHOP-3".parse().unwrap());
    let it = world.start(request()).await;
    it.asks(1).await;
    assert_eq!(
        warned(&world, &it.id).await,
        ["jira-issue: Jira has no SHOP-3, or does not show it to the account of this server"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_jira_that_fails_or_is_silent_is_one_warning_and_delays_nothing() {
    for silent in [false, true] {
        let (world, _driving) = World::driven_under(jira);
        *world.tracker.is_down.lock().unwrap() = true;
        if silent {
            *world.tracker.takes.lock().unwrap() = Duration::from_hours(1);
        }
        let begin = Instant::now();
        let it = world.start(request()).await;
        it.reaches("building").await;
        assert!(begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
        let why = if silent { "Jira does not answer within 4 s" } else { "Jira had a server error (503)" };
        let said = format!("jira-unreachable: whether the issues are there is not known: {why}");
        assert_eq!(warned(&world, &it.id).await, [said]);
    }
}

/// What validation warned of.
async fn warned(world: &World, id: &deployment_orchestrator::domain::id::DeploymentId) -> Vec<String> {
    let report = world.app.full_status(id.as_str()).await.unwrap().validation.unwrap();
    report.warnings.iter().map(|it| format!("{}: {}", it.code, it.message_untrusted)).collect()
}
