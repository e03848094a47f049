//! Watching deployments for somebody who stays connected: they are told that
//! something has changed, and read for themselves what.
//!
//! Levels, not edges: changes that come close together are one, and a version
//! that was told is not told again. Nothing is looked at while nobody watches.
//! What no record tells is looked for as well: messages that cannot be delivered, and
//! freezes, which begin and end by the clock alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::history::PAGE_LIMIT;
use super::wait::LOOK_EVERY;
use super::{App, Error};
use crate::domain::freeze::{self, FreezeState};
use crate::domain::id::DeploymentId;
use crate::domain::time::Timestamp;
use crate::store::{self, Snapshot};

/// What can be watched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watched {
    /// One deployment.
    Deployment(DeploymentId),
    /// The list of those in flight, as far as one page shows it.
    Active,
}

/// The versions of all that is watched under one name.
type Level = Vec<(DeploymentId, u64)>;

/// The least time between two looks, however often the bell rings: nobody reads
/// a deployment more often than fifty times a second.
const LOOKS_APART: Duration = Duration::from_millis(20);

/// How long freezes are not looked at that are not to begin or end for long, or not in sight.
const TURN_IN_SIGHT: Duration = Duration::from_hours(24);

/// How far everything is. What is equal was told already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sighting {
    /// The last position of the history.
    position: u64,
    /// Messages that were tried in vain so far.
    in_vain: u32,
    /// The instant up to which the freezes stay as they are.
    freezes_turn_at: Timestamp,
}

/// Looks whether anything at all has happened, by whichever process, for all
/// who watch: two small reads, at each ring of the bell and four times a second.
pub struct Lookout {
    app: App,
    seen: watch::Sender<Sighting>,
    /// Whether somebody looks.
    looking: Mutex<bool>,
}

impl Sighting {
    /// Nothing was seen yet.
    const NOTHING: Self = Self { position: 0, in_vain: 0, freezes_turn_at: Timestamp::EPOCH };
}

impl Lookout {
    /// A lookout that sleeps until somebody watches.
    #[must_use]
    pub fn new(app: App) -> Arc<Self> {
        Arc::new(Self { app, seen: watch::Sender::new(Sighting::NOTHING), looking: Mutex::new(false) })
    }

    /// Watch all of these from now on. Ends when it is dropped.
    ///
    /// # Errors
    /// When one of them does not exist.
    pub async fn watch(self: &Arc<Self>, these: BTreeSet<Watched>) -> Result<Watch, Error> {
        // In this order: what is recorded after the first look is seen at a later one.
        let news = self.hear();
        let told = levels(&self.app, these).await?;
        Ok(Watch { app: self.app.clone(), news, told })
    }

    /// Follow everything that people see at a glance. Ends when it is dropped.
    #[must_use]
    pub fn follow(self: &Arc<Self>) -> Following {
        Following(self.hear())
    }

    fn hear(self: &Arc<Self>) -> watch::Receiver<Sighting> {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let news = self.seen.subscribe();
        if !*looking {
            *looking = true;
            tokio::spawn(Arc::clone(self).look());
        }
        news
    }

    async fn look(self: Arc<Self>) {
        let mut bell = self.app.wake.listen();
        while self.is_wanted() {
            let read =
                |snapshot: &Snapshot<'_>| Ok((snapshot.last_position()?, snapshot.count_tried_in_vain()?));
            match self.app.read(read).await {
                Ok((position, in_vain)) => {
                    let sighting = Sighting { position, in_vain, freezes_turn_at: self.freezes_turn_at() };
                    self.seen.send_if_modified(|known| std::mem::replace(known, sighting) != sighting);
                }
                Err(error) => tracing::debug!(%error, "a look for those who watch has failed"),
            }
            tokio::time::sleep(LOOKS_APART).await;
            tokio::select! {
                () = bell.heard() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.seen.closed() => {}
            }
        }
    }

    /// When the freezes are no longer as they were at the last look. Calendars are
    /// asked once for each turn, and not four times a second.
    fn freezes_turn_at(&self) -> Timestamp {
        let (known, now) = (self.seen.borrow().freezes_turn_at, self.app.clock.now());
        if now < known && known <= now.plus(TURN_IN_SIGHT) {
            return known;
        }
        let policy = &self.app.policy;
        let turns = policy.workflow.environments.iter().filter_map(|environment| {
            match freeze::state_at(&policy.freezes, &environment.name, now) {
                FreezeState::Open { closes_at } => closes_at,
                FreezeState::Frozen { until, .. } => until,
            }
        });
        let horizon = now.plus(TURN_IN_SIGHT);
        turns.min().map_or(horizon, |turn| turn.min(horizon))
    }

    /// Whether anybody watches. Where not, whoever watches next begins anew.
    fn is_wanted(&self) -> bool {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        *looking = self.seen.receiver_count() > 0;
        *looking
    }
}

/// Somebody who follows everything.
pub struct Following(watch::Receiver<Sighting>);

impl Following {
    /// Wait until something is no longer as it was when this was called last.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Somebody who watches.
pub struct Watch {
    app: App,
    news: watch::Receiver<Sighting>,
    told: BTreeMap<Watched, Level>,
}

impl Watch {
    /// Wait until something of it is no longer as it was told last; what. Of
    /// nothing, nothing ever changes.
    pub async fn changed(&mut self) -> Vec<Watched> {
        loop {
            if self.news.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            let Ok(now) = levels(&self.app, self.told.keys().cloned().collect()).await else {
                // Busy. The news is still to be looked at.
                tokio::time::sleep(LOOK_EVERY).await;
                self.news.mark_changed();
                continue;
            };
            let before = std::mem::replace(&mut self.told, now);
            let is_new = |(watched, level): &(&Watched, &Level)| before.get(*watched) != Some(*level);
            let changed: Vec<Watched> =
                self.told.iter().filter(is_new).map(|(watched, _)| watched.clone()).collect();
            if !changed.is_empty() {
                return changed;
            }
        }
    }
}

async fn levels(app: &App, these: BTreeSet<Watched>) -> Result<BTreeMap<Watched, Level>, Error> {
    app.read(move |snapshot| these.iter().map(|it| Ok((it.clone(), level(snapshot, it)?))).collect()).await
}

fn level(snapshot: &Snapshot<'_>, watched: &Watched) -> Result<Level, store::Error> {
    match watched {
        Watched::Deployment(id) => Ok(vec![(id.clone(), snapshot.load(id)?.progress.version)]),
        Watched::Active => snapshot.active_versions(PAGE_LIMIT),
    }
}
