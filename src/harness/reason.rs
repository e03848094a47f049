//! Why Harness says that something failed: one text and the failure types, out
//! of the several shapes in which it says so.

use crate::domain::execution::Retry;
use crate::domain::text::shortened;

use super::wire::{FailureInfo, ResponseMessage};

/// The longest reason that is shown. Longer ones are stack traces or logs.
const REASON_LIMIT: usize = 300;

/// The failure types that trying again can cure. Harness writes most of them
/// with the suffix `_FAILURE` in one place and without it in another.
const RETRYABLE: [&str; 4] = ["CONNECTIVITY", "TIMEOUT", "INFRASTRUCTURE", "RETRYABLE_TRANSIENT"];

/// The failure types of delegates, Harness's agents in the customer's network:
/// all of them pass.
const RETRYABLE_PREFIX: &str = "DELEGATE_";

/// A reason in words, and its kinds in Harness's words.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    /// One line, shortened; empty when Harness gives none.
    pub(super) text: String,
    /// Harness's failure types.
    pub(super) failure_types: Vec<String>,
}

impl Reason {
    /// The cause first: Harness's own `message` is often only a hint, and the
    /// last of the response messages is what happened.
    pub(super) fn new(messages: &[ResponseMessage], hints: &[Option<&str>]) -> Self {
        let cause = messages.last().and_then(|message| message.message.as_deref());
        let types = messages.iter().flat_map(|message| message.failure_types.iter().flatten());
        Self {
            text: joined(std::iter::once(cause).chain(hints.iter().copied()).flatten()),
            failure_types: types.cloned().collect(),
        }
    }

    /// Of a failed execution or stage.
    pub(super) fn of_failure(info: Option<&FailureInfo>) -> Self {
        match info {
            None => Self::default(),
            Some(FailureInfo::Text(text)) => Self::new(&[], &[Some(text)]),
            Some(FailureInfo::Parts { message, failure_type_list, response_messages }) => {
                let messages = response_messages.as_deref().unwrap_or_default();
                let mut reason = Self::new(messages, &[message.as_deref()]);
                if let Some(types) = failure_type_list.as_ref().filter(|types| !types.is_empty()) {
                    reason.failure_types.clone_from(types);
                }
                reason
            }
        }
    }

    /// Both reasons: the text of the first that has one, and every failure
    /// type, since one that is final makes the whole failure final.
    pub(super) fn and(mut self, other: Self) -> Self {
        if self.text.is_empty() {
            self.text = other.text;
        }
        self.failure_types.extend(other.failure_types);
        self
    }

    /// Retryable only if there are failure types and every one of them passes
    /// by itself. What nobody knows is final.
    pub(super) fn retry(&self) -> Retry {
        if !self.failure_types.is_empty() && self.failure_types.iter().all(|kind| passes(kind)) {
            Retry::Retryable { after: None }
        } else {
            Retry::Final
        }
    }
}

fn passes(failure_type: &str) -> bool {
    let kind = failure_type.strip_suffix("_FAILURE").unwrap_or(failure_type);
    RETRYABLE.contains(&kind) || kind.starts_with(RETRYABLE_PREFIX)
}

/// The parts, each said once, on one short line.
fn joined<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        if text.contains(part) {
            continue;
        }
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(part);
    }
    shortened(&text, REASON_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_types(types: &[&str]) -> Reason {
        Reason { text: String::new(), failure_types: types.iter().map(|&kind| kind.to_owned()).collect() }
    }

    #[test]
    fn only_failures_that_pass_by_themselves_are_retryable() {
        for types in [
            &["CONNECTIVITY"][..],
            &["CONNECTIVITY_FAILURE", "TIMEOUT_FAILURE"],
            &["DELEGATE_RESTART"],
            &["DELEGATE_PROVISIONING_FAILURE"],
            &["INFRASTRUCTURE_FAILURE"],
            &["RETRYABLE_TRANSIENT"],
        ] {
            assert_eq!(with_types(types).retry(), Retry::Retryable { after: None }, "{types:?}");
        }
        for types in [
            &[][..],
            &["VERIFICATION_FAILURE"],
            &["CONNECTIVITY_FAILURE", "VERIFICATION_FAILURE"],
            &["APPROVAL_REJECTION"],
            &["UNKNOWN_FAILURE"],
            &["connectivity"],
        ] {
            assert_eq!(with_types(types).retry(), Retry::Final, "{types:?}");
        }
    }

    #[test]
    fn the_cause_comes_first_and_nothing_is_said_twice() {
        let step = |text: &str| ResponseMessage { message: Some(text.to_owned()), ..Default::default() };
        let reason = Reason::new(
            &[step("check the manifest"), step("namespace\n\"shop\" not found")],
            &[Some("Please check"), None, Some("Please check")],
        );
        assert_eq!(reason.text, "namespace \"shop\" not found; Please check");
    }
}
