//! The log, on standard error: standard output is the MCP wire.

use tracing_subscriber::EnvFilter;

use super::wiring;
use crate::app::{Code, Error};
use crate::config::environment::{self, LogFormat};

/// Log from now on, in the format that the environment asks for, and as much as it
/// asks for, or else as `usual` says.
///
/// # Errors
/// When it asks for something that there is not. Nothing is logged then.
pub(super) fn begin(usual: &str) -> Result<(), Error> {
    let format = environment::log_format().map_err(|error| wiring::unusable(&error))?;
    let filter = environment::log_filter().unwrap_or_else(|| usual.to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        Error::new(
            Code::ConfigInvalid,
            format!("ORCHESTRATOR_LOG says `{filter}`, which cannot be read: {error}"),
            "write it as in `info` or `warn,deployment_orchestrator=debug`",
        )
    })?;
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => {
            log.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
            tell_of_defects();
        }
    }
    Ok(())
}

/// Have a defect be a line like all others, where Rust would write several in its own words.
fn tell_of_defects() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a defect: {}", panic.payload_as_str().unwrap_or("no reason is known"));
    }));
}
