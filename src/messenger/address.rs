//! Where a messenger posts to.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use secrecy::SecretString;

use crate::http::{self, Redaction};

/// Shorter parts are words, such as those of a path that everybody knows.
const SHORTEST_SECRET: usize = 12;

/// A URL that is a secret, because whoever knows it can post there. Only its
/// host is ever shown.
#[derive(Clone)]
pub struct Address(Url);

/// A text that is no such address. It does not say the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It is not an absolute URL of the web.
    #[error("this is not an https URL: copy the whole of it, from `https://` on")]
    NotAUrl,
    /// Others can read what is posted.
    #[error("this is an http URL, and everybody on the way can read what is posted there: use https")]
    Readable,
}

impl Address {
    /// The URL, for the request only.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// What hides its secret parts in the words of others.
    #[must_use]
    pub fn redaction(&self) -> Redaction {
        let path = self.0.path_segments().into_iter().flatten().map(str::to_owned);
        let encoded = self.0.query().unwrap_or_default().split(['&', '=']).map(str::to_owned);
        let decoded = self.0.query_pairs().map(|(_, value)| value.into_owned());
        let password = self.0.password().map(str::to_owned);
        let parts = path.chain(encoded).chain(decoded).chain(password);
        let secrets = parts.filter(|part| part.len() >= SHORTEST_SECRET);
        Redaction::of(secrets.map(SecretString::from))
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let url = Url::parse(text.trim()).map_err(|_| BadAddress::NotAUrl)?;
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if http::is_loopback(&url) => Ok(Self(url)),
            "http" => Err(BadAddress::Readable),
            _ => Err(BadAddress::NotAUrl),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Address({}://{}/…)", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_can_read_on_the_way_is_an_address() {
        for good in [
            "https://hooks.example/a?sig=b",
            " https://hooks.example\n",
            "http://[::1]:9/a",
            "http://127.0.0.1/a",
        ] {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", BadAddress::NotAUrl),
            ("hooks.example/a", BadAddress::NotAUrl),
            ("ftp://hooks.example", BadAddress::NotAUrl),
            ("http://hooks.example/a", BadAddress::Readable),
            ("http://127.0.0.1.evil.example/a", BadAddress::Readable),
        ] {
            assert_eq!(bad.parse::<Address>().err(), Some(why), "{bad}");
        }
    }

    #[test]
    fn nothing_secret_of_it_is_shown() {
        let address: Address =
            "https://user:pass-word-of-12@flows.example/triggers/0123456789abcdef/run?api=1&sig=a%2Fb0123456789"
                .parse()
                .expect("an address");
        assert_eq!(format!("{address:?}"), "Address(https://flows.example/…)");
        let said = "no flow at /triggers/0123456789abcdef/run?sig=a%2Fb0123456789 or a/b0123456789 of pass-word-of-12";
        assert_eq!(
            address.redaction().apply(said),
            "no flow at /triggers/[redacted]/run?sig=[redacted] or [redacted] of [redacted]"
        );
    }
}
