//! What a page of numbers is made of: cards with a chart over time, and tables.

use super::chart::{Bar, Drawing, Values};
use super::number::Number;
use super::scale::{self, Unit};
use crate::app::metrics::UsualView;

/// A number of the whole window with what belongs to it, and how it went on.
pub(super) struct Card {
    pub(super) title: &'static str,
    pub(super) number: Number,
    /// What the number is.
    pub(super) meaning: &'static str,
    pub(super) facts: Vec<Fact>,
    /// `None` where there is nothing to be seen.
    pub(super) drawing: Option<Drawing>,
}

/// A number that belongs to another.
pub(super) struct Fact {
    pub(super) label: &'static str,
    pub(super) number: Number,
}

impl Fact {
    pub(super) fn new(label: &'static str, number: Number) -> Self {
        Self { label, number }
    }

    /// A count, where it is worth a word.
    pub(super) fn if_any(label: &'static str, count: u32) -> Option<Self> {
        (count > 0).then(|| Self::new(label, Number::count(count)))
    }
}

/// Where a chart belongs: what it is of, and when each column begins.
pub(super) struct Place<'a> {
    /// `checkout in prod`.
    pub(super) of: String,
    pub(super) starts: &'a [String],
}

impl Card {
    /// A card without a chart: its number with what it is, and what belongs to it.
    pub(super) fn new(
        title: &'static str,
        (number, meaning): (Number, &'static str),
        facts: Vec<Fact>,
    ) -> Self {
        Self { title, number, meaning, facts, drawing: None }
    }

    /// With a chart of these values.
    pub(super) fn showing(mut self, values: &Values, place: &Place<'_>) -> Self {
        let name = format!(
            "{}, {}, over time. In the whole window: {} {}. A table with the numbers follows.",
            self.title, place.of, self.number.words, self.meaning
        );
        self.drawing = values.draw(name, place.starts);
        self
    }
}

/// A table.
pub(super) struct Table {
    pub(super) caption: String,
    /// What its columns mean, where that is not plain.
    pub(super) note: &'static str,
    /// What its rows are.
    pub(super) rows_are: &'static str,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
}

/// A row of it.
pub(super) struct Row {
    pub(super) head: Head,
    pub(super) cells: Vec<Cell>,
}

/// What a row is called.
pub(super) enum Head {
    Words(String),
    /// RFC 3339.
    From(String),
    /// Words, and where they lead.
    Link(String, String),
}

/// A cell of it: some numbers, and a bar.
pub(super) struct Cell {
    pub(super) column: &'static str,
    pub(super) numbers: Vec<Number>,
    /// What stands between the numbers.
    pub(super) joint: &'static str,
    pub(super) bar: Option<Bar>,
}

impl Cell {
    pub(super) fn of(column: &'static str, number: Number) -> Self {
        Self { column, numbers: vec![number], joint: "", bar: None }
    }

    /// So many of so many.
    pub(super) fn share(column: &'static str, part: u32, of: u32) -> Self {
        match of {
            0 => Self::of(column, Number::none("none")),
            _ => {
                let numbers = vec![Number::count(part), Number::count(of)];
                Self { column, numbers, joint: " of ", bar: None }
            }
        }
    }

    /// The median and nine of ten, or why there is none.
    pub(super) fn spread(column: &'static str, spread: Option<UsualView>, why_none: &str) -> Self {
        match spread {
            None => Self::of(column, Number::none(why_none)),
            Some(UsualView { median_ms, p90_ms, .. }) => {
                let numbers = vec![Number::duration(median_ms), Number::duration(p90_ms)];
                Self { column, numbers, joint: " · ", bar: None }
            }
        }
    }

    /// The same with a bar, on a scale that ends at `top`.
    pub(super) fn with_bar(self, (value, more): (u64, u64), top: u64) -> Self {
        Self { bar: Some(Bar::of(value, more, top)), ..self }
    }
}

/// The end of a scale for several durations side by side.
pub(super) fn top_of(spreads: impl Iterator<Item = UsualView>) -> u64 {
    let nine_of_ten: Vec<u64> = spreads.map(|spread| spread.p90_ms).collect();
    scale::top(Unit::Duration, &nine_of_ten)
}
