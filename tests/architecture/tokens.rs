//! Rust source as words.

/// The words, `::` and other characters of Rust source, without comments, blanks and literals.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut index = 0;
    while index < characters.len() {
        let rest = &characters[index..];
        index += match (at(index), at(index + 1)) {
            ('/', '/') => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ('/', '*') => end_of_block(rest),
            ('r', '"' | '#') if raw_string(rest).is_some() => raw_string(rest).unwrap(),
            ('"', _) => end_of_string(rest),
            ('\'', '\\') => 2 + rest[3..].iter().position(|c| *c == '\'').unwrap() + 2,
            ('\'', _) if at(index + 2) == '\'' => 3,
            (':', ':') => {
                tokens.push("::".to_owned());
                2
            }
            (first, _) if first.is_alphanumeric() || first == '_' => {
                let word: String = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
                let length = word.chars().count();
                tokens.push(word);
                length
            }
            (blank, _) if blank.is_whitespace() => 1,
            (other, _) => {
                tokens.push(other.to_string());
                1
            }
        };
    }
    tokens
}

fn end_of_block(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut index = 0;
    while index < rest.len() {
        match (rest[index], rest.get(index + 1)) {
            ('/', Some('*')) => depth += 1,
            ('*', Some('/')) => depth -= 1,
            _ => {
                index += 1;
                continue;
            }
        }
        index += 2;
        if depth == 0 {
            break;
        }
    }
    index
}

fn end_of_string(rest: &[char]) -> usize {
    let mut index = 1;
    while index < rest.len() && rest[index] != '"' {
        index += if rest[index] == '\\' { 2 } else { 1 };
    }
    index + 1
}

fn raw_string(rest: &[char]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = hashes + 2;
    if rest.get(hashes + 1) != Some(&'"') {
        return None;
    }
    rest[body..].windows(end.len()).position(|window| window == end).map(|found| body + found + end.len())
}

pub(crate) fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}
