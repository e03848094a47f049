//! `serve --connect`: standard input and output as a bridge to a server elsewhere.

use tokio::io::BufReader;
use tokio_util::sync::CancellationToken;

use super::{signals, wiring};
use crate::app::Error;
use crate::bridge::{self, Server};
use crate::config::environment;

/// Carry messages until the host hangs up or the process is told to stop.
pub(super) async fn run(url: &str) -> Result<(), Error> {
    let token = environment::server_token().map_err(|error| wiring::unusable(&error))?;
    let server = Server::at(url, token.as_ref())?;
    let shutdown = CancellationToken::new();
    signals::stop_on_signal(&shutdown)?;
    tracing::info!(url = server.url(), "carrying MCP to a server");
    bridge::serve(server, BufReader::new(tokio::io::stdin()), tokio::io::stdout(), shutdown).await;
    Ok(())
}
