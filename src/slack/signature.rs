//! Whether Slack sent it: HMAC-SHA256 over the exact bytes and the time at which it did.
//!
//! This proves that it is from Slack, for our app, and no more: who pressed is in
//! what was sent, and whether they may is another question.

use std::time::Duration;

use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::hex;
use crate::domain::time::Timestamp;

/// The header with the seconds since 1970 at which Slack sent it.
pub const TIMESTAMP_HEADER: &str = "x-slack-request-timestamp";

/// The header with the signature, `v0=` and 64 hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "x-slack-signature";

/// How far Slack's time and ours may be apart, as Slack advises: whoever
/// overheard a request can repeat it for no longer.
const WINDOW: Duration = Duration::from_mins(5);

/// Why a request is not taken for Slack's. No word says how near it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Slack sent it too long ago, or a clock is wrong.
    #[error("the request is older or newer than {} minutes", WINDOW.as_secs() / 60)]
    Stale,
    /// The signature is missing, or not Slack's over these bytes.
    #[error("the request is not signed with the app's signing secret")]
    Unsigned,
}

/// Check the two headers of a request against its `body`, byte for byte as it
/// came, at `now`. How long this takes says nothing about the secret.
///
/// # Errors
/// Why it is not taken for Slack's.
pub fn verify(
    secret: &SecretString,
    timestamp: &str,
    signature: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Refused> {
    let seconds: i64 = timestamp.parse().map_err(|_| Refused::Unsigned)?;
    let sent = Timestamp(seconds.saturating_mul(1000));
    if now.since(sent).max(sent.since(now)) > WINDOW {
        return Err(Refused::Stale);
    }
    let signature = signature.strip_prefix("v0=").and_then(hex::decode::<32>).ok_or(Refused::Unsigned)?;
    let signed = [b"v0:", timestamp.as_bytes(), b":", body].concat();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    hmac::verify(&key, &signed, &signature).map_err(|_| Refused::Unsigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Slack publishes for whoever checks their code.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const SENT: &str = "1531420618";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn at(seconds: i64) -> Timestamp {
        Timestamp((1_531_420_618 + seconds) * 1000)
    }

    fn check(secret: &str, sent: &str, signature: &str, body: &str, now: Timestamp) -> Result<(), Refused> {
        verify(&secret.to_owned().into(), sent, signature, body.as_bytes(), now)
    }

    #[test]
    fn what_slack_publishes_is_taken_for_five_minutes() {
        for seconds in [-300, 0, 300] {
            assert_eq!(check(SECRET, SENT, SIGNATURE, BODY, at(seconds)), Ok(()), "{seconds}");
        }
        for seconds in [-301, 301, i64::MAX / 2000] {
            assert_eq!(check(SECRET, SENT, SIGNATURE, BODY, at(seconds)), Err(Refused::Stale), "{seconds}");
        }
    }

    #[test]
    fn whatever_is_changed_it_is_slacks_no_more() {
        let body = BODY.replacen('x', "y", 1);
        let last = format!("{}4", &SIGNATURE[..SIGNATURE.len() - 1]);
        let longer = format!("{SIGNATURE}00");
        for (secret, sent, signature, body) in [
            ("another", SENT, SIGNATURE, BODY),
            (SECRET, "1531420619", SIGNATURE, BODY),
            (SECRET, "01531420618", SIGNATURE, BODY),
            (SECRET, "", SIGNATURE, BODY),
            (SECRET, "soon", SIGNATURE, BODY),
            (SECRET, SENT, &last, BODY),
            (SECRET, SENT, &longer, BODY),
            (SECRET, SENT, &SIGNATURE[..40], BODY),
            (SECRET, SENT, &SIGNATURE[3..], BODY),
            (SECRET, SENT, "v0=", BODY),
            (SECRET, SENT, "v0=zz", BODY),
            (SECRET, SENT, "", BODY),
            (SECRET, SENT, SIGNATURE, &body),
            (SECRET, SENT, SIGNATURE, ""),
        ] {
            let said = check(secret, sent, signature, body, at(0));
            assert_eq!(said, Err(Refused::Unsigned), "{secret} {sent} {signature}");
        }
    }
}
