//! Charts over time as plain shapes: a column for each part of the window. Its shapes stretch to whatever
//! room there is, so the words stand beside them.

use super::number::in_words;
use super::scale::{self, Unit};
use crate::app::metrics::UsualView;
use crate::web::pages::text;

/// How wide a column and the gap after it are together, and the column alone.
const STEP: f64 = 10.0;
const COLUMN: f64 = 7.0;

/// How wide the stem is that goes from the median to nine of ten.
const STEM: f64 = 2.4;

/// How high the drawing is.
const HEIGHT: f64 = 100.0;

/// How high something is at least that is not nothing.
const VISIBLE: f64 = 2.0;

/// What is shown of each part of the window.
pub(super) enum Values {
    /// How many.
    Counts(Vec<u32>),
    /// How many, of how many; and what these are called, and what the others are.
    Shares(Vec<(u32, u32)>, &'static str, &'static str),
    /// How long: the median and nine of ten. `None` where nothing is known.
    Spreads(Vec<Option<UsualView>>),
}

/// A chart over time.
pub(super) struct Drawing {
    /// Its name for whoever does not see it.
    pub(super) name: String,
    pub(super) width: f64,
    /// What stands at the top of the scale.
    pub(super) top: String,
    pub(super) columns: Vec<Column>,
    /// The largest value, where it is beyond the top.
    pub(super) beyond: Option<String>,
    /// The kinds of shapes, each with what it means.
    pub(super) legend: Vec<(&'static str, &'static str)>,
}

/// One part of the window.
pub(super) struct Column {
    /// What a pointer is told of it.
    pub(super) said: String,
    pub(super) x: f64,
    pub(super) shapes: Vec<Shape>,
    /// Where the mark is that says that it goes on beyond the top.
    pub(super) beyond: Option<String>,
}

/// A rectangle, and what it stands for.
pub(super) struct Shape {
    pub(super) kind: &'static str,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Values {
    /// Draw them; `None` where there is nothing to be seen. `starts` says when each part begins, in RFC 3339.
    pub(super) fn draw(&self, name: String, starts: &[String]) -> Option<Drawing> {
        let all = self.all();
        let largest = all.iter().copied().max().filter(|largest| *largest > 0 || self.is_time())?;
        let unit = if self.is_time() { Unit::Duration } else { Unit::Count };
        let top = scale::top(unit, &all);
        let said = |value: u64| if self.is_time() { in_words(value) } else { value.to_string() };
        let columns = starts.iter().enumerate().map(|(number, start)| self.column(number, start, top));
        Some(Drawing {
            name,
            width: starts.iter().map(|_| STEP).sum(),
            top: said(top),
            columns: columns.collect(),
            beyond: Some(said(largest)).filter(|_| largest > top),
            legend: self.legend(),
        })
    }

    fn is_time(&self) -> bool {
        matches!(self, Self::Spreads(_))
    }

    /// Every height that is drawn.
    fn all(&self) -> Vec<u64> {
        match self {
            Self::Counts(counts) => counts.iter().copied().map(u64::from).collect(),
            Self::Shares(shares, ..) => shares.iter().map(|(_, of)| u64::from(*of)).collect(),
            Self::Spreads(spreads) => spreads.iter().flatten().map(|it| it.p90_ms).collect(),
        }
    }

    fn legend(&self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Counts(_) => Vec::new(),
            Self::Shares(_, these, others) => vec![("bad", *these), ("rest", *others)],
            Self::Spreads(_) => vec![("solid", "median"), ("stem", "to nine of ten")],
        }
    }

    fn column(&self, number: usize, start: &str, top: u64) -> Column {
        let left = (0..number).map(|_| STEP).sum::<f64>() + (STEP - COLUMN) / 2.0;
        let bar = |kind, from, to| shape(kind, left, COLUMN, (from, to), top);
        let (said, largest, shapes) = match self {
            Self::Counts(counts) => {
                let count = u64::from(counts.get(number).copied().unwrap_or_default());
                (count.to_string(), count, vec![bar("solid", 0, count)])
            }
            Self::Shares(shares, these, _) => {
                let (part, of) = shares.get(number).copied().unwrap_or_default();
                let (part, all) = (u64::from(part), u64::from(of));
                (format!("{these} {part} of {all}"), all, vec![bar("rest", part, all), bar("bad", 0, part)])
            }
            Self::Spreads(spreads) => match spreads.get(number).copied().flatten() {
                Some(UsualView { median_ms, p90_ms, count }) => {
                    let stem = shape("stem", left + (COLUMN - STEM) / 2.0, STEM, (median_ms, p90_ms), top);
                    let said = format!(
                        "median {}, nine of ten {}, of {count}",
                        in_words(median_ms),
                        in_words(p90_ms)
                    );
                    (said, p90_ms, vec![stem, visible("solid", left, median_ms, top)])
                }
                None => ("nothing".to_owned(), 0, Vec::new()),
            },
        };
        let shapes = shapes.into_iter().filter(|shape| shape.height > 0.0).collect();
        let beyond = (largest > top).then(|| triangle(left));
        Column {
            said: format!("{}: {said}", text::utc(start)),
            x: left - (STEP - COLUMN) / 2.0,
            shapes,
            beyond,
        }
    }
}

/// From one value to another, on a scale that ends at `top`.
fn shape(kind: &'static str, x: f64, width: f64, (from, to): (u64, u64), top: u64) -> Shape {
    let (low, high) = (height(from, top), height(to, top));
    Shape { kind, x: hundredths(x), y: hundredths(HEIGHT - high), width, height: hundredths(high - low) }
}

/// From nothing to a value, which is seen even where it is next to nothing.
fn visible(kind: &'static str, x: f64, to: u64, top: u64) -> Shape {
    let height = height(to, top).max(VISIBLE);
    Shape {
        kind,
        x: hundredths(x),
        y: hundredths(HEIGHT - height),
        width: COLUMN,
        height: hundredths(height),
    }
}

/// Upwards, at the top of the column that begins at `left`.
fn triangle(left: f64) -> String {
    let points = [(left, 0.0), (left + COLUMN / 2.0, -9.0), (left + COLUMN, 0.0)];
    points.map(|(x, y)| format!("{},{}", hundredths(x), hundredths(y))).join(" ")
}

#[expect(clippy::cast_precision_loss, reason = "nobody sees the difference on a screen")]
fn height(value: u64, top: u64) -> f64 {
    value.min(top) as f64 / top as f64 * HEIGHT
}

/// More digits nobody can see.
fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// A bar that lies in the cell of a table: the median, and the stem to nine of ten.
pub(super) struct Bar {
    pub(super) solid: f64,
    pub(super) stem: f64,
    /// Whether it goes on beyond the end.
    pub(super) beyond: bool,
}

impl Bar {
    /// Of `value`, and `more` beside it, on a scale that ends at `top`.
    pub(super) fn of(value: u64, more: u64, top: u64) -> Self {
        Self {
            solid: hundredths(height(value, top)),
            stem: hundredths(height(more, top)),
            beyond: value.max(more) > top,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("day {number}")).collect()
    }

    fn heights(column: &Column) -> Vec<(&'static str, f64, f64)> {
        column.shapes.iter().map(|it| (it.kind, it.y, it.height)).collect()
    }

    #[test]
    fn a_column_is_as_high_as_its_value_and_nothing_has_none() {
        let drawing = Values::Shares(vec![(0, 0), (1, 4), (10, 10)], "failed", "not")
            .draw(String::new(), &starts(3))
            .unwrap();
        assert_eq!((drawing.top.as_str(), drawing.beyond.as_deref()), ("10", None));
        assert_eq!(heights(&drawing.columns[0]), []);
        assert_eq!(heights(&drawing.columns[1]), [("rest", 60.0, 30.0), ("bad", 90.0, 10.0)]);
        assert_eq!(heights(&drawing.columns[2]), [("bad", 0.0, 100.0)]);
        assert_eq!(drawing.columns[1].said, "day 1: failed 1 of 4");
        assert!(Values::Counts(vec![0, 0]).draw(String::new(), &starts(2)).is_none());
        assert!(Values::Spreads(vec![None]).draw(String::new(), &starts(1)).is_none());
    }

    #[test]
    fn no_time_at_all_is_still_not_nothing_and_what_goes_beyond_is_marked() {
        let spread = |median_ms, p90_ms| Some(UsualView { median_ms, p90_ms, count: 2 });
        let mut values =
            vec![spread(0, 0), spread(500, 1_000), spread(1_000, 1_000), spread(1_000, 1_000), None];
        let drawing = Values::Spreads(values.clone()).draw(String::new(), &starts(5)).unwrap();
        assert_eq!(heights(&drawing.columns[0]), [("solid", 98.0, 2.0)]);
        assert_eq!(heights(&drawing.columns[1]), [("stem", 0.0, 50.0), ("solid", 50.0, 50.0)]);
        assert_eq!(heights(&drawing.columns[4]), []);

        values[4] = spread(500, 3_600_000);
        let drawing = Values::Spreads(values).draw(String::new(), &starts(5)).unwrap();
        assert_eq!((drawing.top.as_str(), drawing.beyond.as_deref()), ("1s", Some("1h")));
        assert_eq!(heights(&drawing.columns[4]), [("stem", 0.0, 50.0), ("solid", 50.0, 50.0)]);
        let beyond: Vec<bool> = drawing.columns.iter().map(|it| it.beyond.is_some()).collect();
        assert_eq!(beyond, [false, false, false, false, true]);
    }
}
