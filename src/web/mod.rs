//! The server over HTTP: what stands around `/mcp`, and the routes beside it.
//!
//! Every request passes the same checks in the same order: its `Host` and
//! `Origin` ([`perimeter`]), then its size and its pace ([`body`]). Only health,
//! which says nothing about anybody, is outside of them. Connections are counted
//! and timed in [`connections`]. No rule of the product lives here.
//!
//! Not in here: MCP, which comes ready to be routed from whoever wires.

mod body;
mod connections;
mod health;
mod perimeter;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::app::App;
use crate::domain::origin::Origin;
use crate::pulse::Pulse;

pub use body::LARGEST_BODY;
pub use connections::MOST_CONNECTIONS;

/// What is served.
pub struct Site<M> {
    /// The use cases.
    pub app: App,
    /// The engine's.
    pub pulse: Pulse,
    /// `/mcp`.
    pub mcp: M,
    /// Where people reach this server, if that is not where it listens: the proxy before it.
    pub public: Option<Origin>,
    /// The pages of others that may call it.
    pub origins: BTreeSet<Origin>,
    /// Cancelled by [`serve`] when streams that nothing ends by itself must end.
    pub streams: CancellationToken,
}

/// Serve `site` on `listener` until `shutdown`. Then calls that are under way
/// finish, for a few seconds.
pub async fn serve<M>(listener: TcpListener, address: SocketAddr, site: Site<M>, shutdown: CancellationToken)
where
    M: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    M::Response: IntoResponse,
    M::Future: Send + 'static,
{
    let Site { app, pulse, mcp, public, origins, streams } = site;
    let perimeter = Arc::new(perimeter::Perimeter::new(address, public.as_ref(), origins));
    let guarded = Router::new()
        .route_service("/mcp", mcp)
        .layer(middleware::from_fn(body::whole))
        .layer(middleware::from_fn_with_state(perimeter, perimeter::pass));
    let health = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(health::Health { app, pulse, stopping: shutdown.clone() });
    connections::serve(listener, guarded.merge(health), shutdown, streams).await;
}
