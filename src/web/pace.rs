//! How fast somebody may ask. Who asks faster is told to wait; others notice nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many seconds' worth of requests may come at once.
const BURST: u32 = 4;

/// The pace of everybody. All are remembered: let there be no more than the config has people.
pub(super) struct Pace<Who> {
    every: Duration,
    /// When each has paid for what they asked.
    paid_until: Mutex<BTreeMap<Who, Instant>>,
}

impl<Who: Ord + Clone> Pace<Who> {
    /// At most so many requests in a second, in the long run.
    pub(super) fn new(per_second: u32) -> Self {
        Self { every: Duration::from_secs(1) / per_second.max(1), paid_until: Mutex::new(BTreeMap::new()) }
    }

    /// Count a request; or say how long to wait.
    pub(super) fn take(&self, who: &Who) -> Result<(), Duration> {
        let now = Instant::now();
        let mut paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        let until = paid_until.get(who).copied().map_or(now, |until| until.max(now)) + self.every;
        let latest = now + Duration::from_secs(BURST.into());
        if until > latest {
            return Err(until - latest);
        }
        paid_until.insert(who.clone(), until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::token::Holder;

    #[tokio::test(start_paused = true)]
    async fn one_principal_is_slowed_down_and_others_are_not() {
        let pace = Pace::new(10);
        let holder = |name: &str| Holder::Human { name: name.parse().unwrap() };
        let (eager, calm) = (holder("eager"), holder("calm"));
        for _ in 0..40 {
            pace.take(&eager).unwrap();
        }
        assert_eq!(pace.take(&eager), Err(Duration::from_millis(100)));
        assert_eq!(pace.take(&calm), Ok(()));
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(pace.take(&eager), Ok(()));
        assert!(pace.take(&eager).is_err());
    }
}
