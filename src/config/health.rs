//! `health`: what is asked of an environment after each deploy.

use std::time::Duration;

use serde::Deserialize;

use super::file::duration;
use crate::domain::health::HealthCheck;
use crate::domain::origin::host_of;
use crate::domain::template::Template;

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
            url: address(&self.url)?,
            status,
            successes,
            interval_ms: millis(interval),
            timeout_ms: millis(timeout),
        })
    }
}

/// The address, with whatever is filled in below a domain that the config names:
/// a caller chooses branch and service, and must not choose whom this server asks.
fn address(written: &str) -> Result<Template, String> {
    let wrong = |rule: &str| Err(format!("health: `url` is `{written}`; {rule}"));
    let url: Template = written.parse().map_err(|error| format!("health: {error}"))?;
    let sketch = url.filled(|_| HOLE.to_string());
    let Some(rest) = sketch.strip_prefix("https://").or_else(|| sketch.strip_prefix("http://")) else {
        return wrong("write an address that begins with https:// or http://");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return wrong("it is asked without user and password; leave them out");
    }
    let plain = |byte: char| byte.is_ascii_alphanumeric() || ".-_:[]".contains(byte) || byte == HOLE;
    if host_of(authority).is_empty() || !authority.chars().all(plain) {
        return wrong("write a host after the scheme");
    }
    if !rest.chars().all(|it| it.is_ascii_graphic() || it == HOLE) || rest.contains(['#', '\\']) {
        return wrong("write it without blanks, `#` and `\\`, and other characters percent-encoded");
    }
    match authority.rsplit_once(HOLE) {
        Some((_, domain)) if !domain.starts_with('.') || host_of(domain).len() < 2 => wrong(
            "end the host with a domain after the last placeholder, such as `.prod.acme.example`, or a caller would choose whom the server asks",
        ),
        _ => Ok(url),
    }
}

/// Where something is filled in; no address has it.
const HOLE: char = '\0';

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
