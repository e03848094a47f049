//! `[http]`: where `serve --http` is reached, and by whom.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use serde::Deserialize;

use super::oauth::OauthSection;
use super::sign_in::{SignInSection, redirect_uri};
use crate::domain::origin::Origin;

/// `[http]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct HttpSection {
    /// Where people and clients reach this server: the proxy that terminates TLS.
    pub public_url: Option<Origin>,
    /// The web pages of others that may call it.
    pub origins: BTreeSet<Origin>,
    /// How many requests each principal may make in a second, in the long run.
    pub requests_per_second: NonZeroU32,
    /// The authorization server whose access tokens are accepted, too.
    pub oauth: Option<OauthSection>,
    /// Where people sign in to the pages, beside the tokens for browsers.
    pub sign_in: Option<SignInSection>,
}

/// Far more than an agent needs, and far less than the server bears.
const DEFAULT_PACE: NonZeroU32 = NonZeroU32::new(50).expect("it is not zero");

impl Default for HttpSection {
    fn default() -> Self {
        Self {
            public_url: None,
            origins: BTreeSet::new(),
            requests_per_second: DEFAULT_PACE,
            oauth: None,
            sign_in: None,
        }
    }
}

impl HttpSection {
    /// Where the OpenID provider sends people back to.
    ///
    /// # Errors
    /// When nobody can come back there, or not safely.
    pub fn redirect_uri(&self) -> Result<String, String> {
        redirect_uri(self.public_url.as_ref())
    }
}
