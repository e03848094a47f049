//! What a person or a script sees. The only place that prints.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::Value;

use crate::app::{Code, Error};
use crate::clock::{Clock as _, SystemClock};

/// A colour or weight of text on a terminal.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    /// Something ended well.
    Good,
    /// Something failed.
    Bad,
    /// Something waits.
    Waiting,
    /// Less important.
    Faint,
    /// More important.
    Strong,
}

/// `text` in a style, on a terminal that shows it.
pub(super) fn styled(style: Style, text: &str) -> String {
    if !std::io::stdout().is_terminal() {
        return text.to_owned();
    }
    let code = match style {
        Style::Good => "32",
        Style::Bad => "31",
        Style::Waiting => "33",
        Style::Faint => "2",
        Style::Strong => "1",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// One line on standard output. A closed pipe is not an error: the reader has seen enough.
pub(super) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A table on standard output.
pub(super) fn table(header: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.to_vec());
    table.add_rows(rows);
    line(&table.to_string());
}

/// JSON on standard output, for scripts.
pub(super) fn json(value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::new(Code::IoFailed, format!("the answer cannot be written: {error}"), ""))?;
    line(&text);
    Ok(())
}

/// Something that a person should know, on standard error.
pub(super) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "note: {text}");
}

/// How an error is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// To people.
    Text,
    /// To scripts: one JSON object.
    Json,
    /// To whoever reads the log: the same object, as a line of it.
    LogLine,
}

/// An error on standard error.
pub(super) fn error(shape: Shape, error: &Error) {
    let mut out = std::io::stderr().lock();
    if shape == Shape::Text {
        let _ = writeln!(out, "error[{}]: {}", error.code.as_str(), error.message);
        if !error.hint.is_empty() {
            let _ = writeln!(out, "  {}", error.hint);
        }
        if let Some(said) = &error.message_untrusted {
            let _ = writeln!(out, "  Harness said: {said}");
        }
        return;
    }
    let mut fields = serde_json::Map::new();
    let mut add = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    if shape == Shape::LogLine {
        add("timestamp", SystemClock.now().to_rfc3339().into());
        add("level", "ERROR".into());
        add("target", env!("CARGO_CRATE_NAME").into());
    }
    add("code", error.code.as_str().into());
    add("message", error.message.as_str().into());
    add("hint", error.hint.as_str().into());
    add("retryable", error.retryable.into());
    if let Some(said) = &error.message_untrusted {
        add("message_untrusted", said.as_str().into());
    }
    let _ = writeln!(out, "{}", Value::Object(fields));
}

/// Milliseconds as a person reads them: `850 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`.
pub(super) fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// The colour that a state has.
pub(super) fn state_style(state: &str) -> Style {
    match state {
        "completed" | "rolled-back" => Style::Good,
        "failed" | "rollback-failed" => Style::Bad,
        "awaiting-approval" | "cancelling" | "rolling-back" => Style::Waiting,
        "cancelled" => Style::Faint,
        _ => Style::Strong,
    }
}
