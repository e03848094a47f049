//! Slack's markup, and what others wrote in it: nothing of theirs is markup, and
//! none of it reaches everybody.
//!
//! In `mrkdwn` the three characters `& < >` are written as entities. That alone
//! keeps a text from linking or mentioning anybody. It may still be bold, so
//! sentences from outside are shown as `plain_text`, which has no markup at all.

use serde_json::{Value, json};

/// The longest text of a section.
pub(super) const SECTION_LIMIT: usize = 3_000;

/// The longest text of a field of a section.
pub(super) const FIELD_LIMIT: usize = 2_000;

/// `text` for `mrkdwn`, at most `limit` characters long, entities counted as
/// they are written, and none of them cut in two.
pub(super) fn escaped(text: &str, limit: usize) -> String {
    let mut buffer = [0; 4];
    cut(text, limit, |character| match character {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        other => other.encode_utf8(&mut buffer).to_owned(),
    })
}

/// The first `limit` characters of `text`, for `plain_text`.
pub(super) fn cut_short(text: &str, limit: usize) -> String {
    cut(text, limit, |character| character.to_string())
}

/// Slack counts as JavaScript does: what is beyond the basic plane counts twice.
fn cut(text: &str, limit: usize, mut shown: impl FnMut(char) -> String) -> String {
    let mut out = String::new();
    let mut length = 0;
    // What would no longer fit if more came: there has to be room for the dots.
    let mut fits = 0;
    for character in text.chars() {
        let piece = shown(character);
        length += piece.encode_utf16().count();
        if length > limit {
            out.truncate(fits);
            out.push('…');
            return out;
        }
        out.push_str(&piece);
        if length < limit {
            fits = out.len();
        }
    }
    out
}

/// `text` as code: a name, which is no sentence.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", escaped(&text.replace('`', "'"), 200))
}

/// A link that reads `label`; only the label where the address is none that a browser should follow.
pub(super) fn link(address: &str, label: &str) -> String {
    let label = escaped(label, 200);
    let is_plain = |it: char| !it.is_whitespace() && !it.is_control() && !"<>|\"\\^`{}".contains(it);
    let leads_somewhere = address.starts_with("https://") || address.starts_with("http://");
    if leads_somewhere && address.len() <= 1_000 && address.chars().all(is_plain) {
        format!("<{}|{label}>", address.replace('&', "&amp;"))
    } else {
        label
    }
}

/// A section in Slack's markup; addresses and names in it become no links by themselves.
pub(super) fn section(markup: &str) -> Value {
    json!({ "type": "section", "text": mrkdwn(markup) })
}

/// A section with fields in two columns.
pub(super) fn fields(fields: &[(&str, String)]) -> Value {
    let shown = fields.iter().map(|(name, value)| mrkdwn(&format!("*{name}*\n{value}")));
    json!({ "type": "section", "fields": shown.collect::<Vec<_>>() })
}

/// A section without markup.
pub(super) fn plain_section(text: &str) -> Value {
    json!({ "type": "section", "text": plain(text, SECTION_LIMIT) })
}

/// Small print in Slack's markup.
pub(super) fn context(markup: &str) -> Value {
    json!({ "type": "context", "elements": [mrkdwn(markup)] })
}

/// A title.
pub(super) fn header(text: &str) -> Value {
    json!({ "type": "header", "text": plain(text, 150) })
}

/// Text without markup.
pub(super) fn plain(text: &str, limit: usize) -> Value {
    json!({ "type": "plain_text", "text": cut_short(text, limit), "emoji": false })
}

pub(super) fn mrkdwn(markup: &str) -> Value {
    json!({ "type": "mrkdwn", "text": markup, "verbatim": true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_it_fits_and_no_entity_is_cut_in_two() {
        assert_eq!(escaped("a & b", 100), "a &amp; b");
        assert_eq!(escaped("a&b", 7), "a&amp;b");
        assert_eq!(escaped("a&bc", 7), "a&amp;…");
        assert_eq!(escaped("a&b", 6), "a…");
        assert_eq!(cut_short("abc", 3), "abc");
        assert_eq!(cut_short("abcd", 3), "ab…");
        assert_eq!(cut_short("🚀🚀", 3), "🚀…");
    }

    #[test]
    fn a_link_leads_where_it_says_or_nowhere() {
        assert_eq!(
            link("https://a.example/x?b=1&c=2", "a > b"),
            "<https://a.example/x?b=1&amp;c=2|a &gt; b>"
        );
        for address in ["", "javascript:alert(1)", "https://a|b", "https://a>b", "https://a b", "!channel"] {
            assert_eq!(link(address, "there"), "there", "{address}");
        }
    }
}
