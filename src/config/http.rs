//! `[http]`: where `serve --http` is reached, and by whom.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::domain::origin::Origin;

/// `[http]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct HttpSection {
    /// Where people and clients reach this server: the proxy that terminates TLS.
    pub public_url: Option<Origin>,
    /// The web pages of others that may call it.
    pub origins: BTreeSet<Origin>,
}
