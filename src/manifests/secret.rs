//! Secrets that stand in the file. Their values are never part of a finding.

use super::Page;
use crate::domain::finding::FindingCode;
use crate::yaml::{Node, Style, Value};

/// Names end in these when their value is a secret.
const SECRET_WORDS: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "credential",
    "credentials",
    "privatekey",
];

/// A name that ends in `key` is a secret's after one of these.
const BEFORE_KEY: [&str; 7] = ["api", "secret", "private", "access", "encryption", "signing", "account"];

/// What names where a secret is begin with.
const REFERENCES: [&str; 2] = ["existing", "external"];

/// A Kubernetes manifest.
pub(super) fn in_manifest(document: &Node, page: &mut Page<'_>) {
    match document.text_at(&["kind"]) {
        // SOPS leaves its mark beside what it has encrypted.
        Some("Secret") if document.get("sops").is_none() => {
            let filled = ["stringData", "data"].into_iter().filter_map(|key| document.get(key));
            for node in filled.filter(|node| !node.is_empty()) {
                found(page, node.line, "a Secret has its data in the file");
            }
        }
        Some("Secret") => {}
        Some("ConfigMap") => {
            document.get("data").into_iter().for_each(|data| in_values(data, page));
        }
        _ => in_environment(document, page),
    }
}

/// Helm values, or the data of a config map: what a key calls a secret.
pub(super) fn in_values(node: &Node, page: &mut Page<'_>) {
    walk(node, &mut |key, value| {
        if let (Some(key), Some(text)) = (key, value.text())
            && is_secret_name(key)
            && is_literal(text)
        {
            found(page, value.line, &format!("`{key}` has its value in the file"));
        } else {
            by_its_look(value, page);
        }
    });
    in_environment_lists(node, page);
}

fn in_environment(node: &Node, page: &mut Page<'_>) {
    walk(node, &mut |_, value| by_its_look(value, page));
    in_environment_lists(node, page);
}

/// Environment variables of containers, wherever there are some.
fn in_environment_lists(node: &Node, page: &mut Page<'_>) {
    for (key, value) in node.entries() {
        if key.text() == Some("env") {
            for variable in value.items() {
                let (Some(name), Some(given)) = (variable.text_at(&["name"]), variable.get("value")) else {
                    continue;
                };
                if is_secret_name(name) && given.text().is_some_and(is_literal) {
                    found(
                        page,
                        given.line,
                        &format!("the environment variable {name} has its value in the file"),
                    );
                }
            }
        }
        in_environment_lists(value, page);
    }
    node.items().iter().for_each(|item| in_environment_lists(item, page));
}

/// Call `look` with every scalar and its key.
fn walk<'n>(node: &'n Node, look: &mut impl FnMut(Option<&'n str>, &'n Node)) {
    for (key, value) in node.entries() {
        if matches!(value.value, Value::Scalar(..)) {
            look(key.text(), value);
        } else {
            walk(value, look);
        }
    }
    for item in node.items() {
        if matches!(item.value, Value::Scalar(..)) {
            look(None, item);
        } else {
            walk(item, look);
        }
    }
}

fn by_its_look(node: &Node, page: &mut Page<'_>) {
    let Some(text) = node.text() else { return };
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        found(page, node.line, "a private key stands in the file");
    } else if !matches!(node.value, Value::Scalar(_, Style::Block)) && has_password_in_url(text) {
        found(page, node.line, "an address with a password stands in the file");
    }
}

fn found(page: &mut Page<'_>, line: usize, message: &str) {
    page.add(
        FindingCode::SecretInline,
        line,
        message,
        "take it out, replace the secret, and refer to one that the cluster gets from a vault or in sealed form",
    );
}

/// Whether a name is that of a secret and not of where one is: `DB_PASSWORD`
/// and `dbPassword`, but neither `PASSWORD_FILE` nor `existingSecret`.
fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let Some((last, before)) = words.split_last() else { return false };
    if words.first().is_some_and(|first| REFERENCES.contains(&first.as_str())) {
        return false;
    }
    SECRET_WORDS.contains(&last.as_str())
        || (last == "key" && before.last().is_some_and(|word| BEFORE_KEY.contains(&word.as_str())))
}

/// The words of a name in snake, kebab or camel case, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for character in name.chars() {
        let begins = character.is_ascii_uppercase() && after_lower;
        if begins || !character.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_ascii_alphanumeric()) {
            word.push(character.to_ascii_lowercase());
        }
        after_lower = character.is_ascii_lowercase() || character.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether `text` is a value, and neither nothing, a switch, nor a reference to another place.
fn is_literal(text: &str) -> bool {
    let reference = ["$(", "${", "{{", "<+", "<"].iter().any(|open| text.starts_with(open));
    !reference && !matches!(text.trim(), "" | "~" | "null" | "true" | "false")
}

/// `scheme://user:password@host`.
fn has_password_in_url(text: &str) -> bool {
    text.match_indices("://").any(|(at, sign)| {
        let rest = text.get(at + sign.len()..).unwrap_or_default();
        let authority =
            rest.split(|it: char| it.is_whitespace() || "/?#".contains(it)).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
        user.split_once(':').is_some_and(|(_, password)| is_literal(password))
    })
}
