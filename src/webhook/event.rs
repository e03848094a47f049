//! The JSON of a webhook. docs/webhooks.md describes it to receivers, and other
//! people's programs read it: fields are added, and never change or go.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::digest::Digest;
use crate::domain::message::{About, Asked, Live, Message, Seen};
use crate::domain::notice::Notice;
use crate::domain::principal::Principal;
use crate::domain::subject::Digest as Hash;
use crate::domain::text::shortened;

/// How many commits are sent; how many there are is sent beside them. Receivers
/// expect bodies of no more than 20 KB.
const MOST_COMMITS: usize = 50;

/// The longest sentence.
const LONGEST: usize = 1_000;

/// How many notices of a digest are sent; how many there are is sent beside them.
const MOST_NOTICES: usize = 100;

/// The id by which a receiver knows a message again: the notice's key, or, if that
/// has characters with which a signature could be moved to another text, its hash.
pub(super) fn id(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte);
    if key.bytes().all(plain) { key.to_owned() } else { Hash::of(&key).0 }
}

/// The body of many notices at once.
#[must_use]
pub fn digest_event(digest: &Digest) -> Value {
    let notices: Vec<Value> = digest.notices.iter().take(MOST_NOTICES).map(notice).collect();
    json!({
        "type": "deployment.digest",
        "timestamp": digest.notices.last().map(|notice| notice.at.to_rfc3339()),
        "data": {
            "severity": digest.severity.as_str(),
            "text": digest.title,
            "notices": notices,
            "notice_count": digest.notices.len(),
        },
    })
}

fn notice(notice: &Notice) -> Value {
    json!({
        "key": notice.key,
        "topic": notice.topic.as_str(),
        "severity": notice.topic.severity().as_str(),
        "text": shortened(&notice.text, LONGEST),
        "environment": notice.environment,
        "deployment": notice.deployment,
        "at": notice.at.to_rfc3339(),
    })
}

/// The body.
#[must_use]
pub fn event(message: &Message) -> Value {
    let topic = message.notice.topic.as_str();
    json!({
        "type": format!("deployment.{}", topic.replace('-', "_")),
        "timestamp": message.notice.at.to_rfc3339(),
        "data": {
            "topic": topic,
            "severity": message.severity.as_str(),
            "text": shortened(&message.notice.text, LONGEST),
            "environment": message.notice.environment,
            "page": message.page,
            "deployment": Deployment::of(&message.about),
            "approval": message.asked.as_ref().map(approval),
        },
    })
}

/// The deployment.
#[derive(Serialize)]
struct Deployment<'a> {
    id: &'a str,
    repository: &'a str,
    service: &'a str,
    branch: &'a str,
    commit: &'a str,
    target: Option<&'a str>,
    state: &'a str,
    ended: bool,
    started_by: Starter<'a>,
    issues: Vec<&'a str>,
}

/// Who started it.
#[derive(Serialize)]
struct Starter<'a> {
    kind: &'static str,
    /// The person who answers for it.
    person: Option<&'a str>,
    /// What an agent calls itself.
    client: Option<String>,
}

impl<'a> Deployment<'a> {
    fn of(about: &'a About) -> Self {
        let initiator = &about.initiator;
        let client = match initiator {
            Principal::Agent { client, .. } => Some(shortened(client, LONGEST)),
            Principal::Human { .. } | Principal::System => None,
        };
        Self {
            id: about.deployment.as_str(),
            repository: about.repository.as_str(),
            service: about.service.as_str(),
            branch: about.branch.as_str(),
            commit: about.commit.as_str(),
            target: about.target.as_ref().map(|target| target.as_str()),
            state: &about.state,
            ended: about.ended,
            started_by: Starter {
                kind: initiator.kind(),
                person: initiator.human().map(|person| person.as_str()),
                client,
            },
            issues: about.issues.iter().map(|issue| issue.as_str()).collect(),
        }
    }
}

fn approval(asked: &Asked) -> Value {
    let commits: Vec<Value> = asked
        .commits
        .iter()
        .take(MOST_COMMITS)
        .map(|commit| {
            json!({ "sha": commit.sha, "author": commit.author, "message": shortened(&commit.message, LONGEST) })
        })
        .collect();
    json!({
        "request": asked.request,
        "environment": asked.environment,
        "pipeline": asked.pipeline,
        "digest": asked.digest,
        "expires_at": asked.expires_at.to_rfc3339(),
        "approvers": asked.approvers,
        "required": asked.required,
        "approved_by": asked.approved_by,
        "accepts": asked.accepts,
        "replaces": asked.replaces.as_ref().map(live),
        "commits": commits,
        "commit_count": asked.commits.len(),
        "evidence": asked.evidence.iter().map(seen).collect::<Vec<_>>(),
        "cautions": asked.cautions.iter().map(|it| shortened(it, LONGEST)).collect::<Vec<_>>(),
        "page": asked.page,
    })
}

fn live(live: &Live) -> Value {
    json!({ "commit": live.commit, "deployment": live.deployment, "since": live.since.to_rfc3339() })
}

fn seen(seen: &Seen) -> Value {
    json!({
        "stage": seen.stage,
        "execution": seen.execution,
        "url": if seen.url.is_empty() { None } else { Some(&seen.url) },
        "at": seen.at.to_rfc3339(),
    })
}
