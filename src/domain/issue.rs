//! Which Jira issues a deployment belongs to.

use std::collections::BTreeSet;

use super::deployment::Spec;
use super::id::{IssueKey, ProjectKey};

/// The most issues that a deployment is given by its start. Each is told of everything.
pub const MOST_ISSUES: usize = 20;

/// The most that are linked to it later.
pub const MOST_LINKED: usize = 20;

/// Those that the caller named, then those in the branch, then those in the
/// commits' messages: each once, the first [`MOST_ISSUES`]. Keys are only found of
/// these projects, or `UTF-8` and `SHA-256` would be some.
#[must_use]
pub fn of(spec: &Spec, projects: &BTreeSet<ProjectKey>) -> Vec<IssueKey> {
    let texts =
        std::iter::once(spec.branch.as_str()).chain(spec.commits.iter().map(|it| it.message.as_str()));
    let found = texts.flat_map(|text| keys_in(text, projects));
    first_of_each(spec.jira_issues.iter().cloned().chain(found)).take(MOST_ISSUES).collect()
}

/// `issues` and those that were linked, each once.
#[must_use]
pub fn with_linked(issues: Vec<IssueKey>, linked: Vec<IssueKey>) -> Vec<IssueKey> {
    first_of_each(issues.into_iter().chain(linked)).collect()
}

fn first_of_each(keys: impl Iterator<Item = IssueKey>) -> impl Iterator<Item = IssueKey> {
    let mut seen = BTreeSet::new();
    keys.filter(move |key| seen.insert(key.clone()))
}

/// The keys of these projects in a text, in their order.
fn keys_in(text: &str, projects: &BTreeSet<ProjectKey>) -> Vec<IssueKey> {
    let hyphens = text.match_indices('-');
    hyphens.filter_map(|(at, _)| key_around(text.get(..at)?, text.get(at + 1..)?, projects)).collect()
}

/// The key whose hyphen is between these two: a whole word before it, and a whole number after it.
fn key_around(before: &str, after: &str, projects: &BTreeSet<ProjectKey>) -> Option<IssueKey> {
    let is_of_a_key = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_';
    let letters = before.char_indices().rev().take_while(|(_, it)| is_of_a_key(*it));
    let start = letters.last().map_or(before.len(), |(at, _)| at);
    let (outside, word) = before.split_at_checked(start)?;
    let project = word.trim_start_matches('_');
    if project == word && outside.ends_with(char::is_alphanumeric) {
        return None;
    }
    projects.iter().find(|it| it.as_str() == project)?;
    let digits = after.find(|it: char| !it.is_ascii_digit()).unwrap_or(after.len());
    let (number, rest) = after.split_at_checked(digits)?;
    if number.starts_with('0') || rest.starts_with(char::is_alphanumeric) {
        return None;
    }
    format!("{project}-{number}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let projects = ["SHOP", "A1_B"].map(|it| it.parse().expect("a project")).into();
        keys_in(text, &projects).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn keys_of_our_projects_are_found_as_whole_words_and_nothing_else_is() {
        for (text, keys) in [
            ("feature/SHOP-42-retry", &["SHOP-42"][..]),
            ("SHOP-42", &["SHOP-42"]),
            ("feature_SHOP-42_x", &["SHOP-42"]),
            ("[SHOP-1] Fix, see A1_B-2: SHOP-3.", &["SHOP-1", "A1_B-2", "SHOP-3"]),
            ("SHOP-1 SHOP-1", &["SHOP-1", "SHOP-1"]),
            ("\u{fc}SHOP-1 \u{2026}SHOP-2", &["SHOP-2"]),
            ("UTF-8 SHA-256 OTHER-1", &[]),
            ("XSHOP-1 xSHOP-2 MY_SHOP-3 1SHOP-4", &[]),
            ("shop-42 Shop-42", &[]),
            ("SHOP-42a SHOP-0 SHOP-007 SHOP- SHOP--1 SHOP", &[]),
            ("SHOP-1-2 SHOP-4.5", &["SHOP-1", "SHOP-4"]),
            (&format!("SHOP-{}", "9".repeat(80)), &[]),
        ] {
            assert_eq!(found(text), keys, "{text}");
        }
    }

    #[test]
    fn without_projects_nothing_is_found() {
        assert_eq!(keys_in("SHOP-42", &BTreeSet::new()), []);
    }
}
