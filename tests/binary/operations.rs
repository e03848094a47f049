//! What alerts and the dashboard speak of, a server that has worked really says.

use std::collections::BTreeSet;

use deployment_orchestrator::harness::simulator::{Endpoint, Fault, Reply, Script};
use deployment_orchestrator::http::{Connections, client};
use serde_json::{Value, json};

use crate::http::Listening;
use crate::open_metrics::{Sample, read};
use crate::room::{DECIDES, PATIENCE, Room};
use crate::wire::{Era, Wire};

const RULES: &str = include_str!("../../docs/prometheus-rules.yml");
const DASHBOARD: &str = include_str!("../../docs/grafana-dashboard.json");

/// The page of a server that has tried a stage again, come to production, was told of an incident and
/// its end, and has a deployment that waits for people.
async fn page_of_a_server_that_has_worked() -> String {
    let fault = Fault::ignored(Endpoint::Execute, Reply::Status { code: 429, retry_after: None });
    let room = Room::furnished(Script::instant().fault(fault.nth(2))).await;
    let server = Listening::start(&room, &["--http", "127.0.0.1:0", "--allow-anonymous-loopback"]).await;
    let mut bridge = room.command();
    bridge.args(["serve", "--connect", &server.url("/mcp")]);
    let mut agent = Wire::open(bridge, Era::Modern).await;
    let commit = "9f3c2d1c0ffee0ddba11deadbeef000000000001";
    let start = json!({
        "repository": "acme/checkout", "branch": "main", "commit_sha": commit, "target_environment": "prod",
        "commits": [{ "sha": commit, "committed_at": "2026-01-02T03:04:05Z" }],
    });
    let started = agent.done("start_deployment", start).await;
    let id = started["deployment"]["deployment_id"].as_str().unwrap().to_owned();
    agent.wait(&id, "attention").await;
    room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await.assert_done();
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");
    let history = room.run(&["history", &id, "--json"]).await.json();
    let ended = history["events"].as_array().unwrap().last().unwrap()["at"].as_str().unwrap().to_owned();
    let incident =
        ["link-incident", "INC-7", "--service", "checkout", "--began", &ended, "--resolved", &ended];
    room.run(&incident).await.assert_done();
    let waiting = agent.start("prod").await;
    agent.wait(&waiting, "attention").await;

    let http = client(PATIENCE, Connections::Kept).unwrap();
    let page = http.get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    assert_eq!(server.stop().await, Some(0));
    page
}

/// A number that an expression selects: its name, and the labels that it asks for with their values.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Selector<'a> {
    name: &'a str,
    labels: Vec<(&'a str, &'a str)>,
}

/// All selectors of PromQL in a text, in which each name of ours is one.
fn selectors(text: &str) -> BTreeSet<Selector<'_>> {
    let starts = text.match_indices("deployment_orchestrator_").map(|(at, _)| &text[at..]);
    starts
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, rest) = rest.split_at(end);
            let inside = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |it| it.0);
            let labels = inside.split_terminator("\",").filter_map(|label| {
                let (name, value) = label.split_once('=')?;
                Some((name.trim_end_matches('!'), value.trim_start_matches(['~', '"']).trim_end_matches('"')))
            });
            Selector { name, labels: labels.collect() }
        })
        .collect()
}

/// Labels whose values are words of the product, each of which always stands there.
const CLOSED: [&str; 3] = ["ended", "change", "outcome"];

#[tokio::test]
async fn alerts_and_dashboard_speak_of_numbers_that_a_server_shows() {
    let page = page_of_a_server_that_has_worked().await;
    let samples = read(&page);
    // For promtool, if tests/run has one.
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/metrics.txt"), &page).unwrap();
    // Whoever counts and whoever shows it were given the same counts.
    let count = |name: &str, word: &str| {
        let of_it =
            samples.iter().find(|it| it.name.ends_with(name) && it.labels.values().any(|it| it == word));
        of_it.unwrap_or_else(|| panic!("{name} {word} in\n{page}")).value
    };
    assert!(count("_tick_duration_seconds_count", "drove") > 0.0);
    assert_eq!((count("_lease_changes_total", "taken"), count("_lease_changes_total", "lost")), (1.0, 0.0));
    assert_eq!(count("_upstream_calls_total", "rate-limited"), 1.0);
    assert!(count("_upstream_call_duration_seconds_count", "harness") > 5.0);

    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("the dashboard is JSON");
    let mut asked = Vec::new();
    expressions(&dashboard, &mut asked);
    assert!(asked.len() > 10, "{asked:?}");
    for text in asked.iter().map(String::as_str).chain([RULES]) {
        for selector in selectors(text) {
            let of_it: Vec<&Sample> = samples.iter().filter(|it| it.name == selector.name).collect();
            assert!(!of_it.is_empty(), "{selector:?} in\n{page}");
            for (label, value) in &selector.labels {
                assert!(of_it.iter().all(|it| it.labels.contains_key(*label)), "{selector:?}");
                // What 30 days hold depends on what was deployed; what is counted is there from the beginning.
                if CLOSED.contains(label) && selector.name != "deployment_orchestrator_ended" {
                    for word in value.split('|') {
                        assert!(of_it.iter().any(|it| it.labels[*label] == word), "{word}: {selector:?}");
                    }
                }
            }
        }
    }
}

/// Every `expr` and `query` of the dashboard.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "expr" || name == "query" => found.push(text.clone()),
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}
