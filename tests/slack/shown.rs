//! What a message looks like.

use deployment_orchestrator::domain::digest::Digest;
use deployment_orchestrator::domain::message::Message;
use deployment_orchestrator::slack::Buttons;
use deployment_orchestrator::slack::blocks::{self, Post};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::samples;

/// What the bot and the webhook make of a message.
fn posts(message: &Message) -> Vec<(&'static str, Post)> {
    let mut posts = vec![
        ("summary", blocks::summary(message)),
        ("reply", blocks::reply(message)),
        ("reminder", blocks::remind(message, Some("https://acme.slack.example/archives/C0123456/p1"))),
        ("alone", blocks::alone(message)),
    ];
    if let Some(asked) = &message.asked {
        posts.push(("question", blocks::ask(message, asked, Buttons::Shown)));
        posts.push(("question without buttons", blocks::ask(message, asked, Buttons::Absent)));
    }
    posts
}

fn json_of(post: &Post) -> Value {
    json!({ "text": post.text, "blocks": post.blocks })
}

#[test]
fn each_kind_of_message_has_its_shape() {
    for (name, message) in samples::all().into_iter().filter(|(name, _)| *name != "hostile") {
        assert_json_snapshot!(format!("summary_{name}"), json_of(&blocks::summary(&message)));
        match (&message.asked, name) {
            (Some(asked), "approval_requested") => {
                assert_json_snapshot!("question", json_of(&blocks::ask(&message, asked, Buttons::Shown)));
            }
            (Some(_), _) => {
                assert_json_snapshot!(
                    format!("reminder_{name}"),
                    json_of(&blocks::remind(&message, Some("https://a.example/p1")))
                );
            }
            (None, _) => assert_json_snapshot!(format!("reply_{name}"), json_of(&blocks::reply(&message))),
        }
    }
    assert_json_snapshot!(
        "alone_approval_requested",
        json_of(&blocks::alone(&samples::approval_requested()))
    );
    assert_json_snapshot!("alone_failed", json_of(&blocks::alone(&samples::failed())));
}

fn digest(messages: impl IntoIterator<Item = Message>) -> Post {
    let notices = messages.into_iter().map(|message| message.notice).collect();
    blocks::digest(&Digest::of(notices).unwrap())
}

#[test]
fn many_notices_are_told_in_one_post() {
    assert_json_snapshot!(
        "digest",
        json_of(&digest([samples::started(), samples::failed(), samples::rolled_back()]))
    );
}

#[test]
fn whatever_is_in_it_slack_takes_it() {
    let many = digest((0..100).map(|_| samples::hostile()));
    for (name, message) in samples::all() {
        for (kind, post) in posts(&message).into_iter().chain([("digest", many.clone())]) {
            let here = format!("{name}, {kind}");
            assert!(
                post.blocks.len() <= 50 && length(&post.text) <= 4_000 && !post.text.is_empty(),
                "{here}"
            );
            for block in &post.blocks {
                holds_to_the_limits(block, &here);
            }
        }
    }
}

/// Slack counts as JavaScript does.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn holds_to_the_limits(block: &Value, here: &str) {
    let text = |value: &Value| length(value["text"].as_str().unwrap_or_else(|| panic!("{here}: {value}")));
    let fits = |value: &Value, limit: usize| {
        assert!((1..=limit).contains(&text(value)), "{here}: {} characters in {block}", text(value));
    };
    match block["type"].as_str().unwrap() {
        "header" => fits(&block["text"], 150),
        "section" => match block["fields"].as_array() {
            Some(fields) => {
                assert!(fields.len() <= 10);
                fields.iter().for_each(|field| fits(field, 2_000));
            }
            None => fits(&block["text"], 3_000),
        },
        "context" => {
            let elements = block["elements"].as_array().unwrap();
            assert!((1..=10).contains(&elements.len()));
            elements.iter().for_each(|element| fits(element, 2_000));
        }
        "actions" => {
            for button in block["elements"].as_array().unwrap() {
                fits(&button["text"], 75);
                assert!(length(button["value"].as_str().unwrap()) <= 2_000);
                let confirm = &button["confirm"];
                for (part, limit) in [("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)] {
                    fits(&confirm[part], limit);
                }
            }
        }
        other => panic!("{here}: {other}"),
    }
}

/// All texts in which Slack reads markup.
fn markup(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) if fields.get("type") == Some(&json!("mrkdwn")) => {
            assert_eq!(fields["verbatim"], true);
            into.push(fields["text"].as_str().unwrap().to_owned());
        }
        Value::Object(fields) => fields.values().for_each(|value| markup(value, into)),
        Value::Array(items) => items.iter().for_each(|item| markup(item, into)),
        _ => {}
    }
}

#[test]
fn what_others_wrote_calls_nobody_and_links_nowhere() {
    for (kind, post) in
        posts(&samples::hostile()).into_iter().chain([("digest", digest([samples::hostile()]))])
    {
        let mut texts = vec![post.text.clone()];
        post.blocks.iter().for_each(|block| markup(block, &mut texts));
        for text in texts {
            // What is left of `<…>` is ours: dates, and links to where they say.
            for (at, _) in text.match_indices('<') {
                let rest = &text[at..];
                let is_ours = rest.starts_with("<!date^")
                    || rest.starts_with("<https://deploy.acme.example/")
                    || rest.starts_with("<https://acme.slack.example/");
                assert!(is_ours, "{kind}: {rest}");
            }
            assert!(!text.contains("*bold*") || text == post.text, "{kind}: {text}");
        }
    }
}
