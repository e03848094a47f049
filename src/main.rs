//! The thin binary: arguments, logs to standard error, exit codes.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use deployment_orchestrator::app::Code;
use deployment_orchestrator::cli::{self, Cli};
use deployment_orchestrator::config::environment;
use tracing_subscriber::EnvFilter;

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let json = cli.wants_json();
    // Standard output is the MCP wire.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::new(
            environment::log_filter().unwrap_or_else(|| cli.default_log_filter().to_owned()),
        ))
        .init();
    let runtime = tokio::runtime::Runtime::new().context("the async runtime cannot start")?;
    let outcome = runtime.block_on(cli::run(cli));
    // A blocked read of standard input must not hold the exit.
    runtime.shutdown_background();
    let Err(error) = outcome else { return Ok(ExitCode::SUCCESS) };
    Cli::report(json, &error);
    Ok(match error.code {
        Code::MalformedArgument | Code::UnknownEvent | Code::UnknownEnvironment | Code::ConfigInvalid => {
            ExitCode::from(2)
        }
        _ => ExitCode::FAILURE,
    })
}
