//! How high a chart goes: to a round number that is not below what it shows, unless a few values are so
//! far above the others that these could not be seen beside them. Then those end at the top, marked.

/// How much more than the others a value is that leaves the scale to them.
const FAR_ABOVE: u64 = 5;

/// How many values there are before one can be far above the others.
const FEWEST_TO_COMPARE: usize = 4;

/// Round durations, in seconds.
const ROUND_SECONDS: [u64; 25] = [
    1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
    172_800, 432_000, 864_000, 1_728_000, 2_592_000, 5_184_000, 8_640_000,
];

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Things, by their number.
    Count,
    /// Time, in milliseconds.
    Duration,
}

/// The top of a chart of `values`, in their unit; never zero.
pub(super) fn top(unit: Unit, values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let largest = sorted.last().copied().unwrap_or_default();
    let usual = sorted.get(sorted.len() * 3 / 4).copied().unwrap_or_default();
    let below_it = sorted.iter().rev().copied().find(|value| *value <= usual.saturating_mul(FAR_ABOVE));
    match below_it {
        Some(below) if below < largest && below > 0 && sorted.len() >= FEWEST_TO_COMPARE => {
            round(unit, below)
        }
        _ => round(unit, largest),
    }
}

/// The smallest round number that is not below `value`.
fn round(unit: Unit, value: u64) -> u64 {
    match unit {
        Unit::Count => round_count(value.max(1)),
        Unit::Duration => {
            let seconds = value.div_ceil(1_000).max(1);
            let round = ROUND_SECONDS.into_iter().find(|round| *round >= seconds);
            let hundred_days = 8_640_000;
            round.unwrap_or_else(|| round_count(seconds.div_ceil(hundred_days)) * hundred_days) * 1_000
        }
    }
}

/// 1, 2, 5, 10, 20 and so on.
fn round_count(value: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for digit in [1, 2, 5] {
            let round = power.saturating_mul(digit);
            if round >= value {
                return round;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    #[test]
    fn a_scale_ends_at_a_round_number() {
        for (values, top_of_them) in
            [(vec![], 1), (vec![0], 1), (vec![0, 0, 0], 1), (vec![1], 1), (vec![3], 5), (vec![7, 12], 20)]
        {
            assert_eq!(top(Unit::Count, &values), top_of_them, "{values:?}");
        }
        for (value, top_of_it) in [
            (0, 1_000),
            (1, 1_000),
            (3 * MINUTE, 5 * MINUTE),
            (26 * 60 * MINUTE, 48 * 60 * MINUTE),
            (101 * 24 * 60 * MINUTE, 200 * 24 * 60 * MINUTE),
        ] {
            assert_eq!(top(Unit::Duration, &[value]), top_of_it, "{value}");
        }
        assert!(top(Unit::Count, &[u64::MAX]) > 0 && top(Unit::Duration, &[u64::MAX / 2]) > 0);
    }

    #[test]
    fn one_that_is_far_above_all_others_does_not_flatten_them() {
        let days = 24 * 60 * MINUTE;
        assert_eq!(top(Unit::Duration, &[MINUTE, MINUTE, 2 * MINUTE, 2 * MINUTE, 30 * days]), 2 * MINUTE);
        assert_eq!(top(Unit::Duration, &[MINUTE, 9 * MINUTE]), 10 * MINUTE, "two are no crowd");
        let spread: Vec<u64> = (1..=10).map(|it| it * MINUTE).collect();
        assert_eq!(top(Unit::Duration, &spread), 10 * MINUTE, "what differs by little is all shown");
        assert_eq!(top(Unit::Count, &[0, 0, 0, 0, 7]), 10, "nothing is no crowd either");
    }
}
