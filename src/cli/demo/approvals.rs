//! People are told of a release in Slack, in Teams and over a webhook: what they
//! see is what this server sent, taken by a receiver on this machine.

use serde_json::Value;

use super::receiver::{Received, Receiver};
use super::show::Stage;
use super::{Show, text};
use crate::app::Error;

const CHANNELS: &str = r#"[channels.releases]
slack_webhook = {}

[channels.ops]
teams = {}

[channels.ledger]
webhook = {}

[[routes]]
channels = ["ops"]
topics = ["approval-requested"]

[[routes]]
channels = ["ledger"]
topics = ["completed"]
"#;

/// The messages that the routes above lead to: four in Slack, one in Teams, one to the webhook.
const MESSAGES: usize = 6;

pub(super) async fn play() -> Result<(), Error> {
    let mut receiver = Receiver::listen().await?;
    let secrets = [
        ("CHANNEL_RELEASES_URL", receiver.url("slack")),
        ("CHANNEL_OPS_URL", receiver.url("teams")),
        ("CHANNEL_LEDGER_URL", receiver.url("webhook")),
        ("CHANNEL_LEDGER_SECRET", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz".to_owned()),
    ];
    let mut show = Show::open(Stage {
        title: "A release as people are told of it: in Slack, in Teams and over a webhook.",
        more: CHANNELS,
        secrets: &secrets,
        ..Stage::default()
    })
    .await?;
    let status = show.start("9f3c2d1").await?;
    let id = text(&status, "deployment_id").to_owned();
    let status = show.until_asked(status).await?;
    show.approve("dana", &id, "staging looks good").await?;
    show.until_over(status).await?;
    for _ in 0..MESSAGES {
        let received = receiver.next().await?;
        show.screen.message(&received.to, &lines(&received));
    }
    show.close(&id, "completed", "dana approved what she was shown").await
}

/// What a person reads of a message.
fn lines(received: &Received) -> Vec<String> {
    let mut lines = Vec::new();
    let body = &received.body;
    // The plain text of Slack repeats its blocks; the webhook has fields, and no text.
    let shown = ["blocks", "attachments"].iter().find_map(|part| body.get(part));
    match shown {
        Some(shown) => collect(shown, &mut lines),
        None if body.get("data").is_some() => {
            lines.extend(["type", "timestamp"].map(|field| format!("{field}: {}", text(body, field))));
        }
        None => collect(body, &mut lines),
    }
    lines
}

/// Every text in `shown`, in its order; a fact with its title.
fn collect(shown: &Value, lines: &mut Vec<String>) {
    match shown {
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, lines)),
        Value::Object(fields) => match (fields.get("title"), fields.get("value"), fields.get("text")) {
            (Some(Value::String(title)), Some(Value::String(value)), _) => {
                lines.push(format!("{title}: {value}"));
            }
            (_, _, Some(Value::String(text))) => lines.extend(text.lines().map(ToOwned::to_owned)),
            _ => fields.values().for_each(|part| collect(part, lines)),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
