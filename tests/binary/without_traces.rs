//! A program that was built without the feature `otlp`, where somebody asks for traces.

use deployment_orchestrator::harness::simulator::Script;

use crate::room::{Room, ended};
use crate::wire::{Era, Wire};

#[tokio::test]
async fn it_says_so_once_with_a_remedy_and_deploys() {
    const SAID: &str = "OTEL_EXPORTER_OTLP_ENDPOINT is set, and this program was built without traces";
    let room = Room::furnished(Script::instant()).await;
    let mut server = room.server();
    server.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let mut agent = Wire::open(server, Era::Modern).await;
    let id = agent.start("dev").await;
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    let log = agent.close().await.stderr;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(SAID)).collect();
    assert!(
        matches!(lines[..], [line] if line.contains("WARN") && line.contains("--features otlp")),
        "{log}"
    );

    for (off, findings) in [(None, 1), (Some("true"), 0)] {
        let mut doctor = room.operator();
        doctor.args(["doctor", "--json"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        doctor.envs(off.map(|off| ("OTEL_SDK_DISABLED", off)));
        let examined = ended(doctor).await;
        examined.assert_done();
        let all = examined.json()["findings"].as_array().unwrap().clone();
        let found: Vec<_> = all.iter().filter(|it| it["check"] == "traces").collect();
        assert_eq!(found.len(), findings, "{examined:?}");
        assert!(
            found.iter().all(|it| it["level"] == "warning" && it["what"].as_str().unwrap().contains(SAID))
        );
    }
}
