//! Keeps secrets out of what the words of others become.

use secrecy::{ExposeSecret as _, SecretString};

/// Put where a secret was.
const HIDDEN: &str = "[redacted]";

/// Texts that are shown to nobody. Applied to all that the other side says before
/// anything is made of it, because a refusal may repeat the request.
#[derive(Debug, Clone, Default)]
pub struct Mask(Vec<SecretString>);

impl Mask {
    /// What hides these.
    #[must_use]
    pub fn of(secrets: impl IntoIterator<Item = String>) -> Self {
        let some = secrets.into_iter().filter(|secret| !secret.is_empty());
        Self(some.map(SecretString::from).collect())
    }

    /// `text` without them.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), HIDDEN))
    }
}
