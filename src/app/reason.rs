//! The reasons of people and agents, which others read later.

use super::{Code, Error};
use crate::domain::text::shortened;

/// The longest reason that is kept, in characters.
pub(super) const REASON_LIMIT: usize = 300;

/// What is kept of a reason: one plain line.
///
/// # Errors
/// When nothing in it can be read: whoever looks at the history would learn nothing.
pub(super) fn given(reason: &str) -> Result<String, Error> {
    let kept = shortened(reason, REASON_LIMIT);
    if kept.is_empty() {
        return Err(Error::new(
            Code::MalformedArgument,
            "the reason is empty",
            "say in a sentence why; it stands in the history",
        ));
    }
    Ok(kept)
}
