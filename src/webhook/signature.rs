//! How a receiver knows that a webhook is ours: HMAC-SHA256 over its id, the time
//! of sending and its body.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{HMAC_SHA256, Key, sign};

/// What a serialised secret begins with.
const PREFIX: &str = "whsec_";

/// How many bytes a secret may have: fewer can be guessed, more are hashed first.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// What a receiver and we know, and nobody else. Its debug output does not show it.
#[derive(Debug, Clone)]
pub struct Secret(Key);

/// A text that is no secret of Standard Webhooks. It does not say the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret of a webhook is `whsec_` and 24 to 64 random bytes in base64: make one with \
     `echo whsec_$(openssl rand -base64 32)`, and give it to the receiver, too"
)]
pub struct BadSecret;

impl FromStr for Secret {
    type Err = BadSecret;

    fn from_str(text: &str) -> Result<Self, BadSecret> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(BadSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| BadSecret)?;
        if LENGTHS.contains(&bytes.len()) { Ok(Self(Key::new(HMAC_SHA256, &bytes))) } else { Err(BadSecret) }
    }
}

impl Secret {
    /// The value of `webhook-signature`: of version 1, and the only one.
    pub(super) fn signature(&self, id: &str, timestamp: &str, body: &str) -> String {
        let signed = sign(&self.0, format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(signed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_secret_in_its_form_is_one() {
        let secret = |length: usize| format!("whsec_{}", STANDARD.encode(vec![7; length]));
        for good in [secret(24), secret(64), format!(" {}\n", secret(32))] {
            assert!(good.parse::<Secret>().is_ok(), "{good}");
        }
        let bare = STANDARD.encode([7; 32]);
        for bad in [
            secret(23),
            secret(65),
            bare,
            "whsec_".to_owned(),
            "whsec_not base64 at all, but long".to_owned(),
        ] {
            assert_eq!(bad.parse::<Secret>().err(), Some(BadSecret), "{bad}");
        }
    }

    /// Computed by the `standardwebhooks` package for Python, 1.1.0.
    #[test]
    fn others_compute_the_same_signature() {
        let secret: Secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".parse().expect("a secret");
        let signature = secret.signature("dep_01:1:started", "1795597200", r#"{"text":"ü 😀"}"#);
        assert_eq!(signature, "v1,Wa9q3TrriGPaoxjZwAGK1uhe7CGPanAO2H3gFgjEhqo=");
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let shown = format!("{:?}", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0".parse::<Secret>());
        assert_eq!(shown, "Ok(Secret(Key { algorithm: SHA256 }))");
    }
}
