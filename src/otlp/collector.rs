//! The client of a collector: one message, sent once, and what its answer means.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode};
use secrecy::SecretString;

use super::message::{self, Source};
use super::settings::Settings;
use crate::domain::text::shortened;
use crate::domain::trace::span::Span;
use crate::http::{self, Client, Connections, Redaction};
use crate::tally::{Tally, Upstream};

/// How long one message may take, as in the SDKs of OpenTelemetry.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer that is read. What collectors say fits into a line.
const LARGEST_ANSWER: usize = 64 * 1024;

/// How much is shown of what a collector says.
const LONGEST_REASON: usize = 200;

/// The one content type that is spoken here.
const PROTOBUF: &str = "application/x-protobuf";

/// No client of a collector can be made.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SetupError(#[from] http::Error);

/// What takes spans.
pub struct Collector {
    client: Client,
    settings: Settings,
    source: Source,
    redaction: Redaction,
}

/// What became of a message. Texts are from outside, shortened and without our secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The collector has it.
    Taken,
    /// It has all but some spans, and does not want those.
    TakenInPart {
        /// How many it does not want.
        rejected: i64,
        /// Why.
        message: String,
    },
    /// It does not want it, whoever sends it and whenever: told again, it would be refused again.
    Refused {
        /// Why.
        message: String,
    },
    /// It was not reached, has no time, or does not know us. Later it may take the same.
    Later {
        /// Why.
        message: String,
        /// How long it asks to be left alone.
        after: Option<Duration>,
    },
}

impl Collector {
    /// The collector that the settings name. Calls are counted in `tally`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: Settings, simulated: bool, tally: &Tally) -> Result<Self, SetupError> {
        let values = settings.headers.values().filter_map(|value| value.to_str().ok());
        let secrets = values.chain(settings.endpoint.password());
        let redaction = Redaction::of(secrets.map(SecretString::from));
        let source = Source { service_name: settings.service_name.clone(), simulated };
        let client = Client::new(Upstream::Collector, TIMEOUT, Connections::Kept, tally)?;
        Ok(Self { client, settings, source, redaction })
    }

    /// The collector for people.
    #[must_use]
    pub fn shown(&self) -> String {
        self.settings.shown()
    }

    /// Tell these spans. A message without any asks whether the collector would take one.
    pub async fn tell(&self, spans: Vec<Span>) -> Answer {
        let message = if spans.is_empty() {
            ExportTraceServiceRequest::default()
        } else {
            message::of(&self.source, spans)
        };
        let request = self
            .client
            .request(Method::POST, self.settings.endpoint.clone())
            .headers(self.settings.headers.clone())
            .header(CONTENT_TYPE, PROTOBUF)
            .body(message.encode_to_vec());
        let came = match self.client.send(request).await {
            Ok(came) => came,
            Err(error) => return Answer::Later { message: self.unanswered(&error), after: None },
        };
        let (status, headers) = (came.status(), came.headers().clone());
        // The status says enough where there is no body.
        let body = came.body_up_to(LARGEST_ANSWER).await.0.unwrap_or_default();
        self.judge(status, &headers, &body)
    }

    fn judge(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
        if status.is_success() {
            return self.taken(body);
        }
        let said = self.words(&String::from_utf8_lossy(body));
        let message = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
        if is_about_what_was_sent(status) {
            Answer::Refused { message }
        } else {
            Answer::Later { message, after: http::retry_after(headers) }
        }
    }

    /// An answer that cannot be read says nothing against it.
    fn taken(&self, body: &[u8]) -> Answer {
        let partial = ExportTraceServiceResponse::decode(body).ok().and_then(|it| it.partial_success);
        match partial {
            Some(partial) if partial.rejected_spans > 0 => Answer::TakenInPart {
                rejected: partial.rejected_spans,
                message: self.words(&partial.error_message),
            },
            _ => Answer::Taken,
        }
    }

    fn words(&self, text: &str) -> String {
        shortened(&self.redaction.apply(text), LONGEST_REASON)
    }

    fn unanswered(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            return format!("no answer within {} s", TIMEOUT.as_secs());
        }
        self.words(&http::innermost(error))
    }
}

/// Whether a refusal is about the message, and not about who sends it, where to, or when. Those
/// are mended by people or by time, and the history can wait for it.
fn is_about_what_was_sent(status: StatusCode) -> bool {
    match status {
        StatusCode::UNAUTHORIZED
        | StatusCode::PAYMENT_REQUIRED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => false,
        status => status.is_client_error() || status.is_server_error(),
    }
}
