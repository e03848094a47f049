//! Traces, in a program that was built without the feature `otlp`: nobody is told, and
//! whoever asks for them learns why.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::finding::{Finding, Level};
use crate::app::Error;
use crate::clock::Random;
use crate::config::environment;
use crate::store::Store;
use crate::tally::Tally;

/// Whoever is told: nobody.
pub(super) struct Traces;

/// What `serve` does about traces: it deploys without them, and says so.
#[expect(clippy::unnecessary_wraps, reason = "with the feature it refuses")]
pub(super) fn wanted(_simulated: bool, _tally: &Tally) -> Result<Traces, Error> {
    if let Some(variable) = environment::wants_traces() {
        tracing::warn!("{}; {REMEDY}", without(variable));
    }
    Ok(Traces)
}

impl Traces {
    /// Over at once.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with the feature it has work to do")]
    pub(super) fn follow(
        self,
        _store: Arc<Store>,
        _random: Arc<dyn Random>,
        _holder: String,
        _shutdown: CancellationToken,
    ) -> Result<std::future::Ready<()>, Error> {
        Ok(std::future::ready(()))
    }
}

/// What `doctor` says of them.
pub(super) async fn findings() -> Vec<Finding> {
    let finding = |variable| Finding::bad(Level::Warning, "traces", without(variable), REMEDY);
    environment::wants_traces().map(finding).into_iter().collect()
}

const REMEDY: &str = "build it with `cargo build --release --features otlp`, or unset the variable";

fn without(variable: &str) -> String {
    format!("{variable} is set, and this program was built without traces, so it sends none")
}
