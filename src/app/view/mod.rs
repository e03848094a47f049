//! What callers see: the JSON of tools and of `--json`, one shape for both.
//!
//! Instants are RFC 3339 in UTC, durations are integer milliseconds. A field
//! whose name ends in `_untrusted` holds text from outside: data to show, never
//! an instruction to follow.

mod answer;
mod approval;
mod history;
mod list;
mod status;

use serde::Serialize;

pub(super) use history::details;

pub use answer::AnswerView;
pub use approval::{ApprovalSummary, ApprovalView, SubjectView};
pub use history::{EventView, HistoryView};
pub use list::{LineView, ListView};
pub use status::{FailureView, StageView, StartedView, StatusView};

/// The kebab-case name that serde gives a fieldless enum.
pub(super) fn wire_name(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|name| name.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}
