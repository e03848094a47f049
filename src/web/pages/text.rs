//! Words and times as pages show them.

use std::time::Duration;

use crate::app::brief::Listed;
use crate::app::explanation::GuardView;
use crate::app::view::EventView;
pub(super) use crate::domain::commit::short;
use crate::domain::guard;
use crate::domain::id::PrincipalName;
use crate::domain::time;

/// How many characters of an id are shown of it.
const TAIL: usize = 6;

/// An instant for people without a script: `2026-11-24 22:13 UTC`.
pub(super) fn utc(rfc3339: &str) -> String {
    utc_to(16, rfc3339)
}

/// An instant to the second, for what follows each other in a minute.
pub(super) fn utc_to_the_second(rfc3339: &str) -> String {
    utc_to(19, rfc3339)
}

fn utc_to(end: usize, rfc3339: &str) -> String {
    match (rfc3339.get(..10), rfc3339.get(11..end)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => rfc3339.to_owned(),
    }
}

/// How long something took.
pub(super) fn took(millis: &u64) -> String {
    // What a stage took is told in seconds.
    let seconds = Duration::from_secs(Duration::from_millis(*millis).as_secs());
    if seconds.is_zero() { "under 1s".to_owned() } else { time::in_words(seconds) }
}

/// A name of a state or stage for people: `deploying prod`.
pub(super) fn spoken(name: &str) -> String {
    name.replace('-', " ")
}

/// A wire name of an event for people: `place taken`.
pub(super) fn event_spoken(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', " ")
}

/// What would open a guard, and who can.
pub(super) fn opens(guard: &GuardView) -> String {
    match guard::never(&guard.opens_when) {
        Some(why) => format!("That stays so: {why}."),
        None => format!("It takes that {}; that is up to {}.", guard.opens_when, guard.opened_by),
    }
}

/// How many guards a step had.
pub(super) fn guards(count: usize) -> String {
    match count {
        0 => "nothing was asked".to_owned(),
        1 => "1 guard".to_owned(),
        more => format!("{more} guards"),
    }
}

/// Whether a browser may follow it: only into the web.
pub(super) fn is_link(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// The end of an id, which tells it from its neighbours.
pub(super) fn tail(id: &str) -> &str {
    id.len().checked_sub(TAIL).and_then(|from| id.get(from..)).unwrap_or(id)
}

/// What an act is called on its button.
pub(super) fn act(event: &str) -> &'static str {
    match event {
        "CANCEL" => "Cancel",
        "RETRY" => "Try again",
        _ => "Roll back",
    }
}

/// `words` as a sentence.
pub(super) fn sentence(words: &str) -> String {
    let mut rest = words.chars();
    let first: String = rest.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", rest.as_str())
}

/// Names, for people.
pub(super) fn names(people: &[PrincipalName]) -> String {
    people.iter().map(PrincipalName::as_str).collect::<Vec<_>>().join(", ")
}

/// How `count` commits stand to what runs in the environment.
pub(super) fn listed(commits: &Listed, count: usize) -> String {
    let counted = if count == 1 { "1 commit".to_owned() } else { format!("{count} commits") };
    match commits {
        Listed::Since => format!("{counted} since what runs there now:"),
        Listed::Same => "The same commit runs there already.".to_owned(),
        Listed::All => format!("{counted}, as far as whoever started it said:"),
        Listed::Part => {
            format!("{counted}, and perhaps more: they do not reach down to what runs there now.")
        }
    }
}

/// What became of a request, as a title.
pub(super) fn outcome(word: &str) -> &'static str {
    match word {
        "approved" => "Approved",
        "rejected" => "Rejected",
        "expired" => "Expired",
        "void" => "Void",
        "withdrawn" => "Taken back",
        _ => "Not asked any more",
    }
}

/// The same in a sentence, before an instant.
pub(super) fn outcome_in_full(word: &str) -> &'static str {
    match word {
        "approved" => "Enough people approved it. The deployment went on at",
        "rejected" => "Somebody rejected it, and that is final. The deployment failed at",
        "expired" => "Nobody decided in time, which counts as a rejection. It expired at",
        "void" => "It no longer fitted what would happen. It became void at",
        "withdrawn" => {
            "Whoever asked took it back, and nobody can decide on it any more. It was taken back at"
        }
        _ => "The deployment ended before anybody decided, at",
    }
}

/// What happened: its wire name, and in words what that name does not say.
pub(super) fn event(event: &EventView) -> String {
    match (event.event.as_str(), event.details_untrusted.get("request")) {
        (name @ "REQUEST_SEEN", Some(request)) => format!("{name}: request {request} was opened"),
        (name, _) => name.to_owned(),
    }
}

/// What an event carried, in one line.
pub(super) fn details(event: &EventView) -> String {
    match event.details_untrusted.as_object() {
        Some(fields) if fields.is_empty() => String::new(),
        _ => event.details_untrusted.to_string(),
    }
}
