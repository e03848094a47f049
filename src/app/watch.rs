//! Watching deployments for somebody who stays connected: they are told that
//! something has changed, and read for themselves what.
//!
//! Levels, not edges: changes that come close together are one, and a version
//! that was told is not told again. Nothing is looked at while nobody watches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::history::PAGE_LIMIT;
use super::wait::LOOK_EVERY;
use super::{App, Error};
use crate::domain::id::DeploymentId;
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

/// Looks whether anything at all was recorded, by whichever process, for all
/// who watch: one small read, at each ring of the bell and four times a second.
pub struct Lookout {
    app: App,
    /// The last position of the history.
    head: watch::Sender<u64>,
    /// Whether somebody looks.
    looking: Mutex<bool>,
}

impl Lookout {
    /// A lookout that sleeps until somebody watches.
    #[must_use]
    pub fn new(app: App) -> Arc<Self> {
        Arc::new(Self { app, head: watch::Sender::new(0), looking: Mutex::new(false) })
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

    fn hear(self: &Arc<Self>) -> watch::Receiver<u64> {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let news = self.head.subscribe();
        if !*looking {
            *looking = true;
            tokio::spawn(Arc::clone(self).look());
        }
        news
    }

    async fn look(self: Arc<Self>) {
        let mut bell = self.app.wake.listen();
        while self.is_wanted() {
            match self.app.read(|snapshot| snapshot.last_position()).await {
                Ok(head) => {
                    self.head.send_if_modified(|known| std::mem::replace(known, head) != head);
                }
                Err(error) => tracing::debug!(%error, "a look for those who watch has failed"),
            }
            tokio::time::sleep(LOOKS_APART).await;
            tokio::select! {
                () = bell.heard() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.head.closed() => {}
            }
        }
    }

    /// Whether anybody watches. Where not, whoever watches next begins anew.
    fn is_wanted(&self) -> bool {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        *looking = self.head.receiver_count() > 0;
        *looking
    }
}

/// Somebody who watches.
pub struct Watch {
    app: App,
    news: watch::Receiver<u64>,
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
