//! `release-commit`: a commit that was rolled back may be deployed again.

use super::{Global, act, output, wiring};
use crate::app::Error;

/// Which commit, and why.
#[derive(Debug, clap::Args)]
pub(super) struct Release {
    /// The service.
    service: String,
    /// The commit.
    commit: String,
    /// Why it was not at fault.
    #[arg(long)]
    reason: String,
}

pub(super) async fn run(global: &Global, release: &Release) -> Result<(), Error> {
    let app = wiring::app(global)?;
    let Release { service, commit, reason } = release;
    let released = app.release_commit(service, commit, reason, &act::person(&app)).await?;
    if global.json {
        return output::json(&released);
    }
    output::line(&format!(
        "{commit} of {service} may be deployed again; it was rolled back by {}",
        released.rolled_back_by.join(", ")
    ));
    Ok(())
}
