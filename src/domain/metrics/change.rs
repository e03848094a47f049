//! What reached production: every deployment to it, and every time that an
//! earlier version was put back.

use std::collections::BTreeMap;

use super::imported::{Ended, ImportedCommit, ImportedDeployment, Kind};
use super::story::{Brought, Story};
use crate::domain::id::{CommitSha, DeploymentId, EnvironmentName, Repository, Service};
use crate::domain::time::Timestamp;

/// Where changes follow each other: one repository of one service in one environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane {
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: EnvironmentName,
    /// The repository.
    pub repository: Repository,
}

/// A deployment in one environment of production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub lane: Lane,
    /// Which deployment; `None` if it is imported.
    pub deployment: Option<DeploymentId>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Whether it came on the way of what is urgent.
    pub hotfix: bool,
    /// The commit.
    pub commit: CommitSha,
    /// What it brings, newest first; empty if only `commit` is known.
    pub commits: Vec<Brought>,
    /// When `commit` was made, where `commits` is empty and that is known.
    pub head_at: Option<Timestamp>,
    /// When it was deployed there, and healthy where that is asked.
    pub arrived_at: Option<Timestamp>,
    /// When its rollout failed there.
    pub failed_at: Option<Timestamp>,
    /// When somebody, or the engine, began to take it back.
    pub rolled_back_at: Option<Timestamp>,
    /// When the earlier version was back.
    pub restored_at: Option<Timestamp>,
}

/// An earlier version was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restoration {
    /// Where.
    pub lane: Lane,
    /// When it was back.
    pub at: Timestamp,
}

/// All that reached production.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Production {
    /// The changes; once it is ended, by [`Change::at`].
    pub changes: Vec<Change>,
    /// What was put back, in no order.
    pub restorations: Vec<Restoration>,
}

impl Change {
    /// When it first did something to production.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        let first = [self.arrived_at, self.failed_at, self.rolled_back_at].into_iter().flatten().min();
        first.unwrap_or(self.created_at)
    }

    /// Whether production ran it at `at`: it had arrived, and nothing earlier was back yet.
    #[must_use]
    pub fn stands_at(&self, at: Timestamp) -> bool {
        self.arrived_at.is_some_and(|arrived| arrived <= at)
            && self.restored_at.is_none_or(|restored| restored > at)
    }
}

impl Production {
    /// Take in what one story tells of it. [`Self::end`] follows when all are in.
    pub fn add(&mut self, story: &Story) {
        self.changes.extend(of_story(story));
    }

    /// Add imported rows, and put everything in order.
    pub fn end(&mut self, deployments: &[ImportedDeployment], commits: &[ImportedCommit]) {
        self.changes.extend(deployments.iter().filter_map(of_import));
        self.changes.sort_by(|a, b| (a.at(), &a.deployment).cmp(&(b.at(), &b.deployment)));
        let restored = self
            .changes
            .iter()
            .filter_map(|change| change.restored_at.map(|at| Restoration { lane: change.lane.clone(), at }));
        self.restorations.extend(restored);
        let mut rollbacks: Vec<&ImportedDeployment> =
            deployments.iter().filter(|it| it.kind == Kind::Rollback && it.counts()).collect();
        rollbacks.sort_by_key(|rollback| rollback.started_at);
        put_back(&mut self.changes, &rollbacks);
        let restored = rollbacks.iter();
        self.restorations.extend(restored.map(|it| Restoration { lane: it.lane(), at: it.finished_at }));
        fill_in(&mut self.changes, commits);
    }
}

impl ImportedDeployment {
    fn lane(&self) -> Lane {
        Lane {
            service: self.service.clone(),
            environment: self.environment.clone(),
            repository: self.repository.clone(),
        }
    }

    /// Whether something was changed as it says.
    fn counts(&self) -> bool {
        self.production && self.result == Ended::Succeeded
    }
}

fn of_story(story: &Story) -> impl Iterator<Item = Change> {
    let in_production = story.rollouts.iter().filter(|rollout| rollout.production);
    in_production.map(|rollout| Change {
        lane: Lane {
            service: story.service.clone(),
            environment: rollout.environment.clone(),
            repository: story.repository.clone(),
        },
        deployment: Some(story.deployment.clone()),
        created_at: story.created_at,
        hotfix: story.hotfix,
        commit: story.commit.clone(),
        commits: story.commits.clone(),
        head_at: None,
        arrived_at: rollout.arrived_at,
        failed_at: rollout.failed_at,
        rolled_back_at: rollout.rolled_back_at,
        restored_at: rollout.restored_at,
    })
}

fn of_import(row: &ImportedDeployment) -> Option<Change> {
    let succeeded = row.result == Ended::Succeeded;
    (row.production && row.kind != Kind::Rollback).then(|| Change {
        lane: row.lane(),
        deployment: None,
        created_at: row.started_at,
        hotfix: row.kind == Kind::Hotfix,
        commit: row.commit.clone(),
        commits: Vec::new(),
        head_at: None,
        arrived_at: succeeded.then_some(row.finished_at),
        failed_at: (!succeeded).then_some(row.finished_at),
        rolled_back_at: None,
        restored_at: None,
    })
}

/// An imported rollback takes back what came last before it began and was not back by
/// then, whether that arrived or failed. `changes` and `rollbacks` are by their time.
fn put_back(changes: &mut [Change], rollbacks: &[&ImportedDeployment]) {
    let mut lanes: BTreeMap<Lane, Vec<usize>> =
        rollbacks.iter().map(|rollback| (rollback.lane(), Vec::new())).collect();
    for (index, change) in changes.iter().enumerate() {
        if let Some(lane) = lanes.get_mut(&change.lane) {
            lane.push(index);
        }
    }
    for rollback in rollbacks {
        let lane = lanes.get(&rollback.lane()).map_or(&[][..], Vec::as_slice);
        let began = rollback.started_at;
        let before = lane.partition_point(|index| changes.get(*index).is_some_and(|it| it.at() <= began));
        let is_back = |it: &Change| it.restored_at.is_some_and(|restored| restored <= began);
        let last = lane.iter().take(before).rev();
        let last = last.copied().find(|index| changes.get(*index).is_some_and(|it| !is_back(it)));
        if let Some(change) = last.and_then(|index| changes.get_mut(index)) {
            change.rolled_back_at.get_or_insert(began);
            change.restored_at.get_or_insert(rollback.finished_at);
        }
    }
}

/// Add what imported commits tell where a deployment itself says nothing.
fn fill_in(changes: &mut [Change], commits: &[ImportedCommit]) {
    if commits.is_empty() {
        return;
    }
    let mut made: BTreeMap<(&Repository, &CommitSha), Timestamp> = BTreeMap::new();
    let mut brought: BTreeMap<(&Repository, &CommitSha), Vec<Brought>> = BTreeMap::new();
    for it in commits {
        made.insert((&it.repository, &it.commit), it.committed_at);
        let with = it.deployed_with.as_ref().unwrap_or(&it.commit);
        let brought = brought.entry((&it.repository, with)).or_default();
        brought.push(Brought { sha: it.commit.clone(), at: Some(it.committed_at) });
    }
    for change in changes {
        let repository = &change.lane.repository;
        if change.commits.is_empty() {
            match brought.get(&(repository, &change.commit)).map(Vec::as_slice) {
                Some([only]) if only.sha == change.commit => change.head_at = only.at,
                Some(several) => change.commits = newest_first(several),
                None => {}
            }
        }
        for commit in &mut change.commits {
            commit.at = commit.at.or_else(|| made.get(&(repository, &commit.sha)).copied());
        }
    }
}

fn newest_first(commits: &[Brought]) -> Vec<Brought> {
    let mut commits = commits.to_vec();
    commits.sort_by_key(|commit| std::cmp::Reverse(commit.at));
    commits
}
