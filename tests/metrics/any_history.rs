//! Of any history, the numbers are those of a slow computation that looks every question up anew.

use std::collections::{BTreeMap, BTreeSet};

use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Failure, Retry};
use deployment_orchestrator::domain::metrics::cut::Cut;
use deployment_orchestrator::domain::metrics::dora;
use deployment_orchestrator::domain::metrics::incident::Incident;
use deployment_orchestrator::domain::metrics::pipeline::Pipelines;
use deployment_orchestrator::domain::metrics::spread::{Share, Spread};
use deployment_orchestrator::domain::metrics::story::{Brought, Rollout, StageTimes, Story};
use deployment_orchestrator::domain::metrics::window::Window;
use deployment_orchestrator::domain::record::{EventRecord, What};
use deployment_orchestrator::domain::remark::Remark;
use deployment_orchestrator::domain::replay::replay;
use deployment_orchestrator::domain::run::RunEvent;
use deployment_orchestrator::domain::state::State;
use deployment_orchestrator::domain::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;

use super::changes::{computed, deployment, h, production, window};
use super::place::at;
use super::support::{START, choices, spec};
use super::tale::Tale;

/// A walk: which of the events that may come does, and after how many seconds.
fn walk(steps: &[(Index, u8)]) -> Tale {
    let mut tale = Tale::new(spec());
    for (which, seconds) in steps {
        tale.after(i64::from(*seconds));
        if seconds % 2 == 0 {
            let earlier = u32::from(seconds % 5 == 0);
            tale.looked(tale.deployment.progress.requests.saturating_sub(earlier));
        }
        let mut may = choices(&tale.deployment, at(tale.now));
        if may.iter().any(|event| event.name().0 == "EXECUTION_OBSERVED") {
            let failure =
                Failure { cause: Cause::PipelineFailed, message: "no".to_owned(), retry: Retry::Final };
            may.push(RunEvent::ExecutionObserved { status: ExecutionStatus::Failed(failure) }.into());
        }
        // The first one leads on; it is as likely as all others together.
        let index = which.index(may.len().max(1) * 2);
        let Some(event) = may.get(index).or(may.first()).cloned() else { continue };
        if tale.deployment.apply(&event, at(tale.now)).is_ok() {
            tale.say(event);
        }
    }
    tale
}

/// What the records before each record make, and the time until that record.
fn stays(records: &[EventRecord]) -> Vec<(State, u64, &EventRecord)> {
    (1..records.len())
        .map(|index| {
            let before = replay(&records[..index]).unwrap().deployment.progress.state;
            (before, (records[index].at.0 - records[index - 1].at.0) as u64, &records[index])
        })
        .collect()
}

/// When each request was first opened, of those that nobody had decided by then.
fn looks(records: &[EventRecord]) -> Vec<Option<Timestamp>> {
    let names: Vec<String> = records.iter().map(|record| record.what.name().0).collect();
    let asked = (0..records.len()).filter(|it| names[*it] == "APPROVAL_REQUESTED");
    let first_look = |(number, from): (usize, usize)| {
        let ends = |name: &str| matches!(name, "DECISION_MADE" | "APPROVAL_VOIDED");
        let over = |it: &usize| ends(&names[*it]) || records[*it].state != "awaiting-approval";
        let open = (from + 1..records.len()).take_while(|it| !over(it));
        let of_it = What::Remark(Remark::RequestSeen { request: number as u32 + 1 });
        open.filter(|it| records[*it].what == of_it).map(|it| records[it].at).next()
    };
    asked.enumerate().map(first_look).collect()
}

const OVER: [&str; 5] = ["completed", "failed", "cancelled", "rolled-back", "rollback-failed"];

fn stage_times(records: &[EventRecord]) -> BTreeMap<String, StageTimes> {
    let mut stages: BTreeMap<String, StageTimes> = BTreeMap::new();
    for (state, ms, record) in stays(records) {
        let Some((stage, run)) = state.work() else { continue };
        let stage = stage.to_string();
        let times = stages.entry(stage.clone()).or_default();
        match (run.status.name(), run.attempt) {
            ("not-started", _) if stage == "validating" => times.run_ms += ms,
            ("not-started", 1) | ("triggering" | "outcome-unknown" | "queued", _) => times.queue_ms += ms,
            ("running" | "probing", _) => times.run_ms += ms,
            _ => times.wait_ms += ms,
        }
        match (record.what.name().0.as_str(), run.status.name()) {
            ("VALIDATION_REPORTED" | "TRIGGER_INTENDED", _) | ("ATTEMPT_FAILED", "not-started") => {
                times.attempts += 1;
            }
            _ => {}
        }
    }
    stages
}

fn total(records: &[EventRecord]) -> Option<u64> {
    let end = records.iter().position(|record| record.state == "completed")?;
    let under_way = stays(&records[..=end]).into_iter().filter(|(state, ..)| {
        let name = state.name();
        !OVER.contains(&name.as_str()) && name != "rolling-back"
    });
    Some(under_way.map(|(_, ms, _)| ms).sum())
}

/// What happened to production, from the names of the records.
fn in_production(records: &[EventRecord]) -> Option<Rollout> {
    let first =
        |wanted: &dyn Fn(usize) -> bool| (1..records.len()).find(|it| wanted(*it)).map(|it| records[it].at);
    let name = |index: usize| records[index].what.name().0;
    let made = |index: usize| replay(&records[..=index]).unwrap().deployment.progress.state;
    let rollout = Rollout {
        environment: "prod".parse().unwrap(),
        production: true,
        arrived_at: first(&|it| name(it) == "PROD_DEPLOYED"),
        failed_at: first(&|it| {
            let state = serde_json::to_string(&made(it)).unwrap();
            matches!(name(it).as_str(), "EXECUTION_OBSERVED" | "HEALTH_TIMED_OUT")
                && state.contains(r#""stage":"deploying","environment":"prod""#)
                && state.contains(r#""status":"failed","execution""#)
                && (state.contains(r#""cause":"pipeline-failed""#)
                    || state.contains(r#""cause":"unhealthy""#))
        }),
        rolled_back_at: first(&|it| {
            let what = serde_json::to_string(&records[it].what).unwrap();
            name(it) == "ROLLBACK" && what.contains(r#"{"environment":"prod""#)
        }),
        restored_at: first(&|it| {
            let restoring = matches!(made(it - 1), State::RollingBack(rollback) if rollback.now.environment.as_str() == "prod");
            restoring && matches!(name(it).as_str(), "ENVIRONMENT_RESTORED" | "ROLLBACK_COMPLETE")
        }),
    };
    let times = [rollout.arrived_at, rollout.failed_at, rollout.rolled_back_at];
    times.iter().any(Option::is_some).then_some(rollout)
}

/// The smallest of them that at least so many of a hundred do not exceed.
fn percentile(durations: &[u64], percent: usize) -> u64 {
    let enough =
        |limit: &u64| durations.iter().filter(|it| *it <= limit).count() * 100 >= percent * durations.len();
    durations.iter().copied().filter(enough).min().unwrap()
}

fn spread(durations: &[u64]) -> Option<Spread> {
    (!durations.is_empty()).then(|| Spread {
        median_ms: percentile(durations, 50),
        p90_ms: percentile(durations, 90),
        count: durations.len() as u32,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_story_is_what_each_question_to_the_records_gives(
        steps in prop::collection::vec((any::<Index>(), any::<u8>()), 0..120),
    ) {
        let tale = walk(&steps);
        let (records, story) = (&tale.records, tale.story());
        prop_assert_eq!(&story.stages, &stage_times(records));
        prop_assert_eq!(story.total_ms, total(records));
        let last = records.last().unwrap().state.as_str();
        prop_assert_eq!(story.outcome.name(), if OVER.contains(&last) { last } else { "under-way" });
        let since = records.iter().rev().take_while(|record| record.state == last).last().unwrap().at;
        prop_assert_eq!(story.ended_at, OVER.contains(&last).then_some(since));
        let prod = story.rollouts.iter().find(|rollout| rollout.production);
        prop_assert_eq!(prod.cloned(), in_production(records));
        let count = |name: &str| records.iter().filter(|record| record.what.name().0 == name).count();
        prop_assert_eq!(story.approvals.iter().map(|it| it.seen_at).collect::<Vec<_>>(), looks(records));
        prop_assert_eq!(story.retries.iter().filter(|it| it.asked).count(), count("RETRY"));
        prop_assert_eq!(story.retries.iter().filter(|it| !it.asked).count(), count("RETRY_SCHEDULED"));
        let text = serde_json::to_string(&story).unwrap();
        prop_assert_eq!(serde_json::from_str::<Story>(&text).unwrap(), story);
    }

    #[test]
    fn the_pipeline_is_what_each_question_to_the_stories_gives(
        walks in prop::collection::vec(prop::collection::vec((any::<Index>(), any::<u8>()), 40..120), 1..12),
        (from, length) in (0_i64..4_000, 1_i64..10_000),
    ) {
        let stories: Vec<Story> = walks.iter().map(|steps| walk(steps).story()).collect();
        let window = Window { from: at(from), until: at(from + length) };
        let mut pipelines = Pipelines::within(window);
        stories.iter().for_each(|story| pipelines.add(story));
        let inside: Vec<&Story> =
            stories.iter().filter(|it| it.ended_at.is_some_and(|at| at >= window.from && at < window.until)).collect();
        let rows = pipelines.end(None);
        prop_assert_eq!(rows.len(), usize::from(!inside.is_empty()));
        let Some(row) = rows.first() else { return Ok(()) };
        prop_assert_eq!(row.deployments as usize, inside.len());
        prop_assert_eq!(row.total, spread(&inside.iter().filter_map(|it| it.total_ms).collect::<Vec<_>>()));
        for (stage, spreads) in &row.stages {
            let of = |part: fn(&StageTimes) -> u64| {
                spread(&inside.iter().filter_map(|it| it.stages.get(stage)).map(part).collect::<Vec<_>>()).unwrap()
            };
            prop_assert_eq!(spreads.queue, of(|it| it.queue_ms));
            prop_assert_eq!(spreads.run, of(|it| it.run_ms));
            prop_assert_eq!(spreads.wait, of(|it| it.wait_ms));
        }
        let decided = || inside.iter().flat_map(|it| &it.approvals).filter_map(|it| Some((it, it.decided_at?)));
        let seen = decided().filter_map(|(it, decided)| Some((it.requested_at.0, it.seen_at?.0, decided.0)));
        let (until, since): (Vec<u64>, Vec<u64>) =
            seen.map(|(requested, seen, decided)| ((seen - requested) as u64, (decided - seen) as u64)).unzip();
        prop_assert_eq!(row.approvals.to_first_look, spread(&until));
        prop_assert_eq!(row.approvals.look_to_decision, spread(&since));
        for (outcome, share) in &row.outcomes {
            let same = inside.iter().filter(|it| it.outcome == *outcome).count() as u32;
            prop_assert_eq!(*share, Share { part: same, of: row.deployments });
        }
        prop_assert_eq!(row.outcomes.values().map(|it| it.part).sum::<u32>(), row.deployments);
        prop_assert_eq!(row.retries.values().sum::<u32>() as usize, inside.iter().map(|it| it.retries.len()).sum::<usize>());
    }
}

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
        since_the_last.filter(|it| !known.contains(it.sha.as_str())).map(|it| it.at).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn dora_is_what_each_question_to_the_stories_gives(
        chances in prop::collection::vec(chance(), 0..30),
        troubles in prop::collection::vec((any::<bool>(), -40_i64..260, prop::option::of(0_i64..30)), 0..6),
    ) {
        let stories: Vec<Story> = chances.iter().enumerate().map(|(number, it)| story(number, it)).collect();
        let incidents: Vec<Incident> = troubles.iter().enumerate().map(|(number, (shop, began, lasts))| Incident {
            id: format!("INC-{number}").parse().unwrap(),
            service: if *shop { "shop" } else { "pay" }.parse().unwrap(),
            began_at: moment(*began, 200 + number, 0),
            resolved_at: lasts.map(|lasts| moment(began + lasts, 200 + number, 1)),
            deployment: None,
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
            prop_assert_eq!(row.deployments as usize, arrived.len());
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
