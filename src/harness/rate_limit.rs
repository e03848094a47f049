//! How often Harness is asked.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A token bucket that fills steadily and holds one second's worth. Harness
/// allows 400 requests a minute to a key; a bucket of 6 a second stays below
/// that in every minute.
pub(super) struct RateLimit {
    /// Between two requests when the bucket is empty.
    interval: Duration,
    /// How far behind the steady pace a caller may be and catch up at once.
    slack: Duration,
    /// When the next request would be due at the steady pace.
    next: Mutex<Option<Instant>>,
}

impl RateLimit {
    pub(super) fn per_second(requests: u32) -> Self {
        let requests = requests.max(1);
        let interval = Duration::from_secs(1) / requests;
        Self { interval, slack: interval * (requests - 1), next: Mutex::new(None) }
    }

    /// Returns when it is the caller's turn; turns are given in the order of
    /// the calls. A caller that stops waiting loses its turn.
    pub(super) async fn turn(&self) {
        sleep_until(self.reserve(Instant::now())).await;
    }

    fn reserve(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(self.slack).unwrap_or(now);
        let due = next.map_or(earliest, |next| next.max(earliest));
        *next = Some(due + self.interval);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_bucket_is_spent_at_once_and_then_the_pace_is_steady() {
        let limit = RateLimit::per_second(6);
        let start = Instant::now();
        for _ in 0..6 {
            limit.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);

        for _ in 0..60 {
            limit.turn().await;
        }
        let spent = start.elapsed();
        assert!((Duration::from_secs(10)..Duration::from_millis(10_100)).contains(&spent), "{spent:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_never_holds_more_than_a_second_of_requests() {
        let limit = RateLimit::per_second(6);
        limit.turn().await;
        tokio::time::sleep(Duration::from_secs(3600)).await;

        let start = Instant::now();
        for _ in 0..12 {
            limit.turn().await;
        }
        assert!(start.elapsed() >= Duration::from_millis(990), "{:?}", start.elapsed());
    }
}
