//! What a message looks like in Slack: Block Kit, from [`Message`] alone.
//!
//! A post has a handful of blocks whatever is in the message, below Slack's 50;
//! every text is cut to Slack's limit for its place.

use serde_json::{Value, json};

use super::markup::{
    FIELD_LIMIT, SECTION_LIMIT, code, context, cut_short, escaped, fields, header, link, plain,
    plain_section, section,
};
use super::thread::{AskedThere, question};
use crate::domain::assurance::Assurance;
use crate::domain::commit::Commit;
use crate::domain::digest::Digest;
use crate::domain::id::{IssueKey, PrincipalName};
use crate::domain::message::{About, Asked, Message, Severity};
use crate::domain::notice::{Notice, Topic};
use crate::domain::principal::Principal;
use crate::domain::time::{Timestamp, in_words};
use crate::messenger::short;

/// The `action_id` of the two buttons.
pub(super) const APPROVE: &str = "approve";
pub(super) const REJECT: &str = "reject";

/// The longest news in a summary, which must stay small.
const NEWS_LIMIT: usize = 300;

/// The longest text in notifications, for which Slack advises no more than 4000.
const FALLBACK_LIMIT: usize = 1_000;

/// How many notices are shown together.
const MOST_NOTICES: usize = 40;

/// How many stages are named as evidence.
const MOST_EVIDENCE: usize = 10;

/// What can be pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buttons {
    /// Approve and Reject, where the environment accepts an answer from Slack.
    Shown,
    /// Nothing: nobody would take the answer.
    Absent,
}

/// One post.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// What a notification shows, in Slack's markup.
    pub text: String,
    /// The rest.
    pub blocks: Vec<Value>,
}

impl Post {
    /// As Slack takes it. Links are shown as they are, without what they lead to.
    #[must_use]
    pub(super) fn into_json(self) -> Value {
        json!({ "text": self.text, "blocks": self.blocks, "unfurl_links": false, "unfurl_media": false })
    }
}

/// The deployment as it is now, which stands at the head of its thread.
#[must_use]
pub fn summary(message: &Message) -> Post {
    let about = &message.about;
    let mut title = headline(about);
    if let Some(page) = &message.page {
        title = format!("{title}  ·  {}", link(page, "details"));
    }
    let blocks = vec![
        section(&format!("{title}\n{}", code(&about.state))),
        plain_section(&cut_short(&message.notice.text, NEWS_LIMIT)),
        context(&origin(about)),
    ];
    Post { text: fallback(message), blocks }
}

/// One notice.
#[must_use]
pub fn reply(message: &Message) -> Post {
    let blocks = vec![plain_section(&message.notice.text), context(&kind(message))];
    Post { text: fallback(message), blocks }
}

/// What people are asked, with all that they should see before they answer.
#[must_use]
pub fn ask(message: &Message, asked: &Asked, buttons: Buttons) -> Post {
    let about = &message.about;
    let commit = short(&about.commit);
    let mut blocks = vec![header(&format!("Approve {} {commit} to {}?", about.service, asked.environment))];
    if !asked.cautions.is_empty() {
        blocks.push(section("*Unusual about it*"));
        blocks.push(plain_section(&lines(asked.cautions.iter().map(|it| format!("⚠ {it}")), SECTION_LIMIT)));
    }
    blocks.push(fields(&facts(about, asked)));
    blocks.push(section(&replaced(asked, message.notice.at)));
    if !asked.commits.is_empty() {
        blocks.push(section(&format!("*Commits* ({}, newest first)", asked.commits.len())));
        blocks.push(plain_section(&lines(asked.commits.iter().map(one_line), SECTION_LIMIT)));
    }
    blocks.push(section(&evidence(asked)));
    blocks.push(section(&rules(asked)));
    blocks.push(context(&format!("request {}, digest {}", asked.request, code(&asked.digest.0))));
    blocks.extend(way_to_decide(message, asked, buttons));
    Post { text: fallback(message), blocks }
}

/// People are asked once more, at `where_it_is_asked`. There is one set of buttons.
#[must_use]
pub fn remind(message: &Message, where_it_is_asked: Option<&str>) -> Post {
    let place = where_it_is_asked.map_or_else(
        || "The question is above, in this thread.".to_owned(),
        |address| link(address, "Look at the question and answer it there"),
    );
    let mut post = reply(message);
    post.blocks.insert(1, section(&place));
    post
}

/// What became of a question that can be answered no more.
#[must_use]
pub(super) fn closed(message: &Message, asked: &AskedThere) -> Post {
    let about = &message.about;
    let title = format!("{} {} to {}", about.service, short(&about.commit), asked.environment);
    let blocks = vec![
        section(&format!("*Answered, or asked no more:* {}", escaped(&title, 300))),
        plain_section(outcome(message)),
        context(&format!("request {}, digest {}", asked.request, code(&asked.digest.0))),
    ];
    Post { text: escaped(&format!("No longer asked: {title}"), FALLBACK_LIMIT), blocks }
}

/// All in one, for a channel in which nothing can be changed or answered.
#[must_use]
pub fn alone(message: &Message) -> Post {
    let mut post = match &message.asked {
        Some(asked) if asks(message.notice.topic) => ask(message, asked, Buttons::Absent),
        _ => reply(message),
    };
    let mut title = headline(&message.about);
    if let Some(page) = &message.page {
        title = format!("{title}  ·  {}", link(page, "details"));
    }
    post.blocks.insert(0, section(&title));
    post.blocks.push(context(&origin(&message.about)));
    post
}

/// Many notices in one post.
#[must_use]
pub fn digest(digest: &Digest) -> Post {
    let mut blocks = vec![header(&digest.title)];
    blocks.extend(digest.notices.iter().take(MOST_NOTICES).map(|notice| plain_section(&notice_line(notice))));
    if let Some(more) = digest.notices.len().checked_sub(MOST_NOTICES).filter(|more| *more > 0) {
        blocks.push(section(&format!("and {more} more")));
    }
    Post { text: escaped(&digest.title, FALLBACK_LIMIT), blocks }
}

fn notice_line(notice: &Notice) -> String {
    format!("{}  {}: {}", notice.at.to_rfc3339(), notice.topic.as_str(), cut_short(&notice.text, NEWS_LIMIT))
}

/// Whether such a notice asks people, for the first time or once more.
pub(super) fn asks(topic: Topic) -> bool {
    matches!(topic, Topic::ApprovalRequested | Topic::ApprovalEscalated)
}

/// The last word about the question: this message's, or that of an earlier one.
fn outcome(message: &Message) -> &str {
    let is_about_it = |topic| {
        matches!(
            topic,
            Topic::ApprovalDecided
                | Topic::BreakGlass
                | Topic::Failed
                | Topic::Cancelled
                | Topic::Superseded
                | Topic::Security
        )
    };
    let mut told = std::iter::once(&message.notice).chain(message.earlier.iter().rev());
    told.find(|notice| is_about_it(notice.topic)).map_or("the deployment went on", |notice| &notice.text)
}

fn headline(about: &About) -> String {
    let target = about.target.as_ref().map_or_else(String::new, |target| format!(" → *{target}*"));
    format!("*{}* {}{target}", escaped(about.service.as_str(), 200), code(short(&about.commit)))
}

fn origin(about: &About) -> String {
    let mut parts = vec![
        format!("{} on {}", code(about.branch.as_str()), code(about.repository.as_str())),
        format!("started by {}", who(&about.initiator)),
    ];
    if !about.issues.is_empty() {
        let issues: Vec<&str> = about.issues.iter().take(20).map(IssueKey::as_str).collect();
        parts.push(escaped(&issues.join(", "), 400));
    }
    parts.push(code(about.deployment.as_str()));
    parts.join("  ·  ")
}

fn who(principal: &Principal) -> String {
    match principal {
        Principal::Human { name } => code(name.as_str()),
        Principal::Agent { client, on_behalf_of } => {
            format!("the agent {} for {}", code(client), code(on_behalf_of.as_str()))
        }
        Principal::System => "the server".to_owned(),
    }
}

fn kind(message: &Message) -> String {
    let loud = match message.severity {
        Severity::Critical => "*critical*: somebody must look  ·  ",
        Severity::Action => "*somebody is asked*  ·  ",
        Severity::Info | Severity::Warning => "",
    };
    let page =
        message.page.as_ref().map_or_else(String::new, |page| format!("  ·  {}", link(page, "details")));
    format!("{loud}{}{page}", code(message.notice.topic.as_str()))
}

fn facts(about: &About, asked: &Asked) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Environment", code(asked.environment.as_str())),
        ("Service", code(about.service.as_str())),
        ("Repository", code(about.repository.as_str())),
        ("Branch", code(about.branch.as_str())),
        ("Commit", code(about.commit.as_str())),
        ("Pipeline", code(asked.pipeline.as_str())),
        ("Asked for by", who(&about.initiator)),
    ];
    if !about.issues.is_empty() {
        let issues: Vec<&str> = about.issues.iter().map(IssueKey::as_str).collect();
        facts.push(("Issues", escaped(&issues.join(", "), FIELD_LIMIT - 100)));
    }
    facts
}

/// The blast radius.
fn replaced(asked: &Asked, now: Timestamp) -> String {
    match &asked.replaces {
        Some(live) => format!(
            "*Replaces* {}, which has run there for {}, since {} ({})",
            code(short(&live.commit)),
            in_words(now.since(live.since)),
            moment(live.since),
            code(live.deployment.as_str())
        ),
        None => {
            format!("*Replaces* nothing that is known: {} may be new there", code(asked.environment.as_str()))
        }
    }
}

fn evidence(asked: &Asked) -> String {
    if asked.evidence.is_empty() {
        return "*Seen so far* nothing".to_owned();
    }
    let left_out = asked.evidence.len().saturating_sub(MOST_EVIDENCE);
    let mut seen: Vec<String> = asked
        .evidence
        .iter()
        .skip(left_out)
        .map(|seen| {
            let execution = link(&seen.url, seen.execution.as_str());
            format!("• {} ended well at {}: {execution}", code(&cut_short(&seen.stage, 60)), moment(seen.at))
        })
        .collect();
    if left_out > 0 {
        seen.insert(0, format!("• {left_out} more before"));
    }
    // A link is at most some 1200 characters long, and is never cut: rather a line less.
    while seen.iter().map(|line| line.encode_utf16().count() + 1).sum::<usize>() > SECTION_LIMIT - 20 {
        seen.remove(0);
    }
    format!("*Seen so far*\n{}", seen.join("\n"))
}

fn rules(asked: &Asked) -> String {
    let names = |people: &[PrincipalName]| {
        let names: Vec<&str> = people.iter().map(PrincipalName::as_str).collect();
        escaped(&names.join(", "), 900)
    };
    let so_far = match asked.approved_by.as_slice() {
        [] => "nobody so far".to_owned(),
        people => format!("so far {}", names(people)),
    };
    format!(
        "*Decided by* {} of {}; {so_far}\n*Open until* {}; then it is rejected",
        asked.required,
        names(&asked.approvers),
        moment(asked.expires_at)
    )
}

/// How the question is answered: here, where that counts, or in words.
fn way_to_decide(message: &Message, asked: &Asked, buttons: Buttons) -> Vec<Value> {
    let id = &message.about.deployment;
    let page = asked.page.as_ref().map(|page| link(page, "Decide on its page"));
    let by_key =
        format!("{} on a machine with your key", code(&format!("deployment-orchestrator approve {id}")));
    let elsewhere = match page {
        Some(page) => format!("{page}, or run {by_key}"),
        None => format!("Run {by_key}"),
    };
    let answers_here = buttons == Buttons::Shown && asked.accepts.contains(&Assurance::Slack);
    match question(message).filter(|_| answers_here) {
        Some(question) => {
            let value = question.to_string();
            let elements =
                json!([approve_button(message, asked, &value), reject_button(message, asked, &value)]);
            vec![json!({ "type": "actions", "elements": elements }), context(&elsewhere)]
        }
        None => vec![section(&elsewhere)],
    }
}

fn approve_button(message: &Message, asked: &Asked, value: &str) -> Value {
    let about = &message.about;
    let what = format!(
        "This approves {} {} for {}. Your name is kept with it.",
        about.service,
        short(&about.commit),
        asked.environment
    );
    let confirm = confirmed(&format!("Deploy to {}?", asked.environment), &what, "Approve", "primary");
    json!({
        "type": "button", "style": "primary", "action_id": APPROVE, "value": value,
        "text": plain("Approve", 75), "confirm": confirm,
    })
}

fn reject_button(message: &Message, asked: &Asked, value: &str) -> Value {
    let about = &message.about;
    let what = format!(
        "This rejects {} {} for {}, for good. Your name is kept with it; say why in the thread.",
        about.service,
        short(&about.commit),
        asked.environment
    );
    let confirm = confirmed(&format!("Not to {}?", asked.environment), &what, "Reject", "danger");
    json!({
        "type": "button", "style": "danger", "action_id": REJECT, "value": value,
        "text": plain("Reject", 75), "confirm": confirm,
    })
}

fn confirmed(title: &str, what: &str, yes: &str, style: &str) -> Value {
    json!({
        "title": plain(title, 100), "text": plain(what, 300), "style": style,
        "confirm": plain(yes, 30), "deny": plain("Not now", 30),
    })
}

/// As many of the lines as fit, and how many there are beside.
fn lines(all: impl ExactSizeIterator<Item = String>, limit: usize) -> String {
    const REST: usize = 20;
    let count = all.len();
    let mut out = String::new();
    let mut length = 0;
    for (index, line) in all.enumerate() {
        let line = cut_short(&line, 400);
        let longer = length + line.encode_utf16().count() + 1;
        if longer > limit - REST {
            return format!("{out}and {} more", count - index);
        }
        length = longer;
        out.push_str(&line);
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}

fn one_line(commit: &Commit) -> String {
    let author = commit.author.as_ref().map_or_else(String::new, |author| format!(" — {author}"));
    format!("{} {}{author}", short(&commit.sha), cut_short(&commit.message, 200))
}

/// Shown to everybody in their own time zone.
fn moment(at: Timestamp) -> String {
    format!("<!date^{}^{{date_short_pretty}} {{time}}|{}>", at.0.div_euclid(1000), at.to_rfc3339())
}

fn fallback(message: &Message) -> String {
    escaped(&message.notice.text, FALLBACK_LIMIT)
}
