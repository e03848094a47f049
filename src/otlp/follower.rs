//! Follows the history, and tells a collector what it has ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::collector::{Answer, Collector};
use crate::clock::Random;
use crate::domain::retry::backoff;
use crate::domain::trace::span::Span;
use crate::domain::trace::tell::tell;
use crate::store::{self, Store, Stretch};

/// How long after the last look the history is looked at again.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause that a collector may ask for: whoever asks for more has made a mistake.
const LONGEST_ASKED_FOR: Duration = Duration::from_hours(1);

/// Tells the traces of a database, while its process is the one that drives. It has no say in
/// anything else: what it cannot tell waits in the history, and no deployment waits for it.
pub struct Follower {
    store: Arc<Store>,
    collector: Collector,
    random: Arc<dyn Random>,
    /// The process, as the lease names it.
    holder: String,
    /// How often in a row the collector could not take what was told.
    failures: u32,
    /// Until when it is left alone.
    rests_until: Option<Instant>,
    /// What was said last in the log of a database that cannot be used.
    reported: Option<String>,
}

/// What one look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Another process drives, or none does.
    Standby,
    /// There is nothing new.
    UpToDate,
    /// A stretch of the history is told, or need not be: there may be more.
    Told,
    /// The collector is left alone for so long.
    Rests(Duration),
}

impl Follower {
    /// A follower of the process that is called `holder` in the lease. What is recorded from now
    /// on will be told, by whichever process. Blocks for a disk sync the first time.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn begin(
        store: Arc<Store>,
        collector: Collector,
        random: Arc<dyn Random>,
        holder: String,
    ) -> Result<Self, store::Error> {
        store.want_traces()?;
        Ok(Self { store, collector, random, holder, failures: 0, rests_until: None, reported: None })
    }

    /// Tell until `shutdown`. What is not told by then, whoever drives next tells.
    pub async fn run(mut self, shutdown: CancellationToken) {
        tracing::info!(collector = %self.collector.shown(), "traces of deployments are told");
        let telling = async {
            loop {
                let pause = self.pause_after_look().await;
                tokio::time::sleep(pause).await;
            }
        };
        let _: Option<()> = shutdown.run_until_cancelled(telling).await;
    }

    async fn pause_after_look(&mut self) -> Duration {
        match self.look().await {
            Ok(progress) => {
                self.reported = None;
                match progress {
                    Progress::Told => Duration::ZERO,
                    Progress::Standby | Progress::UpToDate => PAUSE,
                    Progress::Rests(pause) => pause.min(PAUSE),
                }
            }
            Err(error) => {
                // Said once: the engine says the same of a full disk.
                let text = error.to_string();
                if self.reported.as_ref() != Some(&text) {
                    tracing::warn!(%error, "it is not recorded which traces are told; they are told again");
                    self.reported = Some(text);
                }
                PAUSE
            }
        }
    }

    /// One look: the next stretch of the history, told and noted.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn look(&mut self) -> Result<Progress, store::Error> {
        if let Some(until) = self.rests_until
            && let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero())
        {
            return Ok(Progress::Rests(rest));
        }
        let drives = self.blocking(Store::driver).await?.is_some_and(|driver| driver.holder == self.holder);
        if !drives {
            return Ok(Progress::Standby);
        }
        let Some(stretch) = self.blocking(Store::untold_traces).await? else { return Ok(Progress::UpToDate) };
        let spans = spans_of(&stretch);
        if !spans.is_empty() {
            let told = spans.len();
            let answer = self.collector.tell(spans).await;
            if let Some(rest) = self.heed(answer, told) {
                self.rests_until = Some(Instant::now() + rest);
                return Ok(Progress::Rests(rest));
            }
        }
        let holder = self.holder.clone();
        match self.blocking(move |store| store.traces_told(&holder, &stretch)).await {
            Ok(()) => Ok(Progress::Told),
            // Whoever drives now tells it once more, which says the same.
            Err(store::Error::LeaseLost { .. }) => Ok(Progress::Standby),
            Err(error) => Err(error),
        }
    }

    /// What the collector's answer means: for how long it is left alone before it is told the
    /// same again. `None`: there is nothing to be told again. An outage is said once, and its end.
    fn heed(&mut self, answer: Answer, told: usize) -> Option<Duration> {
        let collector = self.collector.shown();
        match answer {
            Answer::Later { message, after } => {
                self.failures = self.failures.saturating_add(1);
                let asked = after.unwrap_or_default().min(LONGEST_ASKED_FOR);
                let rest = backoff(self.failures, self.random.bits()).max(asked);
                if self.failures == 1 {
                    tracing::warn!(%collector, error = message, "traces are not taken; they are kept and told later");
                } else {
                    tracing::debug!(%collector, error = message, ?rest, "traces are not taken");
                }
                return Some(rest);
            }
            Answer::Refused { message } => {
                tracing::error!(%collector, error = message, spans = told, "spans are refused, and are not told again");
            }
            Answer::TakenInPart { rejected, message } => {
                tracing::warn!(%collector, error = message, rejected, spans = told, "some spans are refused, and are not told again");
            }
            Answer::Taken => {}
        }
        if std::mem::take(&mut self.failures) > 0 {
            tracing::info!(%collector, "traces are taken again");
        }
        self.rests_until = None;
        None
    }

    /// Use the database without blocking the threads that serve others.
    async fn blocking<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&Store) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, store::Error> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || verb(&store)).await.expect("store verbs do not panic")
    }
}

/// The spans that this stretch has ended. A deployment whose records cannot be followed has none.
fn spans_of(stretch: &Stretch) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut untellable = stretch.unreadable;
    for history in &stretch.histories {
        match tell(history) {
            Ok(ended) => spans.extend(ended.into_iter().filter(|span| span.ended_by > stretch.after)),
            Err(_) => untellable += 1,
        }
    }
    if untellable > 0 {
        tracing::warn!(
            deployments = untellable,
            until = stretch.until,
            "records cannot be followed, and are in no trace; run `audit verify`"
        );
    }
    spans
}
