//! The server over HTTP: what stands around MCP, and the routes beside it.
//!
//! Every request passes the same checks in the same order: its `Host` and
//! `Origin` ([`perimeter`]), who sends it, how often and how many at once
//! ([`admission`], [`pace`], [`places`]), then its size ([`body`]). People are let
//! in at another door than programs ([`pages`]), with the same checks. Only health,
//! which says nothing about anybody, is outside of them. Connections are timed in
//! [`connections`] and counted in [`room`]. No rule of the product lives here.
//!
//! Not in here: MCP, which comes ready to be routed from whoever wires.

mod admission;
mod body;
mod challenge;
mod connections;
mod health;
mod held;
mod incidents;
mod metrics;
mod pace;
mod pages;
mod perimeter;
mod places;
mod room;
mod slack;
mod webhook;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{get, get_service, post, post_service};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::app::{App, Seals};
use crate::domain::origin::Origin;
use crate::oauth::AuthorizationServer;
use crate::oauth::openid::OpenidProvider;
use crate::pulse::Pulse;
use crate::tally::Tally;
use crate::webhook::Secret;

use admission::Admission;
pub use admission::MOST_AT_ONCE;
pub use body::LARGEST_BODY;
use challenge::Guidance;
pub use connections::MOST_CONNECTIONS;
use pace::Pace;
use places::Places;
pub use slack::SlackButtons;

/// A transport of MCP, ready to be routed.
pub trait Transport:
    Service<Request, Error = Infallible, Response: IntoResponse + 'static, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<T> Transport for T where
    T: Service<Request, Error = Infallible, Response: IntoResponse + 'static, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// What is served.
pub struct Site<M, E> {
    /// The use cases.
    pub app: App,
    /// The engine's.
    pub pulse: Pulse,
    /// What this process counts.
    pub tally: Tally,
    /// `/mcp`.
    pub mcp: M,
    /// `GET /sse` and `POST /messages`.
    pub event_stream: E,
    /// Where people reach this server, if that is not where it listens: the proxy before it.
    pub public: Option<Origin>,
    /// The pages of others that may call it.
    pub origins: BTreeSet<Origin>,
    /// What becomes of a request without a token.
    pub strangers: Strangers,
    /// Whose access tokens are accepted beside our own, if anybody's.
    pub oauth: Option<AuthorizationServer>,
    /// Where people sign in to the pages beside our own tokens, if anywhere.
    pub openid: Option<OpenidProvider>,
    /// What Harness shows with its hints; without one none are taken.
    pub harness_secret: Option<SecretString>,
    /// What answers from Slack are taken with; without it none are.
    pub slack: Option<SlackButtons>,
    /// What programs sign with that report incidents; without it none are taken.
    pub incidents: Option<Secret>,
    /// How many requests each principal may make in a second.
    pub pace: u32,
    /// Cancelled by [`serve`] when streams that nothing ends by itself must end.
    pub streams: CancellationToken,
}

/// What becomes of a request that shows no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strangers {
    /// It is refused.
    Refused,
    /// It is an agent's that acts for the user of the server.
    ActForTheUser,
}

/// Serve `site` on `listener` until `shutdown`. Then calls that are under way
/// finish, for a few seconds.
pub async fn serve<M: Transport, E: Transport>(
    listener: TcpListener,
    address: SocketAddr,
    site: Site<M, E>,
    shutdown: CancellationToken,
) {
    let Site {
        app,
        pulse,
        tally,
        mcp,
        event_stream,
        public,
        origins,
        strangers,
        oauth,
        openid,
        harness_secret,
        slack,
        incidents,
        pace,
        streams,
    } = site;
    let base = base(public.as_ref(), address);
    let admission = Arc::new(Admission {
        app: app.clone(),
        strangers,
        pace: Pace::new(pace),
        places: Places::new(MOST_AT_ONCE),
        seals: Seals::default(),
        resource: resource(public.as_ref(), address),
        guidance: Guidance {
            metadata: format!("{base}{}", admission::METADATA),
            scopes: oauth.as_ref().map(|it| it.expected.scope_names()).unwrap_or_default(),
        },
        oauth,
    });
    let secure = public.as_ref().is_some_and(|public| public.secure);
    let pages =
        Arc::new(pages::Pages::new(app.clone(), pulse.clone(), openid, pace, secure, shutdown.clone()));
    let perimeter = Arc::new(perimeter::Perimeter::new(address, public.as_ref(), origins));
    let guarded = Router::new()
        .route_service("/mcp", mcp)
        .route("/sse", get_service(event_stream.clone()))
        .route("/messages", post_service(event_stream))
        .route(
            "/metrics",
            get(metrics::expose).with_state(metrics::Seen { app: app.clone(), pulse: pulse.clone(), tally }),
        )
        .layer(middleware::from_fn(body::whole))
        .layer(middleware::from_fn_with_state(Arc::clone(&admission), admission::admit))
        .route(admission::METADATA, get(admission::metadata).with_state(admission))
        .merge(webhooks(&app, harness_secret))
        .merge(buttons(&app, slack))
        .merge(reports(&app, incidents))
        .merge(pages::routes(&pages, &perimeter))
        .layer(middleware::from_fn_with_state(perimeter, perimeter::pass));
    let health = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(health::Health { app, pulse, stopping: shutdown.clone() });
    connections::serve(listener, guarded.merge(health), shutdown, streams).await;
}

/// The name of `/mcp` for clients and authorization servers (RFC 8707), of a server
/// that is reached at `public`, or else where it listens.
#[must_use]
pub fn resource(public: Option<&Origin>, address: SocketAddr) -> String {
    format!("{}/mcp", base(public, address))
}

fn base(public: Option<&Origin>, address: SocketAddr) -> String {
    public.map_or_else(|| format!("http://{address}"), Origin::to_string)
}

/// Slack signs what it sends, and has no token either.
fn buttons(app: &App, slack: Option<SlackButtons>) -> Router {
    let Some(buttons) = slack else { return Router::new() };
    Router::new()
        .route("/webhooks/slack", post(slack::pressed))
        .with_state(Arc::new(slack::Door::new(app.clone(), buttons)))
        .layer(middleware::from_fn(body::whole))
}

/// Who reports incidents signs them, too.
fn reports(app: &App, secret: Option<Secret>) -> Router {
    let Some(secret) = secret else { return Router::new() };
    Router::new()
        .route("/webhooks/incidents", post(incidents::reported))
        .with_state(Arc::new(incidents::Desk::new(app.clone(), secret)))
        .layer(middleware::from_fn(body::whole))
}

/// Hints have a secret of their own instead of a token.
fn webhooks(app: &App, secret: Option<SecretString>) -> Router {
    let Some(secret) = secret else { return Router::new() };
    let hints = Arc::new(webhook::Hints::new(app.clone(), secret));
    Router::new()
        .route("/webhooks/harness", post(webhook::harness))
        .with_state(Arc::clone(&hints))
        .layer(middleware::from_fn(body::whole))
        .layer(middleware::from_fn_with_state(hints, webhook::admit))
}
