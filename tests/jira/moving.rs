//! Issues that move when a deployment ends, and those that cannot.

use axum::http::Method;
use serde_json::json;

use crate::fake::{FakeJira, What, transition};
use crate::samples::{FIRST, completed, message, notice, started};
use crate::tell;
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::ports::TellError;

fn never(told: Result<impl std::fmt::Debug, TellError>) -> String {
    match told {
        Err(TellError::Never { message }) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_completed_deployment_moves_its_issue_once_by_the_name_of_the_status() {
    for jira in [FakeJira::cloud().await, FakeJira::data_center().await] {
        let client = jira.client();
        let thread = tell(&client, &started(FIRST), None).await.unwrap();
        assert_eq!(jira.issue("SHOP-42").status, "In Progress");
        tell(&client, &completed(FIRST), Some(&thread)).await.unwrap();
        tell(&client, &completed(FIRST), Some(&thread)).await.unwrap();
        assert_eq!(jira.issue("SHOP-42").status, "Done");
        assert_eq!(jira.calls(&Method::POST, "/transitions"), 1);
    }
}

#[tokio::test]
async fn what_did_not_end_in_production_or_was_undone_since_moves_nothing() {
    let jira = FakeJira::cloud().await;
    let mut to_dev = completed(FIRST);
    to_dev.about.target = Some("dev".parse().unwrap());
    tell(&jira.client(), &to_dev, None).await.unwrap();
    let mut undone = completed(FIRST);
    undone.about.state = "rolled-back".to_owned();
    tell(&jira.client(), &undone, None).await.unwrap();
    assert_eq!(jira.issue("SHOP-42").status, "In Progress");
}

#[tokio::test]
async fn a_status_out_of_reach_is_said_with_those_that_there_are_after_the_comment_is_written() {
    let jira = FakeJira::cloud().await;
    let undone = notice(FIRST, Topic::RolledBack, "checkout 5c1b2f09e1d3: rolled back", 30);
    let mut hidden = transition("31", "Reopened");
    hidden["isAvailable"] = json!(false);
    jira.world(|world| world.transitions.push(hidden));

    let message = never(tell(&jira.client(), &message(undone, "rolled-back", Vec::new()), None).await);
    assert_eq!(
        message,
        "SHOP-42 is not moved to `Reopened`, because from where it is there is no such transition for this account: \
         move it by hand, or let `on_completed` or `on_rolled_back` under [jira] name one that there is: To Do, Done"
    );
    let issue = jira.issue("SHOP-42");
    assert!(issue.comments[0].body.to_string().contains("rolled back"));
    assert_eq!((issue.comments.len(), issue.links.len(), issue.status.as_str()), (1, 1, "In Progress"));
}

#[tokio::test]
async fn a_screen_that_asks_is_explained_and_passed_by_where_another_way_leads_there() {
    let jira = FakeJira::cloud().await;
    let mut asking = transition("21", "Done");
    asking["hasScreen"] = json!(true);
    asking["fields"] = json!({
        "resolution": { "name": "Resolution", "required": true, "hasDefaultValue": false },
        "customfield_10010": { "required": true },
        "assignee": { "name": "Assignee", "required": false },
        "priority": { "name": "Priority", "required": true, "hasDefaultValue": true },
    });
    jira.world(|world| world.transitions = vec![asking]);
    let client = jira.client();
    let message = never(tell(&client, &completed(FIRST), None).await);
    assert!(
        message.contains("the screen of that transition requires customfield_10010, Resolution:"),
        "{message}"
    );
    assert_eq!(jira.calls(&Method::POST, "/transitions"), 0);

    jira.world(|world| world.transitions.push(transition("41", "DONE")));
    tell(&client, &completed(FIRST), None).await.unwrap();
    assert_eq!(jira.issue("SHOP-42").status, "DONE");
    assert_eq!(jira.issue("SHOP-42").comments.len(), 1);
}

#[tokio::test]
async fn an_issue_that_may_not_be_linked_moves_all_the_same() {
    let jira = FakeJira::cloud().await;
    jira.next(Method::POST, "/remotelink", What::Answers(403, &[], String::new()));
    let message = never(tell(&jira.client(), &completed(FIRST), None).await);
    assert_eq!(
        message,
        "Jira does not let this account add a link to SHOP-42 (403): give it the permission `Link Issues` in that project"
    );
    assert_eq!(jira.issue("SHOP-42").status, "Done");
}
