//! A number as a page shows it: the words for people, and beside them the value as
//! `get_metrics` has it, in a `data` element. What is not known has no value, and says so.

/// A number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    /// As `get_metrics` has it; `None` where it has none.
    pub(super) value: Option<String>,
    pub(super) words: String,
}

impl Number {
    /// So many.
    pub(super) fn count(count: u32) -> Self {
        Self { value: Some(count.to_string()), words: count.to_string() }
    }

    /// So long.
    pub(super) fn duration(ms: u64) -> Self {
        Self { value: Some(ms.to_string()), words: in_words(ms) }
    }

    /// A share, from 0 to 1.
    pub(super) fn rate(rate: f64) -> Self {
        Self { value: Some(rate.to_string()), words: percent(rate) }
    }

    /// So often on a day.
    pub(super) fn per_day(rate: f64) -> Self {
        let words = if rate > 0.0 && rate < 0.01 { "under 0.01".to_owned() } else { format!("{rate:.2}") };
        Self { value: Some(rate.to_string()), words }
    }

    /// There is none, for this reason.
    pub(super) fn none(why: &str) -> Self {
        Self { value: None, words: why.to_owned() }
    }
}

/// The units of durations, each with how many of the next smaller one it has.
const UNITS: [(&str, u64); 4] = [("s", 1_000), ("m", 60), ("h", 60), ("d", 24)];

/// A duration in its two largest units, of days of 24 hours: `3d 4h`, `2m 5s`. What is smaller is left out.
pub(super) fn in_words(ms: u64) -> String {
    let lengths = UNITS.iter().scan(1, |length, (name, count)| {
        *length *= count;
        Some((*name, *length))
    });
    let lengths: Vec<(&str, u64)> = lengths.collect();
    let Some(largest) = lengths.iter().rposition(|(_, length)| ms >= *length) else {
        return if ms == 0 { "0s".to_owned() } else { format!("{ms}ms") };
    };
    let mut rest = ms;
    let mut words = Vec::new();
    for (name, length) in lengths.iter().take(largest + 1).rev().take(2) {
        if rest / length > 0 {
            words.push(format!("{}{name}", rest / length));
        }
        rest %= length;
    }
    words.join(" ")
}

/// A share in percent. One that is not nothing, or not all, never looks so.
fn percent(rate: f64) -> String {
    let percent = rate * 100.0;
    match percent {
        0.0 => "0 %".to_owned(),
        small if small < 1.0 => "under 1 %".to_owned(),
        large if large > 99.0 && large < 100.0 => "over 99 %".to_owned(),
        _ => format!("{percent:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_the_most() {
        const HOUR: u64 = 3_600_000;
        for (ms, words) in [
            (0, "0s"),
            (1, "1ms"),
            (999, "999ms"),
            (1_000, "1s"),
            (61_999, "1m 1s"),
            (HOUR, "1h"),
            (HOUR + 59_999, "1h"),
            (HOUR + 60_000, "1h 1m"),
            (24 * HOUR, "1d"),
            (24 * HOUR + 60_000, "1d"),
            (100 * 24 * HOUR + 5 * HOUR, "100d 5h"),
        ] {
            assert_eq!(in_words(ms), words, "{ms}");
        }
        assert!(in_words(u64::MAX).ends_with('h'));
    }

    #[test]
    fn a_share_that_is_not_nothing_does_not_look_like_it() {
        for (rate, words) in
            [(0.0, "0 %"), (0.001, "under 1 %"), (0.3333, "33 %"), (0.996, "over 99 %"), (1.0, "100 %")]
        {
            assert_eq!(percent(rate), words);
        }
    }
}
