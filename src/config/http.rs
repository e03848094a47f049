//! `[http]`: where `serve --http` is reached, and by whom.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use serde::Deserialize;

use super::oauth::OauthSection;
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
}

/// Far more than an agent needs, and far less than the server bears.
const DEFAULT_PACE: NonZeroU32 = NonZeroU32::new(50).expect("it is not zero");

impl Default for HttpSection {
    fn default() -> Self {
        Self { public_url: None, origins: BTreeSet::new(), requests_per_second: DEFAULT_PACE, oauth: None }
    }
}
