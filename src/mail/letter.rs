//! A message as a letter of RFC 5322.

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Message as Letter, MultiPart, SinglePart};

use super::mailbox::Mailbox;
use crate::domain::digest::Digest;
use crate::domain::subject::Digest as Hash;
use crate::domain::text::shortened;
use crate::domain::time::Timestamp;
use crate::messenger::headline;
use crate::ports::Telling;

/// The longest subject.
const LONGEST_SUBJECT: usize = 200;

/// Kept by RFC 3834: no program answers that nobody is here.
const AUTOMATIC: [(HeaderName, &str); 2] = [
    (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated"),
    (HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"), "All"),
];

/// What a letter says.
pub(super) struct Contents {
    /// What it is known by: the same however often it is told.
    pub(super) key: String,
    pub(super) subject: String,
    pub(super) at: Timestamp,
    pub(super) text: String,
    pub(super) html: String,
    /// The id of the letter that it answers.
    pub(super) answers: Option<String>,
}

impl Contents {
    /// About one thing that happened.
    pub(super) fn of(telling: &Telling<'_>) -> Self {
        let message = telling.message;
        Self {
            key: message.notice.key.clone(),
            subject: headline(message),
            at: message.notice.at,
            text: super::text(message),
            html: super::html(message),
            answers: telling.thread.map(|first| first.0.clone()),
        }
    }

    /// About many.
    pub(super) fn of_many(digest: &Digest) -> Self {
        Self {
            key: digest.key.clone(),
            subject: format!("[{}] {}", digest.severity.as_str(), digest.title),
            at: digest.notices.last().map_or(Timestamp::EPOCH, |notice| notice.at),
            text: super::digest_text(digest),
            html: super::digest_html(digest),
            answers: None,
        }
    }
}

/// The id of a letter, the same however often it is sent.
pub(super) fn id(key: &str, from: &Mailbox) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte);
    let left = if key.bytes().all(plain) {
        // A colon has another meaning there.
        key.replace(':', ".")
    } else {
        Hash::of(&key).0
    };
    format!("<{left}@{}>", from.address().domain())
}

/// What is sent: text, and the same as HTML. Byte for byte the same when the same is sent again.
pub(super) fn written(contents: Contents, from: &Mailbox, to: &[Mailbox]) -> Vec<u8> {
    let Contents { key, subject, at, text, html, answers } = contents;
    let mut builder = Letter::builder()
        .from(from.named())
        .subject(shortened(&subject, LONGEST_SUBJECT))
        .message_id(Some(id(&key, from)))
        .date(instant(at));
    for mailbox in to {
        builder = builder.to(mailbox.named());
    }
    for (name, value) in AUTOMATIC {
        builder = builder.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    if let Some(first) = answers {
        builder = builder.in_reply_to(first.clone()).references(first);
    }
    let part = |kind, content: String| SinglePart::builder().header(kind).body(content);
    let parts = MultiPart::alternative()
        // It is in neither part: no encoding of theirs has `=_`.
        .boundary(format!("=_{}", Hash::of(&key)))
        .singlepart(part(ContentType::TEXT_PLAIN, text))
        .singlepart(part(ContentType::TEXT_HTML, html));
    builder.multipart(parts).expect("it has a sender and a recipient").formatted()
}

fn instant(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.0).unwrap_or(0))
}
