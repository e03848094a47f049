//! Access tokens of the authorization server that the config names: whether it
//! signed them, and what they grant. Beside them, people who sign in ([`openid`]).
//!
//! The token is read ([`token`]), the key that it names is found among those
//! that the server publishes ([`keys`], [`cache`]), the signature is verified
//! ([`signature`]), and the claims are judged by the domain. A token is kept nowhere, and
//! no error repeats any of it.
//!
//! Not in here: who the person is, and what they may, which the config says; and HTTP's answers.

mod cache;
mod keys;
pub mod openid;
mod signature;
mod token;

use std::sync::Arc;

use crate::domain::claims::{self, Expected, Granted};
use crate::domain::time::Timestamp;
use crate::http;
use crate::tally::{Tally, Upstream};

use cache::Cache;
pub use cache::{FRESH_FOR, GOOD_FOR, RETRY_AFTER, UNSEEN_FOR, Unavailable};
pub use token::Fault;
use token::{Kind, Presented};

/// The authorization server whose tokens are accepted. Cheap to clone.
#[derive(Clone)]
pub struct AuthorizationServer {
    /// What its tokens must say.
    pub expected: Arc<Expected>,
    keys: Arc<Cache>,
}

/// Why a token grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The server did not sign it, or not so that it can be checked here.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It says the wrong things.
    #[error(transparent)]
    Claims(#[from] claims::Refused),
    /// Nobody can tell now: the keys are not to be had.
    #[error("this token cannot be checked: {0}")]
    Unavailable(#[from] Unavailable),
}

impl AuthorizationServer {
    /// One that publishes its keys at `keys_url`. They are fetched when the first token comes,
    /// which is counted in `tally`.
    ///
    /// # Errors
    /// When the system has no usable root certificates.
    pub fn new(expected: Expected, keys_url: String, tally: &Tally) -> Result<Self, http::Error> {
        signature::install();
        let keys = Arc::new(Cache::new(keys_url, Upstream::Oauth, tally)?);
        Ok(Self { expected: Arc::new(expected), keys })
    }

    /// What `token` grants to whoever shows it at `now`.
    ///
    /// # Errors
    /// Why it grants nothing.
    pub async fn examine(&self, token: &str, now: Timestamp) -> Result<Granted, Refused> {
        let presented = Presented::read(token, Kind::Access)?;
        let keys = self.keys.with(&presented.key_id, now).await?;
        let claims = presented.verified(keys.called(&presented.key_id))?;
        Ok(self.expected.judge(&claims, now)?)
    }

    /// Fetch the keys, however fresh those are that are known; how many can be used.
    ///
    /// # Errors
    /// Why they are not to be had.
    pub async fn reach(&self) -> Result<usize, Unavailable> {
        Ok(self.keys.fetched().await?.len())
    }
}
