//! Incidents that a program reports, signed as Standard Webhooks says, to the real server.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment_orchestrator::domain::decision::{Decision, Verdict};
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::harness::simulator::Script;
use reqwest::{Response, StatusCode};
use ring::hmac;
use serde_json::{Value, json};

use crate::client::{Era, Mcp, http};
use crate::world::{APPROVER, INCIDENTS_SECRET, USER, World, key_of};

/// As whoever knows the secret signs at `at`.
fn signature(at: Timestamp, body: &str) -> (String, String) {
    let seconds = (at.0 / 1000).to_string();
    let key = STANDARD.decode(INCIDENTS_SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = hmac::sign(&key, format!("msg_1.{seconds}.{body}").as_bytes());
    (seconds, format!("v1,{}", STANDARD.encode(signed)))
}

async fn send(world: &World, (seconds, signature): &(String, String), body: &str) -> Response {
    http()
        .post(world.url("/webhooks/incidents"))
        .header("webhook-id", "msg_1")
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", signature)
        .body(body.to_owned())
        .send()
        .await
        .unwrap()
}

/// Report now; the answer.
async fn report(world: &World, body: &Value) -> (StatusCode, String) {
    let body = body.to_string();
    let answer = send(world, &signature(world.app.clock.now(), &body), &body).await;
    (answer.status(), answer.text().await.unwrap())
}

fn position(world: &World) -> u64 {
    world.app.store.chain_head().unwrap().position
}

#[tokio::test]
async fn an_incident_that_a_program_reports_is_a_failed_change_until_a_person_says_otherwise() {
    let world = World::new(Script::instant()).await;
    let agent = Mcp::open(&world, Era::Modern).await;
    let id = agent.start("prod").await;
    agent.until(&id, "attention").await;
    let bob = &APPROVER.parse().unwrap();
    let statement = world.app.statement(&id, bob, Verdict::Approve, None).await.unwrap();
    let signed = Decision::sign(statement, &key_of(APPROVER));
    agent.gives("approve", json!({ "deployment_id": id, "signed_approval": signed.to_token() })).await;
    agent.until(&id, "ended").await;
    let fail_rate = async || {
        let metrics = agent.gives("get_metrics", json!({})).await;
        metrics["dora"][0]["change_fail_rate"]["by_incident"].as_u64().unwrap()
    };
    assert_eq!(fail_rate().await, 0);

    let now = world.app.clock.now();
    let began = json!({ "id": "PD/Q1", "service": "checkout", "began": now.to_rfc3339() });
    assert_eq!(report(&world, &began).await, (StatusCode::OK, "PD/Q1 is linked\n".to_owned()));
    assert_eq!(fail_rate().await, 1);
    let before = position(&world);
    let again = report(&world, &began).await;
    assert_eq!(again, (StatusCode::OK, "PD/Q1 is linked as it was\n".to_owned()));
    assert_eq!(position(&world), before, "nothing new");

    let mut over = began.clone();
    over["resolved"] = json!(now.to_rfc3339());
    over["deployment"] = json!(id);
    assert_eq!(report(&world, &over).await.0, StatusCode::OK);
    let history = agent.gives("get_history", json!({ "deployment_id": id, "limit": 100 })).await;
    let last = history["events"].as_array().unwrap().last().unwrap().clone();
    let said = ["event", "by", "kind", "channel"].map(|field| last[field].as_str().unwrap());
    assert_eq!(said, ["INCIDENT_LINKED", "system", "system", "webhook"]);

    let admin = Actor::at_command_line(USER.parse().unwrap());
    let incident = "PD/Q1".parse().unwrap();
    let reasonless = world.app.unlink_incident(&incident, " ", &admin).await.unwrap_err();
    assert_eq!(reasonless.code.as_str(), "malformed-argument");
    world.app.unlink_incident(&incident, "a drill", &admin).await.unwrap();
    assert_eq!(fail_rate().await, 0);
    let (status, text) = report(&world, &began).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("a person took it back"), "{text}");
    assert_eq!(fail_rate().await, 0);
    let twice = world.app.unlink_incident(&incident, "a drill", &admin).await.unwrap_err();
    assert!(twice.message.contains("no incident PD/Q1"), "{twice:?}");
    world.app.store.verify_chain().unwrap();
}

#[tokio::test]
async fn what_is_not_signed_over_these_bytes_and_lately_is_not_read() {
    let world = World::new(Script::instant()).await;
    let now = world.app.clock.now();
    let body = json!({ "id": "INC-1", "service": "checkout", "began": now.to_rfc3339() }).to_string();
    let good = signature(now, &body);
    for (wrong, says) in [
        (signature(now, "{}"), "not signed"),
        ((good.0.clone(), String::new()), "not signed"),
        ((String::new(), good.1.clone()), "not signed"),
        (((now.0 / 1000 - 1).to_string(), good.1.clone()), "not signed"),
        (signature(Timestamp(now.0 - 301_000), &body), "older or newer"),
        (signature(Timestamp(now.0 + 302_000), &body), "older or newer"),
    ] {
        let refused = send(&world, &wrong, &body).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{wrong:?}");
        let text = refused.text().await.unwrap();
        assert!(text.contains(says), "{text}");
    }
    let huge = format!("{body}{}", " ".repeat(17_000));
    let answer = send(&world, &signature(now, &huge), &huge).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(position(&world), 0, "nothing was recorded");
    assert_eq!(send(&world, &good, &body).await.status(), StatusCode::OK);

    // Overheard, and sent again after something later was said.
    world.clock.let_pass(Duration::from_secs(60));
    let over = json!({ "id": "INC-1", "service": "checkout", "began": now.to_rfc3339(), "resolved": now.to_rfc3339() });
    assert_eq!(report(&world, &over).await.0, StatusCode::OK);
    let before = position(&world);
    let replayed = send(&world, &good, &body).await;
    assert_eq!(replayed.status(), StatusCode::OK);
    assert!(replayed.text().await.unwrap().contains("something later was said"));
    assert_eq!(position(&world), before);
}

#[tokio::test]
async fn a_report_that_cannot_be_meant_is_refused_in_words() {
    let world = World::new(Script::instant()).await;
    let agent = Mcp::open(&world, Era::Modern).await;
    let id = agent.start("dev").await;
    agent.until(&id, "ended").await;
    let now = world.app.clock.now();
    let time = |seconds: i64| Timestamp(now.0 + seconds * 1_000).to_rfc3339();
    let began = |seconds: i64| json!({ "id": "INC-1", "service": "checkout", "began": time(seconds) });
    let with = |field: &str, value: Value| {
        let mut report = began(-60);
        report[field] = value;
        report
    };
    let before = position(&world);
    for (wrong, status, says) in [
        (json!([]), StatusCode::BAD_REQUEST, "no report of an incident"),
        (json!({ "id": "INC-1" }), StatusCode::BAD_REQUEST, "missing field `service`"),
        (with("resolved_at", json!(time(0))), StatusCode::BAD_REQUEST, "unknown field `resolved_at`"),
        (with("resolved", json!("now")), StatusCode::BAD_REQUEST, "it is RFC 3339"),
        (with("id", json!("INC 1")), StatusCode::BAD_REQUEST, "not an incident id"),
        (
            with("resolved", json!(time(-61))),
            StatusCode::UNPROCESSABLE_ENTITY,
            "begins before it is resolved",
        ),
        (began(600), StatusCode::UNPROCESSABLE_ENTITY, "neither lies ahead"),
        (with("service", json!("pay")), StatusCode::OK, "is linked"),
        (
            json!({ "id": "INC-2", "service": "pay", "began": time(-60), "deployment": id }),
            StatusCode::UNPROCESSABLE_ENTITY,
            "is one of checkout, not of pay",
        ),
        (
            with("deployment", json!("dep_01M88YXTM00000000000000007")),
            StatusCode::UNPROCESSABLE_ENTITY,
            "dep_01M88YXTM00000000000000007",
        ),
        (with("resolved", Value::Null), StatusCode::OK, "is linked"),
        // Their clock is a little ahead.
        (began(120), StatusCode::OK, "is linked"),
    ] {
        let (answered, text) = report(&world, &wrong).await;
        assert_eq!(answered, status, "{wrong}: {text}");
        assert!(text.contains(says), "{wrong}: {text}");
    }
    assert_eq!(position(&world), before + 3, "those that were linked");
}

#[tokio::test]
async fn the_page_shows_a_report() {
    let page =
        include_str!("../../docs/webhooks.md").split("## Incidents that we are told of").nth(1).unwrap();
    let example = page.split("```json\n").nth(1).and_then(|it| it.split("```").next()).unwrap();
    let world = World::new(Script::instant()).await;
    let answer = send(&world, &signature(world.app.clock.now(), example), example).await;
    assert_eq!(
        (answer.status(), answer.text().await.unwrap().as_str()),
        (StatusCode::OK, "INC-42 is linked\n")
    );
    assert!(world.app.store.incidents().unwrap()[0].resolved_at.is_some());
}

#[tokio::test]
async fn reports_are_slowed_down() {
    let world = World::new(Script::instant()).await;
    let report_all = (0..60).map(|number| {
        let began = world.app.clock.now().to_rfc3339();
        let report =
            json!({ "id": format!("INC-{number}"), "service": "checkout", "began": began }).to_string();
        let signed = signature(world.app.clock.now(), &report);
        let world = &world;
        async move { send(world, &signed, &report).await.status() }
    });
    let statuses = futures::future::join_all(report_all).await;
    assert!(
        statuses.contains(&StatusCode::OK) && statuses.contains(&StatusCode::TOO_MANY_REQUESTS),
        "{statuses:?}"
    );
}
