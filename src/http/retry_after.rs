//! How long a server asks to be left alone.

use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// What `Retry-After` says: seconds, or an instant, which is taken by the clock of
/// whoever says it. `None` where nothing can be read from it.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let after = text(RETRY_AFTER)?;
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let instant = |text| rfc2822::parse(text).ok().map(|it| it.timestamp().as_second());
    let seconds = instant(after)?.saturating_sub(instant(text(DATE)?)?);
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn the_other_side_says_for_how_long_in_seconds_or_by_its_own_clock() {
        let asked = |after: &'static str, date: &'static str| {
            let headers =
                [(RETRY_AFTER, after), (DATE, date)].map(|(name, it)| (name, HeaderValue::from_static(it)));
            retry_after(&HeaderMap::from_iter(headers)).map(|it| it.as_secs())
        };
        let noon = "Sun, 06 Nov 1994 12:00:00 GMT";
        assert_eq!(asked("120", noon), Some(120));
        assert_eq!(asked("Sun, 06 Nov 1994 12:01:30 GMT", noon), Some(90));
        assert_eq!(asked("Sun, 06 Nov 1994 11:00:00 GMT", noon), Some(0));
        assert_eq!(asked("Sun, 06 Nov 1994 12:01:30 GMT", "today"), None);
        assert_eq!(asked("soon", noon), None);
        assert_eq!(asked("-1", noon), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
