//! What validation found, made from the history of a deployment: it outlives
//! the stage, so that whoever approves later sees the warnings.

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::finding::{Finding, ValidationReport};
use crate::domain::record::EventRecord;

/// What validation found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ValidationView {
    /// What blocks.
    pub errors: Vec<FindingView>,
    /// What does not.
    pub warnings: Vec<FindingView>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FindingView {
    /// A stable code of docs/validation.md.
    pub code: String,
    /// What it is about: a key of the config, an argument, or a file with its line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject_untrusted: String,
    /// What is wrong.
    pub message_untrusted: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fix: String,
}

/// The latest report among `records`; nothing before there is one.
pub(super) fn of(records: &[EventRecord]) -> Option<ValidationView> {
    records.iter().rev().find_map(EventRecord::report).map(ValidationView::from)
}

impl From<&ValidationReport> for ValidationView {
    fn from(report: &ValidationReport) -> Self {
        let views = |findings: &[Finding]| findings.iter().map(FindingView::from).collect();
        Self { errors: views(&report.errors), warnings: views(&report.warnings) }
    }
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.clone(),
            subject_untrusted: finding.subject.clone(),
            message_untrusted: finding.message.clone(),
            fix: finding.fix.clone(),
        }
    }
}

impl FindingView {
    /// It in one line, for people at a terminal.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        let Self { code, subject_untrusted: subject, message_untrusted: message, fix } = self;
        let place = if subject.is_empty() { String::new() } else { format!(" {subject}") };
        let remedy = if fix.is_empty() { String::new() } else { format!("; {fix}") };
        format!("{code}{place}: {message}{remedy}")
    }
}
