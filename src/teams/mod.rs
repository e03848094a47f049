//! Microsoft Teams, by the webhook of a workflow: one card for each message.
//!
//! What is posted can neither be changed nor found again, and a webhook takes no
//! answers from people: a card leads to the page on which they decide.

mod card;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::domain::digest::Digest;
use crate::http::{self, Client, Connections};
use crate::messenger::{self, Address, Answer};
use crate::ports::{Messenger, TellError, Telling, Thread};
use crate::tally::{Tally, Upstream};

pub use card::{card, digest_card};

/// Whom sentences name.
const WHOM: &str = "Teams";

/// Where the workflow is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What Teams shows for the trigger "When a Teams webhook request is received".
    pub address: Address,
    /// How long one request may take; [`messenger::TIMEOUT`] by default.
    pub timeout: Duration,
}

/// One channel or chat of Teams.
#[derive(Debug)]
pub struct Teams {
    http: Client,
    address: Address,
}

impl Teams {
    /// The one that these settings name. Nothing is sent. Calls are counted in `tally`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: Settings, tally: &Tally) -> Result<Self, http::Error> {
        let http = Client::new(Upstream::Teams, settings.timeout, Connections::Fresh, tally)?;
        Ok(Self { http, address: settings.address })
    }

    async fn post(&self, card: &Value) -> Result<(), TellError> {
        let request = self.http.request(Method::POST, self.address.expose().clone());
        let request = request.header(CONTENT_TYPE, "application/json").body(card.to_string());
        judged(&messenger::ask(&self.http, request, WHOM, &self.address.redaction()).await?)
    }
}

#[async_trait]
impl Messenger for Teams {
    async fn tell(&self, telling: &Telling<'_>) -> Result<Option<Thread>, TellError> {
        self.post(&card(telling.message)).await.map(|()| None)
    }

    async fn tell_together(&self, digest: &Digest) -> Result<(), TellError> {
        self.post(&digest_card(digest)).await
    }
}

/// A workflow says that it has begun, never that the card is there.
fn judged(answer: &Answer) -> Result<(), TellError> {
    const NEW_URL: &str = "open the workflow in Teams, copy its URL again and put it where the old one is";
    match answer.status {
        status if status.is_success() => Ok(()),
        _ if answer.passes() => Err(answer.later(WHOM)),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let remedy = format!("the signature in its URL is wrong or no longer valid; {NEW_URL}");
            Err(answer.never(WHOM, &remedy))
        }
        StatusCode::BAD_REQUEST => {
            let remedy = format!(
                "the workflow is turned off, or does not begin with `When a Teams webhook request is received`; \
                 turn it on, or {NEW_URL}"
            );
            Err(answer.never(WHOM, &remedy))
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            let remedy = format!(
                "the workflow is deleted, or has lost its owner; make one anew, or give it an owner, and {NEW_URL}"
            );
            Err(answer.never(WHOM, &remedy))
        }
        _ => Err(answer.never(WHOM, &format!("it is not the address of a workflow; {NEW_URL}"))),
    }
}
