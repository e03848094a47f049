//! Many durations in three numbers.

/// What is said of many durations, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// Half took at most so long.
    pub median_ms: u64,
    /// Nine of ten took at most so long.
    pub p90_ms: u64,
    /// So many there are.
    pub count: u32,
}

impl Spread {
    /// Of these durations, in any order; `None` of none. Each number is one of
    /// them: nothing is interpolated.
    #[must_use]
    pub fn of(mut durations: Vec<u64>) -> Option<Self> {
        let last = durations.len().checked_sub(1)?;
        let mut at = |percent: usize| {
            let index = (durations.len() * percent).div_ceil(100).max(1) - 1;
            *durations.select_nth_unstable(index.min(last)).1
        };
        let (median_ms, p90_ms) = (at(50), at(90));
        Some(Self { median_ms, p90_ms, count: u32::try_from(durations.len()).unwrap_or(u32::MAX) })
    }
}

/// A part of a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// So many.
    pub part: u32,
    /// Of so many.
    pub of: u32,
}

impl Share {
    /// As a number from 0 to 1; `None` of nothing.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.of > 0).then(|| f64::from(self.part) / f64::from(self.of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_median_and_nine_of_ten() {
        let spread =
            |durations: &[u64]| Spread::of(durations.to_vec()).map(|it| (it.median_ms, it.p90_ms, it.count));
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[7]), Some((7, 7, 1)));
        assert_eq!(spread(&[9, 1]), Some((1, 9, 2)));
        assert_eq!(spread(&[10, 1, 2, 3, 4, 5, 6, 7, 8, 9]), Some((5, 9, 10)));
    }
}
