//! People who sign in at an OpenID provider (authorization code with PKCE): where they are
//! sent, and who came back.
//!
//! What the provider says of itself is found and kept ([`discovery`]), the code is exchanged
//! for an ID token ([`exchange`]), whose signature is verified as that of an access token
//! is, and whose claims the domain judges. No token is kept, and no error repeats any of it.
//!
//! Not in here: browsers, and who in the config the person is.

mod discovery;
mod exchange;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::token::{Kind, Presented};
use super::{Fault, Unavailable, signature};
use crate::domain::id_token::{self, Begun, Expected, Identified, Proof};
use crate::domain::time::Timestamp;
use crate::http::{self, Client, Connections};
use crate::tally::{Tally, Upstream};

use discovery::Discovery;
pub use discovery::{RETRY_AFTER, Undiscovered};
pub use exchange::{Failed, is_code};

/// How the config describes the provider, and us to it.
pub struct Settings {
    /// What its ID tokens must say.
    pub expected: Expected,
    /// Our secret there; without it we are a public client.
    pub secret: Option<SecretString>,
    /// What is asked for, `openid` among it.
    pub scopes: Vec<String>,
    /// Where it sends people back to.
    pub redirect_uri: String,
}

/// The provider at which people sign in. Cheap to clone.
#[derive(Clone)]
pub struct OpenidProvider {
    settings: Arc<Settings>,
    client: Client,
    discovery: Arc<Discovery>,
}

/// One sign-in that was begun. All of it but the verifier has been sent through the browser.
#[derive(Clone)]
pub struct Asked {
    /// What the answer must repeat.
    pub state: String,
    /// What proves that whoever exchanges the code has asked for it: 43 to 128 characters.
    pub verifier: String,
    /// What the ID token must say of it.
    pub begun: Begun,
}

/// What the browser brings back.
pub struct Answer<'a> {
    /// What is exchanged for the ID token.
    pub code: &'a str,
    /// Who answers, if it says so (RFC 9207).
    pub issuer: Option<&'a str>,
}

/// Why nobody is signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The provider does not say of itself what is needed.
    #[error(transparent)]
    Undiscovered(#[from] Undiscovered),
    /// Another provider answers, or it does not say that it is this one.
    #[error("the answer is not from the provider that was asked")]
    Sender,
    /// The provider gave no ID token for the code.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// Its keys are not to be had.
    #[error("its token cannot be checked: {0}")]
    Unavailable(#[from] Unavailable),
    /// It did not sign the token, or not so that it can be checked here.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The token says the wrong things.
    #[error(transparent)]
    Token(#[from] id_token::Refused),
}

impl Refused {
    /// Whether it may pass by itself: the provider is away.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Undiscovered(_) | Self::Unavailable(_) | Self::Failed(Failed::Silent))
    }
}

impl Asked {
    /// Whether `state` is the one that was sent. How long it takes says nothing about that.
    #[must_use]
    pub fn is_answered_by(&self, state: &str) -> bool {
        self.state.as_bytes().ct_eq(state.as_bytes()).into()
    }
}

impl OpenidProvider {
    /// One that these settings describe. It is asked about itself when somebody first signs in,
    /// which is counted in `tally`.
    ///
    /// # Errors
    /// When the system has no usable root certificates.
    pub fn new(settings: Settings, tally: &Tally) -> Result<Self, http::Error> {
        signature::install();
        let client = Client::new(Upstream::Openid, exchange::TIMEOUT, Connections::Fresh, tally)?;
        let discovery = Discovery::new(settings.expected.issuer.clone(), client.clone(), tally);
        Ok(Self { settings: Arc::new(settings), client, discovery: Arc::new(discovery) })
    }

    /// How people know it: the host of its name.
    #[must_use]
    pub fn host(&self) -> &str {
        let issuer = &self.settings.expected.issuer;
        let rest = issuer.split_once("://").map_or(issuer.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    /// Where the browser goes to sign in as it was `asked`.
    ///
    /// # Errors
    /// When the provider does not say where that is.
    pub async fn address(&self, asked: &Asked, now: Timestamp) -> Result<String, Refused> {
        let metadata = self.discovery.metadata(now).await?;
        let Settings { expected, scopes, redirect_uri, .. } = &*self.settings;
        let mut url: Url = metadata.authorization.clone();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&asked.verifier));
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &expected.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", &asked.state)
            .append_pair("nonce", &asked.begun.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if asked.begun.proof == Proof::Anew {
            url.query_pairs_mut().append_pair("prompt", "login").append_pair("max_age", "0");
        }
        Ok(url.into())
    }

    /// Who has signed in, by the answer to what was `asked`.
    ///
    /// # Errors
    /// Why nobody has.
    pub async fn identify(
        &self,
        answer: &Answer<'_>,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<Identified, Refused> {
        let metadata = self.discovery.metadata(now).await?;
        let expected = &self.settings.expected;
        let is_from_there = match answer.issuer {
            Some(issuer) => issuer == expected.issuer,
            None => !metadata.names_itself,
        };
        if !is_from_there {
            return Err(Refused::Sender);
        }
        let token = exchange::exchange(&self.client, &metadata, &self.settings, answer.code, asked).await?;
        let presented = Presented::read(&token, Kind::Identity)?;
        let keys = metadata.keys.with(&presented.key_id, now).await?;
        let claims = presented.verified(keys.called(&presented.key_id))?;
        Ok(expected.judge(&claims, &asked.begun, now)?)
    }

    /// Ask the provider about itself, and for its keys; how many can be used.
    ///
    /// # Errors
    /// What it does not say.
    pub async fn reach(&self, now: Timestamp) -> Result<usize, Refused> {
        let metadata = self.discovery.metadata(now).await?;
        Ok(metadata.keys.fetched().await?.len())
    }
}
