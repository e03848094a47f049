//! When an environment may be deployed to: freezes, in which nothing is
//! deployed, and windows, outside of which nothing is.
//!
//! One open freeze denies, whatever the windows say. Where an environment has
//! windows, one of them must be open. An environment that nothing covers is open.
//!
//! Nothing is remembered: an instant is judged by the rules as they are now, so
//! that a freeze neither holds before its start nor a moment after its end.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::calendar::{Calendar, Span};
use super::id::{EnvironmentName, FreezeName, PrincipalName};
use super::place::Hold;
use super::time::Timestamp;

/// How far ahead is looked for the next change. What does not change until then
/// has no end that helps anybody who waits.
pub const LOOK_AHEAD: Duration = Duration::from_hours(366 * 24);

/// How many starts and ends are looked at in one call, whatever the rules say: those
/// of a year in which something is on four times a day.
pub const MOST_EDGES: usize = 3_000;

/// A rule about when some environments may be deployed to.
#[derive(Debug, Clone)]
pub struct Freeze {
    /// Its name, of which there is one.
    pub name: FreezeName,
    /// What it does.
    pub kind: FreezeKind,
    /// The environments that it covers.
    pub environments: BTreeSet<EnvironmentName>,
    /// Why, for those who wait.
    pub reason: String,
    /// When it is open.
    pub when: Calendar,
    /// The people who may deploy past it.
    pub overridable_by: BTreeSet<PrincipalName>,
}

/// What a [`Freeze`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FreezeKind {
    /// Nothing is deployed inside it.
    Freeze,
    /// Something is deployed only inside it, or inside another window.
    Window,
}

/// Whether an environment may be deployed to at an instant.
#[derive(Debug, Clone)]
pub enum FreezeState<'a> {
    /// It may.
    Open {
        /// The first instant at which it no longer may; `None` if there is none within
        /// [`LOOK_AHEAD`], or none among the next [`MOST_EDGES`] edges.
        closes_at: Option<Timestamp>,
    },
    /// It may not.
    Frozen {
        /// What forbids it, in the config's order; never empty: the freezes that are on and, if
        /// none of the windows is open, all of those.
        by: Vec<&'a Freeze>,
        /// The first instant at which it may again; `None` as with `closes_at`.
        until: Option<Timestamp>,
    },
}

impl FreezeState<'_> {
    /// Whether this person may deploy now: it is open, or everything that forbids
    /// it names them.
    #[must_use]
    pub fn lets_through(&self, person: &PrincipalName) -> bool {
        match self {
            Self::Open { .. } => true,
            Self::Frozen { by, .. } => by.iter().all(|freeze| freeze.overridable_by.contains(person)),
        }
    }
}

/// Whether `environment` may be deployed to at `now`, and until when that holds.
#[must_use]
pub fn state_at<'a>(freezes: &'a [Freeze], environment: &EnvironmentName, now: Timestamp) -> FreezeState<'a> {
    let mut courses: Vec<Course<'a>> = freezes
        .iter()
        .filter(|freeze| freeze.environments.contains(environment))
        .map(|freeze| Course { freeze, spans: freeze.when.spans_from(now).peekable() })
        .collect();
    let by = forbidding(&mut courses, now);
    let turn = next_turn(&mut courses, now);
    if by.is_empty() {
        FreezeState::Open { closes_at: turn }
    } else {
        FreezeState::Frozen { by, until: turn }
    }
}

/// What holds a deployment before `environment` at `now`; nothing, if it is open
/// or everything that forbids it is among the `overridden`.
#[must_use]
pub fn hold(
    freezes: &[Freeze],
    environment: &EnvironmentName,
    overridden: &BTreeSet<FreezeName>,
    now: Timestamp,
) -> Option<Hold> {
    let FreezeState::Frozen { by, until } = state_at(freezes, environment, now) else { return None };
    let first = by.into_iter().find(|freeze| !overridden.contains(&freeze.name))?;
    Some(Hold::Frozen { freeze: first.name.clone(), why: first.reason.clone(), until })
}

/// A freeze and the times at which it is on, those that are over left behind.
struct Course<'a> {
    freeze: &'a Freeze,
    spans: Peekable<Box<dyn Iterator<Item = Span> + 'a>>,
}

impl Course<'_> {
    /// Whether it is on at `at`, which never goes back.
    fn is_on(&mut self, at: Timestamp) -> bool {
        while self.spans.next_if(|span| span.end <= at).is_some() {}
        self.spans.peek().is_some_and(|span| span.start <= at)
    }

    /// The next instant after `at` at which it may begin or cease.
    fn next_edge(&mut self, at: Timestamp) -> Option<Timestamp> {
        self.spans.peek().map(|span| if span.start > at { span.start } else { span.end })
    }
}

/// What forbids a deployment at `at`; nothing if it may be.
fn forbidding<'a>(courses: &mut [Course<'a>], at: Timestamp) -> Vec<&'a Freeze> {
    let judged: Vec<(&Freeze, bool)> =
        courses.iter_mut().map(|course| (course.freeze, course.is_on(at))).collect();
    let is_window = |freeze: &Freeze| freeze.kind == FreezeKind::Window;
    let some_window_is_open = judged.iter().any(|(freeze, on)| is_window(freeze) && *on);
    judged
        .into_iter()
        .filter(|(freeze, on)| if is_window(freeze) { !some_window_is_open } else { *on })
        .map(|(freeze, _)| freeze)
        .collect()
}

/// The first instant after `now` at which what was allowed is not, or the reverse.
fn next_turn(courses: &mut [Course<'_>], now: Timestamp) -> Option<Timestamp> {
    let open = forbidding(courses, now).is_empty();
    let horizon = now.plus(LOOK_AHEAD);
    let mut at = now;
    for _ in 0..MOST_EDGES {
        at = courses.iter_mut().filter_map(|course| course.next_edge(at)).min()?;
        if at > horizon {
            return None;
        }
        if forbidding(courses, at).is_empty() != open {
            return Some(at);
        }
    }
    None
}
