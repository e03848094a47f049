//! What a deployment brings, commit by commit, as far as its caller said.

use serde::{Deserialize, Serialize};

use super::id::{CommitSha, PrincipalName};
use super::time::Timestamp;

/// One commit. Its text comes from outside: data, shortened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// Which.
    pub sha: CommitSha,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<PrincipalName>,
    /// The first line of its message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_at: Option<Timestamp>,
}

impl CommitSha {
    /// Whether it is the same commit: the shorter of two abbreviates the other.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.as_str().starts_with(other.as_str()) || other.as_str().starts_with(self.as_str())
    }
}

/// How many characters of a commit tell it from others in a sentence.
const SHORT: usize = 10;

/// A commit, shortened for people.
#[must_use]
pub fn short(commit: &str) -> &str {
    commit.get(..SHORT).unwrap_or(commit)
}

/// How many of `commits`, newest first, come after `live`. `None` if it is not
/// among them: then the list does not go back so far, or `live` is on another branch.
#[must_use]
pub fn ahead_of(commits: &[Commit], live: &CommitSha) -> Option<usize> {
    position_of(commits.iter().map(|commit| &commit.sha), live)
}

/// Where `wanted` is among `commits`, each of the two in full or abbreviated.
pub fn position_of<'a>(
    mut commits: impl Iterator<Item = &'a CommitSha>,
    wanted: &CommitSha,
) -> Option<usize> {
    commits.position(|commit| commit.is_same_as(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_counted_from_what_is_live() {
        let commit = |sha: &str| Commit {
            sha: sha.parse().expect("hexadecimal"),
            author: None,
            message: String::new(),
            committed_at: None,
        };
        let commits = ["ccccccc", "bbbbbbb0123456789", "aaaaaaa"].map(commit);
        let ahead = |live: &str| ahead_of(&commits, &live.parse().expect("hexadecimal"));
        assert_eq!(ahead("ccccccc0123"), Some(0));
        assert_eq!(ahead("bbbbbbb"), Some(1));
        assert_eq!(ahead("aaaaaaa"), Some(2));
        assert_eq!(ahead("ddddddd"), None);
    }
}
