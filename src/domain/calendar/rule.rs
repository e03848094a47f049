//! Recurrence rules of RFC 5545: the one file that knows rrule, and chrono for its sake.
//!
//! A rule is expanded as if its wall clock were UTC; what a change of the clocks
//! means is said in [`super::zone`]. `starts` is where the rule begins and what
//! it takes its time of day from; it is a start itself only if the rule says so.
//!
//! rrule expands from the beginning each time, however long ago that is. So the
//! beginning is moved: by whole intervals, which changes nothing but what is over.
//! `COUNT`, which would change, becomes an end once, at load.

use jiff::civil::{Date, DateTime, date};
use jiff::{SignedDuration, Span};
use rrule::{Frequency, NWeekday, RRule, RRuleError, RRuleSet, Tz, Unvalidated, Validated};

use super::error::CalendarError;
use super::zone::Zone;
use crate::domain::text::shortened;
use crate::domain::time::Timestamp;

/// Every half hour, more often than which no rule starts.
const MOST_STARTS_A_DAY: usize = 48;

/// Ten years of days: all of them are looked at, once, to find the last.
const MOST_COUNTED: u32 = 3_660;

/// A rule that occurs.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// Without an end, and with all that it takes from `first` written out.
    rule: RRule<Validated>,
    first: DateTime,
    last: Option<Timestamp>,
}

impl Rule {
    /// The rule that `text` is, from `first` on.
    pub(super) fn parse(text: &str, first: DateTime, zone: &Zone) -> Result<Self, CalendarError> {
        let refused = |reason: &str| CalendarError::NotARule {
            rule: shortened(text, 80),
            reason: shortened(reason, 200),
        };
        let unread = |error: RRuleError| refused(said(error).trim_end_matches('.'));
        let (endless, end) = without_end(text);
        let unchecked: RRule<Unvalidated> = endless.parse().map_err(unread)?;
        let rule = unchecked.validate(utc(first)).map_err(unread)?;
        if let Some(limit) = broken_limit(&rule) {
            return Err(refused(limit));
        }
        let endless = Self { rule, first, last: None };
        let last = match end {
            End::Never => None,
            End::Twice => return Err(refused("it has two ends; write COUNT or UNTIL")),
            End::Until(until) => {
                let instant = until.parse::<jiff::Timestamp>();
                let instant = instant
                    .map_err(|_| refused("UNTIL must be an instant in UTC, such as 20261231T230000Z"))?;
                Some(Timestamp(instant.as_millisecond()))
            }
            End::Count(count) => {
                let count = count
                    .parse()
                    .ok()
                    .filter(|count| (1..=MOST_COUNTED).contains(count))
                    .ok_or_else(|| refused(&format!("COUNT must be from 1 to {MOST_COUNTED}")))?;
                let counted = endless.starts_from(first).take(usize::try_from(count).unwrap_or(usize::MAX));
                counted.last().and_then(|last| zone.instant(last))
            }
        };
        let begins = endless.starts_from(first).next().and_then(|start| zone.instant(start));
        if begins.is_none() || last.is_some_and(|last| begins > Some(last)) {
            return Err(CalendarError::NeverOccurs);
        }
        Ok(Self { last, ..endless })
    }

    /// Where it begins.
    pub(super) fn first(&self) -> DateTime {
        self.first
    }

    /// After which instant nothing starts any more.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// The occurrences at `at` and later, as if there were no last, in order.
    pub(super) fn starts_from(&self, at: DateTime) -> impl Iterator<Item = DateTime> + use<> {
        let set = RRuleSet::new(utc(self.beginning_before(at))).rrule(self.rule.clone()).limit();
        (&set).into_iter().map_while(wall_clock).skip_while(move |start| *start < at)
    }

    /// A beginning from which the same occurrences follow at `at` and later: the first, or
    /// whole intervals later and at least one before `at`, so that what the rule would
    /// find in the part of that interval before the beginning is over.
    fn beginning_before(&self, at: DateTime) -> DateTime {
        let first = self.first.date();
        let interval = i64::from(self.rule.get_interval());
        let beginning = match self.rule.get_freq() {
            Frequency::Monthly => months_on(first.first_of_month(), interval, at.date()),
            Frequency::Yearly => months_on(first.first_of_month(), 12 * interval, at.date()),
            Frequency::Weekly => days_on(first, 7 * interval, at.date()),
            _ => days_on(first, interval, at.date()),
        };
        beginning.map_or(self.first, |date| date.to_datetime(self.first.time()))
    }
}

/// `date` and as many times `step` days as leave one step before `at`, if any.
fn days_on(date: Date, step: i64, at: Date) -> Option<Date> {
    let days = date.duration_until(at).as_hours() / 24;
    let steps = days.checked_div(step)? - 1;
    (steps > 0).then(|| date.checked_add(Span::new().try_days(steps * step).ok()?).ok()).flatten()
}

/// `date` and as many times `step` months as leave one step before `at`, if any.
fn months_on(date: Date, step: i64, at: Date) -> Option<Date> {
    let month = |it: Date| 12 * i64::from(it.year()) + i64::from(it.month());
    let steps = (month(at) - month(date)).checked_div(step)? - 1;
    (steps > 0).then(|| date.checked_add(Span::new().try_months(steps * step).ok()?).ok()).flatten()
}

/// How a rule says that it ends.
enum End<'a> {
    Never,
    Until(&'a str),
    Count(&'a str),
    Twice,
}

/// `text` without its end, and that.
fn without_end(text: &str) -> (String, End<'_>) {
    let mut end = End::Never;
    let mut endless = Vec::new();
    for part in text.split(';') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let found = match name.to_ascii_uppercase().as_str() {
            "UNTIL" => End::Until(value),
            "COUNT" => End::Count(value),
            _ => {
                endless.push(part);
                continue;
            }
        };
        end = if matches!(end, End::Never) { found } else { End::Twice };
    }
    (endless.join(";"), end)
}

/// What is wrong, without what kind of error it is.
fn said(error: RRuleError) -> String {
    match error {
        RRuleError::ParserError(error) => error.to_string(),
        RRuleError::ValidationError(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// Which of our limits the rule breaks, if any.
fn broken_limit(rule: &RRule<Validated>) -> Option<&'static str> {
    let numbered = |day: &NWeekday| matches!(day, NWeekday::Nth(..));
    let starts_a_day = rule.get_by_hour().len() * rule.get_by_minute().len() * rule.get_by_second().len();
    match rule.get_freq() {
        Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {
            Some("FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY; write several times of a day as BYHOUR")
        }
        Frequency::Daily | Frequency::Weekly if rule.get_by_weekday().iter().any(numbered) => {
            Some("a number in BYDAY, as in 1MO, needs FREQ=MONTHLY or FREQ=YEARLY")
        }
        _ if rule.get_interval() == 0 => Some("INTERVAL must be at least 1"),
        _ if starts_a_day > MOST_STARTS_A_DAY => Some("it starts more than 48 times a day"),
        _ => None,
    }
}

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

fn utc(clock: DateTime) -> chrono::DateTime<Tz> {
    chrono::DateTime::from_timestamp(EPOCH.duration_until(clock).as_secs(), 0)
        .expect("chrono has more years than jiff")
        .with_timezone(&Tz::UTC)
}

/// The reverse of [`utc`]; `None` past the year 9999.
fn wall_clock(utc: chrono::DateTime<Tz>) -> Option<DateTime> {
    EPOCH.checked_add(SignedDuration::from_secs(utc.timestamp())).ok()
}
