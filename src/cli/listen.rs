//! `serve --http`: where it listens, and who may come in.

use std::net::SocketAddr;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{output, wiring};
use crate::app::{App, Code, Error};
use crate::config::{HttpSection, OauthSection, SignInSection, environment};
use crate::domain::page::Pages;
use crate::oauth::AuthorizationServer;
use crate::oauth::openid::{self, OpenidProvider};
use crate::pulse::Pulse;
use crate::slack::{self, Answers, Buttons};
use crate::tally::Tally;
use crate::tools::{EventStream, Server, Streamable};
use crate::web::{self, Site, SlackButtons, Strangers};
use crate::webhook;

/// What the command line says about HTTP.
#[derive(Debug, clap::Args)]
pub(super) struct Listen {
    /// Serve MCP over HTTP at this address, until told to stop, and not on standard input and output.
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Let in every program of this machine without a token, as an agent of the server's user.
    #[arg(long, requires = "http")]
    allow_anonymous_loopback: bool,
}

/// An address that is listened on.
pub(super) struct Door {
    listener: TcpListener,
    address: SocketAddr,
    section: HttpSection,
    strangers: Strangers,
    oauth: Option<AuthorizationServer>,
    openid: Option<OpenidProvider>,
    harness_secret: Option<SecretString>,
    slack: Option<SlackButtons>,
    incidents: Option<webhook::Secret>,
    tally: Tally,
}

impl Listen {
    /// Listen, if HTTP is wanted.
    ///
    /// # Errors
    /// When anybody could come in, or the address is taken.
    pub(super) async fn open(&self, section: HttpSection, tally: &Tally) -> Result<Option<Door>, Error> {
        let Some(address) = self.http else { return Ok(None) };
        self.keep_strangers_out(address, &section)?;
        let failed = |error: std::io::Error| {
            Error::new(
                Code::IoFailed,
                format!("{address} cannot be listened on: {error}"),
                "free it, or name another address with --http",
            )
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let harness_secret =
            environment::harness_webhook_secret().map_err(|error| wiring::unusable(&error))?;
        let slack = slack_buttons(tally)?;
        let incidents = incidents_secret()?;
        let strangers =
            if self.allow_anonymous_loopback { Strangers::ActForTheUser } else { Strangers::Refused };
        let oauth = section
            .oauth
            .as_ref()
            .map(|it| authorization_server(it, web::resource(section.public_url.as_ref(), address), tally))
            .transpose()?;
        let openid = section.sign_in.as_ref().map(|it| openid_provider(it, &section, tally)).transpose()?;
        Ok(Some(Door {
            listener,
            address,
            section,
            strangers,
            oauth,
            openid,
            harness_secret,
            slack,
            incidents,
            tally: tally.clone(),
        }))
    }

    fn keep_strangers_out(&self, address: SocketAddr, section: &HttpSection) -> Result<(), Error> {
        if address.ip().is_loopback() {
            return Ok(());
        }
        if self.allow_anonymous_loopback {
            return Err(Error::new(
                Code::ConfigInvalid,
                format!(
                    "{address} is reachable from other machines, and --allow-anonymous-loopback asks nobody who they are"
                ),
                "listen on 127.0.0.1, or leave the flag out",
            ));
        }
        if section.public_url.as_ref().is_some_and(|public| public.secure) {
            return Ok(());
        }
        Err(Error::new(
            Code::ConfigInvalid,
            format!("tokens would travel to {address} for everybody to read"),
            "put a proxy before it that speaks TLS, and name that as `public_url` under [http] in the config; or listen on 127.0.0.1",
        ))
    }
}

/// What answers from Slack are taken with, if the signing secret is set.
fn slack_buttons(tally: &Tally) -> Result<Option<SlackButtons>, Error> {
    let secret = environment::slack_signing_secret().map_err(|error| wiring::unusable(&error))?;
    let Some(signing_secret) = secret else { return Ok(None) };
    let answers = Answers::new(slack::API, tally).map_err(|error| {
        Error::new(Code::ConfigInvalid, error.to_string(), "install the root certificates of this system")
    })?;
    Ok(Some(SlackButtons { signing_secret, answers }))
}

/// What programs sign with that report incidents, if somebody set it.
fn incidents_secret() -> Result<Option<webhook::Secret>, Error> {
    const VARIABLE: &str = "INCIDENTS_WEBHOOK_SECRET";
    let Some(secret) = environment::secret(VARIABLE).map_err(|error| wiring::unusable(&error))? else {
        return Ok(None);
    };
    secret.expose_secret().parse().map(Some).map_err(|error: webhook::BadSecret| {
        let hint = format!("set {VARIABLE} to such a secret, or leave it out");
        Error::new(Code::ConfigInvalid, format!("{VARIABLE}: {error}"), hint)
    })
}

/// The authorization server of the config, whose tokens are for `resource`.
///
/// # Errors
/// When the system has no usable root certificates.
pub(super) fn authorization_server(
    section: &OauthSection,
    resource: String,
    tally: &Tally,
) -> Result<AuthorizationServer, Error> {
    AuthorizationServer::new(section.expected(resource), section.jwks_url.clone(), tally).map_err(|error| {
        Error::new(Code::ConfigInvalid, error.to_string(), "install the root certificates of this system")
    })
}

/// The OpenID provider of the config, at which people sign in to the pages of `http`.
///
/// # Errors
/// When our secret there cannot be read, or the system has no usable root certificates.
pub(super) fn openid_provider(
    section: &SignInSection,
    http: &HttpSection,
    tally: &Tally,
) -> Result<OpenidProvider, Error> {
    let settings = openid::Settings {
        expected: section.expected.clone(),
        secret: environment::openid_client_secret().map_err(|error| wiring::unusable(&error))?,
        scopes: section.scopes.clone(),
        redirect_uri: http.redirect_uri().map_err(|why| {
            Error::new(Code::ConfigInvalid, why, "name it in the config, or leave [http.sign_in] out")
        })?,
    };
    OpenidProvider::new(settings, tally).map_err(|error| {
        Error::new(Code::ConfigInvalid, error.to_string(), "install the root certificates of this system")
    })
}

impl Door {
    /// Whether messages in Slack show buttons: where somebody takes the answers.
    pub(super) fn buttons(&self) -> Buttons {
        if self.slack.is_some() { Buttons::Shown } else { Buttons::Absent }
    }

    /// Where people find the pages that are served behind it.
    pub(super) fn pages(&self) -> Pages {
        match &self.section.public_url {
            Some(public) => Pages::Public(public.clone()),
            None => format!("http://{}", self.address).parse().map_or(Pages::Nowhere, Pages::Here),
        }
    }

    /// Serve until `shutdown`, and then what is under way.
    pub(super) async fn serve(self, app: App, pulse: Pulse, shutdown: CancellationToken) {
        let Self {
            listener,
            address,
            section,
            strangers,
            oauth,
            openid,
            harness_secret,
            slack,
            incidents,
            tally,
        } = self;
        output::line(&format!("MCP is served at http://{address}/mcp"));
        tracing::info!(%address, "serving over HTTP");
        let streams = CancellationToken::new();
        let server = Server::new(app.clone(), shutdown.clone());
        let site = Site {
            mcp: Streamable::new(server.clone(), streams.clone()),
            event_stream: EventStream::new(server, app.clone(), streams.clone()),
            app,
            pulse,
            tally,
            public: section.public_url,
            origins: section.origins,
            strangers,
            oauth,
            openid,
            harness_secret,
            slack,
            incidents,
            pace: section.requests_per_second.get(),
            streams,
        };
        web::serve(listener, address, site, shutdown).await;
    }
}
