//! Where a web page comes from, and where this server stands in the web.

use std::fmt;
use std::str::FromStr;

use super::id::Malformed;
use super::text::shortened;

/// Scheme, host and port, as browsers write them in `Origin`: in lower case,
/// without the port that the scheme has anyway, without a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Origin {
    /// Whether it is `https`.
    pub secure: bool,
    /// Host, and port where the scheme's own is not meant.
    authority: String,
}

/// The longest name that DNS has, with a port.
const LONGEST: usize = 253 + 6;

impl Origin {
    /// The host without its port, as a `Host` header has it: `[::1]` in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        host_of(&self.authority)
    }
}

/// The host of an authority, without the port.
#[must_use]
pub fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
        _ => authority,
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}", if self.secure { "https" } else { "http" }, self.authority)
    }
}

impl FromStr for Origin {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed {
            what: "an origin",
            value: shortened(text, 80),
            rule: "it is a scheme and a host, such as https://deploy.acme.example, and no path",
        };
        let lower = text.to_ascii_lowercase();
        let (scheme, authority) = lower.split_once("://").ok_or_else(malformed)?;
        let (secure, usual_port) = match scheme {
            "https" => (true, ":443"),
            "http" => (false, ":80"),
            _ => return Err(malformed()),
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let authority = authority.strip_suffix(usual_port).unwrap_or(authority);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        if host_of(authority).is_empty() || authority.len() > LONGEST || !authority.bytes().all(is_plain) {
            return Err(malformed());
        }
        Ok(Self { secure, authority: authority.to_owned() })
    }
}

impl TryFrom<String> for Origin {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_origin_has_one_form() {
        for (text, shown, host) in [
            ("https://Deploy.Acme.example:443/", "https://deploy.acme.example", "deploy.acme.example"),
            ("http://localhost:8080", "http://localhost:8080", "localhost"),
            ("http://[::1]:8080", "http://[::1]:8080", "[::1]"),
            ("http://[::1]", "http://[::1]", "[::1]"),
        ] {
            let origin: Origin = text.parse().unwrap();
            assert_eq!((origin.to_string().as_str(), origin.host()), (shown, host));
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in
            ["null", "*", "", "https://", "https://:8080", "ftp://a", "https://a/b", "https://a b", "a.b"]
        {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
