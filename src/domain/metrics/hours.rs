//! Working hours, prepared for many questions.

use super::window::Window;
use crate::domain::calendar::{Calendar, Span};
use crate::domain::time::Timestamp;

/// The most spans that are prepared: more than twenty years of five a week.
const MOST_SPANS: usize = 6_000;

/// The working hours of some time. They do not overlap, and are in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hours(Vec<Span>);

impl Hours {
    /// Those of `calendar` within `time`.
    #[must_use]
    pub(super) fn of(calendar: &Calendar, time: Window) -> Self {
        let spans = calendar.spans_from(time.from).take_while(|span| span.start < time.until);
        Self(spans.take(MOST_SPANS).collect())
    }

    /// How much of the time from `from` to `to` is inside them, in milliseconds.
    #[must_use]
    pub(super) fn inside(&self, from: Timestamp, to: Timestamp) -> u64 {
        let first = self.0.partition_point(|span| span.end <= from);
        let spans = self.0.get(first..).unwrap_or_default().iter();
        spans
            .take_while(|span| span.start < to)
            .map(|span| span.end.min(to).since(span.start.max(from)).as_millis())
            .map(|inside| u64::try_from(inside).unwrap_or(u64::MAX))
            .sum()
    }
}
