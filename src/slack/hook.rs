//! An incoming webhook of Slack: one post for each message. Nothing can be
//! changed afterwards, and nobody can answer there.

use async_trait::async_trait;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};

use super::SetupError;
use super::blocks::{self, Post};
use super::client::{WHOM, refused};
use super::remedy::remedy;
use crate::domain::digest::Digest;
use crate::http::{Client, Connections};
use crate::messenger::{self, Address};
use crate::ports::{Messenger, TellError, Telling, Thread};
use crate::tally::{Tally, Upstream};

/// What an incoming webhook takes.
#[derive(Debug, Clone)]
pub struct HookSettings {
    /// Its address. Whoever knows it can post there.
    pub url: SecretString,
}

/// A channel of Slack behind an incoming webhook.
pub struct Hook {
    http: Client,
    address: Address,
}

impl Hook {
    /// A messenger that posts there. Calls are counted in `tally`.
    ///
    /// # Errors
    /// When the address is none that a secret may be sent to. It is not repeated.
    pub fn new(settings: &HookSettings, tally: &Tally) -> Result<Self, SetupError> {
        let address = settings.url.expose_secret().parse()?;
        let http = Client::new(Upstream::Slack, messenger::TIMEOUT, Connections::Fresh, tally)?;
        Ok(Self { http, address })
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
        let request = self.http.request(Method::POST, self.address.expose().clone());
        let request = request.json(&post.into_json());
        let came = messenger::ask(&self.http, request, WHOM, &self.address.redaction()).await?;
        let Some(error) = refused(&came) else { return Ok(()) };
        // Only Slack's own words are repeated: a page could hold the address.
        let word = came.body.trim();
        match (remedy(word), error) {
            (Some(remedy), TellError::Never { .. }) => {
                Err(TellError::Never { message: format!("Slack refuses it ({word}): {remedy}") })
            }
            (_, error) => Err(error),
        }
    }
}
