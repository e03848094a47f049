//! Freezes as the tests write them, and what is said of them.

use std::collections::BTreeSet;
use std::time::Duration;

use deployment_orchestrator::domain::calendar::{Calendar, Zone};
use deployment_orchestrator::domain::freeze::{Freeze, FreezeKind, FreezeState, state_at};
use deployment_orchestrator::domain::id::EnvironmentName;
use deployment_orchestrator::domain::time::Timestamp;

pub(crate) fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

/// An instant, as `2026-03-29T03:00+02:00`.
pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

pub(crate) fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

pub(crate) fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap()
}

/// On for so many hours when the clocks there match.
pub(crate) fn cron(pattern: &str, there: &str, hours: u64) -> Calendar {
    Calendar::cron(pattern, zone(there), Duration::from_hours(hours)).unwrap()
}

/// On for an hour at each occurrence, from `first` on.
pub(crate) fn rule(text: &str, first: &str, there: &str) -> Calendar {
    Calendar::rule(text, first.parse().unwrap(), zone(there), Duration::from_hours(1)).unwrap()
}

pub(crate) fn once(from: &str, to: &str) -> Calendar {
    Calendar::once(at(from), at(to)).unwrap()
}

pub(crate) fn freeze(name: &str, when: Calendar) -> Freeze {
    Freeze {
        name: name.parse().unwrap(),
        kind: FreezeKind::Freeze,
        environments: [prod()].into(),
        reason: "because".to_owned(),
        when,
        overridable_by: BTreeSet::new(),
    }
}

pub(crate) fn window(name: &str, when: Calendar) -> Freeze {
    Freeze { kind: FreezeKind::Window, ..freeze(name, when) }
}

/// What holds for prod at an instant, with ends in the offset of that instant.
pub(crate) fn said(freezes: &[Freeze], instant: &str) -> String {
    let offset = instant.rfind(['+', '-', 'Z']).map(|it| &instant[it..]).unwrap();
    let end = |end: Option<Timestamp>| match end {
        None => "further than anybody looks".to_owned(),
        Some(end) => shown(end, offset),
    };
    match state_at(freezes, &prod(), at(instant)) {
        FreezeState::Open { closes_at } => format!("open until {}", end(closes_at)),
        FreezeState::Frozen { by, until } => {
            let names: Vec<&str> = by.iter().map(|it| it.name.as_str()).collect();
            format!("frozen by {} until {}", names.join(" and "), end(until))
        }
    }
}

fn shown(instant: Timestamp, offset: &str) -> String {
    let instant = jiff::Timestamp::from_millisecond(instant.0).unwrap();
    let hours = offset.split(':').next().unwrap().parse().unwrap_or(0);
    jiff::tz::offset(hours).to_datetime(instant).strftime("%Y-%m-%dT%H:%M").to_string()
}

/// Every row is what is said at an instant.
pub(crate) fn holds(freezes: &[Freeze], table: &[(&str, &str)]) {
    for (instant, expected) in table {
        assert_eq!(said(freezes, instant), *expected, "at {instant}");
    }
}

/// The instants after `from` and before `to` at which what holds for prod changes.
pub(crate) fn turns(freezes: &[Freeze], from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let next = |now: Timestamp| match state_at(freezes, &prod(), now) {
        FreezeState::Open { closes_at: turn } | FreezeState::Frozen { until: turn, .. } => turn,
    };
    std::iter::successors(next(from), |last| next(*last)).take_while(|turn| *turn < to).collect()
}
