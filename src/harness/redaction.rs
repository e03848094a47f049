//! Keeps the API key out of everything that an answer becomes.

use secrecy::{ExposeSecret, SecretString};

/// Put where a key was.
const MASK: &str = "[redacted]";

/// The shortest part of a key that is taken for a secret by itself. Shorter
/// parts are words.
const SECRET_PART: usize = 8;

/// Removes an API key from text. Applied to a whole body before it is parsed,
/// so that nothing made from the body can hold the key or, after shortening,
/// half of it.
pub(super) struct Redaction {
    key: SecretString,
}

impl Redaction {
    pub(super) fn of(key: &SecretString) -> Self {
        Self { key: key.clone() }
    }

    /// `text` without the key and without the key's secret last part
    /// (`pat.<account>.<token>.<secret>`).
    pub(super) fn apply(&self, text: String) -> String {
        let key = self.key.expose_secret();
        let secret = key.rsplit('.').next().filter(|part| part.len() >= SECRET_PART);
        let mut text = text;
        for part in [Some(key), secret].into_iter().flatten().filter(|part| !part.is_empty()) {
            if text.contains(part) {
                text = text.replace(part, MASK);
            }
        }
        text
    }
}
