//! How whoever receives a webhook knows whose it is: HMAC-SHA256 over its id, the time of
//! sending and its body. Others know ours by it, and we theirs.

use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{self, HMAC_SHA256, Key};

use crate::domain::time::Timestamp;

/// The header with the id: the same for one message, however often it is sent.
pub const ID_HEADER: &str = "webhook-id";

/// The header with the seconds since 1970 at which it was sent.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";

/// The header with the signatures, each `v1,` and base64, with spaces between them.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// How far a sender's time and ours may be apart: whoever overheard a message can
/// repeat it for no longer.
const WINDOW: Duration = Duration::from_mins(5);

/// The most signatures that are looked at: a sender that changes its secret makes two.
const MOST_SIGNATURES: usize = 4;

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

/// What the headers of a message say.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// Of [`ID_HEADER`].
    pub id: &'a str,
    /// Of [`TIMESTAMP_HEADER`].
    pub timestamp: &'a str,
    /// Of [`SIGNATURE_HEADER`].
    pub signatures: &'a str,
}

/// Why a message is not taken for one of whoever knows the secret. No word says how near it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It was sent too long ago, or a clock is wrong.
    #[error("the message is older or newer than {} minutes", WINDOW.as_secs() / 60)]
    Stale,
    /// A header is missing, or no signature is one over these bytes.
    #[error("the message is not signed with the shared secret, as Standard Webhooks says")]
    Unsigned,
}

impl Secret {
    /// The value of `webhook-signature`: of version 1, and the only one.
    pub(super) fn signature(&self, id: &str, timestamp: &str, body: &str) -> String {
        let signed = hmac::sign(&self.0, &content(id, timestamp, body.as_bytes()));
        format!("v1,{}", STANDARD.encode(signed))
    }

    /// When a message was sent, if one of its signatures is over its headers and its `body`, byte
    /// for byte as it came, and it comes in time at `now`. How long this takes says nothing about the secret.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn verify(&self, of: Envelope<'_>, body: &[u8], now: Timestamp) -> Result<Timestamp, Refused> {
        let seconds: i64 = of.timestamp.parse().map_err(|_| Refused::Unsigned)?;
        let sent = Timestamp(seconds.saturating_mul(1000));
        if now.since(sent).max(sent.since(now)) > WINDOW {
            return Err(Refused::Stale);
        }
        let content = content(of.id, of.timestamp, body);
        let is_ours = |signature: &str| {
            let decoded = signature.strip_prefix("v1,").and_then(|it| STANDARD.decode(it).ok());
            decoded.is_some_and(|it| hmac::verify(&self.0, &content, &it).is_ok())
        };
        let mut signatures = of.signatures.split(' ').take(MOST_SIGNATURES);
        if !of.id.is_empty() && signatures.any(is_ours) { Ok(sent) } else { Err(Refused::Unsigned) }
    }
}

/// What is signed.
fn content(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
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
    fn a_message_is_taken_for_five_minutes_if_one_signature_is_over_all_of_it() {
        let secret: Secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".parse().expect("a secret");
        let body = r#"{"text":"ü 😀"}"#.as_bytes();
        let ours = "v1,Wa9q3TrriGPaoxjZwAGK1uhe7CGPanAO2H3gFgjEhqo=";
        let sent = Timestamp(1_795_597_200_000);
        let of = Envelope { id: "dep_01:1:started", timestamp: "1795597200", signatures: ours };
        for milliseconds in [-300_000, 0, 300_000] {
            assert_eq!(secret.verify(of, body, Timestamp(sent.0 + milliseconds)), Ok(sent));
        }
        for milliseconds in [-300_001, 300_001] {
            let now = Timestamp(sent.0 + milliseconds);
            assert_eq!(secret.verify(of, body, now), Err(Refused::Stale), "{milliseconds}");
        }
        let two = format!("v1a,AAAA v1,AAAA {ours}");
        assert_eq!(secret.verify(Envelope { signatures: &two, ..of }, body, sent), Ok(sent));
        let late = format!("{}{ours}", "v1,AAAA ".repeat(MOST_SIGNATURES));
        for (of, body) in [
            (of, &b"{}"[..]),
            (Envelope { id: "dep_01:1:ended", ..of }, body),
            (Envelope { id: "", ..of }, body),
            (Envelope { timestamp: "1795597201", ..of }, body),
            (Envelope { timestamp: "", ..of }, body),
            (Envelope { signatures: "", ..of }, body),
            (Envelope { signatures: "v1,", ..of }, body),
            (Envelope { signatures: ours.trim_start_matches("v1,"), ..of }, body),
            (Envelope { signatures: &late, ..of }, body),
        ] {
            assert_eq!(secret.verify(of, body, sent), Err(Refused::Unsigned), "{of:?}");
        }
        let other: Secret = "whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh".parse().expect("a secret");
        assert_eq!(other.verify(of, body, sent), Err(Refused::Unsigned));
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let shown = format!("{:?}", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0".parse::<Secret>());
        assert_eq!(shown, "Ok(Secret(Key { algorithm: SHA256 }))");
    }
}
