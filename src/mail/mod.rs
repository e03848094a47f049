//! E-mail over SMTP: one letter for each message, to all recipients at once.
//!
//! A letter that is sent twice has the same id both times, and all letters about a
//! deployment answer its first one, so that mail programs show them together.

mod html;
mod letter;
mod mailbox;
mod smtp;
mod text;

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::domain::digest::Digest;
use crate::ports::{Messenger, TellError, Telling, Thread};
use crate::tally::Tally;

use letter::Contents;

pub use html::{digest_html, html};
pub use mailbox::Mailbox;
pub use smtp::SetupError;
pub use text::{digest_text, text};

/// How a server takes letters from us, and for whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The host of the server, by which its certificate is judged.
    pub host: String,
    /// 587 as a rule. 465 speaks TLS from the start; every other begins it with
    /// STARTTLS, but for a server on this machine, which is spoken to as it is.
    pub port: u16,
    /// Who we are there, if it asks.
    pub login: Option<Login>,
    /// The sender.
    pub from: Mailbox,
    /// The recipients.
    pub to: Vec<Mailbox>,
    /// How long a letter may take; [`messenger::TIMEOUT`](crate::messenger::TIMEOUT) by default.
    pub timeout: Duration,
}

/// A user of a mail server.
#[derive(Debug, Clone)]
pub struct Login {
    /// Their name.
    pub user: String,
    /// Their password.
    pub password: SecretString,
}

/// A list of mailboxes, and the server that takes letters for them.
#[derive(Debug)]
pub struct Mail {
    server: smtp::Server,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mail {
    /// The one that these settings name. Nothing is sent. Letters are counted in `tally`.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(settings: Settings, tally: &Tally) -> Result<Self, SetupError> {
        let server = smtp::Server::of(&settings, tally)?;
        Ok(Self { server, from: settings.from, to: settings.to })
    }
}

#[async_trait]
impl Messenger for Mail {
    async fn tell(&self, telling: &Telling<'_>) -> Result<Option<Thread>, TellError> {
        let letter = letter(telling, &self.from, &self.to);
        self.server.take(&self.from, &self.to, &letter).await?;
        let id = letter::id(&telling.message.notice.key, &self.from);
        Ok(if telling.thread.is_none() { Some(Thread(id)) } else { None })
    }

    async fn tell_together(&self, digest: &Digest) -> Result<(), TellError> {
        self.server.take(&self.from, &self.to, &digest_letter(digest, &self.from, &self.to)).await
    }
}

/// A letter as it is sent, to look at.
#[must_use]
pub fn letter(telling: &Telling<'_>, from: &Mailbox, to: &[Mailbox]) -> Vec<u8> {
    letter::written(Contents::of(telling), from, to)
}

/// A letter about many things that happened, as it is sent.
#[must_use]
pub fn digest_letter(digest: &Digest, from: &Mailbox, to: &[Mailbox]) -> Vec<u8> {
    letter::written(Contents::of_many(digest), from, to)
}
