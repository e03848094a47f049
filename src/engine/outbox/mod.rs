//! Telling people, after the commit and at least once.
//!
//! A notice is routed by whoever drives, and each of its deliveries is then on its
//! own: a channel that is out of reach holds up no other, and no deployment.

mod compose;

use std::sync::Arc;
use std::time::Duration;

use super::Parts;
use crate::config::policy::Policy;
use crate::domain::delivery;
use crate::domain::digest::Digest;
use crate::domain::id::ChannelName;
use crate::domain::issue;
use crate::domain::route::{self, Route, Tracked};
use crate::domain::time::Timestamp;
use crate::journal;
use crate::ports::{Extent, Messenger, TELL_TIMEOUT, TellError, Telling, Thread};
use crate::store::{self, Claimed, Fence, Outcome, Posted, Routed, Store};

/// Deliveries that one channel makes in a row.
const CLAIM_LIMIT: u32 = 16;

/// The pause between two messages to one issue: trackers cap how often one is written to.
const BETWEEN_MESSAGES_TO_AN_ISSUE: Duration = Duration::from_secs(2);

/// Say of each new notice to whom it goes, and in the log what it says. The
/// channels for which something is due, these included.
pub(super) async fn route(
    parts: &Parts,
    fence: &Fence,
    now: Timestamp,
) -> Result<Vec<ChannelName>, store::Error> {
    let (policy, fence) = (Arc::clone(&parts.policy), fence.clone());
    let (routed, due) = parts
        .blocking(move |store| {
            let posted = store.unrouted()?;
            let routed: Vec<Routed> =
                posted.into_iter().map(|posted| routed(store, &policy, posted)).collect();
            if !routed.is_empty() {
                store.route(&fence, routed.clone(), now)?;
            }
            Ok((routed, store.channels_due(now)?))
        })
        .await?;
    routed.iter().for_each(|it| journal::note(&it.posted.notice));
    Ok(due)
}

/// To whom a notice goes. A deployment that cannot be read adds nobody: its
/// notices must not hold up those of others.
fn routed(store: &Store, policy: &Policy, posted: Posted) -> Routed {
    let notice = &posted.notice;
    let read = store.read(|moment| {
        let deployment = moment.load(&notice.deployment)?;
        Ok((moment.linked_issues(&deployment.id)?, deployment))
    });
    let destinations = match read {
        Ok((linked, deployment)) => {
            let own = Route::quiet(deployment.spec.notify.iter().cloned());
            let issues = issue::with_linked(policy.issues_of(&deployment.spec), linked);
            let tracked = policy.routing.tracker.clone().map(|channel| Tracked { channel, issues });
            let routes: Vec<&Route> = policy.routing.routes.iter().chain([&own]).collect();
            route::destinations(notice, deployment.target(), &routes, tracked.as_ref())
        }
        Err(error) => {
            tracing::warn!(notice = %notice.key, %error, "whom its deployment names is not known, and is not told");
            route::destinations(notice, None, &policy.routing.routes.iter().collect::<Vec<_>>(), None)
        }
    };
    Routed { posted, destinations }
}

/// Take what is due for a channel.
pub(super) async fn claim(
    parts: &Parts,
    fence: &Fence,
    channel: &ChannelName,
    now: Timestamp,
) -> Result<Vec<Claimed>, store::Error> {
    let (fence, channel) = (fence.clone(), channel.clone());
    parts.blocking(move |store| store.claim(&fence, &channel, now, CLAIM_LIMIT)).await
}

/// Make the deliveries of one channel, one after the other. A crash in between makes the
/// claimed ones due again later. Where the channel takes nothing, the rest waits, too.
pub(super) async fn deliver(parts: &Parts, fence: &Fence, claimed: Vec<Claimed>) {
    let (together, alone): (Vec<_>, Vec<_>) = claimed.into_iter().partition(|claimed| claimed.together);
    for claimed in alone {
        let told = tell(parts, &claimed).await;
        if settle(parts, fence, claimed, told).await == Standing::Rests {
            return;
        }
    }
    let told = tell_together(parts, &together).await;
    for claimed in together {
        let told = told.clone().map(|()| None);
        settle(parts, fence, claimed, told).await;
    }
}

/// Whether a channel takes more.
#[derive(PartialEq, Eq)]
enum Standing {
    Takes,
    Rests,
}

/// Note what came of a delivery.
async fn settle(
    parts: &Parts,
    fence: &Fence,
    claimed: Claimed,
    told: Result<Option<Thread>, TellError>,
) -> Standing {
    let outcome = outcome(parts, &claimed, told);
    let standing = match outcome {
        Outcome::ChannelRests { .. } => Standing::Rests,
        Outcome::Delivered { .. } | Outcome::Postponed { .. } | Outcome::GivenUp { .. } => Standing::Takes,
    };
    if let Outcome::Postponed { error, .. }
    | Outcome::ChannelRests { error, .. }
    | Outcome::GivenUp { error } = &outcome
    {
        report(&claimed, error, &outcome);
    }
    let (fence, now, key) = (fence.clone(), parts.clock.now(), claimed.posted.notice.key.clone());
    let settled = parts.blocking(move |store| store.settle(&fence, &claimed, &outcome, now)).await;
    if let Err(error) = settled {
        tracing::warn!(notice = %key, %error, "it is not recorded what came of a delivery; it may be made again");
    }
    standing
}

/// Tell a channel all that is told together; nothing, if that is nothing.
async fn tell_together(parts: &Parts, claimed: &[Claimed]) -> Result<(), TellError> {
    let notices = claimed.iter().map(|claimed| claimed.posted.notice.clone()).collect();
    let (Some(first), Some(mut digest)) = (claimed.first(), Digest::of(notices)) else { return Ok(()) };
    digest.title = parts.policy.routing.begun(&digest.title);
    let messenger = messenger(parts, &first.destination.channel)?;
    in_time(messenger.tell_together(&digest)).await
}

async fn tell(parts: &Parts, claimed: &Claimed) -> Result<Option<Thread>, TellError> {
    let Claimed { destination, thread, .. } = claimed;
    let messenger = messenger(parts, &destination.channel)?;
    let message = compose::message(parts, claimed).await.map_err(|error| TellError::Later {
        message: error.to_string(),
        after: None,
        of: Extent::Address,
    })?;
    let telling = Telling { message: &message, issue: destination.issue.as_ref(), thread: thread.as_ref() };
    in_time(messenger.tell(&telling)).await
}

fn messenger<'a>(parts: &'a Parts, channel: &ChannelName) -> Result<&'a dyn Messenger, TellError> {
    parts.messengers.get(channel).map(AsRef::as_ref).ok_or_else(|| TellError::Never {
        message: format!("the config has no channel `{channel}`; put it back and resend"),
    })
}

async fn in_time<T>(telling: impl Future<Output = Result<T, TellError>>) -> Result<T, TellError> {
    tokio::time::timeout(TELL_TIMEOUT, telling).await.unwrap_or_else(|_| {
        Err(TellError::Later {
            message: format!("no answer within {} s", TELL_TIMEOUT.as_secs()),
            after: None,
            of: Extent::Messenger,
        })
    })
}

/// What follows from what a messenger said.
fn outcome(parts: &Parts, claimed: &Claimed, told: Result<Option<Thread>, TellError>) -> Outcome {
    let now = parts.clock.now();
    match told {
        Ok(thread) => Outcome::Delivered { thread, next: now.plus(BETWEEN_MESSAGES_TO_AN_ISSUE) },
        Err(TellError::Never { message }) => Outcome::GivenUp { error: message },
        Err(TellError::Later { message, after, of }) => {
            let after = after.unwrap_or_default();
            match (delivery::next_try(claimed.attempts, claimed.routed_at, now, after), of) {
                (None, _) => Outcome::GivenUp { error: message },
                (Some(until), Extent::Messenger) => Outcome::ChannelRests { error: message, until },
                (Some(until), Extent::Address) => Outcome::Postponed { error: message, until },
            }
        }
    }
}

/// An outage is said once, and not with each try.
fn report(claimed: &Claimed, error: &str, outcome: &Outcome) {
    let (key, channel) = (&claimed.posted.notice.key, &claimed.destination.channel);
    match outcome {
        Outcome::GivenUp { .. } => tracing::error!(
            notice = %key, %channel, error,
            "a message was not delivered and is not tried again; `messages --resend` does"
        ),
        _ if claimed.attempts == 1 => {
            tracing::warn!(notice = %key, %channel, error, "a message was not delivered; it is tried again");
        }
        _ => {
            tracing::debug!(notice = %key, %channel, error, "a message was not delivered; it is tried again")
        }
    }
}
