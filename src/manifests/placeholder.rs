//! What somebody was to replace and did not.

use super::Page;
use crate::domain::finding::FindingCode;
use crate::yaml::{Node, Style, Value};

/// Words that stand for a value to come, in any case.
const WORDS: [&str; 6] = ["CHANGEME", "CHANGE_ME", "REPLACEME", "REPLACE_ME", "TODO", "FIXME"];

/// Fields that hold programs, in which such signs are at home.
const PROGRAMS: [&str; 2] = ["command", "args"];

/// The longest name in `<…>`; more is text.
const NAME_LIMIT: usize = 40;

pub(super) fn check(node: &Node, page: &mut Page<'_>) {
    match &node.value {
        // A block of lines is a program or a text, with signs of its own.
        Value::Scalar(_, Style::Block) => {}
        Value::Scalar(text, _) => {
            if let Some(kind) = kind(text) {
                left(page, node.line, kind);
            }
        }
        Value::List(items) => items.iter().for_each(|item| check(item, page)),
        // `{{ name }}` without quotes is a mapping whose key is a mapping.
        Value::Map(entries) if entries.iter().any(|(key, _)| key.text().is_none()) => {
            left(page, node.line, "{{ }}");
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                if !key.text().is_some_and(|key| PROGRAMS.contains(&key)) {
                    check(value, page);
                }
            }
        }
    }
}

/// Note that a placeholder of this kind is left.
pub(super) fn left(page: &mut Page<'_>, line: usize, kind: &str) {
    page.add(
        FindingCode::PlaceholderLeft,
        line,
        &format!("a placeholder is left: {kind}"),
        "put the value in its place, or render the file before it is named",
    );
}

/// Which kind of placeholder is in `text`, as it may be shown.
fn kind(text: &str) -> Option<&'static str> {
    let between =
        |open: &str, close: &str| text.split_once(open).is_some_and(|(_, rest)| rest.contains(close));
    if between("${", "}") {
        return Some("${ }");
    }
    if between("{{", "}}") {
        return Some("{{ }}");
    }
    if !text.contains("</") && has_name_in_angles(text) {
        return Some("< >");
    }
    let mut words = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    words.find_map(|word| {
        let known = WORDS.into_iter().find(|known| known.eq_ignore_ascii_case(word))?;
        // "todo" is also what an application may be about.
        (known != "TODO" || text.trim_start().starts_with("TODO")).then_some(known)
    })
}

fn has_name_in_angles(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        let inner = text.get(at + 1..).and_then(|rest| rest.split_once('>')).map(|(inner, _)| inner);
        inner.is_some_and(|inner| {
            inner.len() <= NAME_LIMIT
                && inner.starts_with(|it: char| it.is_ascii_alphabetic())
                && inner.chars().all(|it| it.is_ascii_alphanumeric() || " _-.".contains(it))
        })
    })
}
