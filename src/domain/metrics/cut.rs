//! A window in equal parts, for numbers over time.
//!
//! A part is a window like any other, and its numbers are those that it has when it is
//! asked for alone. Together they only let one pass over the history do for all.

use super::window::Window;
use crate::domain::time::Timestamp;

/// The most parts: as many as can still be told apart, side by side on a screen.
const MOST_PARTS: i64 = 60;

/// The fewest parts that still show how something goes on.
const FEWEST_PARTS: i64 = 7;

const MINUTE_MS: i64 = 60_000;

/// What a part is a whole number of, where that goes: weeks, days, hours or minutes.
const UNITS_MS: [i64; 4] = [7 * 24 * 60 * MINUTE_MS, 24 * 60 * MINUTE_MS, 60 * MINUTE_MS, MINUTE_MS];

/// A window, and its parts in their order: they follow each other without a gap, and fill it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    whole: Window,
    parts: Vec<Window>,
}

impl Cut {
    /// The window alone, without parts.
    #[must_use]
    pub fn none(whole: Window) -> Self {
        Self { whole, parts: Vec::new() }
    }

    /// At most sixty parts of a whole number of weeks, or else of days, of hours or of minutes: of the
    /// first of these that gives at least seven. Where none does, they differ by a millisecond at most.
    #[must_use]
    pub fn of(whole: Window) -> Self {
        let span = whole.until.0.saturating_sub(whole.from.0).max(0);
        let count = UNITS_MS.iter().find_map(|unit| round_parts(span, *unit));
        let count = count.unwrap_or(MOST_PARTS.min(span));
        let start = |number: i64| {
            let offset = (span / count).saturating_mul(number) + span % count * number / count;
            Timestamp(whole.from.0.saturating_add(offset))
        };
        let part = |number: i64| Window { from: start(number), until: start(number + 1) };
        Self { whole, parts: (0..count).map(part).collect() }
    }

    /// The window.
    #[must_use]
    pub fn whole(&self) -> Window {
        self.whole
    }

    /// Its parts.
    #[must_use]
    pub fn parts(&self) -> &[Window] {
        &self.parts
    }

    /// The number of the part in which `at` is, from 0; `None` outside of all.
    fn part_at(&self, at: Timestamp) -> Option<usize> {
        let begun = self.parts.partition_point(|part| part.from <= at);
        begun.checked_sub(1).filter(|number| self.parts.get(*number).is_some_and(|part| part.contains(at)))
    }
}

/// Into how many equal parts of whole units `span` falls; `None` where that is no number between the bounds.
fn round_parts(span: i64, unit: i64) -> Option<i64> {
    let units = Some(span / unit).filter(|_| span % unit == 0)?;
    (FEWEST_PARTS..=MOST_PARTS).rev().find(|count| units >= *count && units % count == 0)
}

/// Something of a window, and of each of its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course<T> {
    /// Of the window.
    pub whole: T,
    /// Of its parts, in their order.
    pub parts: Vec<T>,
}

impl<T> Course<T> {
    /// What `make` makes of each window of `cut`.
    #[must_use]
    pub fn of(cut: &Cut, make: impl Fn(Window) -> T) -> Self {
        Self { whole: make(cut.whole), parts: cut.parts.iter().copied().map(make).collect() }
    }

    /// Those in whose windows `at` is: none, or that of the whole and that of one part. `cut` is the one
    /// that this is of.
    pub fn at(&mut self, cut: &Cut, at: Timestamp) -> impl Iterator<Item = &mut T> {
        let part = cut.part_at(at).and_then(|number| self.parts.get_mut(number));
        cut.whole.contains(at).then_some(&mut self.whole).into_iter().chain(part)
    }

    /// Every one.
    pub fn each(&mut self) -> impl Iterator<Item = &mut T> {
        std::iter::once(&mut self.whole).chain(&mut self.parts)
    }

    /// Each with that of `other` for the same window. Both are of the same cut.
    #[must_use]
    pub fn zip<U>(self, other: Course<U>) -> Course<(T, U)> {
        let parts = self.parts.into_iter().zip(other.parts);
        Course { whole: (self.whole, other.whole), parts: parts.collect() }
    }

    /// What `make` makes of each, in the same order.
    #[must_use]
    pub fn map<U>(self, mut make: impl FnMut(T) -> U) -> Course<U> {
        Course { whole: make(self.whole), parts: self.parts.into_iter().map(make).collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::window::span;
    use super::*;

    fn cut(text: &str) -> Cut {
        Cut::of(Window::ending(Timestamp(1_700_000_000_000), span(text).unwrap()))
    }

    #[test]
    fn parts_are_as_round_as_the_window_allows() {
        const HOUR: u64 = 3_600;
        const DAY: u64 = 24 * HOUR;
        for (text, count, seconds) in [
            ("12w", 12, 7 * DAY),
            ("364d", 52, 7 * DAY),
            ("30d", 30, DAY),
            ("2w", 14, DAY),
            ("7d", 7, DAY),
            ("90d", 45, 2 * DAY),
            ("3d", 36, 2 * HOUR),
            ("1d", 24, HOUR),
            ("12h", 12, HOUR),
            ("1h", 60, 60),
        ] {
            let cut = cut(text);
            let lengths: Vec<Duration> = cut.parts.iter().map(|it| it.until.since(it.from)).collect();
            assert_eq!(lengths, vec![Duration::from_secs(seconds); count], "{text}");
        }
    }

    #[test]
    fn parts_fill_the_window_and_every_moment_is_in_one() {
        for text in ["30d", "365d", "61d", "1m", "10s", "7ms", "1ms"] {
            let cut = cut(text);
            let (first, last) = (cut.parts.first().unwrap(), cut.parts.last().unwrap());
            assert_eq!((first.from, last.until), (cut.whole.from, cut.whole.until), "{text}");
            assert!(cut.parts.len() <= 60, "{text}");
            assert!(cut.parts.iter().zip(cut.parts.iter().skip(1)).all(|(a, b)| a.until == b.from), "{text}");
            for (number, part) in cut.parts.iter().enumerate() {
                for at in [part.from, part.until.minus(Duration::from_millis(1))] {
                    assert!(part.contains(at), "{text}: {part:?} is not empty");
                    assert_eq!(cut.part_at(at), Some(number), "{text}");
                }
            }
            assert_eq!(cut.part_at(cut.whole.until), None);
            assert_eq!(cut.part_at(cut.whole.from.minus(Duration::from_millis(1))), None);
        }
        let nothing = Cut::of(Window { from: Timestamp(5), until: Timestamp(5) });
        assert!(nothing.parts.is_empty());
    }
}
