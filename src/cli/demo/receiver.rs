//! Whoever is told, on a loopback port: it takes messages as Slack, Teams and a
//! webhook of anybody do, and passes them on for people to read.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde_json::Value;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;

use super::failed;
use crate::app::Error;

/// How long a message may take that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A receiver that listens until it is dropped.
pub(super) struct Receiver {
    address: SocketAddr,
    received: UnboundedReceiver<Received>,
    serving: JoinHandle<()>,
}

/// A message as it came.
pub(super) struct Received {
    /// The path that it was sent to, without its slash: whoever it is for.
    pub(super) to: String,
    /// Its body.
    pub(super) body: Value,
}

impl Receiver {
    pub(super) async fn listen() -> Result<Self, Error> {
        let unheard = |error| failed(&format!("the receiver of messages cannot listen: {error}"));
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(unheard)?;
        let address = listener.local_addr().map_err(unheard)?;
        let (sender, received) = mpsc::unbounded_channel();
        let router = Router::new().fallback(take).with_state(sender);
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, received, serving })
    }

    /// Where `who` is.
    pub(super) fn url(&self, who: &str) -> String {
        format!("http://{}/{who}", self.address)
    }

    /// The next message.
    pub(super) async fn next(&mut self) -> Result<Received, Error> {
        let next = tokio::time::timeout(PATIENCE, self.received.recv()).await;
        next.ok().flatten().ok_or_else(|| failed("a message did not come"))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Answer as the real ones do.
async fn take(
    State(sender): State<UnboundedSender<Received>>,
    uri: Uri,
    body: String,
) -> (StatusCode, &'static str) {
    let to = uri.path().trim_start_matches('/').to_owned();
    let answer = match to.as_str() {
        "slack" => (StatusCode::OK, "ok"),
        "teams" => (StatusCode::ACCEPTED, ""),
        _ => (StatusCode::NO_CONTENT, ""),
    };
    let body = serde_json::from_str(&body).unwrap_or_default();
    let _ = sender.send(Received { to, body });
    answer
}
