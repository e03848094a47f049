//! Many deployments, many engines, and clocks that jump.

use std::time::Duration;

use deployment_orchestrator::app::StartRequest;
use deployment_orchestrator::domain::execution::ExecutionStatus;
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::engine::{Engine, Tick};
use deployment_orchestrator::store::Lease;
use deployment_orchestrator::tally::{Pass, Tally};
use tokio::time::Instant;

use super::fake_harness::{Answer, Course};
use super::world::{Talk, World, status_of};

#[tokio::test(start_paused = true)]
async fn many_executions_are_one_question_that_is_asked_less_and_less() {
    const MANY: usize = 40;
    let (world, _driving) = World::driven();
    let all = many(&world, MANY).await;
    for it in &all {
        it.reaches_in("building", "running").await;
    }

    let begin = world.harness.observed().len();
    world.pass(Duration::from_mins(20)).await;
    let observed = world.harness.observed().split_off(begin);

    let executions: usize = observed.iter().map(|(_, executions)| executions).sum();
    assert!(
        executions / observed.len() >= MANY / 2,
        "{executions} executions in {} questions",
        observed.len()
    );
    let between = |from: u64, to: u64| {
        let (from, to) = (Duration::from_secs(from), Duration::from_secs(to));
        observed.iter().filter(|(at, _)| (from..to).contains(&(*at - observed[0].0))).count()
    };
    assert!(between(0, 20) >= 10, "{} questions in the first 20 s", between(0, 20));
    assert!(between(600, 1_200) <= 45, "{} questions in ten minutes", between(600, 1_200));
}

#[tokio::test(start_paused = true)]
async fn a_deployment_is_not_kept_waiting_by_many_that_hang() {
    const MANY: usize = 300;
    let world = World::new();
    for _ in 0..MANY {
        world.harness.answers("build_and_push", Answer::Slow(Duration::from_secs(25), None));
    }
    let begin = Instant::now();
    let _driving = world.drive("first");
    let all = many(&world, MANY).await;
    for it in &all {
        it.reaches_in("building", "triggering").await;
    }

    let next = world.start(commit(MANY)).await;
    next.reaches_in("building", "running").await;

    assert!(begin.elapsed() < Duration::from_secs(5), "it waited for {:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn of_two_engines_one_drives_and_the_other_takes_over_after_a_crash() {
    let (world, first) = World::driven();
    world.harness.goes("build_and_push", Course::Stays(ExecutionStatus::Running));
    let it = world.deploy().await;
    it.reaches_in("building", "running").await;
    let _second = world.drive("second");
    world.pass(Duration::from_secs(30)).await;
    assert_eq!(driver(&world).as_deref(), Some("first"));

    first.crash().await;
    let begin = Instant::now();
    world.until(|it| driver(it).as_deref() == Some("second")).await;

    assert!(begin.elapsed() <= Duration::from_secs(6), "the lease is five seconds");
    world.harness.now("build_and_push", ExecutionStatus::Succeeded);
    it.asks(1).await;
    assert_eq!(world.harness.runs().len(), 4, "nothing ran twice");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn passes_and_changes_of_the_lease_are_counted_where_they_happen() {
    let world = World::new();
    let (first, second) = (Tally::default(), Tally::default());
    let _one = world.drive_counted("first", &first);
    world.until(|it| driver(it).as_deref() == Some("first")).await;
    let _other = world.drive_counted("second", &second);
    world.pass(Duration::from_secs(30)).await;
    let passes = |tally: &Tally| tally.counts().passes.into_iter().map(|(it, took)| (it, took.count() > 0));
    assert!(passes(&first).eq([(Pass::Drove, true), (Pass::StoodBy, false), (Pass::Failed, false)]));
    assert!(passes(&second).eq([(Pass::Drove, false), (Pass::StoodBy, true), (Pass::Failed, false)]));
    let changes = |tally: &Tally| tally.counts().lease.into_values().collect::<Vec<_>>();
    assert_eq!((changes(&first), changes(&second)), (vec![1, 0], vec![0, 0]), "taken and lost");

    // Somebody whose clock is ahead finds the lease of the first run out.
    let ahead = world.app.clock.now().plus(Duration::from_secs(60));
    assert!(matches!(world.app.store.lease("third", ahead, Duration::from_secs(1)).unwrap(), Lease::Held(_)));
    world.pass(Duration::from_secs(30)).await;
    assert_eq!(changes(&first)[1], 1, "it was lost once");
    let both: u64 = [&first, &second].map(|it| changes(it)[0]).into_iter().sum();
    assert_eq!((both, changes(&second)[1]), (2, 0), "and one of them drives again");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_has_lost_its_lease_calls_nobody() {
    let world = World::new();
    let it = world.deploy().await;
    let mut suspended = suspended_before_the_build(&it).await;
    let before = it.now();

    world.pass(Duration::from_secs(10)).await;
    let lease = world.app.store.lease("other", world.app.clock.now(), Duration::from_secs(5)).unwrap();
    assert!(matches!(lease, Lease::Held(_)));
    suspended.finish().await;

    assert_eq!(it.now(), before);
    assert_eq!(world.harness.triggers_of("build_and_push"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_a_trigger_finish_and_gives_the_lease_back() {
    let (world, first) = World::driven();
    world.harness.answers("build_and_push", Answer::Slow(Duration::from_secs(8), None));
    let it = world.deploy().await;
    it.reaches_in("building", "triggering").await;
    let _second = world.drive("second");

    first.stop().await;

    assert_ne!(status_of(&it.now()), "triggering", "its answer is recorded");
    assert_eq!(world.told.count(Topic::NeedsHuman), 0, "and nobody looked for it meanwhile");
    let begin = Instant::now();
    it.asks(1).await;
    assert!(begin.elapsed() < Duration::from_secs(20), "the other need not wait for a lease to run out");
    assert_eq!(world.harness.triggers_of("build_and_push"), 1);
    assert!(!it.main_events().contains(&"FAILURE".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_neither_stops_a_deployment_nor_starts_anything_twice() {
    for seconds in [3_600, -3_600] {
        let (world, _driving) = World::driven();
        world.harness.goes("build_and_push", Course::Stays(ExecutionStatus::Running));
        let it = world.deploy().await;
        it.reaches_in("building", "running").await;
        world.pass(Duration::from_secs(30)).await;

        world.clock.jump(seconds);
        world.harness.now("build_and_push", ExecutionStatus::Succeeded);
        let begin = Instant::now();
        it.asks(1).await;

        assert!(begin.elapsed() < Duration::from_mins(2), "it took {:?} after {seconds} s", begin.elapsed());
        assert_eq!(world.harness.runs().len(), 4);
        it.assert_sound();
    }
}

/// An engine that has begun to trigger the build, and gets no further.
pub(super) async fn suspended_before_the_build(it: &Talk<'_>) -> Engine {
    let mut engine = Engine::new(it.world.parts(), "suspended".to_owned());
    while it.now().progress.state.name() != "building" {
        engine.tick().await.unwrap();
        engine.finish().await;
    }
    assert!(matches!(engine.tick().await.unwrap(), Tick::Began(1..)), "about to trigger the build");
    engine
}

fn driver(world: &World) -> Option<String> {
    world.app.store.driver().unwrap().map(|driver| driver.holder)
}

pub(super) fn commit(number: usize) -> StartRequest {
    StartRequest { commit_sha: format!("{number:040x}"), ..StartRequest::default() }
}

async fn many(world: &World, number: usize) -> Vec<Talk<'_>> {
    let mut all = Vec::new();
    for number in 0..number {
        world.harness.goes("build_and_push", Course::Stays(ExecutionStatus::Running));
        all.push(world.start(commit(number)).await);
    }
    all
}
