//! The numbers of the pipeline: how long deployments take, where the time goes,
//! how often something is tried again, how they end, and how long people are waited for.

use std::collections::BTreeMap;

use super::hours::Hours;
use super::spread::{Share, Spread};
use super::story::{Answered, Asked, Outcome, Repeated, StageTimes, Story};
use super::window::Window;
use crate::domain::calendar::Calendar;
use crate::domain::id::{EnvironmentName, Service};
use crate::domain::time::Timestamp;

/// The numbers of the deployments of one service to one target that ended in the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// The service.
    pub service: Service,
    /// The target.
    pub environment: EnvironmentName,
    /// How many there are.
    pub deployments: u32,
    /// How long those were under way that were completed.
    pub total: Option<Spread>,
    /// Their stages, by wire name.
    pub stages: BTreeMap<String, StageSpread>,
    /// How often something was tried again: by why, and whether somebody asked for it.
    pub retries: BTreeMap<(String, bool), u32>,
    /// How they ended, each with its reason.
    pub outcomes: BTreeMap<Outcome, Share>,
    /// What came of asking people.
    pub approvals: Approvals,
}

/// One stage of several deployments, all visits of one together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageSpread {
    /// Nothing ran yet.
    pub queue: Spread,
    /// It was worked on.
    pub run: Spread,
    /// A person or a timer was waited for.
    pub wait: Spread,
    /// All three.
    pub total: Spread,
    /// How often it was tried, in all deployments.
    pub attempts: u32,
}

/// Requests for approval.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approvals {
    /// What came of them.
    pub answers: BTreeMap<Answered, u32>,
    /// From the request to the last decision, where people decided.
    pub to_decision: Option<Spread>,
    /// The part of it until somebody first opened the request, where that is known.
    pub to_first_look: Option<Spread>,
    /// The rest of it, of the same requests.
    pub look_to_decision: Option<Spread>,
    /// From there to the trigger, where one followed.
    pub to_trigger: Option<Spread>,
    /// How much of the first, all together, was outside of working hours, in
    /// milliseconds; `None` where the config names none.
    pub outside_hours_ms: Option<u64>,
    /// The first, all together.
    pub waited_ms: u64,
}

/// Takes in one story after another, and keeps no more of each than its numbers.
#[derive(Debug)]
pub struct Pipelines {
    window: Window,
    groups: BTreeMap<(Service, EnvironmentName), Group>,
}

impl Pipelines {
    /// Of the deployments that end in `window`.
    #[must_use]
    pub fn within(window: Window) -> Self {
        Self { window, groups: BTreeMap::new() }
    }

    /// The next story. One of a deployment that did not end in the window is passed over.
    pub fn add(&mut self, story: &Story) {
        if story.ended_at.is_some_and(|ended| self.window.contains(ended)) {
            let key = (story.service.clone(), story.target.clone());
            self.groups.entry(key).or_default().add(story);
        }
    }

    /// The numbers of all services and targets of which there was a story. `hours` are the
    /// working hours, as far as anybody says which they are.
    #[must_use]
    pub fn end(self, hours: Option<&Calendar>) -> Vec<Pipeline> {
        let hours = hours.zip(self.waiting_time()).map(|(calendar, time)| Hours::of(calendar, time));
        let groups = self.groups.into_iter();
        groups.map(|((service, target), group)| group.end(service, target, hours.as_ref())).collect()
    }

    /// When people were waited for; `None` if never.
    fn waiting_time(&self) -> Option<Window> {
        let waits = || self.groups.values().flat_map(|group| &group.waits);
        Some(Window {
            from: waits().map(|(requested, _)| *requested).min()?,
            until: waits().map(|(_, decided)| *decided).max()?,
        })
    }
}

#[derive(Debug, Default)]
struct Group {
    deployments: u32,
    total_ms: Vec<u64>,
    stages: BTreeMap<String, Vec<StageTimes>>,
    retries: BTreeMap<(String, bool), u32>,
    outcomes: BTreeMap<Outcome, u32>,
    answers: BTreeMap<Answered, u32>,
    /// When people were asked and when they decided.
    waits: Vec<(Timestamp, Timestamp)>,
    to_first_look_ms: Vec<u64>,
    look_to_decision_ms: Vec<u64>,
    to_trigger_ms: Vec<u64>,
}

impl Group {
    fn add(&mut self, story: &Story) {
        self.deployments += 1;
        self.total_ms.extend(story.total_ms);
        for (stage, times) in &story.stages {
            match self.stages.get_mut(stage) {
                Some(all) => all.push(*times),
                None => drop(self.stages.insert(stage.clone(), vec![*times])),
            }
        }
        for Repeated { cause, asked, .. } in &story.retries {
            *self.retries.entry((cause.clone(), *asked)).or_default() += 1;
        }
        *self.outcomes.entry(story.outcome.clone()).or_default() += 1;
        for Asked { requested_at, answer, seen_at, decided_at, triggered_at, .. } in &story.approvals {
            *self.answers.entry(*answer).or_default() += 1;
            let Some(decided) = decided_at else { continue };
            self.waits.push((*requested_at, *decided));
            self.to_first_look_ms.extend(seen_at.map(|seen| between(*requested_at, seen)));
            self.look_to_decision_ms.extend(seen_at.map(|seen| between(seen, *decided)));
            self.to_trigger_ms.extend(triggered_at.map(|triggered| between(*decided, triggered)));
        }
    }

    fn end(self, service: Service, environment: EnvironmentName, hours: Option<&Hours>) -> Pipeline {
        let waited: Vec<u64> = self.waits.iter().map(|(asked, decided)| between(*asked, *decided)).collect();
        let waited_ms: u64 = waited.iter().sum();
        let outside = |hours: &Hours| {
            let inside = self.waits.iter().map(|(asked, decided)| hours.inside(*asked, *decided));
            waited_ms.saturating_sub(inside.sum())
        };
        let approvals = Approvals {
            answers: self.answers,
            outside_hours_ms: hours.map(outside),
            to_decision: Spread::of(waited),
            to_first_look: Spread::of(self.to_first_look_ms),
            look_to_decision: Spread::of(self.look_to_decision_ms),
            to_trigger: Spread::of(self.to_trigger_ms),
            waited_ms,
        };
        let stages = self.stages.into_iter();
        let outcomes = self.outcomes.into_iter();
        let deployments = self.deployments;
        Pipeline {
            service,
            environment,
            deployments,
            total: Spread::of(self.total_ms),
            stages: stages.filter_map(|(stage, times)| Some((stage, StageSpread::of(&times)?))).collect(),
            retries: self.retries,
            outcomes: outcomes.map(|(outcome, part)| (outcome, Share { part, of: deployments })).collect(),
            approvals,
        }
    }
}

impl Approvals {
    /// The share of the time from request to decision that was outside of working hours;
    /// `None` where nobody says which these are, or nobody was waited for.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of thousands of years fit a double exactly")]
    pub fn outside_hours(&self) -> Option<f64> {
        let outside = self.outside_hours_ms.filter(|_| self.waited_ms > 0)?;
        Some(outside as f64 / self.waited_ms as f64)
    }
}

impl StageSpread {
    fn of(times: &[StageTimes]) -> Option<Self> {
        let spread = |of: fn(&StageTimes) -> u64| Spread::of(times.iter().map(of).collect());
        Some(Self {
            queue: spread(|times| times.queue_ms)?,
            run: spread(|times| times.run_ms)?,
            wait: spread(|times| times.wait_ms)?,
            total: spread(StageTimes::total_ms)?,
            attempts: times.iter().map(|times| times.attempts).sum(),
        })
    }
}

fn between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}
