//! Being told to stop, by Ctrl-C or whoever started the program.

use tokio_util::sync::CancellationToken;

use crate::app::{Code, Error};

/// Cancel `shutdown` at the first signal.
///
/// # Errors
/// When signals cannot be received.
pub(super) fn stop_on_signal(shutdown: &CancellationToken) -> Result<(), Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| {
        Error::new(Code::IoFailed, format!("signals cannot be received: {error}"), "start the server again")
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop");
        shutdown.cancel();
    });
    Ok(())
}
