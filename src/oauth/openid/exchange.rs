//! A code for an ID token (RFC 6749, 4.1.3). The access token that comes along is not looked at.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::{Serializer, byte_serialize};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::discovery::{Metadata, Showing};
use super::{Asked, Settings};
use crate::http::{self, Client};
use crate::tally::Outcome;

/// How long the provider may take for an answer: somebody waits for a page.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answer. The tokens in it are bounded by themselves.
const LARGEST: usize = 128 * 1024;

/// The longest error code that is repeated. The longest that is standardised has 30 characters.
const LONGEST_CODE: usize = 40;

/// Why there is no ID token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// Nobody answers, or not in time.
    #[error("the provider does not answer")]
    Silent,
    /// It says no, with this code of RFC 6749.
    #[error("the provider refuses what it had given: {0}")]
    Refused(String),
    /// Its answer is something else, or too large.
    #[error("the provider answers something that cannot be read")]
    Malformed,
}

#[derive(Deserialize)]
struct Given {
    id_token: String,
}

#[derive(Deserialize)]
struct Denied {
    error: String,
}

/// The ID token that the provider gives for `code`.
pub(super) async fn exchange(
    client: &Client,
    metadata: &Metadata,
    settings: &Settings,
    code: &str,
    asked: &Asked,
) -> Result<String, Failed> {
    let request = request(client, metadata, settings, code, asked);
    let answer = client.send(request).await.map_err(|_| Failed::Silent)?;
    let is_good = answer.status().is_success();
    let (body, mut call) = answer.body_up_to(LARGEST).await;
    let body = body.map_err(|error| match error {
        http::BodyError::TooLarge => Failed::Malformed,
        http::BodyError::Broken(_) => Failed::Silent,
    })?;
    if is_good {
        return serde_json::from_slice(&body).map(|given: Given| given.id_token).map_err(|_| {
            call.came_to(Outcome::Unreadable);
            Failed::Malformed
        });
    }
    let denied: Denied = serde_json::from_slice(&body).map_err(|_| Failed::Malformed)?;
    Err(if is_code(&denied.error) { Failed::Refused(denied.error) } else { Failed::Malformed })
}

fn request(
    client: &Client,
    metadata: &Metadata,
    settings: &Settings,
    code: &str,
    asked: &Asked,
) -> RequestBuilder {
    let client_id = &settings.expected.client_id;
    let mut body = Serializer::new(String::new());
    body.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &settings.redirect_uri)
        .append_pair("code_verifier", &asked.verifier);
    let mut request = client.request(Method::POST, metadata.token.clone()).header(ACCEPT, "application/json");
    match (&settings.secret, metadata.showing) {
        (Some(secret), Showing::Basic) => {
            request = request.header(AUTHORIZATION, basic(client_id, secret));
        }
        (Some(secret), Showing::Post) => {
            body.append_pair("client_id", client_id).append_pair("client_secret", secret.expose_secret());
        }
        (None, _) => {
            body.append_pair("client_id", client_id);
        }
    }
    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.finish())
}

/// Whether it looks like one of the codes that are standardised, and cannot be anybody's text.
#[must_use]
pub fn is_code(text: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_lowercase() || it == b'_';
    !text.is_empty() && text.len() <= LONGEST_CODE && text.bytes().all(is_plain)
}

/// Both are encoded before they are joined (RFC 6749, 2.3.1).
fn basic(client_id: &str, secret: &SecretString) -> HeaderValue {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client_id), encoded(secret.expose_secret()));
    let mut value =
        HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).expect("base64 is plain");
    value.set_sensitive(true);
    value
}
