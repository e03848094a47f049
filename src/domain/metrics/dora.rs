//! The five numbers of DORA, by their definitions of 2026, for each service in
//! each environment of production.

use std::collections::BTreeMap;

use super::change::{Change, Lane, Production};
use super::cut::{Course, Cut};
use super::incident::{self, Incident};
use super::lead_time::{Arrivals, LeadTimes};
use super::spread::{Share, Spread};
use super::window::Window;
use crate::domain::id::{EnvironmentName, Service};
use crate::domain::time::Timestamp;

/// The five numbers of one service in one environment of production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dora {
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: EnvironmentName,
    /// Change lead time.
    pub lead_times: LeadTimes,
    /// Deployment frequency: how many changes arrived in the window. What was put back is none.
    pub deployments: u32,
    /// The time between one arrival in the window and the next.
    pub between: Option<Spread>,
    /// Change fail rate: of the changes in the window, those that somebody had to do something about.
    pub failed: Share,
    /// Why: a change with several reasons is in each of them.
    pub failed_by: FailedBy,
    /// Failed deployment recovery time, of the failures that began in the window and are over.
    pub recovery: Option<Spread>,
    /// Failures that began in the window and are not over.
    pub unrecovered: u32,
    /// Deployment rework rate: what was deployed on a named path or put back, of
    /// all that was deployed and put back.
    pub rework: Share,
    /// How many of these were put back.
    pub rollbacks: u32,
}

/// Why changes count as failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FailedBy {
    /// The rollout failed, or left production unhealthy.
    pub rollout: u32,
    /// It was taken back.
    pub rollback: u32,
    /// The next one was a hotfix.
    pub hotfix: u32,
    /// An incident belongs to it.
    pub incident: u32,
}

/// The numbers of all services that did something to production in the window,
/// and how many incidents that began in it belong to no change.
#[must_use]
pub fn of(production: &Production, incidents: &[Incident], window: Window) -> (Vec<Dora>, u32) {
    over(production, incidents, &Cut::none(window)).whole
}

/// What [`of`] says of a window and of each of its parts, in one pass.
#[must_use]
pub fn over(production: &Production, incidents: &[Incident], cut: &Cut) -> Course<(Vec<Dora>, u32)> {
    let changes = &production.changes;
    let (by_change, of_none) = incident::by_change(incidents, changes);
    let mut failures: Vec<Failure> = changes.iter().map(Failure::by_itself).collect();
    for (index, incidents) in by_change {
        if let Some(failure) = failures.get_mut(index) {
            failure.add_incidents(&incidents);
        }
    }
    let lanes = lanes(changes);
    for lane in lanes.values() {
        link_hotfixes(lane, changes, &mut failures);
    }
    let nothing = || Course::of(cut, |_| Row::default());
    let mut rows: BTreeMap<(&Service, &EnvironmentName), Course<Row>> = BTreeMap::new();
    for (lane, indexes) in &lanes {
        let rows = rows.entry((&lane.service, &lane.environment)).or_insert_with(nothing);
        add_lane(rows, indexes, changes, &failures, cut);
    }
    for restoration in &production.restorations {
        let key = (&restoration.lane.service, &restoration.lane.environment);
        let rows = rows.entry(key).or_insert_with(nothing);
        rows.at(cut, restoration.at).for_each(|row| row.rollbacks += 1);
    }
    let mut numbers: Course<(Vec<Dora>, u32)> = Course::of(cut, |_| Default::default());
    for ((service, environment), mut rows) in rows {
        for ((numbers, _), row) in numbers.each().zip(rows.each()).filter(|(_, row)| !row.is_empty()) {
            numbers.push(std::mem::take(row).end(service.clone(), environment.clone()));
        }
    }
    for incident in of_none {
        numbers.at(cut, incident.began_at).for_each(|(_, unowned)| *unowned += 1);
    }
    numbers
}

/// The numbers of the changes of each lane: those that arrived by their
/// arrival, and the others where they failed.
pub(super) fn lanes(changes: &[Change]) -> BTreeMap<&Lane, Vec<usize>> {
    let mut lanes: BTreeMap<&Lane, Vec<usize>> = BTreeMap::new();
    for (index, change) in changes.iter().enumerate() {
        lanes.entry(&change.lane).or_default().push(index);
    }
    for lane in lanes.values_mut() {
        lane.sort_by_key(|index| changes.get(*index).map(|change| change.arrived_at.unwrap_or(change.at())));
    }
    lanes
}

/// What was wrong with a change.
#[derive(Debug, Clone, Default)]
struct Failure {
    rollout: bool,
    rollback: bool,
    hotfix: bool,
    incident: bool,
    /// The first sign of it; `None` of a change that did not fail.
    since: Option<Timestamp>,
    /// When the last of its incidents was over; the inner `None` if one is not.
    resolved: Option<Option<Timestamp>>,
}

impl Failure {
    fn by_itself(change: &Change) -> Self {
        Self {
            rollout: change.failed_at.is_some(),
            rollback: change.rolled_back_at.is_some(),
            since: [change.failed_at, change.rolled_back_at].into_iter().flatten().min(),
            ..Self::default()
        }
    }

    fn seen_at(&mut self, at: Timestamp) {
        self.since = Some(self.since.map_or(at, |since| since.min(at)));
    }

    fn add_incidents(&mut self, incidents: &[&Incident]) {
        self.incident = true;
        for incident in incidents {
            self.seen_at(incident.began_at);
        }
        let ends: Option<Vec<Timestamp>> = incidents.iter().map(|incident| incident.resolved_at).collect();
        self.resolved = Some(ends.and_then(|ends| ends.into_iter().max()));
    }
}

/// A hotfix says that what production ran when it was asked for had failed.
fn link_hotfixes(lane: &[usize], changes: &[Change], failures: &mut [Failure]) {
    for (place, index) in lane.iter().enumerate() {
        let Some(hotfix) = changes.get(*index).filter(|change| change.hotfix) else { continue };
        let before = lane.get(..place).unwrap_or_default().iter().rev();
        let fixed = before
            .copied()
            .find(|index| changes.get(*index).is_some_and(|it| it.stands_at(hotfix.created_at)));
        if let Some(failure) = fixed.and_then(|index| failures.get_mut(index)) {
            failure.hotfix = true;
            failure.seen_at(hotfix.created_at);
        }
    }
}

/// What is counted of one service in one environment.
#[derive(Debug, Default)]
struct Row {
    lead_times: LeadTimes,
    arrivals: Vec<Timestamp>,
    hotfixes: u32,
    failed: Share,
    failed_by: FailedBy,
    recovery_ms: Vec<u64>,
    unrecovered: u32,
    rollbacks: u32,
}

impl Row {
    fn is_empty(&self) -> bool {
        self.failed.of == 0 && self.rollbacks == 0 && self.recovery_ms.is_empty() && self.unrecovered == 0
    }

    fn count_change(&mut self, failure: &Failure) {
        self.failed.of += 1;
        self.failed.part += u32::from(failure.since.is_some());
        self.failed_by.rollout += u32::from(failure.rollout);
        self.failed_by.rollback += u32::from(failure.rollback);
        self.failed_by.hotfix += u32::from(failure.hotfix);
        self.failed_by.incident += u32::from(failure.incident);
    }

    fn count_recovery(&mut self, since: Timestamp, recovered: Option<Timestamp>) {
        match recovered {
            Some(at) => self.recovery_ms.push(u64::try_from(at.since(since).as_millis()).unwrap_or(u64::MAX)),
            None => self.unrecovered += 1,
        }
    }

    fn end(mut self, service: Service, environment: EnvironmentName) -> Dora {
        self.arrivals.sort_unstable();
        let between = self.arrivals.iter().zip(self.arrivals.iter().skip(1));
        let between = between.map(|(one, next)| u64::try_from(next.since(*one).as_millis()));
        let between = Spread::of(between.map(|gap| gap.unwrap_or(u64::MAX)).collect());
        let deployments = u32::try_from(self.arrivals.len()).unwrap_or(u32::MAX);
        Dora {
            service,
            environment,
            lead_times: self.lead_times,
            deployments,
            between,
            failed: self.failed,
            failed_by: self.failed_by,
            recovery: Spread::of(self.recovery_ms),
            unrecovered: self.unrecovered,
            rework: Share { part: self.hotfixes + self.rollbacks, of: deployments + self.rollbacks },
            rollbacks: self.rollbacks,
        }
    }
}

/// Count the changes of a lane, each in the windows in which it belongs.
fn add_lane(rows: &mut Course<Row>, lane: &[usize], changes: &[Change], failures: &[Failure], cut: &Cut) {
    let all = || lane.iter().filter_map(|index| changes.get(*index).zip(failures.get(*index)));
    let good = good_arrivals(all());
    let mut seen = Arrivals::default();
    for (change, failure) in all() {
        rows.at(cut, change.at()).for_each(|row| row.count_change(failure));
        if let Some(arrived) = change.arrived_at {
            let new = seen.follow(change);
            rows.at(cut, arrived).for_each(|row| {
                row.lead_times.add(&new, arrived);
                row.arrivals.push(arrived);
                row.hotfixes += u32::from(change.hotfix);
            });
        }
        if let Some(since) = failure.since {
            let recovered = recovered_at(change, failure, since, &good);
            rows.at(cut, since).for_each(|row| row.count_recovery(since, recovered));
        }
    }
}

/// The arrivals of a lane that did not fail, by their time.
fn good_arrivals<'a>(lane: impl Iterator<Item = (&'a Change, &'a Failure)>) -> Vec<Timestamp> {
    let good = lane.filter(|(_, failure)| failure.since.is_none());
    let mut good: Vec<Timestamp> = good.filter_map(|(change, _)| change.arrived_at).collect();
    good.sort_unstable();
    good
}

/// When the failure of a change was over. Where incidents belong to it, people
/// have said so: with the last of them. Else as soon as production ran something
/// good: the earlier version again, this change at a later try, or the next one that did not fail.
fn recovered_at(
    change: &Change,
    failure: &Failure,
    since: Timestamp,
    good: &[Timestamp],
) -> Option<Timestamp> {
    if let Some(resolved) = failure.resolved {
        return resolved;
    }
    let next = good.get(good.partition_point(|arrived| *arrived <= since)).copied();
    let itself = change.arrived_at.filter(|arrived| *arrived > since && change.restored_at.is_none());
    [change.restored_at, itself, next].into_iter().flatten().filter(|at| *at >= since).min()
}
