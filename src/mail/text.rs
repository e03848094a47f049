//! A message as plain text, for mail programs that show no other.

use std::fmt::Write as _;

use crate::domain::commit::Commit;
use crate::domain::digest::Digest;
use crate::domain::message::{Asked, Message};
use crate::domain::text::shortened;
use crate::messenger::{self, Fact, approval_command, facts, question, short};

/// The longest sentence of somebody else.
pub(super) const LONGEST: usize = 2_000;

/// The body of a letter.
#[must_use]
pub fn text(message: &Message) -> String {
    let mut text = format!("{}\n\n", shortened(&message.notice.text, LONGEST));
    if let Some(asked) = &message.asked {
        let _ = writeln!(text, "To answer: {}\n", way(message, asked));
    }
    table(&mut text, &facts(message));
    if let Some(asked) = &message.asked {
        ask(&mut text, asked);
    }
    if let Some(page) = &message.page {
        let _ = write!(text, "\n{page}\n");
    }
    text
}

/// The body of a letter about many things that happened.
#[must_use]
pub fn digest_text(digest: &Digest) -> String {
    let mut text = format!("{}\n\n", digest.title);
    for notice in &digest.notices {
        let _ = writeln!(text, "  {}", messenger::line(notice, LONGEST));
    }
    text
}

fn ask(text: &mut String, asked: &Asked) {
    text.push_str("\nWhat is asked\n");
    table(text, &question(asked));
    if !asked.cautions.is_empty() {
        text.push_str("\nUnusual about it\n");
        for caution in &asked.cautions {
            let _ = writeln!(text, "  - {}", shortened(caution, LONGEST));
        }
    }
    text.push_str("\nWhat comes, newest first\n");
    if asked.commits.is_empty() {
        text.push_str("  No commits were named at the start.\n");
    }
    for commit in &asked.commits {
        let _ = writeln!(text, "  {}", line(commit));
    }
}

/// How a person answers. Opening the page decides nothing.
fn way(message: &Message, asked: &Asked) -> String {
    match &asked.page {
        Some(page) => page.clone(),
        None => approval_command(&message.about),
    }
}

/// A commit on one line.
pub(super) fn line(commit: &Commit) -> String {
    let author = commit.author.as_ref().map_or_else(String::new, |author| format!(" by {author}"));
    let said = shortened(&commit.message, LONGEST);
    let said = if said.is_empty() { "no message" } else { &said };
    format!("{}{author}: {said}", short(&commit.sha))
}

/// Two columns; an address goes on a line of its own, so that it can be clicked.
fn table(text: &mut String, facts: &[Fact]) {
    let width = facts.iter().map(|fact| fact.title.chars().count()).max().unwrap_or(0);
    for Fact { title, value, url } in facts {
        let _ = writeln!(text, "  {title:width$}  {}", shortened(value, LONGEST));
        if let Some(url) = url {
            let _ = writeln!(text, "  {:width$}  {url}", "");
        }
    }
}
