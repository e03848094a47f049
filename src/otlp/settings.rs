//! Where traces go, as the variables of OpenTelemetry say it.

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use crate::http;

/// What traces are said to come from, if nobody says otherwise.
const SERVICE_NAME: &str = env!("CARGO_PKG_NAME");

/// The one protocol that is spoken here.
const PROTOCOL: &str = "http/protobuf";

/// The values of the variables, which are absent where they are empty. Of two for the same, the one for traces counts.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: `v1/traces` comes below it.
    pub endpoint: Option<String>,
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`: exactly that.
    pub traces_endpoint: Option<String>,
    /// `OTEL_EXPORTER_OTLP_TRACES_HEADERS`, or `OTEL_EXPORTER_OTLP_HEADERS`.
    pub headers: Option<SecretString>,
    /// `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`, or `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub protocol: Option<String>,
    /// `OTEL_SERVICE_NAME`.
    pub service_name: Option<String>,
}

/// Where traces go.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is posted to.
    pub endpoint: Url,
    /// What is sent along; each value is marked sensitive.
    pub headers: HeaderMap,
    /// What traces are said to come from.
    pub service_name: String,
}

/// Variables that cannot be used. None of them says a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The endpoint is no URL of the web.
    #[error("{0} is not an http or https URL: name the collector, such as http://localhost:4318")]
    Endpoint(&'static str),
    /// Another protocol is wanted.
    #[error(
        "the OTLP protocol `{0}` is not spoken here: set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL to http/protobuf, and the endpoint to where the collector takes that, often port 4318"
    )]
    Protocol(String),
    /// The headers are no list of headers.
    #[error(
        "header {0} of OTEL_EXPORTER_OTLP_HEADERS is not NAME=VALUE with characters that a header can hold: write NAME=VALUE,NAME=VALUE and in values %2C for a comma"
    )]
    Headers(usize),
}

impl Settings {
    /// What the variables say; `None` if they name no endpoint.
    ///
    /// # Errors
    /// One sentence with what is wrong and what to do.
    pub fn of(variables: Variables) -> Result<Option<Self>, Unusable> {
        let Variables { endpoint, traces_endpoint, headers, protocol, service_name } = variables;
        let endpoint = match (traces_endpoint, endpoint) {
            (Some(exact), _) => {
                web_url(&exact).ok_or(Unusable::Endpoint("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))?
            }
            (None, Some(base)) => {
                web_url(&base).and_then(below).ok_or(Unusable::Endpoint("OTEL_EXPORTER_OTLP_ENDPOINT"))?
            }
            (None, None) => return Ok(None),
        };
        if let Some(other) = protocol.filter(|it| it != PROTOCOL) {
            return Err(Unusable::Protocol(crate::domain::text::shortened(&other, 40)));
        }
        let headers =
            headers.map_or_else(|| Ok(HeaderMap::new()), |text| headers_of(text.expose_secret()))?;
        let service_name = service_name.unwrap_or_else(|| SERVICE_NAME.to_owned());
        Ok(Some(Self { endpoint, headers, service_name }))
    }

    /// The collector for people: of its address, nothing that could be a secret.
    #[must_use]
    pub fn shown(&self) -> String {
        let port = self.endpoint.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}", self.endpoint.scheme(), self.endpoint.host_str().unwrap_or_default())
    }

    /// Whether everybody on the way can read the headers.
    #[must_use]
    pub fn shows_headers(&self) -> bool {
        !self.headers.is_empty() && self.endpoint.scheme() == "http" && !http::is_loopback(&self.endpoint)
    }
}

fn web_url(text: &str) -> Option<Url> {
    Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn below(mut base: Url) -> Option<Url> {
    base.path_segments_mut().ok()?.pop_if_empty().extend(["v1", "traces"]);
    Some(base)
}

/// `NAME=VALUE,NAME=VALUE`, where values may have any character as `%` and two digits.
fn headers_of(text: &str) -> Result<HeaderMap, Unusable> {
    let parts = text.split(',').map(str::trim).enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(index, part)| header_of(part).ok_or(Unusable::Headers(index + 1))).collect()
}

fn header_of(part: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = part.split_once('=')?;
    let value: Vec<u8> = percent_encoding::percent_decode_str(value.trim()).collect();
    let mut value = HeaderValue::from_bytes(&value).ok().filter(|value| value.to_str().is_ok())?;
    value.set_sensitive(true);
    Some((name.trim().parse().ok()?, value))
}
