//! Keeps secrets out of everything that an answer becomes.

use secrecy::{ExposeSecret, SecretString};

/// Put where a secret was.
const MASK: &str = "[redacted]";

/// Removes secrets from text. Applied to a whole body before it is parsed, so
/// that nothing made from the body can hold one of them or, after shortening,
/// half of it.
pub struct Redaction {
    secrets: Vec<SecretString>,
}

impl Redaction {
    /// Of these, whatever holds another first. An empty one is no secret.
    #[must_use]
    pub fn of(secrets: Vec<SecretString>) -> Self {
        Self { secrets }
    }

    /// `text` without them.
    #[must_use]
    pub fn apply(&self, text: String) -> String {
        let secrets = self.secrets.iter().map(ExposeSecret::expose_secret);
        secrets
            .filter(|secret| !secret.is_empty())
            .fold(text, |text, secret| if text.contains(secret) { text.replace(secret, MASK) } else { text })
    }
}
