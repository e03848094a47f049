//! When a failed attempt is made again.

use std::time::Duration;

use super::execution::{Failure, Retry};

/// Attempts per visit of a stage, the first included.
pub const MAX_ATTEMPTS: u32 = 3;

/// The longest pause that backoff alone asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The longest pause that a `Retry-After` may ask for; a longer one would hide a stuck stage.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(5);

/// The pause before the attempt that follows attempt number `attempt` (from 1):
/// 1 s, 2 s, 4 s and so on up to 30 s, less up to half of it by `jitter`, and
/// never less than a `Retry-After`. `None`: do not try again.
#[must_use]
pub fn pause_after(attempt: u32, failure: &Failure, jitter: u128) -> Option<Duration> {
    let Retry::Retryable { after } = failure.retry else { return None };
    if attempt >= MAX_ATTEMPTS {
        return None;
    }
    Some(backoff(attempt, jitter).max(after.unwrap_or_default().min(LONGEST_RETRY_AFTER)))
}

/// Exponential backoff with jitter: between half and all of 2^(n-1) seconds, capped.
#[must_use]
pub fn backoff(attempt: u32, jitter: u128) -> Duration {
    let full = Duration::from_secs(1 << (attempt.clamp(1, 6) - 1)).min(LONGEST_PAUSE);
    let half = full / 2;
    let spread = u128::from(u64::try_from(half.as_millis()).unwrap_or(u64::MAX)) + 1;
    half + Duration::from_millis(u64::try_from(jitter % spread).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::execution::Cause;

    fn failure(retry: Retry) -> Failure {
        Failure { cause: Cause::Upstream, message: String::new(), retry }
    }

    #[test]
    fn pauses_grow_within_their_bounds_and_end() {
        let transient = failure(Retry::Retryable { after: None });
        for (attempt, least, most) in [(1, 500, 1_000), (2, 1_000, 2_000)] {
            for jitter in [0, 1, 77, u128::MAX] {
                let pause = pause_after(attempt, &transient, jitter).unwrap().as_millis();
                assert!((least..=most).contains(&pause), "attempt {attempt}: {pause} ms");
            }
        }
        assert_eq!(pause_after(3, &transient, 0), None);
        assert_eq!(pause_after(1, &failure(Retry::Final), 0), None);
        assert!(backoff(40, u128::MAX) <= LONGEST_PAUSE);
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_limit() {
        let asks = |seconds| failure(Retry::Retryable { after: Some(Duration::from_secs(seconds)) });
        assert_eq!(pause_after(1, &asks(17), 0), Some(Duration::from_secs(17)));
        assert_eq!(pause_after(1, &asks(86_400), 0), Some(LONGEST_RETRY_AFTER));
        assert_eq!(pause_after(2, &asks(0), 0), Some(Duration::from_secs(1)));
    }
}
