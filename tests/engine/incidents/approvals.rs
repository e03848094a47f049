//! Approvals: who was asked, about what, and until when.

use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::app::{Code, StartRequest};
use deployment_orchestrator::config::Policy;
use deployment_orchestrator::domain::decision::Verdict;
use deployment_orchestrator::domain::gate::{Approver, Gate};
use deployment_orchestrator::domain::notice::Topic;

use super::{carried, signed};
use crate::people::{OPEN_FOR, agent, gate, key_of};
use crate::world::{COMMIT, Talk, World};

/// This person may approve, and nobody else.
fn approver(name: &str) -> Vec<Approver> {
    vec![Approver { name: name.parse().unwrap(), key: Some(key_of(name).public()) }]
}

/// Whoever asked for it released it, and no second pair of eyes had seen it
/// ([roadmap#825](https://github.com/github/roadmap/issues/825)); others need just
/// that after hours ([vets-website#20560](https://github.com/department-of-veterans-affairs/vets-website/pull/20560)).
#[tokio::test(start_paused = true)]
async fn nobody_approves_their_own_unless_the_rule_says_so() {
    for allow_self_approval in [false, true] {
        let (world, _driving) = World::driven_under(|policy| {
            let adas = Gate { approvers: approver("ada"), allow_self_approval, ..gate() };
            policy.gates.insert("prod".parse().unwrap(), adas);
        });
        let it = world.deploy().await;
        it.asks(1).await;

        let taken = carried(&it, &signed(&it, "ada").await).await;

        if allow_self_approval {
            assert_eq!(taken, Ok(()));
            it.reaches("completed").await;
        } else {
            assert_eq!(taken, Err(Code::GuardRefused));
            it.reaches("failed").await;
            assert_eq!(world.harness.triggers_of("deploy_prod"), 0);
        }
        it.assert_sound();
    }
}

/// An environment that nobody had configured was made on first use, without a rule,
/// and the gate let everything through
/// ([liquibase#7948](https://github.com/liquibase/liquibase/pull/7948),
/// [CUDly#1542](https://github.com/LeanerCloud/CUDly/issues/1542)).
#[tokio::test(start_paused = true)]
async fn an_environment_without_rules_is_closed() {
    let (mut world, driving) = World::driven();
    let id = {
        let it = world.deploy().await;
        it.asks(1).await;
        driving.stop().await;
        it.approve().await;
        it.id
    };
    world.app.policy = Arc::new(Policy { gates: [].into(), ..Policy::clone(&world.app.policy) });
    let _driving = world.drive("second");
    let it = Talk { world: &world, id };
    world.pass(Duration::from_mins(5)).await;
    assert_eq!(world.harness.triggers_of("deploy_prod"), 0, "what waited does not slip through either");
    assert_eq!(it.now().progress.state.name(), "awaiting-approval");

    let to = |environment: &str| StartRequest {
        repository: "acme/checkout".to_owned(),
        branch: "main".to_owned(),
        commit_sha: COMMIT.to_owned(),
        target_environment: Some(environment.to_owned()),
        ..StartRequest::default()
    };
    for (environment, code) in [("prod", Code::GateNotConfigured), ("production", Code::UnknownEnvironment)] {
        let refused = world.app.start(to(environment), agent()).await.unwrap_err();
        assert_eq!(refused.code, code, "{refused:?}");
    }
    assert!(world.app.start(to("staging"), agent()).await.is_ok(), "it needs no gate");
}

/// An approval for one origin was honoured for another
/// ([kargo#6562](https://github.com/akuity/kargo/pull/6562)).
#[tokio::test(start_paused = true)]
async fn an_approval_does_not_cross_to_another_deployment() {
    let (world, _driving) = World::driven();
    let one = world.deploy().await;
    one.asks(1).await;
    let other = world.start(StartRequest { branch: "release".to_owned(), ..StartRequest::default() }).await;
    other.asks(1).await;

    let for_one = signed(&one, "grace").await;
    assert_eq!(carried(&other, &for_one).await, Err(Code::GuardRefused));
    assert_eq!(carried(&one, &for_one).await, Ok(()));
    one.reaches("completed").await;

    world.pass(Duration::from_mins(5)).await;
    assert_eq!(other.now().progress.state.name(), "awaiting-approval");
    assert_eq!(world.harness.triggers_of("deploy_prod"), 1);
    other.assert_sound();
}

/// A gate ignored its timeout, and a judgment was stuck for ever
/// ([flagger#1450](https://github.com/fluxcd/flagger/issues/1450),
/// [spinnaker#6597](https://github.com/spinnaker/spinnaker/issues/6597)).
#[tokio::test(start_paused = true)]
async fn an_approval_expires_even_if_nobody_looks() {
    let (world, driving) = World::driven();
    let it = world.deploy().await;
    let asked = it.asks(1).await.progress.updated_at;
    world.pass(OPEN_FOR + Duration::from_secs(2)).await;
    let ended = it.now();
    assert_eq!(ended.progress.state.name(), "failed");
    assert!(it.main_events().contains(&"APPROVAL_EXPIRED".to_owned()));
    let open = ended.progress.updated_at.since(asked);
    assert!((OPEN_FOR..OPEN_FOR + Duration::from_secs(2)).contains(&open), "it was open for {open:?}");

    // Nor does a server that was down the while let it live.
    let another = world.deploy().await;
    another.asks(1).await;
    let late = signed(&another, "grace").await;
    driving.crash().await;
    world.pass(OPEN_FOR).await;
    assert_eq!(carried(&another, &late).await, Err(Code::GuardRefused));
    let _driving = world.drive_anew("second");
    another.reaches("failed").await;
    assert_eq!(world.harness.triggers_of("deploy_prod"), 0);
    another.assert_sound();
}

/// The list of approvers was frozen when the check began
/// ([azure-devops-docs#13745](https://github.com/MicrosoftDocs/azure-devops-docs/issues/13745)).
#[tokio::test(start_paused = true)]
async fn who_may_approve_is_not_frozen_when_people_are_asked() {
    let (world, driving) = World::driven();
    let it = world.deploy().await;
    it.asks(1).await;
    driving.stop().await;
    it.approve().await;

    let heidis = Gate { approvers: approver("heidi"), ..gate() };
    let gates = [("prod".parse().unwrap(), heidis)].into();
    let _driving = world.drive_under("second", Arc::new(Policy { gates, ..(*world.app.policy).clone() }));

    it.asks(2).await;
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(world.harness.triggers_of("deploy_prod"), 0, "what Grace said is void");
    assert_eq!(carried(&it, &signed(&it, "grace").await).await, Err(Code::GuardRefused));
    it.decided_by("heidi", Verdict::Approve).await;
    it.reaches("completed").await;
    it.assert_sound();
}

/// People were told that something waits, and not of what or how to answer
/// ([flagger#1344](https://github.com/fluxcd/flagger/issues/1344),
/// [flagger#1017](https://github.com/fluxcd/flagger/issues/1017)).
#[tokio::test(start_paused = true)]
async fn whoever_is_asked_reads_what_where_and_how_to_answer() {
    let (world, _driving) = World::driven();
    let it = world.deploy().await;
    it.asks(1).await;

    let asked = world.app.approval(it.id.as_str()).await.unwrap();
    let what = (asked.what.service.as_str(), asked.what.environment.as_str(), asked.what.commit_sha.as_str());
    assert_eq!(what, ("checkout", "prod", COMMIT));
    assert_eq!(
        (asked.request.approvers.as_slice(), asked.started_by.as_str()),
        (&["grace".to_owned()][..], "agent a client for ada")
    );
    let waiting = world.app.status(it.id.as_str()).await.unwrap().waiting_for;
    for answer in ["approve", "reject"] {
        let command = format!("deployment-orchestrator {answer} {}", it.id);
        assert!(asked.how_to_decide.contains(&command), "{}", asked.how_to_decide);
    }
    assert!(waiting.contains("grace") && waiting.contains("prod"), "{waiting}");
}

/// A hook and an MCP server both asked for one thing
/// ([atryum#89](https://github.com/validmind/atryum/issues/89)), and asking held the
/// transport open until somebody answered (talon#431).
#[tokio::test(start_paused = true)]
async fn asking_again_is_the_same_question_and_holds_nobody() {
    let (world, driving) = World::driven();
    let it = world.deploy().await;
    it.asks(1).await;
    world.until(|it| it.told.count(Topic::ApprovalRequested) == 1).await;
    driving.stop().await;

    let begin = tokio::time::Instant::now();
    for _ in 0..3 {
        let asked = world.app.ask(it.id.as_str(), agent()).await.unwrap();
        assert_eq!((asked.approved, asked.request.request), (false, 1));
    }
    assert_eq!(begin.elapsed(), Duration::ZERO, "nobody waits for an answer");
    it.approve().await;

    let _driving = world.drive("second");
    it.reaches("completed").await;
    assert_eq!(world.told.count(Topic::ApprovalRequested), 1, "people were asked just now");
    it.assert_sound();
}
