//! What people are told: none of it is lost, each deployment's comes in its order, and nobody else waits for it.

use std::collections::BTreeSet;
use std::time::Duration;

use deployment_orchestrator::app::{Code, CommitRequest, StartRequest};
use deployment_orchestrator::domain::notice::{Notice, Topic};
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::route::{Pace, Route};
use deployment_orchestrator::store::Which;

use tokio::time::Instant;

use super::fake_harness::{Course, rejected};
use super::people::agent;
use super::world::{COMMIT, World, pager};

#[tokio::test(start_paused = true)]
async fn what_nobody_heard_is_told_later_in_order_and_once() {
    let (world, driving) = World::driven();
    let it = world.deploy().await;
    it.reaches("testing").await;
    *world.told.out_of_reach.lock().unwrap() = u32::MAX;
    it.asks(1).await;
    it.approve().await;
    it.reaches("completed").await;
    let heard = world.told.notices().len();
    *world.told.out_of_reach.lock().unwrap() = 0;

    world.until(|it| it.told.topics().last() == Some(&Topic::Completed)).await;
    driving.stop().await;
    world.drive("second");
    world.pass(Duration::from_mins(10)).await;

    let told = world.told.notices();
    assert!(told.len() > heard + 3, "{heard} before the outage, {} in all", told.len());
    assert_eq!(told.iter().map(|it| &it.key).collect::<BTreeSet<_>>().len(), told.len(), "each once");
    assert!(told.is_sorted_by_key(version), "{:?}", told.iter().map(version).collect::<Vec<_>>());
    assert_eq!(world.app.store.undelivered(&Which::about(&it.id)).unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn what_a_crashed_driver_was_telling_is_told_by_the_next() {
    let (world, driving) = World::driven();
    *world.told.takes.lock().unwrap() = Duration::from_hours(1);
    let it = world.deploy().await;
    it.reaches("testing").await;
    driving.crash().await;
    *world.told.takes.lock().unwrap() = Duration::ZERO;

    world.drive("second");
    let begin = Instant::now();
    world.until(|it| it.told.count(Topic::StageCompleted) >= 2).await;

    assert!(begin.elapsed() < Duration::from_secs(10), "it waited for {:?}", begin.elapsed());
    assert!(world.told.notices().is_sorted_by_key(version));
}

#[tokio::test(start_paused = true)]
async fn one_that_was_missed_holds_back_those_after_it() {
    let (world, _driving) = World::driven();
    *world.told.takes.lock().unwrap() = Duration::from_secs(15);
    let it = world.deploy().await;
    world.until(|it| it.told.count(Topic::Started) == 1).await;
    *world.told.out_of_reach.lock().unwrap() = 1;
    it.asks(1).await;

    world.until(|it| it.told.count(Topic::ApprovalRequested) == 1).await;

    assert!(world.told.notices().is_sorted_by_key(version));
    assert_eq!(world.told.count(Topic::StageCompleted), 5, "the missed one is among those before");
}

#[tokio::test(start_paused = true)]
async fn an_hour_in_which_one_channel_is_out_of_reach_delay_nobody_else() {
    let (world, _driving) = World::driven();
    *world.told.out_of_reach.lock().unwrap() = u32::MAX;
    *world.told.takes.lock().unwrap() = Duration::from_secs(15);
    world.harness.goes("deploy_prod", Course::Ends(rejected()));
    let it = world.deploy().await;
    it.asks(1).await;
    it.approve().await;
    it.reaches("failed").await;
    world.until(|it| it.paged.topics() == [Topic::Failed]).await;
    world.pass(Duration::from_hours(1)).await;
    let untold = world.app.status(it.id.as_str()).await.unwrap().undelivered_messages;
    assert_eq!((untold[0].channel.as_str(), untold[0].given_up), ("chat", false));
    assert_eq!(untold[0].error_untrusted.as_deref(), Some("nobody is there"));
    assert!(untold[0].attempts > 8, "{untold:?}");

    *world.told.out_of_reach.lock().unwrap() = 0;
    world.until(|it| it.told.topics().last() == Some(&Topic::Failed)).await;
    assert!(world.told.notices().is_sorted_by_key(version));
    assert_eq!(world.told.count(Topic::Started), 1);
    assert_eq!(world.app.status(it.id.as_str()).await.unwrap().undelivered_messages, []);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_given_up_shown_and_sent_again_by_hand() {
    let (world, _driving) = World::driven();
    *world.told.refuses.lock().unwrap() = Some(Topic::StageCompleted);
    let it = world.deploy().await;
    it.asks(1).await;
    world.until(|it| it.told.topics() == [Topic::Started, Topic::ApprovalRequested]).await;
    let about = Which::about(&it.id);
    let untold = world.app.messages(about.clone()).await.unwrap();
    assert_eq!(untold.len(), 5, "{untold:?}");
    assert!(untold.iter().all(|it| it.given_up && it.attempts == 1 && it.topic == "stage-completed"));
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(world.app.messages(about.clone()).await.unwrap(), untold, "not again by itself");

    *world.told.refuses.lock().unwrap() = None;
    let ada = Actor::at_command_line("ada".parse().unwrap());
    let nobody = Actor::at_command_line("mallory".parse().unwrap());
    assert_eq!(world.app.resend(about.clone(), &nobody).await.unwrap_err().code, Code::NotPermitted);
    assert_eq!(world.app.resend(about.clone(), &ada).await.unwrap(), 5);
    world.until(|it| it.told.count(Topic::StageCompleted) == 5).await;
    assert_eq!(world.app.messages(about).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn whom_a_start_names_is_told_too_and_must_be_there() {
    let (world, _driving) = World::driven();
    let request = StartRequest { notify: vec!["pager".to_owned()], ..StartRequest::default() };
    let it = world.start(request.clone()).await;
    it.asks(1).await;
    world.until(|it| it.paged.topics() == [Topic::Started, Topic::ApprovalRequested]).await;
    let unknown = StartRequest { notify: vec!["everybody".to_owned()], ..request };
    let refused = world
        .app
        .start(
            StartRequest {
                repository: "a".to_owned(),
                branch: "b".to_owned(),
                commit_sha: COMMIT.to_owned(),
                ..unknown
            },
            agent(),
        )
        .await
        .unwrap_err();
    assert_eq!(refused.code, Code::MalformedArgument);
    assert!(refused.hint.contains("chat, pager"), "{}", refused.hint);
}

#[tokio::test(start_paused = true)]
async fn what_is_told_in_a_digest_comes_in_one_message() {
    let pace = Pace::Digest(Duration::from_mins(20));
    let (world, _driving) = World::driven_under(|policy| {
        policy.routing.routes = vec![Route { pace, ..Route::quiet([pager()]) }];
    });
    let first = world.deploy().await;
    first.asks(1).await;
    world.pass(Duration::from_mins(10)).await;
    first.approve().await;
    first.reaches("completed").await;
    assert_eq!(world.paged.digests.lock().unwrap().len(), 0);
    world.until(|it| it.paged.digests.lock().unwrap().len() == 1).await;

    let digest = world.paged.digests.lock().unwrap()[0].clone();
    let topics: Vec<Topic> = digest.notices.iter().map(|it| it.topic).collect();
    assert_eq!(topics, [Topic::Started, Topic::ApprovalRequested, Topic::ApprovalDecided, Topic::Completed]);
    assert!(digest.title.starts_with("4 messages about 1 deployment since "), "{}", digest.title);
    assert_eq!((world.paged.notices(), world.told.notices()), (vec![], vec![]), "and nothing by itself");
    world.pass(Duration::from_mins(30)).await;
    assert_eq!(world.paged.digests.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_real_says_so_first() {
    let (world, _driving) =
        World::driven_under(|policy| policy.routing.said_first = Some("SIMULATED: ".to_owned()));
    world.deploy().await;
    world.until(|it| it.told.count(Topic::Started) == 1).await;
    let told = &world.told.notices()[0].text;
    assert!(told.starts_with("SIMULATED: checkout"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn approvers_see_what_comes_what_goes_and_what_was_seen_of_it() {
    let (world, _driving) = World::driven();
    let first = world.deploy().await;
    first.asks(1).await;
    first.approve().await;
    first.reaches("completed").await;
    let commit = |sha: &str, message: &str| CommitRequest {
        sha: sha.to_owned(),
        message: Some(message.to_owned()),
        ..CommitRequest::default()
    };
    let second = "abcdef0123456789abcdef0123456789abcdef01";
    let request = StartRequest {
        commit_sha: second.to_owned(),
        commits: vec![commit(second, "faster"), commit("bbbbbbb", "safer"), commit(COMMIT, "there already")],
        ..StartRequest::default()
    };
    let it = world.start(request).await;
    it.asks(1).await;
    world.until(|it| it.told.count(Topic::ApprovalRequested) == 2).await;

    let message = world.told.messages().pop().unwrap();
    let asked = message.asked.unwrap();
    assert_eq!((asked.request, asked.environment.as_str(), asked.required), (1, "prod", 1));
    assert_eq!(asked.commits.iter().map(|it| it.message.as_str()).collect::<Vec<_>>(), ["faster", "safer"]);
    let replaces = asked.replaces.unwrap();
    assert_eq!((replaces.commit.as_str(), &replaces.deployment), (COMMIT, &first.id));
    let stages: Vec<&str> = asked.evidence.iter().map(|it| it.stage.as_str()).collect();
    assert_eq!(stages, ["building", "testing", "deploying-dev", "deploying-staging"]);
    assert!(message.earlier.iter().any(|it| it.topic == Topic::Started));

    it.approve().await;
    it.reaches("completed").await;
    world.until(|it| it.told.topics().last() == Some(&Topic::Completed)).await;
    assert_eq!(world.told.messages().pop().unwrap().asked, None);
}

/// The version that the deployment reached with it.
fn version(notice: &Notice) -> u64 {
    notice.key.split(':').nth(1).unwrap().parse().unwrap()
}
