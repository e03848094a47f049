//! Many notices told together, for people who want to read them once in a while.

use std::collections::BTreeSet;

use serde::Serialize;

use super::message::Severity;
use super::notice::Notice;

/// What happened lately, in one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Digest {
    /// Unique for what it tells: the key of its last notice.
    pub key: String,
    /// What it is, in one line.
    pub title: String,
    /// How much the worst of it matters.
    pub severity: Severity,
    /// What happened, oldest first.
    pub notices: Vec<Notice>,
}

impl Digest {
    /// The digest of these; `None` if there are none.
    #[must_use]
    pub fn of(notices: Vec<Notice>) -> Option<Self> {
        let (first, last) = (notices.first()?, notices.last()?);
        let deployments: BTreeSet<_> = notices.iter().map(|notice| &notice.deployment).collect();
        let counted = |count: usize, what: &str| {
            if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
        };
        Some(Self {
            key: format!("digest:{}", last.key),
            title: format!(
                "{} about {} since {}",
                counted(notices.len(), "message"),
                counted(deployments.len(), "deployment"),
                first.at.to_rfc3339()
            ),
            severity: notices.iter().map(|notice| notice.topic.severity()).max().unwrap_or(Severity::Info),
            notices,
        })
    }
}
