//! One request to Harness and its answer, without any policy about repeating.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::http::{self, BODY_LIMIT, Client, Redaction};

use super::error::CallFailure;
use super::wire::{Envelope, is_error};

/// Where the API key goes.
const API_KEY: &str = "x-api-key";

/// What is asked. Can be sent more than once.
pub(super) struct Request {
    method: Method,
    url: Url,
    /// Marked sensitive.
    key: HeaderValue,
    body: Body,
}

enum Body {
    None,
    Yaml(String),
    Json(serde_json::Value),
}

impl Request {
    pub(super) fn new(method: Method, url: Url, key: HeaderValue) -> Self {
        Self { method, url, key, body: Body::None }
    }

    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// An empty `yaml` is sent as an empty body, and not left out: Harness
    /// tells one from the other.
    pub(super) fn yaml(self, yaml: String) -> Self {
        Self { body: Body::Yaml(yaml), ..self }
    }

    pub(super) fn json(self, json: serde_json::Value) -> Self {
        Self { body: Body::Json(json), ..self }
    }

    /// Send it once, and read the answer as a `T`.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        client: &Client,
        redaction: &Redaction,
    ) -> Result<T, CallFailure> {
        let request = client.request(self.method.clone(), self.url.clone()).header(API_KEY, self.key.clone());
        let request = match &self.body {
            Body::None => request,
            Body::Yaml(yaml) => request.header(CONTENT_TYPE, "application/yaml").body(yaml.clone()),
            Body::Json(json) => request.json(json),
        };
        let came = client.send(request).await.map_err(|error| CallFailure::unanswered(&error))?;
        let status = came.status();
        let retry_after = http::retry_after(came.headers());
        let (body, mut call) = came.body_up_to(BODY_LIMIT).await;
        let body = match body {
            Ok(body) => redaction.apply(&String::from_utf8_lossy(&body)),
            Err(error) if status.is_success() => return Err(CallFailure::unread(&error)),
            // The status says enough.
            Err(_) => String::new(),
        };
        let answer = answer(status, retry_after, &body);
        if let Err(failure) = &answer {
            call.came_to(failure.outcome());
        }
        answer
    }
}

/// The `T` of a success, in its envelope or bare.
fn answer<T: DeserializeOwned>(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &str,
) -> Result<T, CallFailure> {
    if status.is_success()
        && let Some(data) = enveloped(body).or_else(|| bare(body))
    {
        return Ok(data);
    }
    Err(CallFailure::answered(status, retry_after, body))
}

fn enveloped<T: DeserializeOwned>(body: &str) -> Option<T> {
    let envelope: Envelope<T> = serde_json::from_str(body).ok()?;
    envelope.data.filter(|_| !is_error(envelope.status.as_deref()))
}

fn bare<T: DeserializeOwned>(body: &str) -> Option<T> {
    let envelope: Envelope<serde::de::IgnoredAny> = serde_json::from_str(body).ok()?;
    if is_error(envelope.status.as_deref()) || envelope.data.is_some() {
        return None;
    }
    serde_json::from_str(body).ok()
}
