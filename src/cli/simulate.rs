//! `simulate-harness`: the simulator by itself, for other programs.

use std::net::SocketAddr;
use std::path::Path;

use super::output;
use crate::app::{Code, Error};
use crate::harness::simulator::{Script, Simulator};

pub(super) async fn run(address: SocketAddr, script: Option<&Path>) -> Result<(), Error> {
    let script = match script {
        None => Script::default(),
        Some(path) => {
            let wrong = |reason: String| {
                Error::new(
                    Code::ConfigInvalid,
                    format!("the script {} cannot be used: {reason}", path.display()),
                    "docs/simulator.md has the format",
                )
            };
            let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
            Script::from_toml(&text).map_err(wrong)?
        }
    };
    let simulator = Simulator::start(address, script).await.map_err(|error| {
        Error::new(Code::IoFailed, format!("{address} cannot be listened on: {error}"), "name another --addr")
    })?;
    output::line(&format!("simulated Harness at {}; stop it with Ctrl-C", simulator.url()));
    output::line(&format!(
        "  HARNESS_BASE_URL={} HARNESS_API_KEY=sat.simulated.any.key HARNESS_ORG_ID=default HARNESS_PROJECT_ID=trial",
        simulator.url()
    ));
    let _ = tokio::signal::ctrl_c().await;
    drop(simulator);
    Ok(())
}
