//! Cards, and a workflow that takes them or not.

use std::time::Duration;

use deployment_orchestrator::domain::message::{Asked, Message};
use deployment_orchestrator::messenger::Address;
use deployment_orchestrator::ports::Messenger as _;
use deployment_orchestrator::tally::Tally;
use deployment_orchestrator::teams::{Settings, Teams, card, digest_card};
use serde_json::Value;

use super::receiver::{self, Receiver, Says};
use super::{HASTY, PATIENT, digest, kept, later, never, samples, told};

/// What Teams takes.
const LIMIT: usize = 28 * 1024;

/// Where a workflow is; the last part lets anybody post.
const PATH: &str =
    "/workflows/0123456789abcdef/triggers/manual/paths/invoke?sp=%2Ftriggers&sig=S3cr3t-S3cr3t-S3cr3t";

fn teams(url: &str, timeout: Duration) -> Teams {
    let address: Address = url.parse().unwrap();
    Teams::new(Settings { address, timeout }, &Tally::default()).unwrap()
}

/// All values under `key`, wherever they are in `json`, of objects that are `kind`.
fn all<'a>(json: &'a Value, kind: &str, key: &str, into: &mut Vec<&'a str>) {
    match json {
        Value::Array(list) => list.iter().for_each(|it| all(it, kind, key, into)),
        Value::Object(object) => {
            if object.get("type").map_or(kind == "Fact", |it| it == kind) {
                into.extend(object.get(key).and_then(Value::as_str));
            }
            object.values().for_each(|it| all(it, kind, key, into));
        }
        _ => {}
    }
}

fn found<'a>(card: &'a Value, kind: &str, key: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    all(card, kind, key, &mut found);
    found
}

#[test]
fn every_message_has_a_card_that_teams_takes() {
    for (name, message) in samples::all() {
        let card = card(&message);
        let size = card.to_string().len();
        assert!(size < LIMIT, "{name}: {size} bytes");
    }
    for (name, message) in kept() {
        insta::assert_json_snapshot!(format!("card_{name}"), card(&message));
    }
}

#[test]
fn a_card_shows_all_that_an_approver_should_see_and_leads_to_the_page() {
    let message = samples::approval_requested();
    let asked = message.asked.clone().unwrap();
    let card = card(&message);
    let text = card.to_string().replace("\\\\", "");
    for fact in [
        asked.digest.0.as_str(),
        "deploy_prod",
        "alan, grace",
        "0 of 1",
        "signed, web, slack",
        "2026-11-26T09:09:00.000Z",
        "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
        "Round the tax per line and not per basket",
        "SHOP-42: name the tax in the receipt",
        "executions/Stg9qW",
        "the stage deploying-dev is left out: hotfix",
    ] {
        assert!(text.contains(fact), "{fact} is not in {text}");
    }
    assert_eq!(found(&card, "Action.OpenUrl", "url")[0], asked.page.unwrap());
    // A card decides nothing: there is nothing in it that sends an answer.
    assert!(
        !text.contains("Action.Submit") && !text.contains("Action.Execute") && !text.contains("Action.Http")
    );
}

#[test]
fn where_there_are_no_pages_a_card_says_what_to_type() {
    let asked = samples::approval_requested().asked.map(|asked| Asked { page: None, ..asked });
    let message = Message { asked, page: None, ..samples::approval_requested() };
    let card = card(&message);
    let command = format!("deployment-orchestrator approve {}", samples::id());
    assert!(found(&card, "TextRun", "text").contains(&command.as_str()));
    assert_eq!(card["attachments"][0]["content"]["actions"], serde_json::json!([]));
}

#[test]
fn what_others_wrote_is_no_markup_in_a_card() {
    let card = card(&samples::hostile());
    let mut read_as_markdown = found(&card, "TextBlock", "text");
    read_as_markdown.extend(found(&card, "Fact", "value"));
    assert!(read_as_markdown.iter().any(|text| text.contains("everyone")), "the client's name is a fact");
    for text in read_as_markdown {
        let unescaped = text.replace("\\<", "").replace("\\>", "").replace("\\*", "").replace("\\&", "");
        // A link of our own leads to Harness, whatever is in its address.
        let own = unescaped.starts_with('[')
            && unescaped.ends_with("(https://app.harness.io/x|y%3Ez?a=1&b=%3C2%3E)");
        assert!(own || !unescaped.contains(['<', '>', '*', '&']), "{text}");
    }
    assert!(found(&card, "TextRun", "text").iter().any(|text| text.contains("[link](https://evil.example)")));
}

#[test]
fn the_largest_message_fits_and_says_what_is_left_out() {
    let mut message = samples::hostile();
    message.notice.text = "😀".repeat(9_000);
    let asked = message.asked.as_mut().unwrap();
    asked.cautions = vec!["😀".repeat(5_000); 100];
    asked.approvers = vec!["x".repeat(64).parse().unwrap(); 100];
    for commit in &mut asked.commits {
        commit.message = "\\\"".repeat(3_000);
    }
    let card = card(&message);
    assert!(card.to_string().len() < LIMIT, "{} bytes", card.to_string().len());
    let runs = found(&card, "TextRun", "text");
    assert!(runs.contains(&"… and 92 more warnings, which do not fit into a card"), "{runs:?}");
    assert!(runs.contains(&"… and 192 more commits, which do not fit into a card"), "{runs:?}");
}

#[tokio::test]
async fn a_workflow_that_begins_has_the_card() {
    for status in [200, 202] {
        let mut workflow = Receiver::saying(Says::status(status)).await;
        let message = samples::failed();
        assert_eq!(told(&teams(&workflow.url(PATH), PATIENT), &message).await, Ok(None));
        let received = workflow.next().await;
        assert_eq!(received.headers["content-type"], "application/json");
        assert_eq!(received.body, card(&message).to_string());
    }
}

#[tokio::test]
async fn many_messages_are_one_card() {
    let mut workflow = Receiver::saying(Says::status(202)).await;
    let mut digest = digest();
    assert_eq!(teams(&workflow.url(PATH), PATIENT).tell_together(&digest).await, Ok(()));
    let card: Value = serde_json::from_str(&workflow.next().await.body).unwrap();
    let runs = found(&card, "TextRun", "text");
    assert_eq!(runs.len(), digest.notices.len());
    assert!(runs[0].starts_with("2026-11-25T09:01:00.000Z started: checkout "), "{}", runs[0]);
    let title = found(&card, "TextBlock", "text")[0];
    assert!(title.starts_with(&format!("{} messages about 1 deployment since ", runs.len())), "{title}");

    digest.notices = std::iter::repeat_n(samples::hostile().notice, 500).collect();
    let card = digest_card(&digest);
    assert!(card.to_string().len() < LIMIT);
    assert!(
        found(&card, "TextRun", "text")
            .last()
            .unwrap()
            .ends_with("more messages, which do not fit into a card")
    );
}

#[tokio::test]
async fn a_refusal_says_what_to_do_or_when_to_try_again() {
    for (status, remedy) in [
        (302, "copy its URL again"),
        (400, "turned off"),
        (401, "the signature in its URL is wrong"),
        (403, "the signature in its URL is wrong"),
        (404, "is deleted, or has lost its owner"),
        (410, "is deleted, or has lost its owner"),
        (413, "copy its URL again"),
    ] {
        let workflow = Receiver::saying(Says::status(status)).await;
        let said = never(told(&teams(&workflow.url(PATH), PATIENT), &samples::started()).await);
        assert!(said.contains(&format!("({status})")) && said.contains(remedy), "{said}");
    }
    for status in [408, 429, 500, 502, 503, 504] {
        let workflow = Receiver::saying(Says::status(status).with("retry-after", "17")).await;
        let (said, after) = later(told(&teams(&workflow.url(PATH), PATIENT), &samples::started()).await);
        assert!(said.contains(&format!("({status})")), "{said}");
        assert_eq!(after, Some(17));
    }
}

#[tokio::test]
async fn the_address_of_a_workflow_is_said_nowhere() {
    let proxy = |status| Says { body: "no such flow here: ", ..Says::status(status) };
    let mut said = Vec::new();
    for status in [400, 403, 404, 500] {
        let workflow = Receiver::saying(proxy(status)).await;
        let teams = teams(&workflow.url(PATH), PATIENT);
        let error = told(&teams, &samples::started()).await.unwrap_err();
        assert!(error.to_string().contains("no such flow here: /workflows/[redacted]/triggers"), "{error}");
        said.push(format!("{error} {error:?} {teams:?}"));
    }
    for (url, expected) in [
        (receiver::closed(PATH), "could not be reached"),
        (receiver::hanging_up(PATH).await, "broke"),
        (receiver::silent(PATH).await, "did not answer in time"),
    ] {
        let timeout = if expected.contains("time") { HASTY } else { PATIENT };
        let error = told(&teams(&url, timeout), &samples::started()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        said.push(format!("{error} {error:?}"));
    }
    for said in said {
        assert!(!said.contains("S3cr3t") && !said.contains("0123456789abcdef"), "{said}");
    }
}
