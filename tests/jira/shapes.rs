//! What is sent, word for word. Whatever is written into a branch or a commit stays text.

use axum::http::Method;
use serde_json::Value;

use crate::fake::FakeJira;
use crate::samples::{FIRST, completed, hostile};
use crate::tell;
use deployment_orchestrator::domain::message::Message;

/// What a call with this method and end of its path sent.
async fn sent(jira: FakeJira, message: &Message, end: &str) -> Value {
    tell(&jira.client(), message, None).await.unwrap();
    jira.world(|world| {
        let call = world.calls.iter().find(|it| it.method == Method::POST && it.path.ends_with(end));
        call.unwrap().body.clone()
    })
}

#[tokio::test]
async fn a_comment_on_cloud() {
    insta::assert_json_snapshot!(sent(FakeJira::cloud().await, &hostile(), "/comment").await);
}

#[tokio::test]
async fn a_comment_on_data_center() {
    let body = sent(FakeJira::data_center().await, &hostile(), "/comment").await;
    insta::assert_snapshot!(body["body"].as_str().unwrap());
}

#[tokio::test]
async fn a_link() {
    insta::assert_json_snapshot!(sent(FakeJira::cloud().await, &completed(FIRST), "/remotelink").await);
}

#[tokio::test]
async fn the_longest_message_fits_into_a_comment() {
    let mut message = completed(FIRST);
    let long = "ü] ".repeat(400);
    message.notice.text.clone_from(&long);
    message.earlier = vec![message.notice.clone(); 30];
    for (number, notice) in message.earlier.iter_mut().enumerate() {
        notice.key = number.to_string();
    }
    for jira in [FakeJira::cloud().await, FakeJira::data_center().await] {
        let size = sent(jira, &message, "/comment").await.to_string().chars().count();
        assert!((8_000..32_767).contains(&size), "{size}");
    }
}

#[tokio::test]
async fn without_a_page_the_link_leads_to_the_last_execution() {
    let mut message = hostile();
    message.page = None;
    message.execution = Some("https://app.harness.io/ng/executions/YQSt1".to_owned());
    let link = sent(FakeJira::cloud().await, &message, "/remotelink").await;
    assert_eq!(link["object"]["url"], "https://app.harness.io/ng/executions/YQSt1");
}
