//! What comes back for a message: nothing, one message, or a stream of them.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use http_body_util::{BodyExt as _, Limited};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use sse_stream::{Sse, SseStream};
use tokio::sync::mpsc;

use super::message::Call;
use super::server::Server;
use crate::app::Error;
use crate::http::{self, BODY_LIMIT};

/// The most that is read of one stream: an answer and all progress before it.
const LONGEST_STREAM: usize = 4 * BODY_LIMIT;

/// How long a stream may take to end after its answer. One that has ended leaves its
/// connection to the next request.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A reply that is not a refusal.
pub(super) enum Reply {
    /// The message was taken.
    Nothing,
    /// One message.
    Whole(String),
    /// Messages as they come.
    Stream(BoxStream<'static, Result<Sse, sse_stream::Error>>),
}

/// There was no answer, and there will be none.
pub(super) struct Broken;

impl Broken {
    /// What that means for whoever asked.
    pub(super) fn about(self, call: &Call, server: &Server) -> Error {
        if call.may_act() { server.silent_about_a_deed() } else { server.gone() }
    }
}

/// The part of a message of the server that tells whether it answers.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "jsonrpc")]
    _marks_it_as_one: String,
    #[serde(default)]
    id: Value,
    method: Option<String>,
}

impl Reply {
    /// What `server` replied.
    ///
    /// # Errors
    /// Why it refuses.
    pub(super) async fn of(server: &Server, response: Response) -> Result<Self, Error> {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let (status, json) = (response.status(), kind.starts_with("application/json"));
        // Errors of JSON-RPC come with these statuses, too. Those of others are none.
        if json && (status.is_success() || [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND].contains(&status))
        {
            let body = http::body(response).await.map_err(|error| server.stranger(&error.to_string()))?;
            let text = String::from_utf8_lossy(&body).into_owned();
            let is_message = serde_json::from_str::<Head>(&text).is_ok();
            return if is_message {
                Ok(Self::Whole(text))
            } else {
                Err(server.stranger("its JSON is no JSON-RPC"))
            };
        }
        if !status.is_success() {
            return Err(server.refusal(response).await);
        }
        if kind.starts_with("text/event-stream") {
            let body = Limited::new(Body::from(response), LONGEST_STREAM).map_err(std::io::Error::other);
            return Ok(Self::Stream(SseStream::new(body).boxed()));
        }
        if kind.is_empty() { Ok(Self::Nothing) } else { Err(server.stranger("it speaks something else")) }
    }

    /// The next message, if there is one.
    pub(super) async fn next(&mut self) -> Option<String> {
        match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => None,
            Self::Whole(message) => Some(message),
            Self::Stream(mut events) => loop {
                let message = events.next().await?.ok()?.data.unwrap_or_default();
                // An event without data says how to come back.
                if !message.trim().is_empty() {
                    *self = Self::Stream(events);
                    return Some(message);
                }
            },
        }
    }

    /// Pass on what comes until the request `id` is answered; the answer.
    ///
    /// # Errors
    /// When the reply ends without it.
    pub(super) async fn answer(&mut self, id: &Value, host: &mpsc::Sender<String>) -> Result<String, Broken> {
        let only = matches!(self, Self::Whole(_));
        while let Some(message) = self.next().await {
            match serde_json::from_str(&message) {
                Ok(Head { id: answered, method: None, .. }) if answered == *id => return Ok(message),
                // It could not tell which request it was.
                Ok(Head { id: Value::Null, method: None, .. }) if only => return Ok(with_id(&message, id)),
                Ok(_) => host.send(message).await.map_err(|_| Broken)?,
                Err(_) => return Err(Broken),
            }
        }
        Err(Broken)
    }

    /// See it end.
    pub(super) async fn drain(mut self) {
        let _ = tokio::time::timeout(LAST_WORDS, async { while self.next().await.is_some() {} }).await;
    }
}

fn with_id(message: &str, id: &Value) -> String {
    let mut value: Value = serde_json::from_str(message).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("id".to_owned(), id.clone());
    }
    value.to_string()
}
