//! Patterns of cron: the one file that knows croner.
//!
//! Five fields: no seconds, no years. croner finds the matches on the wall clock
//! only; what a change of the clocks means is said in [`super::zone`].

use std::iter;

use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::{DateTime, date};

use super::error::CalendarError;
use crate::domain::text::shortened;

/// Where a pattern is looked at first: it has no beginning of its own.
pub(super) const ORIGIN: DateTime = date(2000, 1, 1).at(0, 0, 0, 0);

/// A pattern.
#[derive(Debug, Clone)]
pub(super) struct Cron(croner::Cron);

impl Cron {
    /// The pattern that `text` is.
    pub(super) fn parse(text: &str) -> Result<Self, CalendarError> {
        CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(text)
            .map(Self)
            .map_err(|error| CalendarError::NotCron {
                pattern: shortened(text, 60),
                reason: shortened(said(error).trim_end_matches('.'), 200),
            })
    }

    /// The matches at `at` and later, in order.
    pub(super) fn starts_from(&self, at: DateTime) -> impl Iterator<Item = DateTime> {
        let next = |after: &DateTime, inclusive| self.0.find_next_occurrence(after, inclusive).ok();
        iter::successors(next(&at, true), move |last| next(last, false))
    }
}

/// What is wrong, without what kind of error it is.
fn said(error: CronError) -> String {
    match error {
        CronError::InvalidPattern(said)
        | CronError::IllegalCharacters(said)
        | CronError::ComponentError(said) => said,
        other => other.to_string(),
    }
}
