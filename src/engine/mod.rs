//! The one thing that drives deployments.
//!
//! A tick takes no input. It reads what is due, plans a step for each, and
//! begins those steps; each does its one thing and records what came of it.
//! Tools, webhooks and approvals only write an event and ring the bell. So a
//! restart is the normal path, and there is no recovery code.

mod entrance;
mod health;
mod observe;
mod outbox;
mod request;
mod rollback;
mod step;
mod validate;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Random};
use crate::config::policy::Policy;
use crate::domain::deployment::Deployment;
use crate::domain::event::Event;
use crate::domain::id::{ChannelName, DeploymentId};
use crate::domain::plan::{self, Next, Step};
use crate::domain::principal::Actor;
use crate::domain::time::Timestamp;
use crate::inspection::Sources;
use crate::ports::{Executions, Messenger, Pipelines, Probe, Tracker};
use crate::pulse::Pulse;
use crate::store::{
    self, Allowance, Authority, Deferral, Entry, Expected, Fence, LARGEST_PAGE, Lease, Store,
};
use crate::tally::{LeaseChange, Pass, Tally};
use crate::wake::Wake;

/// The part of the lease after which it is renewed: two more chances remain.
const RENEWALS_PER_LEASE: u32 = 3;

/// The longest pause between two looks at the database: how fast an event is
/// noticed that another process wrote.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Deployments that one tick loads beside those that are being worked on.
const TICK_LIMIT: usize = 256;

/// How long a deployment is left alone whose step could not be recorded. The
/// same row gives the same step, and at once it would fail the same way.
const REST: Duration = Duration::from_secs(1);

/// How long steps that are under way may finish after a shutdown was asked for.
/// A trigger whose reply is cut off is looked up by the next process.
const GRACE: Duration = Duration::from_secs(10);

/// Everything that the engine acts with.
#[derive(Clone)]
pub struct Parts {
    /// The database.
    pub store: Arc<Store>,
    /// Reads of Harness.
    pub executions: Arc<dyn Executions>,
    /// Effects on Harness.
    pub pipelines: Arc<dyn Pipelines>,
    /// Questions to environments.
    pub probe: Arc<dyn Probe>,
    /// Whoever knows issues.
    pub tracker: Arc<dyn Tracker>,
    /// Whoever is told, by the names that the config gives them.
    pub messengers: Arc<Messengers>,
    /// The rules.
    pub policy: Arc<Policy>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Jitter.
    pub random: Arc<dyn Random>,
    /// The bell.
    pub wake: Wake,
    /// What this process counts.
    pub tally: Tally,
}

/// The ways to tell people.
pub type Messengers = BTreeMap<ChannelName, Arc<dyn Messenger>>;

/// The engine of one process. Of all processes on a database, the one that
/// holds the lease drives; the others stand by.
pub struct Engine {
    parts: Parts,
    holder: String,
    lease: Option<(Fence, Timestamp)>,
    /// When the last tick was.
    ticked_at: Timestamp,
    busy: HashSet<DeploymentId>,
    /// The channels that are telling something.
    delivering: BTreeSet<ChannelName>,
    pulse: Pulse,
    under_way: FuturesUnordered<BoxFuture<'static, Done>>,
}

/// A step that has ended, whatever came of it.
enum Done {
    Deployments(Vec<DeploymentId>),
    Delivery(ChannelName),
}

/// What a tick found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// Another process drives.
    Standby,
    /// This process drives; so many steps were begun.
    Began(usize),
}

impl Engine {
    /// An engine that has not begun. `holder` names this process among those
    /// that share the database; it must be unique.
    #[must_use]
    pub fn new(parts: Parts, holder: String) -> Self {
        Self {
            parts,
            holder,
            lease: None,
            ticked_at: Timestamp(i64::MAX),
            busy: HashSet::new(),
            delivering: BTreeSet::new(),
            pulse: Pulse::default(),
            under_way: FuturesUnordered::new(),
        }
    }

    /// It beats with every tick of [`Self::run`] that ends well, in a process that stands by, too.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Drive until `shutdown`. Then let what is under way finish for at most
    /// ten seconds and give the lease back.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut bell = self.parts.wake.listen();
        let mut reported = None;
        while !shutdown.is_cancelled() {
            let begun = Instant::now();
            let ticked = self.tick().await;
            self.parts.tally.passed(pass(&ticked), begun.elapsed());
            let pause = match ticked {
                Ok(tick) => {
                    self.pulse.beat();
                    reported = None;
                    self.parts.pause(tick).await
                }
                Err(error) => {
                    // Whether it is still ours to drive is part of what is not known.
                    if self.lease.take().is_some() {
                        self.parts.tally.lease_changed(LeaseChange::Lost);
                    }
                    // Said once: a full disk would otherwise fill the log, too.
                    let text = error.to_string();
                    if reported.as_ref() != Some(&text) {
                        tracing::error!(%error, "the engine cannot use the database; it keeps trying");
                        reported = Some(text);
                    }
                    self.parts.longest_pause()
                }
            };
            tokio::select! {
                Some(done) = self.under_way.next() => {
                    self.ended(done);
                    // Those that have ended together are followed by one tick.
                    while let Some(Some(done)) = self.under_way.next().now_or_never() {
                        self.ended(done);
                    }
                }
                () = bell.heard() => {}
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => {}
            }
        }
        let _ = tokio::time::timeout(GRACE, self.wind_up()).await;
        self.give_back().await;
    }

    /// Let what is under way finish, and drive as long as it takes: a reply that
    /// comes after the lease has run out could not be recorded.
    async fn wind_up(&mut self) {
        while !self.under_way.is_empty() {
            if self.lease.is_some() {
                let now = self.parts.clock.now();
                let _ = self.hold_lease(now).await;
            }
            tokio::select! {
                Some(done) = self.under_way.next() => self.ended(done),
                () = tokio::time::sleep(self.parts.longest_pause()) => {}
            }
        }
    }

    /// One pass: renew the lease, read what is due, plan, begin. The steps go
    /// on in [`Self::run`] or [`Self::finish`].
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn tick(&mut self) -> Result<Tick, store::Error> {
        let now = self.parts.clock.now();
        let Some(fence) = self.hold_lease(now).await? else {
            self.ticked_at = Timestamp(i64::MAX);
            return Ok(Tick::Standby);
        };
        // Times that were set before the clock was put back, perhaps in another
        // process, may be far ahead. Then the plan says for each what they are worth.
        let put_back = now.plus(LONGEST_PAUSE) < self.ticked_at;
        let horizon = if put_back { Timestamp(i64::MAX) } else { now };
        let limit = if put_back { LARGEST_PAGE as usize } else { TICK_LIMIT + self.busy.len() };
        let limit = u32::try_from(limit).unwrap_or(LARGEST_PAGE);
        let due = self.parts.blocking(move |store| store.due(horizon, limit)).await?;
        self.ticked_at = now;
        let mut begun = 0;
        let mut observed = Vec::new();
        let mut deferred = Vec::new();
        for deployment in due {
            if self.busy.contains(&deployment.id) {
                continue;
            }
            let gates = self.parts.policy.gates_of(&deployment.spec);
            match plan::next(&deployment, &self.parts.policy.timing, &gates, now) {
                Next::Do(step) => {
                    self.busy.insert(deployment.id.clone());
                    begun += 1;
                    match *step {
                        Step::Observe { execution } => observed.push((deployment, execution)),
                        step => self.begin_step(fence.clone(), deployment, step),
                    }
                }
                Next::Wait(until) => {
                    deferred.push(Deferral { id: deployment.id, version: deployment.progress.version, until })
                }
                Next::Idle => {}
            }
        }
        if !observed.is_empty() {
            self.begin_observing(fence.clone(), observed);
        }
        if !deferred.is_empty() {
            let fence = fence.clone();
            self.parts.blocking(move |store| store.defer(&fence, &deferred)).await?;
        }
        for channel in outbox::route(&self.parts, &fence, now).await? {
            if !self.delivering.contains(&channel) {
                begun += self.begin_delivery(fence.clone(), channel, now).await?;
            }
        }
        Ok(Tick::Began(begun))
    }

    /// Wait until every step that was begun has ended.
    pub async fn finish(&mut self) {
        while let Some(done) = self.under_way.next().await {
            self.ended(done);
        }
    }

    fn ended(&mut self, done: Done) {
        match done {
            Done::Deployments(ids) => {
                for id in ids {
                    self.busy.remove(&id);
                }
            }
            Done::Delivery(channel) => {
                self.delivering.remove(&channel);
            }
        }
    }

    async fn hold_lease(&mut self, now: Timestamp) -> Result<Option<Fence>, store::Error> {
        let ttl = self.parts.policy.timing.lease;
        if let Some((fence, renew_at)) = &self.lease
            && now < *renew_at
            && renew_at.since(now) <= ttl
        {
            return Ok(Some(fence.clone()));
        }
        let holder = self.holder.clone();
        let lease = self.parts.blocking(move |store| store.lease(&holder, now, ttl)).await?;
        let before = self.lease.take();
        self.lease = match lease {
            Lease::Held(fence) => {
                if before.is_none() {
                    self.parts.tally.lease_changed(LeaseChange::Taken);
                    tracing::info!(holder = %self.holder, token = fence.token, "this process drives deployments now");
                }
                Some((fence, now.plus(ttl / RENEWALS_PER_LEASE)))
            }
            Lease::HeldBy(driver) => {
                if before.is_some() {
                    self.parts.tally.lease_changed(LeaseChange::Lost);
                    tracing::warn!(driver = %driver.holder, "another process has taken over");
                }
                None
            }
        };
        Ok(self.lease.as_ref().map(|(fence, _)| fence.clone()))
    }

    async fn give_back(&mut self) {
        let Some((fence, _)) = self.lease.take() else { return };
        if let Err(error) = self.parts.blocking(move |store| store.release(&fence)).await {
            tracing::warn!(%error, "the lease was not given back; another process waits until it runs out");
        }
    }

    fn begin_step(&mut self, fence: Fence, deployment: Deployment, step: Step) {
        let parts = self.parts.clone();
        self.under_way.push(Box::pin(async move {
            let id = deployment.id.clone();
            let version = deployment.progress.version;
            if let Err(error) = step::take(&parts, &fence, deployment, step).await {
                parts.report(&id, version, &error);
                if !matches!(error, store::Error::Stale { .. }) {
                    tokio::time::sleep(REST).await;
                }
            }
            Done::Deployments(vec![id])
        }));
    }

    fn begin_observing(&mut self, fence: Fence, observed: Vec<(Deployment, crate::domain::run::Execution)>) {
        let parts = self.parts.clone();
        self.under_way.push(Box::pin(async move {
            let ids = observed.iter().map(|(deployment, _)| deployment.id.clone()).collect();
            observe::look(&parts, &fence, observed).await;
            Done::Deployments(ids)
        }));
    }

    async fn begin_delivery(
        &mut self,
        fence: Fence,
        channel: ChannelName,
        now: Timestamp,
    ) -> Result<usize, store::Error> {
        let claimed = outbox::claim(&self.parts, &fence, &channel, now).await?;
        if claimed.is_empty() {
            return Ok(0);
        }
        let begun = claimed.len();
        let parts = self.parts.clone();
        self.delivering.insert(channel.clone());
        self.under_way.push(Box::pin(async move {
            outbox::deliver(&parts, &fence, claimed).await;
            Done::Delivery(channel)
        }));
        Ok(begun)
    }
}

/// How it is counted what a tick came to.
fn pass(ticked: &Result<Tick, store::Error>) -> Pass {
    match ticked {
        Ok(Tick::Began(_)) => Pass::Drove,
        Ok(Tick::Standby) => Pass::StoodBy,
        Err(_) => Pass::Failed,
    }
}

impl Parts {
    /// Where validation looks.
    fn sources(&self) -> Sources {
        Sources {
            store: Arc::clone(&self.store),
            executions: Arc::clone(&self.executions),
            probe: Arc::clone(&self.probe),
            tracker: Arc::clone(&self.tracker),
            policy: Arc::clone(&self.policy),
            clock: Arc::clone(&self.clock),
        }
    }

    /// Use the database without blocking the threads that serve others.
    async fn blocking<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&Store) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, store::Error> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || verb(&store)).await.expect("store verbs do not panic")
    }

    /// How long nothing is due, as far as this process can know. Who stands by
    /// waits for the lease, whatever is due.
    async fn pause(&self, tick: Tick) -> Duration {
        let longest = self.longest_pause();
        if tick == Tick::Standby {
            return longest;
        }
        let now = self.clock.now();
        match self.blocking(Store::next_due).await {
            Ok(Some(due)) if due > now => due.since(now).min(longest),
            _ => longest,
        }
    }

    /// The longest pause, in which no lease runs out.
    fn longest_pause(&self) -> Duration {
        LONGEST_PAUSE.min(self.policy.timing.lease / RENEWALS_PER_LEASE)
    }

    /// Record an event that the engine has decided on.
    async fn record(
        &self,
        fence: &Fence,
        deployment: &Deployment,
        event: impl Into<Event>,
    ) -> Result<Deployment, store::Error> {
        let entry = Entry {
            id: deployment.id.clone(),
            event: event.into(),
            actor: Actor::ENGINE,
            expected: Expected::Version(deployment.progress.version),
            authority: Authority::Driver(fence.clone()),
            allowance: Allowance::Unlimited,
            at: self.clock.now(),
        };
        let recorded = self.blocking(move |store| store.record(&entry)).await?;
        self.wake.ring();
        tracing::info!(
            deployment = %recorded.id,
            version = recorded.progress.version,
            state = %recorded.progress.state.name(),
            "recorded"
        );
        Ok(recorded)
    }

    /// Look at the deployment again after `pause`.
    async fn look_again(
        &self,
        fence: &Fence,
        deployment: &Deployment,
        pause: Duration,
    ) -> Result<(), store::Error> {
        let deferral = Deferral {
            id: deployment.id.clone(),
            version: deployment.progress.version,
            until: self.clock.now().plus(pause),
        };
        let fence = fence.clone();
        self.blocking(move |store| store.defer(&fence, &[deferral])).await
    }

    /// A step could not be recorded. Nothing is lost: the next tick plans it anew.
    fn report(&self, id: &DeploymentId, version: u64, error: &store::Error) {
        match error {
            store::Error::Stale { .. } => {
                tracing::debug!(deployment = %id, version, "an event came between; planning anew");
            }
            store::Error::LeaseLost { .. } => tracing::warn!(deployment = %id, "another process drives now"),
            _ => tracing::error!(deployment = %id, version, %error, "a step was not recorded"),
        }
    }
}
