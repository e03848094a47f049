//! `/metrics`: what is going on and how well it goes, for those who may look.

use std::time::Duration;

use deployment_orchestrator::domain::role::Role;
use deployment_orchestrator::harness::simulator::Script;
use reqwest::StatusCode;
use serde_json::json;

use crate::client::{Era, Mcp, http};
use crate::issuer::{Answer, Issuer, encoded};
use crate::world::{USER, World, human};

/// The value of the only line that begins so.
#[track_caller]
fn value(page: &str, begins: &str) -> f64 {
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with(begins)).collect();
    let [line] = lines.as_slice() else { panic!("{begins}: {lines:?} in\n{page}") };
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_number_is_a_line_of_open_metrics() {
    let world = World::new(Script::instant()).await;
    let agent = Mcp::open(&world, Era::Modern).await;
    let done = agent.start("dev").await;
    agent.until(&done, "ended").await;
    let waiting = agent.start("prod").await;
    agent.until(&waiting, "attention").await;
    let answer = http().get(world.url("/metrics")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let page = answer.text().await.unwrap();
    assert!(page.ends_with("# EOF\n"), "{page}");
    assert_eq!(value(&page, "deployment_orchestrator_in_flight{state=\"awaiting-approval\"}"), 1.0);
    let of_dev = "service=\"checkout\",environment=\"dev\"";
    let ended = format!("deployment_orchestrator_ended{{{of_dev},outcome=\"completed\",reason=\"\"}}");
    assert_eq!(value(&page, &ended), 1.0);
    let run = format!(
        "deployment_orchestrator_stage_seconds{{{of_dev},stage=\"building\",part=\"run\",percentile=\"50\"}}"
    );
    assert!(value(&page, &run) < 60.0);
    assert!(value(&page, "deployment_orchestrator_database_bytes ") > 0.0);
    assert!(value(&page, "deployment_orchestrator_tick_age_seconds ") < 60.0);
    assert!(value(&page, "deployment_orchestrator_lease_left_seconds{holder=\"the only one\"}") > 0.0);
    assert!(value(&page, "deployment_orchestrator_messages_waiting ") >= 0.0);
    assert!(!page.contains("_change_fail_ratio{"), "nothing came to production: nothing is said of it");
    assert!(value(&page, &calls("harness", "ok")) > 2.0);
    assert_eq!(value(&page, &calls("harness", "unreachable")), 0.0, "before a first one there are none");
    assert!(!page.contains("upstream=\"slack\""), "there is no client of Slack");
    assert!(value(&page, "deployment_orchestrator_tick_duration_seconds_count{ended=\"drove\"}") > 0.0);
    assert_eq!(value(&page, "deployment_orchestrator_lease_changes_total{change=\"taken\"}"), 1.0);

    // The same after a restart of the counting, and later: nothing is counted as it happens.
    world.clock.let_pass(Duration::from_secs(40 * 24 * 3_600));
    let later = http().get(world.url("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(!later.contains("_ended{"), "forty days later the window is empty");
}

fn calls(upstream: &str, outcome: &str) -> String {
    format!("deployment_orchestrator_upstream_calls_total{{upstream=\"{upstream}\",outcome=\"{outcome}\"}}")
}

#[tokio::test]
async fn keys_that_nobody_publishes_are_calls_that_came_to_nothing() {
    for (answer, outcome) in [
        (Answer::Status(StatusCode::BAD_GATEWAY), "server-error"),
        (Answer::Document(json!("no keys")), "unreadable"),
    ] {
        let issuer = Issuer::publishing(&[]).await;
        issuer.answers(answer);
        let config =
            format!("[http.oauth]\nissuer = \"https://id.acme.example/\"\njwks_url = \"{}\"\n", issuer.url);
        let world = World::closed(&config).await;
        let ask = |token: &str| {
            let request = http().get(world.url("/metrics")).header("host", "deploy.acme.example");
            request.bearer_auth(token).send()
        };
        let token = format!("{}.e30.e30", encoded(br#"{"alg":"EdDSA","kid":"e"}"#));
        assert_eq!(ask(&token).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
        let (_, viewer) = world.token(human(USER), &[Role::Viewer], None).await;
        let page = ask(&viewer).await.unwrap().text().await.unwrap();
        assert_eq!(value(&page, &calls("oauth", outcome)), 1.0);
    }
}

#[tokio::test]
async fn whoever_may_look_may_scrape_and_nobody_else() {
    let world = World::closed("").await;
    let scrape = |token: Option<String>| {
        let request = http().get(world.url("/metrics")).header("host", "deploy.acme.example");
        token.into_iter().fold(request, |request, token| request.bearer_auth(token)).send()
    };
    assert_eq!(scrape(None).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let (_, token) = world.token(human(USER), &[Role::Viewer], None).await;
    assert_eq!(scrape(Some(token)).await.unwrap().status(), StatusCode::OK);
}
