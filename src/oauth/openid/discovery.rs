//! What an OpenID provider says of itself (OpenID Connect Discovery 1.0): found when it is
//! needed, and kept for a while.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::super::cache::Cache;
use crate::domain::time::Timestamp;
use crate::http::{self, Client};
use crate::tally::{Outcome, Tally, Upstream};

/// How long what was found is used. Providers move about once in years.
const GOOD_FOR: Duration = Duration::from_hours(1);

/// The pause after one that brought nothing, however many want to sign in.
pub const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The largest document. Honest ones have 10 KiB.
const LARGEST: usize = 256 * 1024;

/// Why it is not known where people sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undiscovered {
    /// Nobody answers.
    #[error("the provider does not answer where it should describe itself")]
    Silent,
    /// Something else answers.
    #[error("the provider answers with status {0} where it should describe itself")]
    Status(StatusCode),
    /// Its answer is something else, too large, or lacks something.
    #[error("the provider does not describe itself as OpenID Connect has it")]
    Malformed,
    /// It is another one, or calls itself differently.
    #[error("the provider calls itself otherwise than `issuer` in the config of this server")]
    Issuer,
    /// Others could read on the way, or change what is read.
    #[error("the provider names an address that is not safe to ask: `{0}`")]
    Unsafe(&'static str),
    /// A code that was stolen could be used by the thief.
    #[error("the provider does not support PKCE with S256")]
    NoPkce,
}

/// What is needed of it.
pub(super) struct Metadata {
    /// Where people sign in.
    pub(super) authorization: Url,
    /// Where codes are exchanged.
    pub(super) token: Url,
    /// How we show our secret there.
    pub(super) showing: Showing,
    /// Whether its answers say from whom they are (RFC 9207).
    pub(super) names_itself: bool,
    /// Its keys, and where they come from.
    pub(super) keys: Arc<Cache>,
}

/// Where a client's secret stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Showing {
    /// In a header.
    Basic,
    /// In the body.
    Post,
}

/// The document.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    code_challenge_methods_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// The provider of this name, and what is known of it.
pub(super) struct Discovery {
    issuer: String,
    client: Client,
    /// For the client of its keys.
    tally: Tally,
    /// Held by whoever asks, so that one does at a time.
    known: Mutex<Option<Known>>,
}

/// What the last question brought.
struct Known {
    at: Timestamp,
    found: Result<Arc<Metadata>, Undiscovered>,
}

impl Discovery {
    pub(super) fn new(issuer: String, client: Client, tally: &Tally) -> Self {
        Self { issuer, client, tally: tally.clone(), known: Mutex::default() }
    }

    /// What the provider says of itself, at most [`GOOD_FOR`] ago.
    pub(super) async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, Undiscovered> {
        let mut known = self.known.lock().await;
        if let Some(Known { at, found }) = &*known {
            let good_for = if found.is_ok() { GOOD_FOR } else { RETRY_AFTER };
            // A clock that is put back makes nothing good for longer.
            if now.since(*at).max(at.since(now)) <= good_for {
                return found.clone();
            }
        }
        let found = self.found().await.map(Arc::new);
        if let Err(failure) = &found {
            tracing::warn!(issuer = %self.issuer, %failure, "nobody can sign in at the OpenID provider");
        }
        *known = Some(Known { at: now, found: found.clone() });
        found
    }

    async fn found(&self) -> Result<Metadata, Undiscovered> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let request = self.client.request(Method::GET, url);
        let answer = self.client.send(request).await.map_err(|_| Undiscovered::Silent)?;
        if answer.status() != StatusCode::OK {
            return Err(Undiscovered::Status(answer.status()));
        }
        let (body, mut call) = answer.body_up_to(LARGEST).await;
        let body = body.map_err(|_| Undiscovered::Malformed)?;
        let document: Document = serde_json::from_slice(&body).map_err(|_| {
            call.came_to(Outcome::Unreadable);
            Undiscovered::Malformed
        })?;
        self.read(document)
    }

    fn read(&self, document: Document) -> Result<Metadata, Undiscovered> {
        if document.issuer != self.issuer {
            return Err(Undiscovered::Issuer);
        }
        let methods = document.code_challenge_methods_supported;
        if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
            return Err(Undiscovered::NoPkce);
        }
        let showing = match document.token_endpoint_auth_methods_supported {
            Some(ways) if has(&ways, "client_secret_post") && !has(&ways, "client_secret_basic") => {
                Showing::Post
            }
            _ => Showing::Basic,
        };
        let keys = self.safe("jwks_uri", &document.jwks_uri)?;
        let keys =
            Cache::new(keys.into(), Upstream::Openid, &self.tally).map_err(|_| Undiscovered::Malformed)?;
        Ok(Metadata {
            authorization: self.safe("authorization_endpoint", &document.authorization_endpoint)?,
            token: self.safe("token_endpoint", &document.token_endpoint)?,
            showing,
            names_itself: document.authorization_response_iss_parameter_supported,
            keys: Arc::new(keys),
        })
    }

    /// The address, if nobody can listen on the way: https, or on this machine as the issuer is.
    fn safe(&self, name: &'static str, address: &str) -> Result<Url, Undiscovered> {
        let url: Url = address.parse().map_err(|_| Undiscovered::Unsafe(name))?;
        let is_local = || !self.issuer.starts_with("https://") && http::is_loopback(&url);
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_local();
        if is_safe && !has_credentials && url.fragment().is_none() {
            Ok(url)
        } else {
            Err(Undiscovered::Unsafe(name))
        }
    }
}

fn has(ways: &[String], way: &str) -> bool {
    ways.iter().any(|it| it == way)
}
