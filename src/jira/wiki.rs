//! What is said, in the wiki markup of Jira Data Center.

use super::said::Said;

pub(super) fn text(said: &Said) -> String {
    let mut lines = vec![format!("*{}*", escaped(&said.headline)), String::new()];
    lines.extend(said.facts.iter().map(|fact| escaped(fact)));
    if !said.links.is_empty() {
        let links = said.links.iter().map(|(name, url)| format!("[{name}|{url}]"));
        lines.push(links.collect::<Vec<_>>().join(" · "));
    }
    lines.push(String::new());
    lines.extend(said.timeline.iter().map(|line| format!("* {}", escaped(line))));
    lines.push(String::new());
    lines.push(escaped(&said.last_line));
    lines.join("\n")
}

/// `text` on a line of its own that means nothing else than what it says. A
/// backslash escapes what is special, and nothing escapes a backslash, two of
/// which break the line: so it becomes its wide twin.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let inside_a_word =
            before.is_ascii_alphanumeric() && rest.peek().is_some_and(char::is_ascii_alphanumeric);
        match character {
            '\\' => escaped.push('＼'),
            // Marks only at the edge of a word: `feature/SHOP-42` stays legible.
            '-' | '_' if inside_a_word => escaped.push(character),
            '-' | '_' | '*' | '+' | '^' | '~' | '?' | '!' | '|' | '#' | '{' | '}' | '[' | ']' | '(' | ')' => {
                escaped.extend(['\\', character]);
            }
            _ => escaped.push(character),
        }
        before = character;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn markup_becomes_text_and_words_stay_as_they_are() {
        for (text, wanted) in [
            ("fix/SHOP-42_retry of dep_01ABC", "fix/SHOP-42_retry of dep_01ABC"),
            ("-gone- _bent_ *bold*", r"\-gone\- \_bent\_ \*bold\*"),
            ("[~admin] {color:red} !http://x/y.png!", r"\[\~admin\] \{color:red\} \!http://x/y.png\!"),
            (r"{code}\\ \{x", r"\{code\}＼＼ ＼\{x"),
            ("a -- b |c| (x)", r"a \-\- b \|c\| \(x\)"),
        ] {
            assert_eq!(escaped(text), wanted);
        }
    }
}
