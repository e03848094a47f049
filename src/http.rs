//! The one place that makes HTTP clients, and the one way to read a body.
//!
//! Whoever is called by this program is called with a [`Client`], which counts its calls.
//! Every client has timeouts, speaks TLS with rustls and ring, and follows no
//! redirect: an API that redirects is a login page or the wrong address, and
//! whoever asked must see that instead of the page behind it. Every body is
//! read up to [`BODY_LIMIT`], and what others say in it stays free of our secrets
//! by [`Redaction`].

mod client;
mod redaction;
mod retry_after;

use std::error::Error as _;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;

pub use client::{Answer, Client};
pub use redaction::Redaction;
pub use retry_after::retry_after;

/// The largest body that is read. The largest honest answer, a page of 100
/// executions with all their stages, stays well below it.
pub const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// How long a connection may take to be made, TLS included. Short, because a
/// failure to connect is the one failure that is known to have had no effect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an unused connection is kept. Below the idle limit of the usual
/// load balancers (60 s), so that we close it and not they.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The same for a server of our own, which hangs up after 10 s.
const SHORT_IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Said to every server.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// What becomes of a connection after its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// Kept for the next request: for reads, which are repeated when a kept
    /// connection turns out to be dead.
    Kept,
    /// Made for one request: for effects, so that a dead connection shows while
    /// connecting, when it is still certain that nothing was sent.
    Fresh,
}

/// A client could not be made: the TLS library refused its own settings, or the
/// system has no root certificates.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client could be made")]
pub struct Error(#[source] reqwest::Error);

/// A client whose calls end after `timeout`, from connecting to the last byte. Nobody counts them.
///
/// # Errors
/// When the system has no usable root certificates.
pub fn client(timeout: Duration, connections: Connections) -> Result<reqwest::Client, Error> {
    let kept = match connections {
        Connections::Kept => usize::MAX,
        Connections::Fresh => 0,
    };
    builder(timeout).timeout(timeout).pool_max_idle_per_host(kept).build().map_err(Error)
}

/// The way to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Past every proxy that the environment names: what is meant for this machine stays on it.
    Direct,
    /// As the environment says.
    AsConfigured,
}

/// A client whose calls may take as long as they like, but in which nothing may be
/// heard of the server for at most `silence`: for streams.
///
/// # Errors
/// As [`client`].
pub fn patient_client(silence: Duration, way: Way) -> Result<reqwest::Client, Error> {
    let builder = builder(silence).read_timeout(silence).pool_idle_timeout(SHORT_IDLE_TIMEOUT);
    let builder = match way {
        Way::Direct => builder.no_proxy(),
        Way::AsConfigured => builder,
    };
    builder.build().map_err(Error)
}

fn builder(timeout: Duration) -> reqwest::ClientBuilder {
    install_tls_provider();
    #[expect(clippy::disallowed_methods, reason = "this is the one home of HTTP clients")]
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .pool_idle_timeout(IDLE_TIMEOUT)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .tcp_nodelay(true)
}

/// rustls takes its cryptography from one provider per program; the first to
/// install one wins, and any is as good for us.
fn install_tls_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

/// Whether `url` leads to this machine, so that nobody reads on the way.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// What lies at the bottom of an error, where it says what happened: "Connection
/// refused" and not "error sending request". Never with the URL.
#[must_use]
pub fn innermost(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = None;
    while let Some(error) = cause {
        text = Some(error.to_string());
        cause = error.source();
    }
    text.unwrap_or_else(|| "no reason is known".to_owned())
}

/// A body that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is larger than it may be. The rest was not read.
    #[error("the answer is larger than {} MiB", BODY_LIMIT / (1024 * 1024))]
    TooLarge,
    /// It broke off, or did not come in time.
    #[error("the answer broke off")]
    Broken(#[source] reqwest::Error),
}

/// The body of `response`, if it is no larger than [`BODY_LIMIT`].
///
/// # Errors
/// When it is larger, which is noticed without reading it all, or breaks off.
pub async fn body(response: reqwest::Response) -> Result<Vec<u8>, BodyError> {
    body_up_to(BODY_LIMIT, response).await
}

/// The body of `response`, if it is no larger than `limit`.
///
/// # Errors
/// As [`body`].
pub async fn body_up_to(limit: usize, mut response: reqwest::Response) -> Result<Vec<u8>, BodyError> {
    if response.content_length().is_some_and(|announced| announced > limit as u64) {
        return Err(BodyError::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
