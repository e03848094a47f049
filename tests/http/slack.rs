//! Buttons that people press in Slack: signed as Slack signs, to the real server.
//!
//! Alice starts, through an agent; Bob has a key and Carol has none. Mallory is
//! in the workspace, and nobody here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use reqwest::{RequestBuilder, StatusCode};
use ring::hmac;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::{Era, Mcp, http};
use crate::world::{SIGNING_SECRET, World};

/// Where Slack takes answers for those who press, and what they were told.
struct Ear {
    base: String,
    heard: Arc<Mutex<VecDeque<Value>>>,
}

/// What Bob, Carol and Alice are in Slack; and two who are nobody.
const BOB: &str = "U0BOB";
const CAROL: &str = "U0CAROL";
const ALICE: &str = "U0ALICE";
const MALLORY: &str = "U0MALLORY";

const TEAM: &str = "T0001";

/// Of the address for answers: whoever knows it can write there.
const ANSWER_PATH: &str = "/actions/s3cr3t-4nsw3rs";

impl Ear {
    async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<VecDeque<Value>>>::default();
        let routes = Router::new().route(ANSWER_PATH, post(hear)).with_state(Arc::clone(&heard));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { base, heard }
    }

    /// The next thing that somebody was told.
    async fn next(&self) -> String {
        loop {
            if let Some(answer) = self.heard.lock().unwrap().pop_front() {
                assert_eq!(
                    (&answer["response_type"], &answer["replace_original"]),
                    (&json!("ephemeral"), &json!(false))
                );
                return answer["text"].as_str().unwrap().to_owned();
            }
            tokio::task::yield_now().await;
        }
    }
}

async fn hear(State(heard): State<Arc<Mutex<VecDeque<Value>>>>, Json(answer): Json<Value>) {
    heard.lock().unwrap().push_back(answer);
}

/// An installation, the agent that starts for Alice, and a deployment that waits.
struct Waiting {
    world: World,
    agent: Mcp,
    ear: Ear,
    id: String,
    digest: String,
}

async fn waiting(rules: &str) -> Waiting {
    let ear = Ear::listen().await;
    let people = format!(
        "[people.alice]\nslack_user = \"{ALICE}\"\n[people.carol]\nslack_user = \"{TEAM}/{CAROL}\"\n"
    );
    let prod = format!("approvers = [\"alice\", \"bob\", \"carol\"], {rules}");
    let world = World::in_slack(&ear.base, &prod, &people).await;
    let agent = Mcp::open(&world, Era::Modern).await;
    let id = agent.start("prod").await;
    agent.until(&id, "awaiting-approval").await;
    let asked = loop {
        let status = agent.gives("get_status", json!({ "deployment_id": id })).await;
        if status["approval"]["digest"].is_string() {
            break status["approval"].clone();
        }
        agent.until_change(&id, &status["version"]).await;
    };
    let digest = asked["digest"].as_str().unwrap().to_owned();
    Waiting { world, agent, ear, id, digest }
}

/// What Slack sends when somebody presses.
fn pressed(waiting: &Waiting, user: &str, action: &str, value: &str) -> String {
    let payload = json!({
        "type": "block_actions",
        "user": { "id": user, "username": "someone", "team_id": TEAM },
        "team": { "id": TEAM, "domain": "acme" },
        "channel": { "id": "C0123456" },
        "response_url": format!("{}{ANSWER_PATH}", waiting.ear.base),
        "actions": [{ "type": "button", "action_id": action, "block_id": "x", "value": value, "action_ts": "1.2" }],
    });
    let mut url = reqwest::Url::parse("http://form/").unwrap();
    url.query_pairs_mut().append_pair("payload", &payload.to_string());
    url.query().unwrap().to_owned()
}

/// The time at which Slack sends, by the clock of the world.
fn sent(world: &World) -> String {
    (world.app.clock.now().0 / 1000).to_string()
}

fn signature(sent: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SIGNING_SECRET.as_bytes());
    let tag = hmac::sign(&key, format!("v0:{sent}:{body}").as_bytes());
    tag.as_ref().iter().fold("v0=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn request(world: &World, sent: &str, signature: &str, body: &str) -> RequestBuilder {
    http()
        .post(world.url("/webhooks/slack"))
        .header("x-slack-request-timestamp", sent)
        .header("x-slack-signature", signature)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.to_owned())
}

impl Waiting {
    /// What is asked now, as the buttons say it.
    fn value(&self) -> String {
        format!("{}:1:{}", self.id, self.digest)
    }

    async fn send(&self, body: &str) -> StatusCode {
        let sent = sent(&self.world);
        request(&self.world, &sent, &signature(&sent, body), body).send().await.unwrap().status()
    }

    /// Somebody presses; what they are told.
    async fn press(&self, user: &str, action: &str, value: &str) -> String {
        assert_eq!(self.send(&pressed(self, user, action, value)).await, StatusCode::OK);
        self.ear.next().await
    }

    /// The lines of the history with this name.
    async fn lines(&self, event: &str) -> Vec<Value> {
        let history = self.agent.gives("get_history", json!({ "deployment_id": self.id })).await;
        let events = history["events"].as_array().unwrap().clone();
        events.into_iter().filter(|line| line["event"] == event).collect()
    }

    async fn state(&self) -> Value {
        self.agent.gives("get_status", json!({ "deployment_id": self.id })).await["state"].clone()
    }
}

const SLACK: &str = "accept = [\"slack\"]";

#[tokio::test]
async fn somebody_who_may_approves_with_a_button() {
    let waiting = waiting("accept = [\"slack\"], required_approvals = 2").await;
    assert_eq!(waiting.press(CAROL, "approve", &waiting.value()).await, "Your approval is recorded.");
    assert_eq!(waiting.state().await, "awaiting-approval", "it takes two");
    assert_eq!(waiting.press(BOB, "approve", &waiting.value()).await, "Your approval is recorded.");
    assert_eq!(waiting.agent.until(&waiting.id, "ended").await["state"], "completed");
    let decisions = waiting.lines("DECISION_MADE").await;
    for (line, person) in decisions.iter().zip(["carol", "bob"]) {
        assert_eq!((&line["by"], &line["kind"]), (&json!(person), &json!("human")));
        assert_eq!((&line["channel"], &line["assurance"]), (&json!("slack"), &json!("slack")));
    }
    assert_eq!(decisions.len(), 2);
    waiting.world.app.store.verify_chain().unwrap();
    let kept = waiting.world.kept();
    for secret in [SIGNING_SECRET, "s3cr3t-4nsw3rs"] {
        assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret}");
    }
}

#[tokio::test]
async fn a_rejection_ends_it() {
    let waiting = waiting(SLACK).await;
    assert_eq!(waiting.press(BOB, "reject", &waiting.value()).await, "Your rejection is recorded.");
    assert_eq!(waiting.agent.until(&waiting.id, "ended").await["state"], "failed");
    let late = waiting.press(CAROL, "approve", &waiting.value()).await;
    assert!(late.contains("Nothing is decided") && late.contains("waits for no approval"), "{late}");
    assert_eq!(waiting.lines("DECISION_REFUSED").await.len(), 1);
}

#[tokio::test]
async fn whoever_may_not_decides_nothing_is_told_why_and_is_recorded() {
    let waiting = waiting(SLACK).await;
    let value = waiting.value();
    let other_digest = format!("{}:1:{}", waiting.id, "0".repeat(64));
    let nobodys = format!("dep_{}:1:{}", "0".repeat(26), waiting.digest);
    for (user, action, value, says, by) in [
        (MALLORY, "approve", &value, "knows nobody as the Slack user U0MALLORY", "system"),
        (ALICE, "approve", &value, "started for alice", "alice"),
        (BOB, "approve", &value.replace(":1:", ":2:"), "belongs to question 2", "bob"),
        (BOB, "approve", &value.replace(":1:", ":0:"), "belongs to question 0", "bob"),
        (BOB, "reject", &other_digest, "another is asked by now", "bob"),
    ] {
        let before = waiting.lines("DECISION_REFUSED").await.len();
        let told = waiting.press(user, action, value).await;
        assert!(told.starts_with("Nothing is decided: ") && told.contains(says), "{told}");
        let refused = waiting.lines("DECISION_REFUSED").await;
        assert_eq!(refused.len(), before + 1, "{told}");
        let last = refused.last().unwrap();
        assert_eq!((&last["by"], &last["channel"]), (&json!(by), &json!("slack")), "{last}");
    }
    let unknown = waiting.press(BOB, "approve", &nobodys).await;
    assert!(unknown.starts_with("Nothing is decided: "), "{unknown}");
    // Carol is Carol in her own workspace only.
    let body = pressed(&waiting, CAROL, "approve", &value).replace(TEAM, "T0002");
    assert_eq!(waiting.send(&body).await, StatusCode::OK);
    assert!(waiting.ear.next().await.contains("of the workspace T0002"));
    assert_eq!(waiting.state().await, "awaiting-approval");
    assert!(waiting.lines("DECISION_MADE").await.is_empty());
}

#[tokio::test]
async fn where_slack_is_not_accepted_a_button_decides_nothing() {
    let waiting = waiting("accept = [\"signed\", \"token\"]").await;
    let told = waiting.press(BOB, "approve", &waiting.value()).await;
    assert!(told.contains("assurance-is-accepted"), "{told}");
    assert_eq!(waiting.state().await, "awaiting-approval");
}

#[tokio::test]
async fn a_question_that_expired_is_answered_by_nobody() {
    let waiting = waiting("accept = [\"slack\"], expires_after = \"1h\"").await;
    waiting.world.clock.let_pass(Duration::from_secs(3601));
    let told = waiting.press(BOB, "approve", &waiting.value()).await;
    assert!(told.starts_with("Nothing is decided: "), "{told}");
    assert!(waiting.lines("DECISION_MADE").await.is_empty());
}

#[tokio::test]
async fn a_second_click_changes_nothing_and_is_no_refusal() {
    let waiting = waiting("accept = [\"slack\"], required_approvals = 2").await;
    let body = pressed(&waiting, BOB, "approve", &waiting.value());
    // Slack sends the very same again, and all at once.
    let sent = sent(&waiting.world);
    let again = (0..8).map(|_| request(&waiting.world, &sent, &signature(&sent, &body), &body).send());
    for answer in futures::future::join_all(again).await {
        assert_eq!(answer.unwrap().status(), StatusCode::OK);
        assert_eq!(waiting.ear.next().await, "Your approval is recorded.");
    }
    assert_eq!(waiting.lines("DECISION_MADE").await.len(), 1);
    assert_eq!(waiting.state().await, "awaiting-approval", "one person is one person");
    let changed = waiting.press(BOB, "reject", &waiting.value()).await;
    assert!(changed.contains("one-decision-per-person"), "{changed}");
    assert_eq!(waiting.lines("DECISION_REFUSED").await.len(), 1, "only the other answer");
    waiting.press(CAROL, "approve", &waiting.value()).await;
    waiting.agent.until(&waiting.id, "ended").await;
    // Not even when it is long over.
    assert_eq!(waiting.press(CAROL, "approve", &waiting.value()).await, "Your approval is recorded.");
    assert_eq!(waiting.lines("DECISION_REFUSED").await.len(), 1);
    assert_eq!(waiting.lines("DECISION_MADE").await.len(), 2);
}

#[tokio::test]
async fn what_slack_did_not_sign_is_not_read() {
    let waiting = waiting(SLACK).await;
    let world = &waiting.world;
    let body = pressed(&waiting, BOB, "approve", &waiting.value());
    let sent = sent(world);
    let signed = signature(&sent, &body);
    let refused = |request: RequestBuilder| async move {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let text = answer.text().await.unwrap();
        assert!(text.starts_with("the request is ") && !text.contains(SIGNING_SECRET), "{text}");
    };
    refused(http().post(world.url("/webhooks/slack")).body(body.clone())).await;
    refused(request(world, &sent, "v0=", &body)).await;
    refused(request(world, &sent, &signature(&sent, "payload=%7B%7D"), &body)).await;
    refused(request(world, &(sent.parse::<i64>().unwrap() + 1).to_string(), &signed, &body)).await;
    let changed = body.replacen("approve", "approvf", 1);
    assert_eq!(changed.len(), body.len());
    refused(request(world, &sent, &signed, &changed)).await;
    refused(request(world, &sent, &signed, "not even a form")).await;
    // What was overheard is good for five minutes.
    world.clock.let_pass(Duration::from_secs(302));
    refused(request(world, &sent, &signed, &body)).await;
    assert_eq!(waiting.state().await, "awaiting-approval");
    assert!(waiting.lines("DECISION_REFUSED").await.is_empty(), "and strangers write no history");
}

#[tokio::test]
async fn what_is_signed_and_is_no_answer_does_nothing() {
    let waiting = waiting(SLACK).await;
    let value = waiting.value();
    let bad = StatusCode::BAD_REQUEST;
    for (body, status) in [
        (String::new(), bad),
        ("payload=".to_owned(), bad),
        ("payload=%7B%7D".to_owned(), bad),
        ("payload=%5B%5D&payload=x".to_owned(), bad),
        ("{\"payload\":{}}".to_owned(), bad),
        (pressed(&waiting, BOB, "snooze", &value), StatusCode::OK),
        (pressed(&waiting, BOB, "approve", "dep_1"), StatusCode::OK),
        (pressed(&waiting, BOB, "approve", &format!("{value}:x")), StatusCode::OK),
        (pressed(&waiting, BOB, "approve", &value).replace("block_actions", "view_closed"), StatusCode::OK),
    ] {
        assert_eq!(waiting.send(&body).await, status, "{body}");
    }
    let huge = format!("payload={}", "x".repeat(2 * 1024 * 1024));
    assert_eq!(waiting.send(&huge).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(waiting.state().await, "awaiting-approval");
    assert!(waiting.lines("DECISION_REFUSED").await.is_empty());
}

#[tokio::test]
async fn without_the_secret_of_slack_there_is_no_door() {
    let world = World::closed("").await;
    let sent = sent(&world);
    let answer = request(&world, &sent, &signature(&sent, "payload="), "payload=").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}
