//! The server at the other end: where it is, how it is spoken to, and what is said
//! when it does not answer or refuses.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};

use crate::app::{Code, Error};
use crate::domain::text::shortened;
use crate::http::{self, Way};

/// How long a server may send nothing at all before it is given up. Longer than the
/// longest wait of a tool, 50 s, in which it may have nothing to say.
const SILENCE: Duration = Duration::from_secs(120);

/// How much of what a server says about a refusal is passed on.
const LONGEST_REASON: usize = 200;

/// What to do about a token, in one place.
const NEW_TOKEN: &str = "an operator of the server makes one with `deployment-orchestrator token create`; \
    put it into ORCHESTRATOR_TOKEN, or into the file that ORCHESTRATOR_TOKEN_FILE names, and start the host again";

/// A server of MCP over HTTP.
pub struct Server {
    url: Url,
    http: Client,
    /// `Bearer …`
    authorization: Option<HeaderValue>,
}

impl Server {
    /// The one at `url`, which is shown `token`.
    ///
    /// # Errors
    /// When the address is none, or a token would travel to it for others to read.
    pub fn at(url: &str, token: Option<&SecretString>) -> Result<Self, Error> {
        let wrong = |message: String| {
            Error::new(
                Code::ConfigInvalid,
                message,
                "name it as in --connect https://deploy.acme.example/mcp",
            )
        };
        let url: Url = url.parse().map_err(|error| wrong(format!("that is not an address: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(wrong(
                "an address that carries a name, a password or a query is not used".to_owned(),
            ));
        }
        let loopback = http::is_loopback(&url);
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => {
                return Err(wrong(format!("what is sent to {url} can be read by everybody on the way")));
            }
            other => return Err(wrong(format!("{other} is neither http nor https"))),
        }
        let authorization = token.map(bearer).transpose()?;
        let http = http::patient_client(SILENCE, if loopback { Way::Direct } else { Way::AsConfigured })
            .map_err(|error| Error::new(Code::IoFailed, error.to_string(), "install root certificates"))?;
        Ok(Self { url, http, authorization })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Send a message; whatever comes back.
    ///
    /// # Errors
    /// When nothing does.
    pub(super) async fn post(&self, body: &str, headers: HeaderMap) -> Result<Response, reqwest::Error> {
        let request = self.request(Method::POST, headers).header(CONTENT_TYPE, "application/json");
        let both = "application/json, text/event-stream";
        request.header(ACCEPT, both).body(body.to_owned()).send().await
    }

    /// Ask for what the server has to say by itself.
    pub(super) async fn listen(&self, headers: HeaderMap) -> Result<Response, reqwest::Error> {
        self.request(Method::GET, headers).header(ACCEPT, "text/event-stream").send().await
    }

    /// End a session.
    pub(super) async fn end(&self, headers: HeaderMap) -> Result<Response, reqwest::Error> {
        self.request(Method::DELETE, headers).send().await
    }

    fn request(&self, method: Method, headers: HeaderMap) -> reqwest::RequestBuilder {
        let request = self.http.request(method, self.url.clone()).headers(headers);
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization.clone()),
            None => request,
        }
    }

    /// No connection was made, so nothing has happened.
    pub(super) fn unreachable(&self, error: &reqwest::Error) -> Error {
        let why = shortened(&http::innermost(error), LONGEST_REASON);
        let hint =
            "see that `serve --http` runs there, then call again; what it has begun goes on when it does";
        unavailable(format!("the server at {} cannot be reached: {why}", self.url), hint)
    }

    /// The connection broke before the answer to something that changes nothing.
    pub(super) fn gone(&self) -> Error {
        unavailable(format!("the connection to {} broke before the answer", self.url), "call again")
    }

    /// The same for what may have changed something.
    pub(super) fn silent_about_a_deed(&self) -> Error {
        Error::new(
            Code::OutcomeUnknown,
            format!("the connection to {} broke before the answer: the call may have been done", self.url),
            "look with list_deployments and get_status before calling again; a start may be repeated with the same idempotency_key",
        )
    }

    /// What answers there is something else.
    pub(super) fn stranger(&self, what: &str) -> Error {
        Error::new(
            Code::ConfigInvalid,
            format!("there is no MCP server at {}: {what}", self.url),
            "correct the address of --connect; that of `serve --http` ends in /mcp",
        )
    }

    /// Why the server refuses, in its own words where it has some.
    pub(super) async fn refusal(&self, response: Response) -> Error {
        let status = response.status();
        let pause = response.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok()).map(str::to_owned);
        let said = match reason(response).await {
            Some(said) => format!("the server refuses: {said}"),
            None => format!("the server refuses with HTTP status {status}"),
        };
        match status {
            StatusCode::UNAUTHORIZED => Error::new(Code::UnknownToken, said, NEW_TOKEN),
            StatusCode::FORBIDDEN => {
                Error::new(Code::NotPermitted, said, format!("if the token is the wrong one, {NEW_TOKEN}"))
            }
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => self.stranger("it knows no such path"),
            _ if status.is_redirection() => self.stranger("it sends elsewhere"),
            StatusCode::TOO_MANY_REQUESTS => {
                let pause = pause.unwrap_or_else(|| "1".to_owned());
                unavailable(said, format!("call again in {} s", shortened(&pause, 10)))
            }
            _ if status.is_server_error() => unavailable(said, "call again in a few seconds"),
            _ => Error::new(Code::MalformedArgument, said, "correct the message and call again"),
        }
    }
}

/// The same call may succeed later.
fn unavailable(message: String, hint: impl Into<String>) -> Error {
    Error::new(Code::ServerUnavailable, message, hint).retryable()
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .map_err(|_| Error::new(Code::ConfigInvalid, "ORCHESTRATOR_TOKEN is not a token", NEW_TOKEN))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A plain sentence in the body. Pages of proxies are not passed on.
async fn reason(response: Response) -> Option<String> {
    let plain = response.headers().get(CONTENT_TYPE)?.to_str().ok()?.starts_with("text/plain");
    let body = http::body(response).await.ok()?;
    let said = shortened(&String::from_utf8_lossy(&body), LONGEST_REASON);
    (plain && !said.is_empty()).then_some(said)
}
