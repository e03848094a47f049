//! The client of one Jira: who we are, and how a call is made. No call is made twice here.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::http::{self, BODY_LIMIT, Connections, Redaction};
use crate::tally::{self, Outcome, Tally, Upstream};

use super::Site;
use super::error::{Call, Failure};
use super::wire::Person;

/// How long one call may take. A message takes up to six, and most are answered in a second.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// Settings that no client can be made of.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The base URL is not an absolute http or https URL.
    #[error("the Jira base URL `{0}` is not an http or https URL")]
    BaseUrl(String),
    /// The token cannot be sent: it is empty or has characters that no header can hold.
    #[error("the Jira token is empty or holds characters that no token has")]
    Token,
    /// No HTTP client.
    #[error(transparent)]
    Http(#[from] http::Error),
}

pub(super) struct Client {
    pub(super) site: Site,
    base: Url,
    http: http::Client,
    /// Marked sensitive.
    credentials: HeaderValue,
    redaction: Redaction,
    /// Who we are, once Jira has said so.
    own_id: OnceCell<String>,
}

/// What is asked of Jira.
pub(super) struct Request<'a> {
    /// What for, should it fail.
    pub(super) call: Call<'a>,
    pub(super) method: Method,
    /// Below `rest/api/<version>`.
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<Value>,
}

impl Client {
    /// # Errors
    /// When the settings cannot be used. Nothing is sent.
    pub(super) fn new(
        base_url: &str,
        site: Site,
        token: &SecretString,
        tally: &Tally,
    ) -> Result<Self, SetupError> {
        let base = Url::parse(base_url).ok();
        let base = base.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let base = base.ok_or_else(|| SetupError::BaseUrl(base_url.to_owned()))?;
        if token.expose_secret().trim().is_empty() {
            return Err(SetupError::Token);
        }
        let (scheme, word) = match &site {
            Site::Cloud { email } => {
                ("Basic", SecretString::from(STANDARD.encode(format!("{email}:{}", token.expose_secret()))))
            }
            Site::DataCenter => ("Bearer", token.clone()),
        };
        let mut credentials = HeaderValue::from_str(&format!("{scheme} {}", word.expose_secret()))
            .map_err(|_| SetupError::Token)?;
        credentials.set_sensitive(true);
        Ok(Self {
            site,
            base,
            http: http::Client::new(Upstream::Jira, CALL_TIMEOUT, Connections::Kept, tally)?,
            credentials,
            redaction: Redaction::of([word, token.clone()]),
            own_id: OnceCell::new(),
        })
    }

    /// Make the call, and read what comes back as a `T`.
    pub(super) async fn read<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<T, Failure> {
        let aim = request.call;
        let (body, mut call) = self.answered(request).await?;
        serde_json::from_str(&body).map_err(|_| {
            call.came_to(Outcome::Unreadable);
            Failure::not_json(aim, &body)
        })
    }

    /// Make the call. What comes back is of no interest.
    pub(super) async fn send(&self, request: Request<'_>) -> Result<(), Failure> {
        self.answered(request).await.map(drop)
    }

    async fn answered(&self, request: Request<'_>) -> Result<(String, tally::Call), Failure> {
        let aim = request.call;
        let url = self.address(request.path);
        let sent = self.http.request(request.method, url).header(AUTHORIZATION, self.credentials.clone());
        let sent = match request.body {
            Some(body) => sent.json(&body),
            None => sent,
        };
        let sent = self.http.send(sent.query(request.query)).await;
        let came = sent.map_err(|error| Failure::unanswered(&error))?;
        let (status, limits) = (came.status(), super::error::limits(came.headers()));
        let (body, call) = came.body_up_to(BODY_LIMIT).await;
        let body = match body {
            Ok(body) => self.redaction.apply(&String::from_utf8_lossy(&body)),
            Err(error) if status.is_success() => return Err(Failure::unread(&error)),
            // The status says enough.
            Err(_) => String::new(),
        };
        if status.is_success() {
            Ok((body, call))
        } else {
            Err(Failure::answered(aim, status, limits, &body))
        }
    }

    /// What Jira calls us, which says whose a comment is.
    pub(super) async fn own_id(&self, call: Call<'_>) -> Result<&str, Failure> {
        let asked = || async {
            let request = Request { call, method: Method::GET, path: &["myself"], query: &[], body: None };
            let person: Person = self.read(request).await?;
            person.id().map(str::to_owned).ok_or_else(|| Failure::not_json(call, ""))
        };
        self.own_id.get_or_try_init(asked).await.map(String::as_str)
    }

    fn address(&self, path: &[&str]) -> Url {
        let version = match self.site {
            Site::Cloud { .. } => "3",
            Site::DataCenter => "2",
        };
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .expect("an http URL has a path")
            .pop_if_empty()
            .extend(["rest", "api", version])
            .extend(path);
        url
    }
}
