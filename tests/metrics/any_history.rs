//! Of any history, the numbers are those of a slow computation that looks every question up anew.

use std::collections::{BTreeMap, BTreeSet};

use deployment_orchestrator::domain::metrics::pipeline::Pipelines;
use deployment_orchestrator::domain::metrics::spread::{Share, Spread};
use deployment_orchestrator::domain::metrics::story::{Answered, Repeated, Rollout, StageTimes, Story};
use deployment_orchestrator::domain::metrics::window::Window;
use deployment_orchestrator::domain::record::{EventRecord, What};
use deployment_orchestrator::domain::remark::Remark;
use deployment_orchestrator::domain::replay::replay;
use deployment_orchestrator::domain::state::State;
use deployment_orchestrator::domain::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;

use super::place::at;
use super::support::spec;
use super::tale::Tale;

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

/// What was tried again, from the state before each record that says so.
fn repeated(records: &[EventRecord]) -> Vec<Repeated> {
    let cause = |state: &State| {
        let json = serde_json::to_string(state).unwrap();
        let named =
            |key: &str| json.split(&format!(r#""{key}":""#)).nth(1)?.split('"').next().map(str::to_owned);
        named("cause").or_else(|| named("reason")).unwrap()
    };
    let mut repeated = Vec::new();
    for (state, _, record) in stays(records) {
        let asked = match record.what.name().0.as_str() {
            "RETRY" => true,
            "RETRY_SCHEDULED" => false,
            _ => continue,
        };
        let stage = match &state {
            State::Failed { stage, .. } => stage.to_string(),
            running => running.work().unwrap().0.to_string(),
        };
        repeated.push(Repeated { stage, cause: cause(&state), asked });
    }
    repeated
}

/// Each request: when it was made, what came of it, when that was decided, and when the trigger followed.
fn requests(records: &[EventRecord]) -> Vec<(Timestamp, Answered, Option<Timestamp>, Option<Timestamp>)> {
    let name = |index: usize| records[index].what.name().0;
    let asked: Vec<usize> = (0..records.len()).filter(|it| name(*it) == "APPROVAL_REQUESTED").collect();
    let one = |(number, from): (usize, &usize)| {
        let until = asked.get(number + 1).copied().unwrap_or(records.len());
        let later = || *from + 1..until;
        let first = |wanted: &str| later().find(|it| name(*it) == wanted);
        let end =
            later().find(|it| records[*it].state != "awaiting-approval" || name(*it) == "APPROVAL_VOIDED");
        let end = end.into_iter().chain(first("APPROVAL_WITHDRAWN")).min();
        let mut answer = match end.map(name).as_deref() {
            None => Answered::Open,
            Some("APPROVED") => Answered::Approved,
            Some("REJECTED") => Answered::Rejected,
            Some("APPROVAL_EXPIRED") => Answered::Expired,
            Some("APPROVAL_WITHDRAWN") => Answered::Withdrawn,
            Some("APPROVAL_VOIDED") => Answered::Voided,
            Some(_) => Answered::Abandoned,
        };
        let triggered = end.filter(|_| answer == Answered::Approved).and_then(|end| {
            let goes_in =
                |it: &usize| name(*it) == "TRIGGER_INTENDED" && records[*it].state == "deploying-prod";
            let voided = first("APPROVAL_VOIDED").unwrap_or(until);
            (end..voided).find(goes_in).map(|it| records[it].at)
        });
        if answer == Answered::Approved && first("APPROVAL_VOIDED").is_some() {
            answer = Answered::Voided;
        }
        let decided = later().take_while(|it| end.is_none_or(|end| *it < end));
        let decided = decided.filter(|it| name(*it) == "DECISION_MADE").last().map(|it| records[it].at);
        let counts = matches!(answer, Answered::Open | Answered::Approved | Answered::Rejected);
        (records[*from].at, answer, decided.filter(|_| counts), triggered)
    };
    asked.iter().enumerate().map(one).collect()
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
    let asked_back = |it: usize| {
        let what = serde_json::to_string(&records[it].what).unwrap();
        name(it) == "ROLLBACK" && what.contains(r#"{"environment":"prod""#)
    };
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
        rolled_back_at: first(&asked_back),
        restored_at: first(&|it| {
            let restoring = matches!(made(it - 1), State::RollingBack(rollback) if rollback.now.environment.as_str() == "prod");
            restoring && matches!(name(it).as_str(), "ENVIRONMENT_RESTORED" | "ROLLBACK_COMPLETE")
        }),
        // The choices of these tests put back what the deployment itself has built.
        goes_back_to: first(&asked_back).map(|_| spec().commit),
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

pub(crate) fn spread(durations: &[u64]) -> Option<Spread> {
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
        let tale = Tale::along(&steps);
        let (records, story) = (&tale.records, tale.story());
        prop_assert_eq!(&story.stages, &stage_times(records));
        prop_assert_eq!(story.total_ms, total(records));
        let last = records.last().unwrap().state.as_str();
        prop_assert_eq!(story.outcome.name(), if OVER.contains(&last) { last } else { "under-way" });
        let since = records.iter().rev().take_while(|record| record.state == last).last().unwrap().at;
        prop_assert_eq!(story.ended_at, OVER.contains(&last).then_some(since));
        let prod = story.rollouts.iter().find(|rollout| rollout.production);
        prop_assert_eq!(prod.cloned(), in_production(records));
        prop_assert_eq!(story.approvals.iter().map(|it| it.seen_at).collect::<Vec<_>>(), looks(records));
        let asked: Vec<_> =
            story.approvals.iter().map(|it| (it.requested_at, it.answer, it.decided_at, it.triggered_at)).collect();
        prop_assert_eq!(asked, requests(records));
        prop_assert_eq!(&story.retries, &repeated(records));
        let kept = postcard::to_allocvec(&story).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Story>(&kept).unwrap(), story);
    }

    #[test]
    fn the_pipeline_is_what_each_question_to_the_stories_gives(
        walks in prop::collection::vec(prop::collection::vec((any::<Index>(), any::<u8>()), 40..120), 1..12),
        (from, length) in (0_i64..4_000, 1_i64..10_000),
    ) {
        let stories: Vec<Story> = walks.iter().map(|steps| Tale::along(steps).story()).collect();
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
            prop_assert_eq!(spreads.total, of(|it| it.queue_ms + it.run_ms + it.wait_ms));
            let attempts = inside.iter().filter_map(|it| it.stages.get(stage)).map(|it| it.attempts).sum::<u32>();
            prop_assert_eq!(spreads.attempts, attempts);
        }
        let stages: BTreeSet<&String> = inside.iter().flat_map(|it| it.stages.keys()).collect();
        prop_assert_eq!(row.stages.keys().collect::<BTreeSet<_>>(), stages);
        for ((cause, asked), count) in &row.retries {
            let same = inside.iter().flat_map(|it| &it.retries).filter(|it| (&it.cause, it.asked) == (cause, *asked));
            prop_assert_eq!(*count as usize, same.count());
        }
        for (answer, count) in &row.approvals.answers {
            let same = inside.iter().flat_map(|it| &it.approvals).filter(|it| it.answer == *answer);
            prop_assert_eq!(*count as usize, same.count());
        }
        let requests: usize = inside.iter().map(|it| it.approvals.len()).sum();
        prop_assert_eq!(row.approvals.answers.values().sum::<u32>() as usize, requests);
        let decided = || inside.iter().flat_map(|it| &it.approvals).filter_map(|it| Some((it, it.decided_at?)));
        let waited: Vec<u64> = decided().map(|(it, decided)| (decided.0 - it.requested_at.0) as u64).collect();
        prop_assert_eq!(row.approvals.to_decision, spread(&waited));
        let triggered = decided().filter_map(|(it, decided)| Some((it.triggered_at?.0 - decided.0) as u64));
        prop_assert_eq!(row.approvals.to_trigger, spread(&triggered.collect::<Vec<_>>()));
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
