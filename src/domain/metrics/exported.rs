//! What is known here in the rows that can be imported: where they are, the numbers of DORA are as here.

use std::collections::HashSet;

use super::change::Production;
use super::dora;
use super::imported::{Ended, ImportedCommit, ImportedDeployment, Kind};
use super::lead_time::{Arrivals, New};
use super::story::{Rollout, Story};
use super::window::Window;
use crate::domain::id::{CommitSha, Repository};
use crate::domain::time::Timestamp;

/// One row for each environment to which a deployment came, and one for each where an earlier
/// version was put back. What only began there is not among them.
pub fn deployments(story: &Story) -> impl Iterator<Item = ImportedDeployment> {
    let row = |rollout: &Rollout| ImportedDeployment {
        service: story.service.clone(),
        repository: story.repository.clone(),
        environment: rollout.environment.clone(),
        production: rollout.production,
        commit: story.commit.clone(),
        kind: if story.hotfix { Kind::Hotfix } else { Kind::Deploy },
        result: Ended::Succeeded,
        started_at: story.created_at,
        finished_at: story.created_at,
    };
    story.rollouts.iter().flat_map(move |rollout| {
        let came = came(rollout).map(|(result, at)| ImportedDeployment {
            result,
            finished_at: at.max(story.created_at),
            ..row(rollout)
        });
        let back = back(rollout).map(|(commit, from, until)| ImportedDeployment {
            kind: Kind::Rollback,
            commit: commit.clone(),
            started_at: from,
            finished_at: until.max(from),
            ..row(rollout)
        });
        [came, back].into_iter().flatten()
    })
}

/// How the rollout ended, and when. One that was taken back before it arrived had begun to
/// change the environment, and failed.
fn came(rollout: &Rollout) -> Option<(Ended, Timestamp)> {
    let failed = rollout.failed_at.or(rollout.rolled_back_at);
    let arrived = rollout.arrived_at.map(|at| (Ended::Succeeded, at));
    arrived.or_else(|| failed.map(|at| (Ended::Failed, at)))
}

fn back(rollout: &Rollout) -> Option<(&CommitSha, Timestamp, Timestamp)> {
    Some((rollout.goes_back_to.as_ref()?, rollout.rolled_back_at?, rollout.restored_at?))
}

/// The commits that were new in production with an arrival in the window, each once, with the head
/// commit that brought it; and of how many it is not known when they were made, which are not among them.
#[must_use]
pub fn commits(production: &Production, window: Window) -> (Vec<ImportedCommit>, u32) {
    let mut rows = Vec::new();
    let mut unknown = 0;
    let mut said: HashSet<(&Repository, &CommitSha)> = HashSet::new();
    for (lane, indexes) in dora::lanes(&production.changes) {
        let mut arrivals = Arrivals::default();
        for change in indexes.into_iter().filter_map(|index| production.changes.get(index)) {
            let Some(arrived) = change.arrived_at else { continue };
            let new = match arrivals.follow(change) {
                New::Listed(list) => list.iter().map(|it| (&it.sha, it.at, Some(&change.commit))).collect(),
                New::Head(at) => vec![(&change.commit, at, None)],
                New::Nothing => Vec::new(),
            };
            let new = new.into_iter().filter(|_| window.contains(arrived));
            for (commit, at, with) in new {
                if !said.insert((&lane.repository, commit)) {
                    continue;
                }
                match at {
                    Some(committed_at) => rows.push(ImportedCommit {
                        repository: lane.repository.clone(),
                        commit: commit.clone(),
                        committed_at,
                        deployed_with: with.cloned(),
                    }),
                    None => unknown += 1,
                }
            }
        }
    }
    (rows, unknown)
}
