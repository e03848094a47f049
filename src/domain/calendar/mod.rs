//! When something is on: once, or again and again on the clocks of a time zone.
//!
//! Rules are expanded on the wall clock and only then placed in time, so that
//! one file ([`zone`]) says what a change of the clocks means. Durations are
//! absolute: eight hours are eight hours in the night of the change, too. A start
//! is inside and an end is not.

mod cron;
mod error;
mod moment;
mod rule;
mod zone;

use std::iter;
use std::time::Duration;

use jiff::civil::DateTime;

use self::cron::Cron;
pub use self::error::CalendarError;
pub use self::moment::Moment;
use self::rule::Rule;
pub use self::zone::Zone;
use super::time::Timestamp;

/// How many starts are compared at load to see whether some overlap: more than
/// a year of days.
const STARTS_COMPARED: usize = 400;

/// A time with a start and an end, of which the start is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first instant inside.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
}

/// When something is on. Only what can be has a value of this type.
#[derive(Debug, Clone)]
pub struct Calendar(When);

#[derive(Debug, Clone)]
enum When {
    Once(Span),
    Repeated(Box<Repeated>),
}

#[derive(Debug, Clone)]
struct Repeated {
    starts: Starts,
    zone: Zone,
    duration: Duration,
}

#[derive(Debug, Clone)]
enum Starts {
    Cron(Cron),
    Rule(Rule),
}

impl Calendar {
    /// On once, from `start` until `end`.
    ///
    /// # Errors
    /// When it ends before it starts.
    pub fn once(start: Timestamp, end: Timestamp) -> Result<Self, CalendarError> {
        if end <= start {
            return Err(CalendarError::EndsBeforeItStarts);
        }
        Ok(Self(When::Once(Span { start, end })))
    }

    /// On for `duration` whenever the clocks of `zone` match the five fields of `pattern`.
    ///
    /// # Errors
    /// When the pattern is none, never matches, or matches again within `duration`.
    pub fn cron(pattern: &str, zone: Zone, duration: Duration) -> Result<Self, CalendarError> {
        Self::repeated(Starts::Cron(Cron::parse(pattern)?), zone, duration)
    }

    /// On for `duration` at each occurrence of the RFC 5545 rule `text`, which begins at
    /// `first` on the clocks of `zone`.
    ///
    /// # Errors
    /// When the rule is none, never occurs, or occurs again within `duration`.
    pub fn rule(text: &str, first: DateTime, zone: Zone, duration: Duration) -> Result<Self, CalendarError> {
        Self::repeated(Starts::Rule(Rule::parse(text, first, &zone)?), zone, duration)
    }

    fn repeated(starts: Starts, zone: Zone, duration: Duration) -> Result<Self, CalendarError> {
        let first: Vec<DateTime> = starts.from(starts.origin()).take(STARTS_COMPARED).collect();
        if first.is_empty() {
            return Err(CalendarError::NeverOccurs);
        }
        let shortest = first.iter().zip(first.iter().skip(1)).map(|(a, b)| a.duration_until(*b)).min();
        match shortest.and_then(|gap| Duration::try_from(gap).ok()) {
            Some(period) if duration > period => Err(CalendarError::Overlaps { duration, period }),
            _ => Ok(Self(When::Repeated(Box::new(Repeated { starts, zone, duration })))),
        }
    }

    /// The times at which it is on, in order, from one before which none ends after `at`;
    /// endless or not.
    pub(super) fn spans_from(&self, at: Timestamp) -> Box<dyn Iterator<Item = Span> + '_> {
        match &self.0 {
            When::Once(span) => Box::new(iter::once(*span)),
            When::Repeated(repeated) => Box::new(repeated.spans_from(at)),
        }
    }
}

impl Repeated {
    fn spans_from(&self, at: Timestamp) -> impl Iterator<Item = Span> {
        let last = self.starts.last();
        self.starts
            .from(self.zone.clock(at.minus(self.duration)))
            .map_while(|start| self.zone.instant(start))
            .take_while(move |start| last.is_none_or(|last| *start <= last))
            .map(|start| Span { start, end: start.plus(self.duration) })
    }
}

impl Starts {
    /// The starts at `at` and later, on the wall clock, in order.
    fn from(&self, at: DateTime) -> Box<dyn Iterator<Item = DateTime> + '_> {
        match self {
            Self::Cron(cron) => Box::new(cron.starts_from(at)),
            Self::Rule(rule) => Box::new(rule.starts_from(at)),
        }
    }

    /// Where it begins.
    fn origin(&self) -> DateTime {
        match self {
            Self::Cron(_) => cron::ORIGIN,
            Self::Rule(rule) => rule.first(),
        }
    }

    /// After which instant nothing starts any more, if the rule says so.
    fn last(&self) -> Option<Timestamp> {
        match self {
            Self::Cron(_) => None,
            Self::Rule(rule) => rule.last(),
        }
    }
}
