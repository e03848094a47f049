//! How often something took how long.

use std::time::Duration;

/// Counts of durations, each in the first bucket that it does not exceed.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// In seconds, ascending.
    bounds: &'static [f64],
    /// One more than bounds: whatever exceeds the last.
    counts: Vec<u64>,
    seconds: f64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], seconds: 0.0 }
    }

    pub(super) fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.seconds += seconds;
    }

    /// The upper bound of each bucket in seconds, the last infinite, and how many are in it
    /// and in none before it.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().copied()).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many seconds all of them took together.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_that_it_does_not_exceed() {
        let mut histogram = Histogram::new(&[0.25, 1.0]);
        for millis in [0, 250, 251, 1_000, 1_001, 60_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        assert_eq!(histogram.buckets(), [(0.25, 2), (1.0, 2), (f64::INFINITY, 2)]);
        assert_eq!((histogram.count(), histogram.seconds()), (6, 62.502));
    }
}
