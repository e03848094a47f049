//! The thin binary: arguments, exit codes.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use deployment_orchestrator::app::Code;
use deployment_orchestrator::cli::{self, Cli};

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let report = cli.reporter();
    let runtime = tokio::runtime::Runtime::new().context("the async runtime cannot start")?;
    let outcome = cli.begin_log().and_then(|()| runtime.block_on(cli::run(cli)));
    // A blocked read of standard input must not hold the exit.
    runtime.shutdown_background();
    let Err(error) = outcome else { return Ok(ExitCode::SUCCESS) };
    report(&error);
    Ok(match error.code {
        Code::MalformedArgument | Code::UnknownEvent | Code::UnknownEnvironment | Code::ConfigInvalid => {
            ExitCode::from(2)
        }
        _ => ExitCode::FAILURE,
    })
}
