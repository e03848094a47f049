//! Instants as integer milliseconds, because RFC 3339 text does not sort.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::id::Malformed;

/// Milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// `duration` for people, such as `2m` or `1h 30m`.
#[must_use]
pub fn in_words(duration: Duration) -> String {
    let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    format!("{:#}", jiff::SignedDuration::from_millis(millis))
}

impl Timestamp {
    /// Before every instant that a clock of ours returns: due at once.
    pub const EPOCH: Self = Self(0);

    /// This instant and `duration` more; saturates.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The instant `duration` earlier; saturates.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; zero if it is not in the past.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// From RFC 3339.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        text.parse::<jiff::Timestamp>().map(|instant| Self(instant.as_millisecond())).map_err(|_| Malformed {
            what: "an instant",
            value: super::text::shortened(text, 40),
            rule: "it is RFC 3339, such as 2026-11-24T22:13:20Z",
        })
    }

    /// RFC 3339 in UTC with milliseconds, for people and for JSON.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => format!("{instant:.3}"),
            Err(_) => self.0.to_string(),
        }
    }
}
