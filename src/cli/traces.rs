//! Traces: whether somebody wants them, and who tells them. This is the side of a program that
//! was built with the feature `otlp`; `no_traces` is the other.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::finding::{Finding, Level};
use super::wiring;
use crate::app::{Code, Error};
use crate::clock::Random;
use crate::config::environment;
use crate::otlp::{Answer, Collector, Follower, Settings};
use crate::store::Store;
use crate::tally::Tally;

/// Whoever is told, if anybody is.
pub(super) struct Traces(Option<Collector>);

/// What `serve` does about traces: it refuses variables that it cannot use.
pub(super) fn wanted(simulated: bool, tally: &Tally) -> Result<Traces, Error> {
    let Some(settings) = settings()? else { return Ok(Traces(None)) };
    if settings.shows_headers() {
        tracing::warn!(collector = %settings.shown(), "{READABLE}; {USE_TLS}");
    }
    collector(settings, simulated, tally).map(|collector| Traces(Some(collector)))
}

impl Traces {
    /// Tell them until `shutdown`, while the process that is called `holder` in the lease
    /// drives: whatever is recorded after this call.
    pub(super) fn follow(
        self,
        store: Arc<Store>,
        random: Arc<dyn Random>,
        holder: String,
        shutdown: CancellationToken,
    ) -> Result<impl Future<Output = ()> + Send + use<>, Error> {
        let begin = |collector| Follower::begin(store, collector, random, holder);
        let follower = self.0.map(begin).transpose()?;
        Ok(async move {
            if let Some(follower) = follower {
                follower.run(shutdown).await;
            }
        })
    }
}

/// What `doctor` says of them.
pub(super) async fn findings() -> Vec<Finding> {
    let settings = match settings() {
        Ok(Some(settings)) => settings,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![Finding::of("traces", &error)],
    };
    let readable =
        settings.shows_headers().then(|| Finding::bad(Level::Warning, "traces", READABLE, USE_TLS));
    let collector = match collector(settings, false, &Tally::default()) {
        Ok(collector) => collector,
        Err(error) => return vec![Finding::of("traces", &error)],
    };
    let shown = collector.shown();
    let reached = match collector.tell(Vec::new()).await {
        Answer::Taken | Answer::TakenInPart { .. } => {
            Finding::good("traces", format!("the collector {shown} takes traces"))
        }
        Answer::Refused { message } | Answer::Later { message, .. } => Finding::bad(
            Level::Warning,
            "traces",
            format!("the collector {shown} takes no traces: {message}"),
            "look at OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS; until it does, they are kept",
        ),
    };
    readable.into_iter().chain([reached]).collect()
}

const READABLE: &str = "the headers for the collector of traces can be read on the way";
const USE_TLS: &str = "use https, if they are secret";

fn settings() -> Result<Option<Settings>, Error> {
    environment::trace_settings().map_err(|error| wiring::unusable(&error))
}

fn collector(settings: Settings, simulated: bool, tally: &Tally) -> Result<Collector, Error> {
    Collector::new(settings, simulated, tally).map_err(|error| {
        Error::new(
            Code::ConfigInvalid,
            error.to_string(),
            "install the root certificates of the system and start again",
        )
    })
}
