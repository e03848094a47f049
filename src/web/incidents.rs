//! `/webhooks/incidents`: a program that watches production says that something is wrong
//! there, or is no longer.
//!
//! It signs what it sends, as Standard Webhooks says, over the exact bytes and the time; nothing
//! is read before that is checked. What it says only counts in metrics: no deployment is moved
//! by it, and nobody's word on an incident is taken away by it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Deserializer, de};

use super::pace::Pace;
use crate::app::{App, Code, Error};
use crate::domain::id::{DeploymentId, IncidentId, Service};
use crate::domain::metrics::incident::{Heard, Incident};
use crate::domain::time::Timestamp;
use crate::webhook::Secret;
use crate::webhook::signature::{Envelope, ID_HEADER, Refused, SIGNATURE_HEADER, TIMESTAMP_HEADER};

/// So many reports are taken in a second, in the long run: each may be a commit.
const REPORTS_PER_SECOND: u32 = 10;

/// The largest report. An honest one is a thirtieth of it.
const LARGEST_REPORT: usize = 16 * 1024;

/// What reports are taken with.
pub(super) struct Desk {
    app: App,
    secret: Secret,
    pace: Pace<()>,
}

/// A report. A misspelt field is an error: it must not leave an incident open for ever.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    id: IncidentId,
    service: Service,
    #[serde(deserialize_with = "instant")]
    began: Timestamp,
    #[serde(default, deserialize_with = "instant_if_any")]
    resolved: Option<Timestamp>,
    deployment: Option<DeploymentId>,
}

impl Desk {
    /// Reports from whoever knows the secret.
    pub(super) fn new(app: App, secret: Secret) -> Self {
        Self { app, secret, pace: Pace::new(REPORTS_PER_SECOND) }
    }

    fn examine(&self, headers: &HeaderMap, body: &[u8]) -> Result<Timestamp, Refused> {
        let said = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let envelope = Envelope {
            id: said(ID_HEADER),
            timestamp: said(TIMESTAMP_HEADER),
            signatures: said(SIGNATURE_HEADER),
        };
        self.secret.verify(envelope, body, self.app.clock.now())
    }
}

/// Take a report. One that says nothing new is answered like one that does, so that nobody sends it again.
pub(super) async fn reported(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    if body.len() > LARGEST_REPORT {
        return (
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the report is larger than {LARGEST_REPORT} bytes\n"),
        );
    }
    let sent_at = match desk.examine(&headers, &body) {
        Ok(sent_at) => sent_at,
        Err(refused) => return (StatusCode::UNAUTHORIZED, format!("{refused}\n")),
    };
    if desk.pace.take(&()).is_err() {
        return too_many();
    }
    let Report { id, service, began, resolved, deployment } = match serde_json::from_slice(&body) {
        Ok(report) => report,
        Err(error) => {
            return (StatusCode::BAD_REQUEST, format!("this is no report of an incident: {error}\n"));
        }
    };
    let said = Incident { id: id.clone(), service, began_at: began, resolved_at: resolved, deployment };
    match desk.app.hear_incident(said, sent_at).await {
        Ok(Some(heard)) => (StatusCode::OK, format!("{id} {}\n", in_words(&heard))),
        Ok(None) => too_many(),
        Err(error) => (status_of(&error), format!("{}; {}\n", error.message, error.hint)),
    }
}

fn too_many() -> (StatusCode, String) {
    (StatusCode::TOO_MANY_REQUESTS, "too many reports; send it again later\n".to_owned())
}

fn in_words(heard: &Heard) -> &'static str {
    match heard {
        Heard::News(_) => "is linked",
        Heard::Known => "is linked as it was",
        Heard::Overtaken => "is linked as it was: something later was said of it before",
        Heard::TakenBack => "stays out: a person took it back, and only a person links it again",
    }
}

/// What the sender got wrong stays wrong; what we cannot do now, it may try again.
fn status_of(error: &Error) -> StatusCode {
    match error.code {
        Code::MalformedArgument | Code::UnknownDeployment => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    Timestamp::parse(&text).map_err(de::Error::custom)
}

fn instant_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let text: Option<String> = Option::deserialize(from)?;
    text.map(|text| Timestamp::parse(&text).map_err(de::Error::custom)).transpose()
}
