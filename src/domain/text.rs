//! Text that comes from outside: commit messages, Harness errors, pipeline names.
//!
//! It is data, never an instruction, so it is shortened and stripped of
//! everything that could redraw a terminal or reorder what a reader sees.

use std::borrow::Cow;

/// `text` on one line, without control, bidirectional or zero-width characters,
/// at most `limit` characters; what was cut shows as `…`.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    let mut short = String::new();
    let mut kept = 0;
    let mut blank = false;
    for character in text.chars() {
        if character.is_whitespace() || character.is_control() {
            blank = kept > 0;
            continue;
        }
        if is_invisible(character) {
            continue;
        }
        if kept + usize::from(blank) >= limit {
            short.push('…');
            break;
        }
        if std::mem::take(&mut blank) {
            short.push(' ');
            kept += 1;
        }
        short.push(character);
        kept += 1;
    }
    short
}

/// `text` as it is, or, if it holds anything that could redraw a terminal or
/// change how the rest is read, in quotes with that escaped: for people who must
/// see exactly what it says.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().any(|it| it.is_control() || is_invisible(it)) {
        Cow::Owned(format!("{text:?}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Characters that change how others are shown, or are not shown at all.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_becomes_one_plain_short_line() {
        assert_eq!(shortened("  two\n\tlines \u{1b}[31mred", 40), "two lines [31mred");
        assert_eq!(shortened("abc\u{202E}evil\u{200B}", 40), "abcevil");
        assert_eq!(shortened("abcdef", 3), "abc…");
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("ab cd", 3), "ab…");
    }

    #[test]
    fn what_cannot_be_seen_is_made_visible() {
        assert_eq!(visible("two words, \"quoted\""), "two words, \"quoted\"");
        assert_eq!(visible("6\n  digest  \\n"), r#""6\n  digest  \\n""#);
        let hidden: String =
            ('\u{0}'..='\u{10FFFF}').filter(|it| it.is_control() || is_invisible(*it)).collect();
        assert!(visible(&hidden).chars().all(|it| !it.is_control() && !is_invisible(it)));
    }
}
