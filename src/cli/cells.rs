//! Cells of CSV that a spreadsheet would take for formulas.
//!
//! Of all that we write, only an id of an incident may begin like one, with `-`. An apostrophe
//! before it makes it a text; none of our names has one, so it is known to be ours when it comes back.

use std::borrow::Cow;

/// What formulas begin with.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

const MARK: char = '\'';

/// The cell, marked as a text if it would be taken for a formula.
pub(super) fn marked(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(FORMULA) { Cow::Owned(format!("{MARK}{cell}")) } else { Cow::Borrowed(cell) }
}

/// The cell as it was before [`marked`].
pub(super) fn unmarked(cell: &str) -> &str {
    cell.strip_prefix(MARK).filter(|rest| rest.starts_with(FORMULA)).unwrap_or(cell)
}
