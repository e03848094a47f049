//! Updates of deployments for clients that stay connected: on the stream of
//! `subscriptions/listen`, and with `resources/subscribe` of the older revisions
//! on the session's own stream.
//!
//! An update says that a resource is no longer as it was, and nothing of how it
//! is: clients read it again, and see what they may see.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::RoleServer;
use rmcp::model::{ErrorData, ResourceUpdatedNotificationParam, SubscriptionFilter};
use rmcp::service::{Peer, SubscriptionContext};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::resources;
use crate::app::{App, Code, Error, Lookout, Watch, Watched};
use crate::domain::token::Holder;

/// How many resources one stream or session watches: more than anybody has in
/// flight and looks at one by one. Each is a row to read when something happens.
const MOST_WATCHED: usize = 64;

/// How many streams each person, and each person's agents, listen on at once:
/// a few dozen sessions. Over HTTP each holds a connection.
const MOST_STREAMS: usize = 32;

/// Whoever looks for all subscribers of one server, and how many listen.
pub(super) struct Updates {
    lookout: Arc<Lookout>,
    streams: Mutex<BTreeMap<Holder, Arc<Semaphore>>>,
    /// Every subscription ends with it.
    end: CancellationToken,
}

impl Updates {
    /// Updates of what `app` has, until `end`.
    pub(super) fn new(app: App, end: CancellationToken) -> Self {
        Self { lookout: Lookout::new(app), streams: Mutex::default(), end }
    }

    /// Send updates on a stream until its client cancels it or leaves, or the server closes.
    ///
    /// # Errors
    /// When something of it does not exist, or there are too many.
    pub(super) async fn stream(&self, context: &SubscriptionContext, who: Holder) -> Result<(), ErrorData> {
        let uris = context.accepted().resource_subscriptions.iter().flatten();
        let watched: BTreeSet<Watched> = uris.map(|uri| resources::watched(uri)).collect::<Result<_, _>>()?;
        let _place = self.place(who).map_err(resources::protocol_error)?;
        if watched.len() > MOST_WATCHED {
            return Err(resources::protocol_error(too_many("one stream", MOST_WATCHED, "resources")));
        }
        let mut watch = self.lookout.watch(watched).await.map_err(resources::protocol_error)?;
        let telling = async {
            loop {
                for changed in watch.changed().await {
                    if context.sink().notify_resource_updated(resources::uri_of(&changed)).await.is_err() {
                        return;
                    }
                }
            }
        };
        tokio::select! {
            () = telling => {}
            () = context.cancelled() => {}
            () = self.end.cancelled() => {}
        }
        Ok(())
    }

    fn place(&self, who: Holder) -> Result<OwnedSemaphorePermit, Error> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let places = streams.entry(who).or_insert_with(|| Arc::new(Semaphore::new(MOST_STREAMS)));
        Arc::clone(places).try_acquire_owned().map_err(|_| too_many("one principal", MOST_STREAMS, "streams"))
    }
}

/// What may be listened to of what a client asks for: whatever can change.
pub(super) fn acceptable(requested: &SubscriptionFilter) -> SubscriptionFilter {
    let mut accepted = SubscriptionFilter::default();
    accepted.resource_subscriptions = requested
        .resource_subscriptions
        .as_ref()
        .map(|uris| uris.iter().filter(|uri| resources::watched(uri).is_ok()).cloned().collect());
    accepted
}

/// What one session of an older revision is subscribed to. It ends with the session.
#[derive(Default)]
pub(super) struct Subscriptions(Mutex<BTreeMap<Watched, DropGuard>>);

impl Clone for Subscriptions {
    /// A clone of the server serves another session, which begins with none.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Subscriptions {
    /// Send updates of the resource at `uri` to `client` from now on. Once is enough.
    ///
    /// # Errors
    /// When it does not exist, or there are too many.
    pub(super) async fn add(
        &self,
        uri: &str,
        updates: &Updates,
        client: Peer<RoleServer>,
    ) -> Result<(), ErrorData> {
        let watched = resources::watched(uri)?;
        let this = BTreeSet::from([watched.clone()]);
        let watch = updates.lookout.watch(this).await.map_err(|error| resources::error_about(uri, error))?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_WATCHED && !all.contains_key(&watched) {
            return Err(resources::protocol_error(too_many("one session", MOST_WATCHED, "resources")));
        }
        let end = updates.end.child_token();
        tokio::spawn(end.clone().run_until_cancelled_owned(tell(client, watch)));
        all.insert(watched, end.drop_guard());
        Ok(())
    }

    /// Send no more of it.
    ///
    /// # Errors
    /// When it is nothing that could be subscribed to.
    pub(super) fn remove(&self, uri: &str) -> Result<(), ErrorData> {
        let watched = resources::watched(uri)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&watched);
        Ok(())
    }
}

/// Tell of every change until the client is gone.
async fn tell(client: Peer<RoleServer>, mut watch: Watch) {
    loop {
        for changed in watch.changed().await {
            let update = ResourceUpdatedNotificationParam::new(resources::uri_of(&changed));
            if client.notify_resource_updated(update).await.is_err() {
                return;
            }
        }
    }
}

fn too_many(who: &str, most: usize, what: &str) -> Error {
    Error::new(
        Code::TooManyWatched,
        format!("{who} watches at most {most} {what}"),
        "end some of them first, or watch deployments://active",
    )
}
