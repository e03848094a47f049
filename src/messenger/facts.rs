//! What people should know, as titles and values, for channels that show a list
//! of them. Nothing here is markup, and nothing is escaped: that is up to whoever
//! shows it.

use crate::domain::id::{CommitSha, PrincipalName};
use crate::domain::message::{About, Asked, Message, Seen};
use crate::domain::notice::Notice;
use crate::domain::text::shortened;

/// A title and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// One or a few words.
    pub title: String,
    /// One line.
    pub value: String,
    /// Where a person can look at it.
    pub url: Option<String>,
}

/// How many digits of a commit tell it from others, for people.
const SHORT: usize = 8;

/// What it is about in one line: `[critical] checkout 5c1b2f09: failed`.
#[must_use]
pub fn headline(message: &Message) -> String {
    let About { service, commit, state, .. } = &message.about;
    format!("[{}] {service} {}: {state}", message.severity.as_str(), short(commit))
}

/// One of many things that happened: when, what, and the sentence, of at most `longest` characters.
#[must_use]
pub fn line(notice: &Notice, longest: usize) -> String {
    let Notice { at, topic, text, .. } = notice;
    format!("{} {}: {}", at.to_rfc3339(), topic.as_str(), shortened(text, longest))
}

/// The first digits of a commit.
#[must_use]
pub fn short(commit: &CommitSha) -> &str {
    commit.as_str().get(..SHORT).unwrap_or(commit.as_str())
}

/// What a person types to answer where nobody serves pages.
#[must_use]
pub fn approval_command(about: &About) -> String {
    format!("deployment-orchestrator approve {}", about.deployment)
}

/// What the message is about.
#[must_use]
pub fn facts(message: &Message) -> Vec<Fact> {
    let about = &message.about;
    let mut facts = vec![
        fact("Deployment", about.deployment.to_string()),
        fact("Repository", about.repository.to_string()),
        fact("Branch", about.branch.to_string()),
        fact("Commit", about.commit.to_string()),
    ];
    facts.extend(about.target.as_ref().map(|target| fact("Target", target.to_string())));
    facts.push(fact("State", about.state.clone()));
    facts.push(fact("Started by", about.initiator.to_string()));
    if !about.issues.is_empty() {
        facts.push(fact("Issues", joined(&about.issues)));
    }
    facts.push(fact("Time", message.notice.at.to_rfc3339()));
    facts
}

/// What people are asked, but for the commits and what is unusual, which are lists of sentences.
#[must_use]
pub fn question(asked: &Asked) -> Vec<Fact> {
    let replaces = asked.replaces.as_ref().map_or_else(
        || "nothing of this service that is known".to_owned(),
        |live| format!("{} since {}, {}", live.commit, live.since.to_rfc3339(), live.deployment),
    );
    let mut facts = vec![
        fact("Request", asked.request.to_string()),
        fact("Environment", asked.environment.to_string()),
        fact("Pipeline", asked.pipeline.to_string()),
        fact("Digest", asked.digest.to_string()),
        fact("Expires", asked.expires_at.to_rfc3339()),
        fact("Approvals", approvals(asked.required, &asked.approved_by)),
        fact("Approvers", joined(&asked.approvers)),
        fact("Accepted", joined(&asked.accepts)),
        fact("Replaces", replaces),
    ];
    facts.extend(asked.evidence.iter().map(seen));
    facts
}

fn fact(title: &str, value: String) -> Fact {
    Fact { title: title.to_owned(), value, url: None }
}

fn seen(seen: &Seen) -> Fact {
    Fact {
        title: seen.stage.clone(),
        value: format!("ended well at {}, execution {}", seen.at.to_rfc3339(), seen.execution),
        url: Some(seen.url.clone()).filter(|url| !url.is_empty()),
    }
}

fn approvals(required: u32, approved_by: &[PrincipalName]) -> String {
    match approved_by {
        [] => format!("0 of {required}"),
        some => format!("{} of {required}: {}", some.len(), joined(some)),
    }
}

fn joined(list: &[impl ToString]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
