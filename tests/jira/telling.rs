//! One comment and one link for each deployment, whatever happens on the way.

use axum::http::Method;
use serde_json::{Value, json};

use crate::fake::{FakeJira, What};
use crate::samples::{FIRST, SECOND, completed, message, notice, started};
use crate::tell;
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::ports::{TellError, Thread};

fn says(body: &Value, text: &str) -> bool {
    body.to_string().contains(text)
}

#[tokio::test]
async fn a_deployment_is_one_comment_and_one_link_that_are_kept_up_to_date() {
    for jira in [FakeJira::cloud().await, FakeJira::data_center().await] {
        let client = jira.client();
        let thread = tell(&client, &started(FIRST), None).await.unwrap();
        let again = tell(&client, &completed(FIRST), Some(&thread)).await.unwrap();
        assert_eq!(thread, again);

        let issue = jira.issue("SHOP-42");
        let [comment] = issue.comments.as_slice() else { panic!("{} comments", issue.comments.len()) };
        assert_eq!(comment.id, thread.0);
        assert!(says(&comment.body, "deployment started") && says(&comment.body, "completed on prod"));
        let link = &issue.links[&format!("deployment-orchestrator={FIRST}")];
        assert_eq!(issue.links.len(), 1);
        assert_eq!(link["object"]["url"], format!("https://deploy.acme.example/deployments/{FIRST}"));
        assert_eq!(link["object"]["title"], "checkout 5c1b2f09e1d3 to prod: completed");
        assert_eq!(link["object"]["status"]["resolved"], true);
        // Who knows the comment does not look for it.
        assert_eq!(jira.calls(&Method::GET, "/comment"), 1);
    }
}

#[tokio::test]
async fn a_link_that_is_not_over_is_not_resolved_and_without_a_page_there_is_none() {
    let jira = FakeJira::cloud().await;
    let client = jira.client();
    let mut nowhere = started(SECOND);
    nowhere.page = None;
    tell(&client, &started(FIRST), None).await.unwrap();
    tell(&client, &nowhere, None).await.unwrap();
    let links = jira.issue("SHOP-42").links;
    let resolved: Vec<&Value> = links.values().map(|link| &link["object"]["status"]["resolved"]).collect();
    assert_eq!(resolved, [&Value::Bool(false)]);
}

#[tokio::test]
async fn a_lost_reply_leads_to_no_second_comment() {
    for jira in [FakeJira::cloud().await, FakeJira::data_center().await] {
        let client = jira.client();
        jira.next(Method::POST, "/comment", What::LosesTheReply);
        let lost = tell(&client, &started(FIRST), None).await;
        assert!(matches!(lost, Err(TellError::Later { .. })), "{lost:?}");

        let thread = tell(&client, &started(FIRST), None).await.unwrap();
        let comments = jira.issue("SHOP-42").comments;
        assert_eq!(comments.iter().map(|it| &it.id).collect::<Vec<_>>(), [&thread.0]);
    }
}

#[tokio::test]
async fn ours_is_found_behind_many_others() {
    let jira = FakeJira::cloud().await;
    let client = jira.client();
    let thread = tell(&client, &started(FIRST), None).await.unwrap();
    for number in 0..120 {
        jira.written_by(
            "somebody",
            "SHOP-42",
            json!({ "type": "doc", "version": 1, "content": [], "n": number }),
        );
    }
    assert_eq!(tell(&client, &started(FIRST), None).await.unwrap(), thread);
    assert_eq!(jira.issue("SHOP-42").comments.len(), 121);
}

#[tokio::test]
async fn a_deleted_comment_is_made_anew_and_only_once() {
    let jira = FakeJira::cloud().await;
    let client = jira.client();
    let thread = tell(&client, &started(FIRST), None).await.unwrap();
    jira.world(|world| world.issues.get_mut("SHOP-42").unwrap().comments.clear());

    jira.next(Method::POST, "/comment", What::LosesTheReply);
    let lost = tell(&client, &completed(FIRST), Some(&thread)).await;
    assert!(matches!(lost, Err(TellError::Later { .. })), "{lost:?}");
    let anew = tell(&client, &completed(FIRST), Some(&thread)).await.unwrap();
    assert_ne!(anew, thread);
    let comments = jira.issue("SHOP-42").comments;
    assert_eq!(comments.iter().map(|it| &it.id).collect::<Vec<_>>(), [&anew.0]);
}

#[tokio::test]
async fn two_deployments_of_one_issue_are_two_comments_though_one_names_the_other() {
    for jira in [FakeJira::cloud().await, FakeJira::data_center().await] {
        let client = jira.client();
        let text = format!(
            "checkout 5c1b2f09e1d3: superseded by {SECOND}: This comment is kept up to date with {SECOND}"
        );
        let superseded = message(notice(FIRST, Topic::Superseded, &text, 3), "cancelled", Vec::new());
        let first = tell(&client, &superseded, None).await.unwrap();
        let second = tell(&client, &started(SECOND), None).await.unwrap();
        assert_ne!(first, second);
        assert_eq!(jira.issue("SHOP-42").comments.len(), 2);
        assert_eq!(jira.issue("SHOP-42").links.len(), 2);
    }
}

#[tokio::test]
async fn a_comment_of_somebody_else_is_never_taken_for_ours() {
    let jira = FakeJira::cloud().await;
    let client = jira.client();
    let Thread(ours) = tell(&client, &started(FIRST), None).await.unwrap();
    let copied = jira.issue("SHOP-42").comments[0].body.clone();
    jira.world(|world| world.issues.get_mut("SHOP-42").unwrap().comments.clear());
    jira.written_by("mallory", "SHOP-42", copied.clone());

    let Thread(anew) = tell(&client, &completed(FIRST), None).await.unwrap();
    assert_ne!(anew, ours);
    let comments = jira.issue("SHOP-42").comments;
    assert_eq!((comments.len(), &comments[0].body), (2, &copied));
}

#[tokio::test]
async fn a_repeated_message_is_not_its_own_past() {
    let jira = FakeJira::cloud().await;
    let mut repeated = started(FIRST);
    repeated.earlier = vec![repeated.notice.clone()];
    tell(&jira.client(), &repeated, None).await.unwrap();
    let body = jira.issue("SHOP-42").comments[0].body.to_string();
    assert_eq!(body.matches("deployment started").count(), 1, "{body}");
}
