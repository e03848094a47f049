//! The time that is looked at.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

use crate::domain::id::Malformed;
use crate::domain::text::shortened;
use crate::domain::time::Timestamp;

/// The span when nobody says another.
pub const USUAL: Duration = Duration::from_hours(30 * 24);

/// The longest span: a hundred years.
const LONGEST: Duration = Duration::from_hours(100 * 366 * 24);

/// A time of which the start is inside and the end is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first instant inside.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
}

impl Window {
    /// The `span` that ends with `now`, which is inside.
    #[must_use]
    pub fn ending(now: Timestamp, span: Duration) -> Self {
        let until = now.plus(Duration::from_millis(1));
        Self { from: until.minus(span), until }
    }

    /// Whether `at` is inside.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// Its length in days of 24 hours.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a hundred years fit a double exactly")]
    pub fn days(&self) -> f64 {
        self.until.since(self.from).as_millis() as f64 / 86_400_000.0
    }
}

/// The span that `text` names, such as `30d`, `2w` or `12h`. A day has 24 hours.
///
/// # Errors
/// When it is none, or of nothing, or longer than a hundred years.
pub fn span(text: &str) -> Result<Duration, Malformed> {
    text.parse::<Span>()
        .ok()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
        .and_then(|span| Duration::try_from(span).ok())
        .filter(|span| span.as_millis() > 0 && *span <= LONGEST)
        .ok_or_else(|| Malformed {
            what: "a window",
            value: shortened(text, 40),
            rule: "it is a span of days, weeks or hours, such as 30d, 2w or 12h",
        })
}
