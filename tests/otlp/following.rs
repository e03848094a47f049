//! What the follower tells, and what it makes of the collector's answers.

use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::clock::SystemRandom;
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::trace::span::TraceId;
use deployment_orchestrator::otlp::{self, Follower, Progress, Settings, Variables};
use deployment_orchestrator::store::Store;
use deployment_orchestrator::tally::Tally;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::collector::{Collector, Says, names, text};
use crate::place::{Place, at, complete, create_as, entry};
use crate::support::{START, choices, id, spec};

/// The follower of a process that has just begun to drive.
fn follower(store: &Arc<Store>, collector: &Collector, holder: &str) -> Follower {
    if let Some(driver) = store.driver().unwrap() {
        let fence = match store.lease(&driver.holder, at(0), Duration::from_secs(5)).unwrap() {
            deployment_orchestrator::store::Lease::Held(fence) => fence,
            other => panic!("{other:?}"),
        };
        store.release(&fence).unwrap();
    }
    store.lease(holder, at(0), Duration::from_secs(5)).unwrap();
    let settings = Settings::of(Variables {
        endpoint: Some(collector.endpoint.clone()),
        headers: Some("authorization=Bearer%20t0p-s3cr3t".to_owned().into()),
        ..Variables::default()
    });
    let client = otlp::Collector::new(settings.unwrap().unwrap(), false, &Tally::default()).unwrap();
    Follower::begin(Arc::clone(store), client, Arc::new(SystemRandom), holder.to_owned()).unwrap()
}

/// A store whose traces are wanted from now on, and the first process that drives.
async fn begun(place: &Place, collector: &Collector) -> (Arc<Store>, Follower) {
    let store = Arc::new(place.open());
    let mut first = follower(&store, collector, "first");
    assert_eq!(first.look().await.unwrap(), Progress::UpToDate);
    (store, first)
}

async fn catch_up(follower: &mut Follower) {
    while follower.look().await.unwrap() == Progress::Told {}
}

/// The pause that was asked for is over.
async fn after(pause: Duration) {
    tokio::time::pause();
    tokio::time::advance(pause).await;
    tokio::time::resume();
}

async fn rests(follower: &mut Follower) -> Duration {
    match follower.look().await.unwrap() {
        Progress::Rests(pause) => pause,
        other => panic!("{other:?}"),
    }
}

fn trace_of(deployment: &DeploymentId) -> Vec<u8> {
    TraceId::of(deployment).unwrap().0.to_vec()
}

fn is_root(span: &Span) -> bool {
    span.parent_span_id.is_empty()
}

#[tokio::test]
async fn a_deployment_is_one_trace_in_the_words_of_otlp() {
    let place = Place::new();
    let collector = Collector::start().await;
    let (store, mut follower) = begun(&place, &collector).await;
    assert!(collector.messages().is_empty(), "nothing has ended, and nothing is sent");
    complete(&store, create_as(&store, 1, spec()));
    catch_up(&mut follower).await;

    let spans = collector.spans();
    let message = &collector.messages()[0].resource_spans[0];
    let resource = format!("{:?}", message.resource);
    assert!(resource.contains("service.name") && resource.contains("deployment-orchestrator"), "{resource}");
    assert_eq!(collector.last_headers()["content-type"], "application/x-protobuf");
    assert_eq!(collector.last_headers()["authorization"], "Bearer t0p-s3cr3t");
    assert!(spans.iter().all(|span| span.trace_id == trace_of(&id(1))));
    let (roots, parts): (Vec<&Span>, Vec<&Span>) = spans.iter().partition(|span| is_root(span));
    let [root] = roots[..] else { panic!("{roots:?}") };
    assert_eq!((root.kind(), root.name.as_str()), (SpanKind::Server, "RUN checkout to prod"));
    assert_eq!(root.start_time_unix_nano, START.unsigned_abs() * 1_000_000);
    assert_eq!(root.status, None);
    assert_eq!(text(root, "cicd.pipeline.run.id").as_deref(), Some(id(1).as_str()));
    assert!(parts.iter().all(|part| spans.iter().any(|it| it.span_id == part.parent_span_id)));
    let attempts: Vec<_> = spans.iter().filter(|it| it.kind() == SpanKind::Client).collect();
    assert_eq!(attempts.len(), 5, "{:?}", names(&spans));
    let position = |span: &Span| format!("{:?}", span.events[0].attributes);
    assert!(position(attempts[0]).contains("IntValue"), "{}", position(attempts[0]));
    assert!(attempts[0].end_time_unix_nano >= attempts[0].start_time_unix_nano);
}

#[tokio::test]
async fn two_processes_tell_their_halves_of_one_trace() {
    let place = Place::new();
    let collector = Collector::start().await;
    let (store, mut first) = begun(&place, &collector).await;
    let mut deployment = create_as(&store, 1, spec());
    for second in 1..20 {
        let event = choices(&deployment, at(second)).remove(0);
        deployment = store.record(&entry(&deployment, event, at(second))).unwrap();
    }
    catch_up(&mut first).await;
    let half = collector.spans();
    assert!(!half.is_empty() && !half.iter().any(is_root), "{:?}", names(&half));

    let mut second = follower(&store, &collector, "second");
    complete(&store, deployment);
    assert_eq!(first.look().await.unwrap(), Progress::Standby, "who does not drive does not tell");
    catch_up(&mut second).await;
    let all = collector.spans();
    assert!(all.iter().all(|span| span.trace_id == trace_of(&id(1))));
    let roots: Vec<_> = all.iter().filter(|span| is_root(span)).collect();
    assert_eq!(roots.len(), 1);
    for span in all.iter().filter(|span| !is_root(span)) {
        assert_eq!(all.iter().filter(|it| it.span_id == span.parent_span_id).count(), 1, "{span:?}");
    }
}

#[tokio::test]
async fn what_a_crash_leaves_open_is_told_again_and_is_the_same() {
    let place = Place::new();
    let collector = Collector::start().await;
    let (store, mut first) = begun(&place, &collector).await;
    complete(&store, create_as(&store, 1, spec()));
    collector.will_say(Says::Nothing);
    tokio::select! {
        progress = first.look() => panic!("{progress:?}"),
        taken = collector.once(|spans| !spans.is_empty()) => assert!(!taken.is_empty()),
    }
    drop(first); // It died after the collector had it, and before that was noted.

    let mut second = follower(&store, &collector, "second");
    catch_up(&mut second).await;
    let spans = collector.spans();
    let (once, again) = spans.split_at(spans.len() / 2);
    assert_eq!(once, again);
}

#[tokio::test]
async fn a_collector_that_is_away_gets_everything_when_it_is_back() {
    let place = Place::new();
    let collector = Collector::start().await;
    let (store, mut follower) = begun(&place, &collector).await;
    complete(&store, create_as(&store, 1, spec()));
    let away: [Says; 4] = [
        Says::Status(503, None, ""),
        Says::Status(502, None, ""),
        Says::Status(401, None, "who are you"),
        Says::Status(404, None, "no such page"),
    ];
    let tries = away.len();
    away.into_iter().for_each(|says| collector.will_say(says));
    let mut longest = Duration::ZERO;
    for _ in 0..tries {
        let pause = rests(&mut follower).await;
        assert!(rests(&mut follower).await <= pause, "it is left alone");
        longest = longest.max(pause);
        after(pause).await;
    }
    assert!(longest >= Duration::from_secs(4), "the pauses grow: {longest:?}");
    assert!(collector.spans().is_empty());
    assert_eq!(collector.messages().len(), tries, "nothing is sent while it is left alone");
    catch_up(&mut follower).await;
    assert_eq!(collector.spans().iter().filter(|span| is_root(span)).count(), 1);
}

#[tokio::test]
async fn nobody_there_is_no_error_of_the_database() {
    let place = Place::new();
    let mut collector = Collector::start().await;
    // A port that nobody gets while the test runs, and where nobody listens.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    collector.endpoint = format!("http://{}", socket.local_addr().unwrap());
    let (store, mut follower) = begun(&place, &collector).await;
    complete(&store, create_as(&store, 1, spec()));
    assert!(rests(&mut follower).await <= Duration::from_secs(1));
}

#[tokio::test]
async fn a_collector_is_left_alone_for_as_long_as_it_asks_within_reason() {
    let place = Place::new();
    let collector = Collector::start().await;
    let (store, mut follower) = begun(&place, &collector).await;
    complete(&store, create_as(&store, 1, spec()));
    collector.will_say(Says::Status(429, Some(17), ""));
    collector.will_say(Says::Status(429, Some(86_400), ""));
    assert_eq!(rests(&mut follower).await, Duration::from_secs(17));
    after(Duration::from_secs(16)).await;
    assert!(rests(&mut follower).await <= Duration::from_secs(1));
    assert_eq!(collector.messages().len(), 1);
    after(Duration::from_secs(1)).await;
    assert_eq!(rests(&mut follower).await, Duration::from_hours(1));
}

#[tokio::test]
async fn what_is_refused_for_what_it_is_holds_up_nothing() {
    let place = Place::new();
    let collector = Collector::start().await;
    let (store, mut follower) = begun(&place, &collector).await;
    for (number, says) in [
        (1, Says::Status(400, None, "bad data")),
        (2, Says::Status(413, None, "too large")),
        (3, Says::Status(500, None, "a defect")),
        (4, Says::Rejects(3)),
    ] {
        complete(&store, create_as(&store, number, spec()));
        collector.will_say(says);
        catch_up(&mut follower).await;
    }
    complete(&store, create_as(&store, 5, spec()));
    catch_up(&mut follower).await;
    let taken: Vec<_> = collector.spans().into_iter().filter(is_root).map(|span| span.trace_id).collect();
    assert_eq!(taken, [trace_of(&id(4)), trace_of(&id(5))]);
}

#[tokio::test]
async fn a_message_has_a_bound() {
    let place = Place::new();
    let collector = Collector::start().await;
    let (store, mut follower) = begun(&place, &collector).await;
    for number in 1..=20 {
        complete(&store, create_as(&store, number, spec()));
    }
    catch_up(&mut follower).await;
    let messages = collector.messages();
    let count = |message: usize| messages[message].resource_spans[0].scope_spans[0].spans.len();
    assert!(messages.len() > 4 && (0..messages.len()).all(|message| count(message) <= 512));
    assert_eq!(collector.spans().iter().filter(|span| is_root(span)).count(), 20);
}

#[tokio::test]
async fn a_failure_is_an_error_with_our_word_for_it() {
    let place = Place::new();
    let collector = Collector::start().await;
    let (store, mut follower) = begun(&place, &collector).await;
    let mut deployment = create_as(&store, 1, spec());
    let mut second = 0;
    while !deployment.progress.state.is_terminal() {
        second += 1;
        let may = choices(&deployment, at(second));
        let fails = may.iter().find(|event| format!("{event:?}").contains("Final"));
        let event = fails.unwrap_or(&may[0]).clone();
        deployment = store.record(&entry(&deployment, event, at(second))).unwrap();
    }
    catch_up(&mut follower).await;
    let spans = collector.spans();
    let status = spans.iter().find(|it| is_root(it)).unwrap().status.clone().unwrap();
    assert_eq!((status.code(), status.message.as_str()), (StatusCode::Error, "upstream"));
}
