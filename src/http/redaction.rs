//! Keeps secrets out of everything that an answer becomes.

use secrecy::{ExposeSecret as _, SecretString};

/// Put where a secret was.
const HIDDEN: &str = "[redacted]";

/// Removes secrets from text. Applied to all that the other side says before
/// anything is made of it: a refusal may repeat the request, and what is
/// shortened later may hold half of a secret.
#[derive(Debug, Clone, Default)]
pub struct Redaction(Vec<SecretString>);

impl Redaction {
    /// Of these, whatever holds another first. An empty one is no secret.
    #[must_use]
    pub fn of(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        Self(secrets.into_iter().filter(|secret| !secret.expose_secret().is_empty()).collect())
    }

    /// `text` without them.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), HIDDEN))
    }
}
