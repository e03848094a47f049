//! What the worked examples are made of: stories of deployments, told in a line each.

use std::collections::BTreeMap;

use deployment_orchestrator::domain::metrics::change::Production;
use deployment_orchestrator::domain::metrics::dora::{self, Dora};
use deployment_orchestrator::domain::metrics::incident::Incident;
use deployment_orchestrator::domain::metrics::story::{Brought, Outcome, Rollout, Story};
use deployment_orchestrator::domain::metrics::window::Window;
use deployment_orchestrator::domain::time::Timestamp;

use super::support::{START, id};

pub(crate) const HOUR: u64 = 3_600_000;

/// So many hours after the window begins.
pub(crate) fn h(hours: i64) -> Timestamp {
    Timestamp(START + hours * 3_600_000)
}

/// Ten days.
pub(crate) fn window() -> Window {
    Window { from: h(0), until: h(240) }
}

/// The `number`-th deployment of a service from a repository, for now to nowhere.
pub(crate) fn deployment(number: u128, service: &str, repository: &str, commit: &str) -> Story {
    Story {
        deployment: id(number),
        service: service.parse().unwrap(),
        repository: repository.parse().unwrap(),
        target: "prod".parse().unwrap(),
        created_at: h(-1_000),
        hotfix: false,
        outcome: Outcome::UnderWay,
        ended_at: None,
        total_ms: None,
        stages: BTreeMap::new(),
        retries: Vec::new(),
        approvals: Vec::new(),
        rollouts: Vec::new(),
        commit: commit.parse().unwrap(),
        commits: Vec::new(),
    }
}

pub(crate) fn rollout(environment: &str, arrived: Option<i64>, failed: Option<i64>) -> Rollout {
    Rollout {
        environment: environment.parse().unwrap(),
        production: environment == "prod",
        arrived_at: arrived.map(h),
        failed_at: failed.map(h),
        rolled_back_at: None,
        restored_at: None,
        goes_back_to: None,
    }
}

/// What a deployment can be besides.
pub(crate) trait Told: Sized {
    /// It arrived in production at this hour.
    fn arrived(self, hour: i64) -> Self;
    /// It brings these commits, made at these hours.
    fn with(self, commits: &[(&str, i64)]) -> Self;
    /// It was asked for at this hour, on a named path.
    fn hotfix(self, created: i64) -> Self;
    /// It was taken back at one hour, and the earlier version was there at the other.
    fn rolled_back(self, asked: i64, restored: i64) -> Self;
}

impl Told for Story {
    fn arrived(mut self, hour: i64) -> Self {
        self.rollouts.push(rollout("staging", Some(hour - 1), None));
        self.rollouts.push(rollout("prod", Some(hour), None));
        self
    }

    fn with(mut self, commits: &[(&str, i64)]) -> Self {
        self.commits = commits
            .iter()
            .map(|(sha, made)| Brought { sha: sha.parse().unwrap(), at: Some(h(*made)) })
            .collect();
        self
    }

    fn hotfix(mut self, created: i64) -> Self {
        self.hotfix = true;
        self.created_at = h(created);
        self
    }

    fn rolled_back(mut self, asked: i64, restored: i64) -> Self {
        let rollout = self.rollouts.last_mut().unwrap();
        rollout.rolled_back_at = Some(h(asked));
        rollout.restored_at = Some(h(restored));
        rollout.goes_back_to = Some("aaaaaaa".parse().unwrap());
        self
    }
}

pub(crate) fn incident(name: &str, service: &str, began: i64, resolved: Option<i64>) -> Incident {
    Incident {
        id: name.parse().unwrap(),
        service: service.parse().unwrap(),
        began_at: h(began),
        resolved_at: resolved.map(h),
        deployment: None,
    }
}

/// All that reached production.
pub(crate) fn production(stories: &[Story]) -> Production {
    let mut production = Production::default();
    stories.iter().for_each(|story| production.add(story));
    production.end(&[], &[]);
    production
}

/// The numbers, and how many incidents belong to nothing.
pub(crate) fn computed(stories: &[Story], incidents: &[Incident]) -> (Vec<Dora>, u32) {
    dora::of(&production(stories), incidents, window())
}
