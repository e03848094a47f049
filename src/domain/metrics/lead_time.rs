//! Change lead time: from a commit to the moment at which production runs it.

use std::collections::HashSet;

use super::change::Change;
use super::spread::Spread;
use super::story::Brought;
use crate::domain::commit;
use crate::domain::id::CommitSha;
use crate::domain::time::Timestamp;

/// The lead times of several changes, and what they were measured by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadTimes {
    /// In milliseconds, in no order.
    pub lead_ms: Vec<u64>,
    /// How many of them are of one commit in a known list.
    pub by_commit: u32,
    /// How many are of the head commit alone, because nobody gave a list.
    pub by_head: u32,
    /// Of how many commits it is not known when they were made. Nothing is guessed of those.
    pub unknown: u32,
}

/// What is new in a lane with an arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum New<'a> {
    /// These of the list that somebody gave; it may be that none of them is.
    Listed(Vec<&'a Brought>),
    /// The head commit, of which nobody gave a list, and when it was made.
    Head(Option<Timestamp>),
    /// Nothing: the head commit came before, and nobody gave a list.
    Nothing,
}

/// What has arrived in one lane so far: which commits are new with an arrival depends
/// on those before.
#[derive(Debug, Default)]
pub struct Arrivals<'a> {
    last: Option<&'a CommitSha>,
    all: HashSet<&'a CommitSha>,
}

impl LeadTimes {
    /// What is said of them.
    #[must_use]
    pub fn spread(&self) -> Option<Spread> {
        Spread::of(self.lead_ms.clone())
    }

    /// Take in what is new with what arrived then.
    pub fn add(&mut self, new: &New<'_>, arrived: Timestamp) {
        match new {
            New::Listed(commits) => {
                for commit in commits {
                    self.by_commit += u32::from(self.add_one(commit.at, arrived));
                }
            }
            New::Head(made) => self.by_head += u32::from(self.add_one(*made, arrived)),
            New::Nothing => {}
        }
    }

    /// Whether the time of the commit is known.
    fn add_one(&mut self, made: Option<Timestamp>, arrived: Timestamp) -> bool {
        match made {
            Some(made) => {
                self.lead_ms.push(u64::try_from(arrived.since(made).as_millis()).unwrap_or(u64::MAX));
            }
            None => self.unknown += 1,
        }
        made.is_some()
    }
}

impl<'a> Arrivals<'a> {
    /// The next arrival in the lane. New is what its list has above the one before; a commit
    /// that came earlier, and comes once more, is not.
    pub fn follow(&mut self, change: &'a Change) -> New<'a> {
        let new = if !change.commits.is_empty() {
            New::Listed(self.follow_list(&change.commits))
        } else if self.has(&change.commit) {
            New::Nothing
        } else {
            New::Head(change.head_at)
        };
        self.all.insert(&change.commit);
        self.last = Some(&change.commit);
        new
    }

    fn follow_list(&mut self, list: &'a [Brought]) -> Vec<&'a Brought> {
        let last = self.last.and_then(|last| commit::position_of(list.iter().map(|it| &it.sha), last));
        let mut new: Vec<&Brought> = Vec::new();
        for (place, commit) in list.iter().enumerate() {
            if self.all.insert(&commit.sha) && last.is_none_or(|last| place < last) {
                new.push(commit);
            }
        }
        new
    }

    fn has(&self, commit: &CommitSha) -> bool {
        self.all.contains(commit) || self.last.is_some_and(|last| last.is_same_as(commit))
    }
}
