//! Of any changes and incidents, the numbers of DORA are those of a slow computation that goes through all of
//! the stories for each question.

use std::collections::BTreeSet;

use deployment_orchestrator::domain::metrics::cut::Cut;
use deployment_orchestrator::domain::metrics::dora::{self, FailedBy};
use deployment_orchestrator::domain::metrics::incident::Incident;
use deployment_orchestrator::domain::metrics::spread::Share;
use deployment_orchestrator::domain::metrics::story::{Brought, Rollout, Story};
use deployment_orchestrator::domain::time::Timestamp;
use proptest::prelude::*;

use super::any_history::spread;
use super::changes::{computed, deployment, h, production, window};
use super::support::{START, id};

/// A change of production as chance has it: in which repository of which service, and what became of it.
#[derive(Debug, Clone)]
struct Chance {
    service: bool,
    repository: bool,
    hotfix: bool,
    fate: u8,
    hour: i64,
    takes: i64,
    commits: Vec<(u8, i64)>,
}

fn chance() -> impl Strategy<Value = Chance> {
    let commits = prop::collection::vec((0_u8..12, -50_i64..250), 0..4);
    (any::<bool>(), any::<bool>(), prop::bool::weighted(0.2), 0_u8..8, -40_i64..260, 1_i64..20, commits)
        .prop_map(|(service, repository, hotfix, fate, hour, takes, commits)| Chance {
            service,
            repository,
            hotfix,
            fate,
            hour,
            takes,
            commits,
        })
}

/// Minutes of their own keep any two from being at once.
fn moment(hour: i64, number: usize, step: i64) -> Timestamp {
    Timestamp(START + hour * 3_600_000 + (number as i64 * 4 + step) * 1_000)
}

fn sha(number: u8) -> String {
    format!("abcdef{number:02x}")
}

fn story(number: usize, it: &Chance) -> Story {
    let service = if it.service { "shop" } else { "pay" };
    let repository = if it.repository { "acme/one" } else { "acme/two" };
    let head = it.commits.first().map_or_else(|| sha(number as u8 + 100), |(commit, _)| sha(*commit));
    let mut story = deployment(number as u128, service, repository, &head);
    story.created_at = moment(it.hour - 1, number, 0);
    story.hotfix = it.hotfix;
    story.commits = it
        .commits
        .iter()
        .map(|(commit, made)| Brought {
            sha: sha(*commit).parse().unwrap(),
            at: (*made < 200).then(|| h(*made)),
        })
        .collect();
    let (now, later, last) = (
        moment(it.hour, number, 1),
        moment(it.hour + it.takes, number, 2),
        moment(it.hour + it.takes + 3, number, 3),
    );
    let none = Rollout {
        environment: "prod".parse().unwrap(),
        production: true,
        arrived_at: None,
        failed_at: None,
        rolled_back_at: None,
        restored_at: None,
        goes_back_to: None,
    };
    story.rollouts.push(match it.fate {
        0 => Rollout { failed_at: Some(now), ..none },
        1 => Rollout { failed_at: Some(now), arrived_at: Some(later), ..none },
        2 => Rollout { failed_at: Some(now), rolled_back_at: Some(later), restored_at: Some(last), ..none },
        3 => Rollout { arrived_at: Some(now), rolled_back_at: Some(later), restored_at: Some(last), ..none },
        4 => Rollout { arrived_at: Some(now), rolled_back_at: Some(later), ..none },
        _ => Rollout { arrived_at: Some(now), ..none },
    });
    story
}

/// The slow computation: every question goes through all of the stories.
struct Slowly<'a> {
    stories: &'a [Story],
    incidents: &'a [Incident],
}

impl Slowly<'_> {
    fn stands(story: &Story, at: Timestamp) -> bool {
        let rollout = &story.rollouts[0];
        rollout.arrived_at.is_some_and(|it| it <= at) && rollout.restored_at.is_none_or(|it| it > at)
    }

    fn same_lane(a: &Story, b: &Story) -> bool {
        a.service == b.service && a.repository == b.repository
    }

    fn incidents_of(&self, story: &Story) -> Vec<&Incident> {
        let newest = |incident: &Incident| {
            if incident.deployment.is_some() {
                return self.stories.iter().find(|it| Some(&it.deployment) == incident.deployment.as_ref());
            }
            let mut standing: Vec<&Story> = self
                .stories
                .iter()
                .filter(|it| it.service == incident.service && Self::stands(it, incident.began_at))
                .collect();
            standing.sort_by_key(|it| it.rollouts[0].arrived_at);
            standing.pop()
        };
        self.incidents.iter().filter(|it| newest(it) == Some(story)).collect()
    }

    fn hotfixes_of(&self, story: &Story) -> Vec<&Story> {
        let fixed = |hotfix: &Story| {
            let mut standing: Vec<&Story> = self
                .stories
                .iter()
                .filter(|it| {
                    *it != hotfix && Self::same_lane(it, hotfix) && Self::stands(it, hotfix.created_at)
                })
                .collect();
            standing.sort_by_key(|it| it.rollouts[0].arrived_at);
            standing.pop()
        };
        self.stories.iter().filter(|it| it.hotfix && fixed(it) == Some(story)).collect()
    }

    fn failed_since(&self, story: &Story) -> Option<Timestamp> {
        let rollout = &story.rollouts[0];
        let mut signs: Vec<Timestamp> =
            [rollout.failed_at, rollout.rolled_back_at].into_iter().flatten().collect();
        signs.extend(self.incidents_of(story).iter().map(|it| it.began_at));
        signs.extend(self.hotfixes_of(story).iter().map(|it| it.created_at));
        signs.into_iter().min()
    }

    fn recovered(&self, story: &Story) -> Option<Timestamp> {
        let incidents = self.incidents_of(story);
        if !incidents.is_empty() {
            let all_over = incidents.iter().all(|it| it.resolved_at.is_some());
            return incidents.iter().filter_map(|it| it.resolved_at).max().filter(|_| all_over);
        }
        let since = self.failed_since(story).unwrap();
        let rollout = &story.rollouts[0];
        let mut ends: Vec<Timestamp> = Vec::new();
        ends.extend(rollout.restored_at);
        if rollout.restored_at.is_none() {
            ends.extend(rollout.arrived_at.filter(|it| *it > since));
        }
        for other in self.stories.iter().filter(|it| Self::same_lane(it, story)) {
            if self.failed_since(other).is_none() {
                ends.extend(other.rollouts[0].arrived_at.filter(|it| *it > since));
            }
        }
        ends.into_iter().min()
    }

    /// The commits that are new with this arrival, each with the time at which it was made.
    fn brought(&self, story: &Story) -> Vec<Option<Timestamp>> {
        let arrived = story.rollouts[0].arrived_at.unwrap();
        let mut before: Vec<&Story> = self
            .stories
            .iter()
            .filter(|it| {
                Self::same_lane(it, story) && it.rollouts[0].arrived_at.is_some_and(|at| at < arrived)
            })
            .collect();
        before.sort_by_key(|it| it.rollouts[0].arrived_at);
        let known: BTreeSet<&str> = before
            .iter()
            .flat_map(|it| it.commits.iter().map(|commit| &commit.sha).chain([&it.commit]))
            .map(|sha| sha.as_str())
            .collect();
        let head = [Brought { sha: story.commit.clone(), at: None }];
        let listed = if story.commits.is_empty() { &head[..] } else { &story.commits[..] };
        let last = before.last().map(|it| it.commit.as_str());
        let since_the_last = listed.iter().take_while(|it| Some(it.sha.as_str()) != last);
        // A commit that is listed twice is one: the first counts.
        let mut said = BTreeSet::new();
        let new =
            since_the_last.filter(|it| !known.contains(it.sha.as_str()) && said.insert(it.sha.as_str()));
        new.map(|it| it.at).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn dora_is_what_each_question_to_the_stories_gives(
        chances in prop::collection::vec(chance(), 0..30),
        troubles in prop::collection::vec(
            (any::<bool>(), -40_i64..260, prop::option::of(0_i64..30), prop::option::weighted(0.3, 0_u128..30)),
            0..6,
        ),
    ) {
        let stories: Vec<Story> = chances.iter().enumerate().map(|(number, it)| story(number, it)).collect();
        let incidents: Vec<Incident> = troubles.iter().enumerate().map(|(number, (shop, began, lasts, named))| Incident {
            id: format!("INC-{number}").parse().unwrap(),
            service: if *shop { "shop" } else { "pay" }.parse().unwrap(),
            began_at: moment(*began, 200 + number, 0),
            resolved_at: lasts.map(|lasts| moment(began + lasts, 200 + number, 1)),
            deployment: named.map(id),
        }).collect();
        let slowly = Slowly { stories: &stories, incidents: &incidents };
        let production = production(&stories);
        let cut = Cut::of(window());
        let over = dora::over(&production, &incidents, &cut);
        for (part, numbers) in cut.parts().iter().zip(&over.parts) {
            prop_assert_eq!(numbers, &dora::of(&production, &incidents, *part), "a part is a window like any other");
        }
        prop_assert_eq!((cut.parts().len(), over.parts.len()), (10, 10));
        prop_assert_eq!(&over.whole, &computed(&stories, &incidents));
        let (rows, unowned) = computed(&stories, &incidents);
        let inside = |at: Timestamp| at >= window().from && at < window().until;
        for row in &rows {
            let all: Vec<&Story> = stories.iter().filter(|it| it.service == row.service).collect();
            let first = |it: &Story| {
                let rollout = &it.rollouts[0];
                [rollout.arrived_at, rollout.failed_at, rollout.rolled_back_at].into_iter().flatten().min().unwrap()
            };
            let changes: Vec<&&Story> = all.iter().filter(|it| inside(first(it))).collect();
            let arrived: Vec<&&Story> =
                all.iter().filter(|it| it.rollouts[0].arrived_at.is_some_and(inside)).collect();
            let restored = all.iter().filter(|it| it.rollouts[0].restored_at.is_some_and(inside)).count() as u32;
            let failed = changes.iter().filter(|it| slowly.failed_since(it).is_some()).count() as u32;
            prop_assert_eq!(row.failed, Share { part: failed, of: changes.len() as u32 });
            let so = |sign: &dyn Fn(&Story) -> bool| changes.iter().filter(|it| sign(it)).count() as u32;
            prop_assert_eq!(row.failed_by, FailedBy {
                rollout: so(&|it| it.rollouts[0].failed_at.is_some()),
                rollback: so(&|it| it.rollouts[0].rolled_back_at.is_some()),
                hotfix: so(&|it| !slowly.hotfixes_of(it).is_empty()),
                incident: so(&|it| !slowly.incidents_of(it).is_empty()),
            });
            prop_assert_eq!(row.deployments as usize, arrived.len());
            let mut times: Vec<i64> = arrived.iter().map(|it| it.rollouts[0].arrived_at.unwrap().0).collect();
            times.sort_unstable();
            let gaps: Vec<u64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as u64).collect();
            prop_assert_eq!(row.between, spread(&gaps));
            let hotfixes = arrived.iter().filter(|it| it.hotfix).count() as u32;
            prop_assert_eq!(row.rework, Share { part: hotfixes + restored, of: row.deployments + restored });
            let failures: Vec<_> =
                all.iter().filter(|it| slowly.failed_since(it).is_some_and(inside)).collect();
            let over: Vec<u64> = failures.iter()
                .filter_map(|it| Some((slowly.recovered(it)?.0 - slowly.failed_since(it)?.0) as u64)).collect();
            prop_assert_eq!(row.recovery, spread(&over));
            prop_assert_eq!(row.unrecovered as usize, failures.len() - over.len());
            let brought: Vec<(Timestamp, Option<Timestamp>)> = arrived.iter()
                .flat_map(|it| slowly.brought(it).into_iter().map(|made| (it.rollouts[0].arrived_at.unwrap(), made)))
                .collect();
            let lead: Vec<u64> =
                brought.iter().filter_map(|(arrived, made)| Some((arrived.0 - (*made)?.0).max(0) as u64)).collect();
            prop_assert_eq!(row.lead_times.spread(), spread(&lead));
            prop_assert_eq!(row.lead_times.unknown as usize, brought.len() - lead.len());
        }
        let owned: usize = stories.iter().map(|it| slowly.incidents_of(it).len()).sum();
        let began_inside = incidents.iter().filter(|it| inside(it.began_at)).count();
        prop_assert!(unowned as usize <= began_inside && owned + unowned as usize <= incidents.len());
        prop_assert!(rows.iter().all(|row| stories.iter().any(|it| it.service == row.service)));
    }
}
