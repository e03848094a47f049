//! One letter to one server, step by step, and what a refusal means.
//!
//! The steps are ours and not the library's own `send`, because that gives up at
//! the first recipient who is refused, and so tells nobody.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use super::Settings;
use super::mailbox::Mailbox;
use crate::domain::text::shortened;
use crate::http::Redaction;
use crate::ports::{Extent, TellError};
use crate::tally::{Outcome, Tally, Upstream};

/// The port that speaks TLS from the start.
const TLS_PORT: u16 = 465;

/// How much is shown of what a server says.
const LONGEST_REASON: usize = 200;

/// Settings that no server can be reached by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Nobody gets the letters.
    #[error("`to` names nobody: put at least one e-mail address there")]
    NoRecipient,
    /// No name of a host.
    #[error(
        "`{0}` is not the name of a mail server: write it as in `smtp.acme.example`, with the port in `port`"
    )]
    Host(String),
    /// The TLS library refuses its own settings.
    #[error("no TLS client could be made: {0}")]
    Tls(String),
}

/// How a connection is encrypted.
#[derive(Clone)]
enum Encryption {
    /// From the first byte.
    FromTheStart(TlsParameters),
    /// Before anything is said that matters.
    StartTls(TlsParameters),
    /// Not at all: it does not leave this machine.
    None,
}

/// A mail server, and who we are there.
pub(super) struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    credentials: Option<Credentials>,
    /// What of ours a server may repeat and nobody else may see.
    redaction: Redaction,
    hello: ClientId,
    timeout: Duration,
    tally: Tally,
}

/// Where a letter was refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Connecting,
    SigningIn,
    Sender,
    Recipients,
    Letter,
}

/// What stopped a letter.
struct Stopped {
    step: Step,
    error: Error,
}

/// A recipient whom the server does not take.
struct Refused {
    recipient: Address,
    error: Error,
}

impl Server {
    pub(super) fn of(settings: &Settings, tally: &Tally) -> Result<Self, SetupError> {
        let Settings { host, port, login, from, to, timeout } = settings;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:".contains(&byte);
        if host.is_empty() || !host.bytes().all(plain) {
            return Err(SetupError::Host(shortened(host, 80)));
        }
        if to.is_empty() {
            return Err(SetupError::NoRecipient);
        }
        let credentials = login
            .as_ref()
            .map(|login| Credentials::new(login.user.clone(), login.password.expose_secret().to_owned()));
        tally.know(Upstream::Mail);
        Ok(Self {
            host: host.clone(),
            port: *port,
            encryption: Encryption::of(host, *port)?,
            credentials,
            redaction: Redaction::of(login.iter().map(|login| login.password.clone())),
            hello: ClientId::Domain(from.address().domain().to_owned()),
            timeout: *timeout,
            tally: tally.clone(),
        })
    }

    /// Have it take `letter` for all recipients.
    ///
    /// # Errors
    /// Also when it takes the letter for some of them only; those have it then.
    pub(super) async fn take(&self, from: &Mailbox, to: &[Mailbox], letter: &[u8]) -> Result<(), TellError> {
        let mut call = self.tally.call(Upstream::Mail);
        let taken = timeout(self.timeout, self.converse(from.address(), to, letter)).await;
        call.came_to(match &taken {
            Ok(Ok(refused)) => refused.first().map_or(Outcome::Ok, |refused| outcome(&refused.error)),
            Ok(Err(stopped)) => outcome(&stopped.error),
            Err(_) => Outcome::TimedOut,
        });
        match taken {
            Ok(Ok(refused)) if refused.is_empty() => Ok(()),
            Ok(Ok(refused)) => Err(self.not_all(&refused, to.len())),
            Ok(Err(stopped)) => Err(self.stopped(&stopped, from)),
            Err(_) => Err(later(format!("the mail server {self} did not answer in time"))),
        }
    }

    /// Whom the server refused. If it refused all of them, nothing was sent.
    async fn converse(&self, from: &Address, to: &[Mailbox], letter: &[u8]) -> Result<Vec<Refused>, Stopped> {
        let at = |step| move |error| Stopped { step, error };
        let mut server = self.connect().await.map_err(at(Step::Connecting))?;
        if let Some(credentials) = &self.credentials {
            server.auth(DEFAULT_MECHANISMS, credentials).await.map_err(at(Step::SigningIn))?;
        }
        server.command(Mail::new(Some(from.clone()), Vec::new())).await.map_err(at(Step::Sender))?;
        let mut refused = Vec::new();
        for recipient in to.iter().map(Mailbox::address) {
            match server.command(Rcpt::new(recipient.clone(), Vec::new())).await {
                Ok(_) => {}
                Err(error) if is_of_one_recipient(&error) => {
                    refused.push(Refused { recipient: recipient.clone(), error });
                }
                Err(error) => return Err(Stopped { step: Step::Recipients, error }),
            }
        }
        if refused.len() < to.len() {
            server.command(Data).await.map_err(at(Step::Letter))?;
            server.message(letter).await.map_err(at(Step::Letter))?;
        }
        // The letter is the server's now, or nobody's: how we part changes nothing.
        server.abort().await;
        Ok(refused)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let from_the_start = match &self.encryption {
            Encryption::FromTheStart(tls) => Some(tls.clone()),
            Encryption::StartTls(_) | Encryption::None => None,
        };
        let address = (self.host.as_str(), self.port);
        let connecting = AsyncSmtpConnection::connect_tokio1(
            address,
            Some(self.timeout),
            &self.hello,
            from_the_start,
            None,
        );
        let mut server = connecting.await?;
        if let Encryption::StartTls(tls) = &self.encryption {
            server.starttls(tls.clone(), &self.hello).await?;
        }
        Ok(server)
    }

    /// What it means that a whole letter was stopped.
    fn stopped(&self, Stopped { step, error }: &Stopped, from: &Mailbox) -> TellError {
        let said = self.said(*step, error);
        if !is_final(error) {
            return later(match step {
                Step::Connecting => format!("the mail server {self} could not be reached: {said}"),
                _ => format!("the mail server {self} put the letter off: {said}"),
            });
        }
        let from = from.address();
        let remedy = match step {
            Step::Connecting => {
                "use a server and a port that take letters from programs, with STARTTLS or, at port 465, TLS"
                    .to_owned()
            }
            Step::SigningIn if error.is_client() => {
                "leave `user` out, or use a port at which it asks for one".to_owned()
            }
            Step::SigningIn => "correct `user` and the password, which may have expired".to_owned(),
            Step::Sender => format!("let the user send as {from}, or correct `from`"),
            Step::Recipients => "correct `to`".to_owned(),
            Step::Letter => "ask whoever runs it why it takes no such letters".to_owned(),
        };
        never(format!("the mail server {self} refuses the letter: {said}; {remedy}"))
    }

    /// What it means that some, or all, are refused.
    fn not_all(&self, refused: &[Refused], of: usize) -> TellError {
        let names: Vec<String> = refused
            .iter()
            .map(|it| format!("{} ({})", it.recipient, self.said(Step::Recipients, &it.error)))
            .collect();
        let names = names.join(", ");
        let some_may_pass = refused.iter().any(|it| !is_final(&it.error));
        if refused.len() < of && some_may_pass {
            // The others get the letter twice, under the same id.
            return later(format!(
                "the mail server {self} put {names} off; the other recipients have the letter"
            ));
        }
        if refused.len() < of {
            // Asking again would tell the others again.
            return never(format!(
                "the mail server {self} refuses {names}; the other recipients have the letter: correct `to`"
            ));
        }
        if some_may_pass {
            later(format!("the mail server {self} put {names} off"))
        } else {
            never(format!("the mail server {self} refuses {names}: correct `to`"))
        }
    }

    /// What the server, or the operating system, says.
    fn said(&self, step: Step, error: &Error) -> String {
        let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let reason = shortened(&self.redaction.apply(&source), LONGEST_REASON);
        match error.status() {
            // It may repeat what it was told, in whatever form.
            Some(code) if step == Step::SigningIn => code.to_string(),
            Some(code) if reason.is_empty() => code.to_string(),
            Some(code) => format!("{code} {reason}"),
            None => reason,
        }
    }
}

impl Encryption {
    fn of(host: &str, port: u16) -> Result<Self, SetupError> {
        let tls = || TlsParameters::new(host.to_owned()).map_err(|error| SetupError::Tls(error.to_string()));
        if port == TLS_PORT {
            tls().map(Self::FromTheStart)
        } else if host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback()) {
            Ok(Self::None)
        } else {
            tls().map(Self::StartTls)
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Server({self})")
    }
}

/// Whether a person must change something: the server says so, or does not speak
/// as it must.
fn is_final(error: &Error) -> bool {
    error.is_permanent() || error.is_client()
}

/// What a letter came to that was not taken as it is.
fn outcome(error: &Error) -> Outcome {
    if error.is_permanent() || error.is_client() {
        Outcome::Refused
    } else if error.is_transient() {
        Outcome::ServerError
    } else if error.is_timeout() {
        Outcome::TimedOut
    } else if error.is_response() {
        Outcome::Unreadable
    } else {
        Outcome::Unreachable
    }
}

/// Whether it is about this recipient, and not about all that we want: 421 says that
/// the server goes, and without a code the connection has.
fn is_of_one_recipient(error: &Error) -> bool {
    error.status().is_some_and(|code| code.to_string() != "421")
}

fn later(message: String) -> TellError {
    TellError::Later { message, after: None, of: Extent::Messenger }
}

fn never(message: String) -> TellError {
    TellError::Never { message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_on_this_machine_is_sent_in_the_clear() {
        let how = |host, port| match Encryption::of(host, port) {
            Ok(Encryption::FromTheStart(_)) => "TLS",
            Ok(Encryption::StartTls(_)) => "STARTTLS",
            Ok(Encryption::None) => "none",
            Err(error) => panic!("{error}"),
        };
        assert_eq!(how("smtp.acme.example", 465), "TLS");
        assert_eq!(how("smtp.acme.example", 587), "STARTTLS");
        assert_eq!(how("smtp.acme.example", 25), "STARTTLS");
        assert_eq!(how("10.0.0.1", 25), "STARTTLS");
        assert_eq!(how("localhost", 465), "TLS");
        for host in ["localhost", "127.0.0.1", "127.8.8.8", "::1"] {
            assert_eq!(how(host, 25), "none");
        }
    }
}
