//! Webhooks to whoever wants to know, signed as Standard Webhooks 1.0.0 says; by the same
//! signature we know those of others.
//! docs/webhooks.md is the page for receivers.

mod event;
pub mod signature;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::clock::Clock;
use crate::domain::digest::Digest;
use crate::http::{self, Client, Connections};
use crate::messenger::{self, Address, Answer};
use crate::ports::{Messenger, TellError, Telling, Thread};
use crate::tally::{Tally, Upstream};

pub use event::{digest_event, event};
pub use signature::{BadSecret, Secret};

/// Whom sentences name.
const WHOM: &str = "the webhook's receiver";

/// Where a receiver is, and what it knows us by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens.
    pub address: Address,
    /// What both sides know, and nobody else.
    pub secret: Secret,
    /// How long one request may take; [`messenger::TIMEOUT`] by default.
    pub timeout: Duration,
}

/// One receiver.
pub struct Webhook {
    http: Client,
    address: Address,
    secret: Secret,
    clock: Arc<dyn Clock>,
}

impl Webhook {
    /// The one that these settings name. `clock` says when a message is signed, and calls are
    /// counted in `tally`. Nothing is sent.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, tally: &Tally) -> Result<Self, http::Error> {
        let http = Client::new(Upstream::Webhook, settings.timeout, Connections::Fresh, tally)?;
        Ok(Self { http, address: settings.address, secret: settings.secret, clock })
    }

    async fn post(&self, key: &str, event: &Value) -> Result<(), TellError> {
        let (id, body) = (event::id(key), event.to_string());
        let seconds = self.clock.now().0.div_euclid(1000).to_string();
        let signature = self.secret.signature(&id, &seconds, &body);
        let request = self
            .http
            .request(Method::POST, self.address.expose().clone())
            .header(CONTENT_TYPE, "application/json")
            .header(signature::ID_HEADER, id)
            .header(signature::TIMESTAMP_HEADER, seconds)
            .header(signature::SIGNATURE_HEADER, signature)
            .body(body);
        judged(&messenger::ask(&self.http, request, WHOM, &self.address.redaction()).await?)
    }
}

#[async_trait]
impl Messenger for Webhook {
    async fn tell(&self, telling: &Telling<'_>) -> Result<Option<Thread>, TellError> {
        let message = telling.message;
        self.post(&message.notice.key, &event(message)).await.map(|()| None)
    }

    async fn tell_together(&self, digest: &Digest) -> Result<(), TellError> {
        self.post(&digest.key, &digest_event(digest)).await
    }
}

/// By the specification, whatever is no success is tried again, but for two: who is
/// gone does not come back, and a redirect is not followed, so that a person must
/// name the other address.
fn judged(answer: &Answer) -> Result<(), TellError> {
    match answer.status {
        status if status.is_success() => Ok(()),
        StatusCode::GONE => {
            Err(answer.never(WHOM, "it wants no more messages; take the channel out of the config"))
        }
        status if status.is_redirection() => {
            Err(answer
                .never(WHOM, "it sends elsewhere, which is not followed; name the other address instead"))
        }
        _ => Err(answer.later(WHOM)),
    }
}
