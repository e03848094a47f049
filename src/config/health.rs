//! `health`: what is asked of an environment after each deploy.

use std::time::Duration;

use serde::Deserialize;

use super::address::address;
use super::file::duration;
use crate::domain::health::HealthCheck;

/// The table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct HealthSection {
    url: String,
    status: Option<u16>,
    successes: Option<u32>,
    interval: Option<String>,
    timeout: Option<String>,
}

/// More often would be a load of its own.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// The most questions of one deploy. Each answer may be a line of the history.
const MOST_QUESTIONS: u128 = 1_000;

impl HealthSection {
    /// What a deployment copies when it starts.
    pub(super) fn check(&self) -> Result<HealthCheck, String> {
        let status = self.status.unwrap_or(200);
        if !(200..600).contains(&status) {
            return Err(format!("health: `status` is {status}; name an HTTP status code from 200 to 599"));
        }
        let successes = self.successes.unwrap_or(3);
        let long = |text: &Option<String>, key, usual| {
            let given = duration(text.as_deref(), key).map_err(|error| format!("health: {error}"))?;
            Ok::<Duration, String>(given.unwrap_or(usual))
        };
        let interval = long(&self.interval, "interval", Duration::from_secs(5))?;
        let timeout = long(&self.timeout, "timeout", Duration::from_mins(2))?;
        if interval < SHORTEST_INTERVAL {
            return Err("health: `interval` is shorter than 1s; ask less often".to_owned());
        }
        if successes == 0 || interval.saturating_mul(successes) > timeout {
            return Err(format!(
                "health: `successes` is {successes}; name at least 1, and so many that they fit into `timeout` at one per `interval`"
            ));
        }
        if timeout.as_millis() / interval.as_millis() > MOST_QUESTIONS {
            return Err(format!(
                "health: `timeout` allows for more than {MOST_QUESTIONS} questions; make it shorter, or `interval` longer"
            ));
        }
        Ok(HealthCheck {
            url: address(&self.url).map_err(|error| format!("health: {error}"))?,
            status,
            successes,
            interval_ms: millis(interval),
            timeout_ms: millis(timeout),
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
