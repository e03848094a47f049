//! The client of one Harness project: who we are, and how calls are made.
//!
//! Reads are repeated a few times; effects are made once. Which call is which
//! is said by the two methods [`Client::read`] and [`Client::effect`], and the
//! two ports are implemented in `reads` and `effects`.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use crate::clock::Random;
use crate::domain::execution::Retry;
use crate::domain::id::VariableName;
use crate::http::{self, Connections, Redaction};
use crate::tally::{Tally, Upstream};

use super::error::CallFailure;
use super::rate_limit::RateLimit;
use super::recent::Recent;
use super::request::Request;

/// Where Harness is and who we are there.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://app.harness.io`, or a vanity host, or the simulator. May have a path.
    pub base_url: String,
    /// The account.
    pub account: String,
    /// The organisation in the account.
    pub org: String,
    /// The project in the organisation.
    pub project: String,
    /// A personal or a service account token.
    pub api_key: SecretString,
    /// The pipeline variable that carries a run's correlation key.
    pub correlation_variable: VariableName,
    /// How long one request may take.
    pub timeout: Duration,
    /// How many requests to make in a second, at most.
    pub requests_per_second: u32,
}

impl Settings {
    /// Long enough for Harness's slowest honest answer, and below
    /// [`TRIGGER_TIMEOUT`](crate::ports::TRIGGER_TIMEOUT), so that a late
    /// answer is our verdict and not our caller's.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

    /// Below Harness's limit of 400 requests a minute to a key.
    pub const DEFAULT_REQUESTS_PER_SECOND: u32 = 6;

    /// The account that an API key belongs to, which is its second part
    /// (`pat.<account>.<token>.<secret>`).
    #[must_use]
    pub fn account_of(api_key: &SecretString) -> Option<String> {
        let account = api_key.expose_secret().split('.').nth(1)?;
        Some(account.to_owned()).filter(|account| !account.is_empty())
    }
}

/// Settings that no client can be made of.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The base URL is not an absolute http or https URL.
    #[error("the Harness base URL `{0}` is not an http or https URL")]
    BaseUrl(String),
    /// The API key cannot be sent: it is empty or has characters that no header can hold.
    #[error("the Harness API key is empty or holds characters that no API key has")]
    ApiKey,
    /// No HTTP client.
    #[error(transparent)]
    Http(#[from] http::Error),
}

/// How often a read is repeated after a failure that may pass.
const RETRIES: u32 = 3;

/// The pause before the first repetition, at most; it doubles every time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest `Retry-After` that is waited for here. A longer one is handed to
/// the caller, who has better things to do meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A client of one Harness project. Implements
/// [`Executions`](crate::ports::Executions) and [`Pipelines`](crate::ports::Pipelines).
pub struct Client {
    pub(super) settings: Settings,
    base: Url,
    reads: http::Client,
    effects: http::Client,
    key: HeaderValue,
    redaction: Redaction,
    limit: RateLimit,
    pub(super) templates: Recent,
    random: Arc<dyn Random>,
}

impl Client {
    /// A client with these settings. `random` spreads the repetitions of reads; calls are counted in `tally`.
    ///
    /// # Errors
    /// When the settings cannot be used. Nothing is sent.
    pub fn new(settings: Settings, random: Arc<dyn Random>, tally: &Tally) -> Result<Self, SetupError> {
        let base = Url::parse(&settings.base_url).ok();
        let base = base.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let base = base.ok_or_else(|| SetupError::BaseUrl(settings.base_url.clone()))?;
        let http = |connections| http::Client::new(Upstream::Harness, settings.timeout, connections, tally);
        Ok(Self {
            base,
            reads: http(Connections::Kept)?,
            effects: http(Connections::Fresh)?,
            key: header(&settings.api_key)?,
            redaction: Redaction::of(secrets_of(&settings.api_key)),
            limit: RateLimit::per_second(settings.requests_per_second),
            templates: Recent::default(),
            random,
            settings,
        })
    }

    /// A request to `path` below the base URL, with the scope that every call needs.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> Request {
        Request::new(method, self.address(path), self.key.clone())
            .query("accountIdentifier", &self.settings.account)
            .query("orgIdentifier", &self.settings.org)
            .query("projectIdentifier", &self.settings.project)
    }

    /// The base URL and `path`, each part of it encoded.
    pub(super) fn address(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut().expect("an http URL has a path").pop_if_empty().extend(path);
        url
    }

    /// Make a call that may be made again, and make it again if that can help.
    /// No repetition begins later than one timeout after the first call.
    pub(super) async fn read<T: DeserializeOwned>(&self, request: &Request) -> Result<T, CallFailure> {
        let start = Instant::now();
        let mut repeated = 0;
        loop {
            self.limit.turn().await;
            let failure = match request.send(&self.reads, &self.redaction).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let pause = match failure.error.retry {
                Retry::Retryable { after: Some(after) } => after,
                Retry::Retryable { after: None } => self.pause(repeated),
                Retry::Final => return Err(failure),
            };
            if repeated == RETRIES || pause > LONGEST_WAIT || start.elapsed() >= self.settings.timeout {
                return Err(failure);
            }
            tracing::debug!(error = %failure.error, ?pause, "a read of Harness failed and will be repeated");
            sleep(pause).await;
            repeated += 1;
        }
    }

    /// Make a call that must not be made twice.
    pub(super) async fn effect<T: DeserializeOwned>(&self, request: &Request) -> Result<T, CallFailure> {
        self.limit.turn().await;
        request.send(&self.effects, &self.redaction).await
    }

    /// Between half and all of the doubled pause, so that clients that failed
    /// together do not come back together.
    fn pause(&self, repeated: u32) -> Duration {
        let longest = FIRST_PAUSE * 2_u32.saturating_pow(repeated);
        let millis = u64::try_from(longest.as_millis() / 2).unwrap_or(u64::MAX).max(1);
        let spread = u64::try_from(self.random.bits() % u128::from(millis)).unwrap_or(0);
        Duration::from_millis(millis + spread)
    }
}

/// The shortest part of a key that is taken for a secret by itself. Shorter
/// parts are words.
const SECRET_PART: usize = 8;

/// The key, and its secret last part (`pat.<account>.<token>.<secret>`).
fn secrets_of(key: &SecretString) -> Vec<SecretString> {
    let last = key.expose_secret().rsplit('.').next().filter(|part| part.len() >= SECRET_PART);
    [Some(key.clone()), last.map(SecretString::from)].into_iter().flatten().collect()
}

/// The key as a header that no debug output shows.
fn header(key: &SecretString) -> Result<HeaderValue, SetupError> {
    let key = key.expose_secret();
    let mut value = HeaderValue::from_str(key).map_err(|_| SetupError::ApiKey)?;
    if key.trim().is_empty() {
        return Err(SetupError::ApiKey);
    }
    value.set_sensitive(true);
    Ok(value)
}
