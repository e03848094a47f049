//! An incoming webhook of Slack: one post for each message. Nothing can be
//! changed afterwards, and nobody can answer there.

use async_trait::async_trait;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use super::SetupError;
use super::blocks::{self, Post};
use super::client::{CALL_TIMEOUT, address, later, refused, retry_after, unanswered};
use super::remedy::remedy;
use crate::domain::digest::Digest;
use crate::http::{self, Connections};
use crate::ports::{Messenger, TellError, Telling, Thread};

/// What an incoming webhook takes.
#[derive(Debug, Clone)]
pub struct HookSettings {
    /// Its address. Whoever knows it can post there.
    pub url: SecretString,
}

/// A channel of Slack behind an incoming webhook.
pub struct Hook {
    http: reqwest::Client,
    url: Url,
}

impl Hook {
    /// A messenger that posts there.
    ///
    /// # Errors
    /// When the address is none that a secret may be sent to. It is not repeated.
    pub fn new(settings: &HookSettings) -> Result<Self, SetupError> {
        let url = address(settings.url.expose_secret())?;
        Ok(Self { http: http::client(CALL_TIMEOUT, Connections::Fresh)?, url })
    }
}

#[async_trait]
impl Messenger for Hook {
    async fn tell(&self, telling: &Telling<'_>) -> Result<Option<Thread>, TellError> {
        self.post(blocks::alone(telling.message)).await.map(|()| None)
    }

    async fn tell_together(&self, digest: &Digest) -> Result<(), TellError> {
        self.post(blocks::digest(digest)).await
    }
}

impl Hook {
    async fn post(&self, post: Post) -> Result<(), TellError> {
        let sent = self.http.post(self.url.clone()).json(&post.into_json()).send().await;
        let response = sent.map_err(|error| unanswered(&error))?;
        let (status, pause) = (response.status(), retry_after(&response));
        let body = http::body(response).await.map_err(|_| later("Slack's answer broke off"))?;
        let Some(error) = refused(status, pause) else { return Ok(()) };
        // Only Slack's own words are repeated: a page could hold the address.
        let word = String::from_utf8_lossy(&body);
        match (remedy(word.trim()), error) {
            (Some(remedy), TellError::Never { .. }) => {
                Err(TellError::Never { message: format!("Slack refuses it ({}): {remedy}", word.trim()) })
            }
            (_, error) => Err(error),
        }
    }
}
