//! The real binary: several processes on one database, one trace; and what must not be in the log.

use std::path::Path;

use deployment_orchestrator::domain::trace::span::TraceId;
use deployment_orchestrator::harness::simulator::{Pipeline, Script};
use tokio::process::Command;

use crate::collector::{Collector, Says, names, text};
use crate::room::{ALL_PIPELINES, DECIDES, Room, ended};
use crate::wire::{Era, Wire};

/// What nobody may ever see.
const SECRET: &str = "t0p-s3cr3t-t0-b3-k3pt";

fn server(room: &Room, collector: &Collector, secret: &Path) -> Command {
    let mut server = room.server();
    server
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)
        .env("OTEL_EXPORTER_OTLP_HEADERS_FILE", secret)
        .env("OTEL_SERVICE_NAME", "shop-deployments")
        .env("ORCHESTRATOR_LOG", "trace");
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_outlives_its_servers_is_one_trace_and_its_secret_is_in_no_log() {
    // Longer than any machine takes to end a process: what is killed in a trigger is looked up for a minute.
    let room = Room::furnished(Script::instant().with("deploy_dev", Pipeline::lasting(10_000))).await;
    let collector = Collector::start().await;
    let secret = room.path("headers");
    std::fs::write(&secret, format!("authorization=Bearer%20{SECRET}\n")).unwrap();
    // Once it says no, and repeats what it was sent.
    collector.will_say(Says::Status(403, None, "not you:"));

    let mut first = Wire::open(server(&room, &collector, &secret), Era::Modern).await;
    let id = first.start("prod").await;
    first.wait(&id, "deploying-dev").await;
    collector.once(|spans| names(spans).contains(&"testing")).await;
    first.kill().await;

    let mut second = Wire::open(server(&room, &collector, &secret), Era::Legacy).await;
    second.wait(&id, "attention").await;
    room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await.assert_done();
    assert_eq!(second.wait(&id, "ended").await["state"], "completed");
    let spans = collector.once(|spans| spans.iter().any(|span| span.parent_span_id.is_empty())).await;
    room.assert_ran_once(&ALL_PIPELINES);

    let trace = TraceId::of(&id.parse().unwrap()).unwrap();
    assert!(spans.iter().all(|span| span.trace_id == trace.0), "{spans:?}");
    for part in ["RUN build_and_push", "RUN deploy_dev", "approve prod", "deploying-prod"] {
        assert!(names(&spans).contains(&part), "{part} in {:?}", names(&spans));
    }
    let of_span = |id: &[u8]| spans.iter().filter(|it| it.span_id == id).collect::<Vec<_>>();
    for span in &spans {
        let same = of_span(&span.span_id);
        assert!(same.iter().all(|it| *it == span), "who tells it again tells the same: {same:?}");
        assert!(span.parent_span_id.is_empty() || !of_span(&span.parent_span_id).is_empty(), "{span:?}");
    }
    let attempt = spans.iter().find(|it| it.name == "RUN deploy_prod").unwrap();
    let ran = room.harness.runs().into_iter().next_back().unwrap();
    assert_eq!(text(attempt, "cicd.pipeline.run.id").as_deref(), Some(ran.execution.as_str()));
    let resource = format!("{:?}", collector.messages().last().unwrap().resource_spans[0].resource);
    assert!(resource.contains("shop-deployments"), "{resource}");

    assert_eq!(collector.last_headers()["authorization"], format!("Bearer {SECRET}"));
    let ended = second.close().await;
    assert!(ended.stderr.contains("traces of deployments are told"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(SECRET) && !ended.stdout.contains(SECRET));
    for (path, content) in room.files().into_iter().filter(|(path, _)| *path != secret) {
        assert!(!String::from_utf8_lossy(&content).contains(SECRET), "{}", path.display());
    }
}

#[tokio::test]
async fn a_refusal_is_said_once_without_the_secret_that_it_repeats() {
    let room = Room::furnished(Script::instant()).await;
    let collector = Collector::start().await;
    let secret = room.path("headers");
    std::fs::write(&secret, format!("authorization=Bearer%20{SECRET}")).unwrap();
    collector.will_say(Says::Status(403, None, "not you:"));
    let mut server = Wire::open(server(&room, &collector, &secret), Era::Modern).await;
    let id = server.start("dev").await;
    server.wait(&id, "ended").await;
    collector.once(|spans| spans.iter().any(|span| span.parent_span_id.is_empty())).await;
    let log = server.close().await.stderr;
    let said = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!(
        (said("traces are not taken; they are kept"), said("traces are taken again")),
        (1, 1),
        "{log}"
    );
    assert!(log.contains("not you:") && log.contains("[redacted]"), "{log}");
    assert!(!log.contains(SECRET), "{log}");
}

#[tokio::test]
async fn doctor_asks_the_collector_and_bad_variables_are_refused_with_a_remedy() {
    let room = Room::furnished(Script::instant()).await;
    let collector = Collector::start().await;
    let doctor = async |endpoint: &str| {
        let mut command = room.operator();
        command.args(["doctor", "--json"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
        ended(command).await.stdout
    };
    let good = doctor(&collector.endpoint).await;
    assert!(good.contains(&format!("the collector {} takes traces", collector.endpoint)), "{good}");
    collector.will_say(Says::Status(401, None, "who are you"));
    let bad = doctor(&collector.endpoint).await;
    assert!(bad.contains("takes no traces: 401 Unauthorized: who are you"), "{bad}");
    assert!(collector.spans().is_empty());

    let mut server = room.server();
    server.env("OTEL_EXPORTER_OTLP_ENDPOINT", "otel-collector:4317");
    let refused = ended(server).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https URL"),
        "{refused:?}"
    );

    // Whoever switches all telemetry off, or all traces, has none.
    for (name, value) in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
        let mut command = room.operator();
        command.args(["doctor", "--json"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense").env(name, value);
        let silent = ended(command).await;
        assert!(!silent.stdout.contains("\"traces\""), "{silent:?}");
    }
}
