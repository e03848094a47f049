//! A message as an Adaptive Card 1.4.
//!
//! Sentences that others wrote stand in runs of text, which know no markup. Names
//! and values stand in facts, where Teams reads Markdown, and are escaped.

use serde_json::{Value, json};

use crate::domain::commit::Commit;
use crate::domain::digest::Digest;
use crate::domain::message::{Asked, Message, Severity};
use crate::domain::notice::{Notice, Topic};
use crate::domain::text::shortened;
use crate::messenger::{Fact, approval_command, facts, headline, line, question, short};

/// Teams refuses more than 28 KB.
pub(super) const LIMIT: usize = 28_000;

/// How much of a message is shown.
struct Cut {
    /// Entries of a list. What is left out is counted.
    entries: usize,
    /// Characters of a sentence or a value. What is cut ends with `…`.
    characters: usize,
}

/// From everything to what always fits: 3 lists of 8 entries, each of them with
/// fewer than 150 characters of at most 4 bytes.
const CUTS: [Cut; 4] = [
    Cut { entries: 100, characters: 2_000 },
    Cut { entries: 20, characters: 600 },
    Cut { entries: 12, characters: 300 },
    Cut { entries: 8, characters: 150 },
];

/// A longer address is left out: no page of ours has one.
const LONGEST_URL: usize = 500;

/// What is posted, smaller than [`LIMIT`]: with as much of the message as fits.
#[must_use]
pub fn card(message: &Message) -> Value {
    fitting(|cut| about(message, cut))
}

/// The same of many things that happened.
#[must_use]
pub fn digest_card(digest: &Digest) -> Value {
    fitting(|cut| {
        let mut body = vec![headed(color(digest.severity), &cut.value(&digest.title))];
        let line = |notice: &Notice| plain(&line(notice, cut.characters));
        body.extend(cut.list(&digest.notices, "messages", line));
        post(&body, &[])
    })
}

/// The first that is small enough.
fn fitting(cards: impl Fn(&Cut) -> Value) -> Value {
    let fits = |card: &Value| card.to_string().len() < LIMIT;
    let [generous @ .., last] = &CUTS;
    generous.iter().map(&cards).find(fits).unwrap_or_else(|| cards(last))
}

fn about(message: &Message, cut: &Cut) -> Value {
    let color = match message.notice.topic {
        Topic::Completed => "Good",
        _ => color(message.severity),
    };
    let mut body = vec![
        headed(color, &cut.value(&headline(message))),
        plain(&cut.sentence(&message.notice.text)),
        cut.facts(facts(message)),
    ];
    let mut actions = Vec::new();
    if let Some(asked) = &message.asked {
        body.extend(asked_for(message, asked, cut));
        actions.extend(open("Review and decide", asked.page.as_deref()));
    }
    actions.extend(open("Open the deployment", message.page.as_deref()));
    post(&body, &actions)
}

fn post(body: &[Value], actions: &[Value]) -> Value {
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": { "width": "Full" },
                "body": body,
                "actions": actions,
            },
        }],
    })
}

/// The question, and all that people should see before they answer.
fn asked_for(message: &Message, asked: &Asked, cut: &Cut) -> Vec<Value> {
    let mut body = vec![title("What is asked"), cut.facts(question(asked))];
    if !asked.cautions.is_empty() {
        body.push(title("Unusual about it"));
        let caution = |caution: &String| plain(&cut.sentence(caution));
        body.extend(cut.list(&asked.cautions, "warnings", caution));
    }
    body.push(title("What comes, newest first"));
    if asked.commits.is_empty() {
        body.push(plain("No commits were named at the start."));
    }
    body.extend(cut.list(&asked.commits, "commits", |it| commit(it, cut)));
    if asked.page.is_none() {
        body.push(title("To answer, type"));
        body.push(plain(&approval_command(&message.about)));
    }
    body
}

fn commit(commit: &Commit, cut: &Cut) -> Value {
    let author = commit.author.as_ref().map_or_else(String::new, |author| format!(" by {author}"));
    let said = if commit.message.is_empty() { "no message" } else { &commit.message };
    plain(&format!("{}{author}: {}", short(&commit.sha), cut.sentence(said)))
}

fn color(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Default",
        Severity::Action => "Accent",
        Severity::Warning => "Warning",
        Severity::Critical => "Attention",
    }
}

fn headed(color: &str, text: &str) -> Value {
    json!({
        "type": "TextBlock", "size": "Medium", "weight": "Bolder", "wrap": true,
        "color": color, "text": text,
    })
}

/// A button that opens a page, and does nothing else: previews and scanners open it, too.
fn open(title: &str, url: Option<&str>) -> Option<Value> {
    let url = url.filter(|url| url.len() <= LONGEST_URL)?;
    Some(json!({ "type": "Action.OpenUrl", "title": title, "url": url }))
}

fn title(text: &str) -> Value {
    json!({ "type": "TextBlock", "weight": "Bolder", "spacing": "Medium", "wrap": true, "text": text })
}

/// Text without markup.
fn plain(text: &str) -> Value {
    json!({ "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": text }] })
}

impl Cut {
    fn sentence(&self, text: &str) -> String {
        shortened(text, self.characters)
    }

    fn value(&self, text: &str) -> String {
        escaped(&self.sentence(text))
    }

    /// The first entries, and how many are left out.
    fn list<T>(&self, entries: &[T], what: &str, shown: impl Fn(&T) -> Value) -> Vec<Value> {
        let mut list: Vec<Value> = entries.iter().take(self.entries).map(shown).collect();
        list.extend(left_out(entries.len(), self.entries, what).map(|text| plain(&text)));
        list
    }

    fn facts(&self, facts: Vec<Fact>) -> Value {
        // Those that every message has are never left out.
        let most = self.entries + 10;
        let more = left_out(facts.len(), most, "facts");
        let mut list: Vec<Value> = facts
            .into_iter()
            .take(most)
            .map(|fact| json!({ "title": self.value(&fact.title), "value": self.linked(&fact) }))
            .collect();
        list.extend(more.map(|text| json!({ "title": "", "value": text })));
        json!({ "type": "FactSet", "facts": list })
    }

    fn linked(&self, fact: &Fact) -> String {
        let value = self.value(&fact.value);
        match &fact.url {
            Some(url) if url.len() <= LONGEST_URL => format!("[{value}]({})", in_parentheses(url)),
            _ => value,
        }
    }
}

fn left_out(have: usize, most: usize, what: &str) -> Option<String> {
    let more = have.checked_sub(most).filter(|more| *more > 0)?;
    Some(format!("… and {more} more {what}, which do not fit into a card"))
}

/// `text` as Markdown that shows it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\`*_{}[]()<>~&#|!".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// `url` without anything that ends a link of Markdown.
fn in_parentheses(url: &str) -> String {
    url.chars()
        .map(|it| match it {
            '(' => "%28".to_owned(),
            ')' => "%29".to_owned(),
            '<' => "%3C".to_owned(),
            '>' => "%3E".to_owned(),
            '\\' => "%5C".to_owned(),
            it if it.is_whitespace() || it.is_control() => "%20".to_owned(),
            it => it.to_string(),
        })
        .collect()
}
