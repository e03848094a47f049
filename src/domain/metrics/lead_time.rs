//! Change lead time: from a commit to the moment at which production runs it.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, Lane};
use super::spread::Spread;
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

impl LeadTimes {
    /// What is said of them.
    #[must_use]
    pub fn spread(&self) -> Option<Spread> {
        Spread::of(self.lead_ms.clone())
    }

    /// Take in others, too.
    pub fn extend(&mut self, others: &Self) {
        self.lead_ms.extend(&others.lead_ms);
        self.by_commit += others.by_commit;
        self.by_head += others.by_head;
        self.unknown += others.unknown;
    }

    fn add(&mut self, arrived: Timestamp, made: Option<Timestamp>, kind: fn(&mut Self) -> &mut u32) {
        match made {
            Some(made) => {
                *kind(self) += 1;
                self.lead_ms.push(u64::try_from(arrived.since(made).as_millis()).unwrap_or(u64::MAX));
            }
            None => self.unknown += 1,
        }
    }
}

/// Follows the arrivals of every lane, in their order: which commits are new with
/// each depends on those before.
#[derive(Debug, Default)]
pub struct Arrivals<'a> {
    lanes: BTreeMap<&'a Lane, Seen<'a>>,
}

#[derive(Debug, Default)]
struct Seen<'a> {
    last: Option<&'a CommitSha>,
    all: BTreeSet<&'a CommitSha>,
}

impl<'a> Arrivals<'a> {
    /// The next arrival, at `arrived`: its lead times are added to `times`. They count the
    /// commits since the arrival before in the same lane; a commit that came
    /// earlier, and comes once more, has none.
    pub fn follow(&mut self, change: &'a Change, arrived: Timestamp, times: &mut LeadTimes) {
        let seen = self.lanes.entry(&change.lane).or_default();
        if change.commits.is_empty() {
            if !seen.has(&change.commit) {
                times.add(arrived, change.head_at, |times| &mut times.by_head);
            }
        } else {
            let since = seen.last.and_then(|last| {
                let shas = change.commits.iter().map(|commit| &commit.sha);
                commit::position_of(shas, last)
            });
            for commit in change.commits.iter().take(since.unwrap_or(usize::MAX)) {
                if !seen.has(&commit.sha) {
                    times.add(arrived, commit.at, |times| &mut times.by_commit);
                }
            }
            seen.all.extend(change.commits.iter().map(|commit| &commit.sha));
        }
        seen.all.insert(&change.commit);
        seen.last = Some(&change.commit);
    }
}

impl Seen<'_> {
    fn has(&self, commit: &CommitSha) -> bool {
        self.all.contains(commit) || self.last.is_some_and(|last| last.is_same_as(commit))
    }
}
