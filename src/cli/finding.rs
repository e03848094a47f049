//! What a command found that looks at many things: a line each.

use serde::Serialize;

use super::output::{self, Style};
use crate::app::Error;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Level {
    Good,
    Warning,
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// A stable name.
    check: &'static str,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    pub(super) fn good(check: &'static str, what: impl Into<String>) -> Self {
        Self { level: Level::Good, check, what: what.into(), remedy: None }
    }

    pub(super) fn bad(
        level: Level,
        check: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { level, check, what: what.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn of(check: &'static str, error: &Error) -> Self {
        Self::bad(Level::Error, check, error.message.clone(), error.hint.clone())
    }

    /// A line, and one more for what to do about it.
    pub(super) fn show(&self) {
        let (style, word) = match self.level {
            Level::Good => (Style::Good, "ok     "),
            Level::Warning => (Style::Waiting, "warning"),
            Level::Error => (Style::Bad, "error  "),
        };
        output::line(&format!("{} {}: {}", output::styled(style, word), self.check, self.what));
        if let Some(remedy) = &self.remedy {
            output::line(&format!("        {remedy}"));
        }
    }
}
