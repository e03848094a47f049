//! The keys of the authorization server, fetched when they are needed, and
//! kept. Whoever's key is known waits for nobody; whoever's is not waits for
//! the one fetch that is under way.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use tokio::sync::Mutex;

use super::keys::KeySet;
use crate::domain::time::Timestamp;
use crate::http::{self, BODY_LIMIT, Client, Connections};
use crate::tally::{Outcome, Tally, Upstream};

/// How long keys are used before they are fetched again, beside the requests.
pub const FRESH_FOR: Duration = Duration::from_mins(10);

/// How long keys are used without a look at the server, which may have taken
/// one back. After a quiet time the first request waits for that look.
pub const UNSEEN_FOR: Duration = Duration::from_mins(20);

/// How long keys are used that cannot be fetched again: longer than most
/// tokens live, and no longer than somebody who was robbed of a key can bear.
pub const GOOD_FOR: Duration = Duration::from_hours(4);

/// The pause between two fetches. So a token that names a key which nobody
/// knows, as everybody can write, makes no more calls than that.
pub const RETRY_AFTER: Duration = Duration::from_secs(30);

/// How long a fetch may take: requests wait for it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why the keys are not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Nobody answers.
    #[error("the authorization server does not answer where its keys should be")]
    Silent,
    /// Something else answers.
    #[error("the authorization server answers with status {0} where its keys should be")]
    Status(StatusCode),
    /// Its answer is something else, or too large.
    #[error("what the authorization server publishes is not a set of keys")]
    NoKeySet,
    /// There is no key in it for RS256, PS256, ES256 or EdDSA that has a name.
    #[error("the authorization server publishes no key that can be used here")]
    NoKey,
}

/// The keys, and where they come from.
pub(super) struct Cache {
    url: String,
    client: Client,
    known: RwLock<Known>,
    /// Held by whoever fetches.
    fetching: Mutex<()>,
}

/// What is known now.
#[derive(Clone, Default)]
struct Known {
    keys: Arc<KeySet>,
    /// When these keys were fetched.
    fetched_at: Option<Timestamp>,
    /// When a fetch last ended.
    tried_at: Option<Timestamp>,
    /// Why that brought nothing.
    failure: Option<Unavailable>,
}

impl Known {
    fn has(&self, key_id: &str, at_most: Duration, now: Timestamp) -> bool {
        self.fetched_at.is_some_and(|at| apart(at, now) <= at_most)
            && self.keys.called(key_id).next().is_some()
    }

    fn was_looked_at(&self, at_most: Duration, now: Timestamp) -> bool {
        self.tried_at.is_some_and(|at| apart(at, now) <= at_most)
    }

    fn may_be_fetched(&self, now: Timestamp) -> bool {
        !self.was_looked_at(RETRY_AFTER, now)
    }
}

/// How far two instants are apart. A clock that is put back ages nothing by much.
fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

impl Cache {
    pub(super) fn new(url: String, upstream: Upstream, tally: &Tally) -> Result<Self, http::Error> {
        let client = Client::new(upstream, TIMEOUT, Connections::Fresh, tally)?;
        Ok(Self { url, client, known: RwLock::default(), fetching: Mutex::default() })
    }

    /// Keys, among which the one called `key_id` is if the server has it.
    pub(super) async fn with(
        self: &Arc<Self>,
        key_id: &str,
        now: Timestamp,
    ) -> Result<Arc<KeySet>, Unavailable> {
        let known = self.known();
        if known.has(key_id, GOOD_FOR, now) && known.was_looked_at(UNSEEN_FOR, now) {
            if !known.has(key_id, FRESH_FOR, now) && known.may_be_fetched(now) {
                tokio::spawn(Arc::clone(self).refresh(now));
            }
            return Ok(known.keys);
        }
        // A fetch of its own, so that a client who hangs up does not end it for the others.
        let fetched = tokio::spawn(Arc::clone(self).refresh(now)).await;
        fetched.expect("fetching keys does not panic");
        let known = self.known();
        match known.failure {
            Some(failure) if !known.has(key_id, GOOD_FOR, now) => Err(failure),
            _ => Ok(known.keys),
        }
    }

    /// The keys as the server has them.
    pub(super) async fn fetched(&self) -> Result<KeySet, Unavailable> {
        let request = self.client.request(Method::GET, &self.url);
        let answer = self.client.send(request).await.map_err(|_| Unavailable::Silent)?;
        if answer.status() != StatusCode::OK {
            return Err(Unavailable::Status(answer.status()));
        }
        let (document, mut call) = answer.body_up_to(BODY_LIMIT).await;
        let document = document.map_err(|_| Unavailable::NoKeySet)?;
        let Some(keys) = KeySet::read(&document) else {
            call.came_to(Outcome::Unreadable);
            return Err(Unavailable::NoKeySet);
        };
        if keys.len() == 0 { Err(Unavailable::NoKey) } else { Ok(keys) }
    }

    /// Fetch the keys, unless somebody just has. Where that fails those that are known stay.
    async fn refresh(self: Arc<Self>, now: Timestamp) {
        let _alone = self.fetching.lock().await;
        let before = self.known();
        if !before.may_be_fetched(now) {
            return;
        }
        let fetched = self.fetched().await;
        let failure = fetched.as_ref().err().copied();
        match failure {
            Some(failure) if before.failure != Some(failure) => {
                tracing::warn!(url = %self.url, %failure, "keys that verify tokens could not be fetched");
            }
            None if before.failure.is_some() => tracing::info!(url = %self.url, "keys are fetched again"),
            _ => {}
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Ok(keys) = fetched {
            (known.keys, known.fetched_at) = (Arc::new(keys), Some(now));
        }
        (known.tried_at, known.failure) = (Some(now), failure);
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
