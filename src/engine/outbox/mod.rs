//! Telling people, after the commit and at least once.
//!
//! A notice is routed by whoever drives, and each of its deliveries is then on its
//! own: a channel that is out of reach holds up no other, and no deployment.

mod compose;

use std::time::Duration;

use super::Parts;
use crate::domain::id::ChannelName;
use crate::domain::notice::Notice;
use crate::domain::route::{self, Tracked};
use crate::domain::time::Timestamp;
use crate::journal;
use crate::ports::{Extent, TELL_TIMEOUT, TellError, Telling, Thread};
use crate::store::{self, Claimed, Fence, Outcome, Posted, Routed};

/// Deliveries that one channel makes in a row.
const CLAIM_LIMIT: u32 = 16;

/// The longest pause between two tries of one delivery: an outage of hours must
/// not become an outage of days for whoever waits for the message.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// How long, and how often at the least, a delivery is tried before it is given
/// up. What is older than a day is news to nobody, and somebody must look at the channel.
const GIVE_UP_AFTER: Duration = Duration::from_hours(24);
const FEWEST_ATTEMPTS: u32 = 12;

/// The pause between two messages to one issue: trackers cap how often one is written to.
const BETWEEN_MESSAGES_TO_AN_ISSUE: Duration = Duration::from_secs(2);

/// Say of each new notice to whom it goes, and in the log what it says.
pub(super) async fn route(parts: &Parts, fence: &Fence, now: Timestamp) -> Result<(), store::Error> {
    let posted = parts.blocking(|store| store.unrouted()).await?;
    if posted.is_empty() {
        return Ok(());
    }
    let mut routed = Vec::new();
    for posted in posted {
        let tracked = tracked(parts, &posted.notice).await;
        let destinations = route::destinations(&posted.notice, &parts.policy.routing.routes, tracked.as_ref());
        routed.push(Routed { posted, destinations, due_at: now });
    }
    let notices: Vec<Notice> = routed.iter().map(|it| it.posted.notice.clone()).collect();
    let fence = fence.clone();
    parts.blocking(move |store| store.route(&fence, routed, now)).await?;
    notices.iter().for_each(journal::note);
    Ok(())
}

/// The issues that are told. A deployment that cannot be read has none: its
/// notices must not hold up those of others.
async fn tracked(parts: &Parts, notice: &Notice) -> Option<Tracked> {
    let channel = parts.policy.routing.tracker.clone()?;
    let id = notice.deployment.clone();
    match parts.blocking(move |store| store.load(&id)).await {
        Ok(deployment) => Some(Tracked { channel, issues: deployment.spec.jira_issues.clone() }),
        Err(error) => {
            tracing::warn!(notice = %notice.key, %error, "its issues are not known, and are not told");
            None
        }
    }
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
    for claimed in claimed {
        let outcome = outcome(parts, &claimed, tell(parts, &claimed).await);
        let rests = matches!(outcome, Outcome::ChannelRests { .. });
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
        if rests {
            return;
        }
    }
}

async fn tell(parts: &Parts, claimed: &Claimed) -> Result<Option<Thread>, TellError> {
    let Claimed { posted: Posted { position, notice }, destination, thread, .. } = claimed;
    let Some(messenger) = parts.messengers.get(&destination.channel) else {
        let channel = &destination.channel;
        return Err(TellError::Never {
            message: format!("the config has no channel `{channel}`; put it back and resend"),
        });
    };
    let message = compose::message(parts, *position, notice.clone())
        .await
        .map_err(|error| TellError::Later { message: error.to_string(), after: None, of: Extent::Address })?;
    let telling = Telling { message: &message, issue: destination.issue.as_ref(), thread: thread.as_ref() };
    let told = tokio::time::timeout(TELL_TIMEOUT, messenger.tell(&telling)).await;
    told.unwrap_or_else(|_| {
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
        Err(TellError::Later { message, .. })
            if claimed.attempts >= FEWEST_ATTEMPTS && now.since(claimed.routed_at) >= GIVE_UP_AFTER =>
        {
            Outcome::GivenUp { error: message }
        }
        Err(TellError::Later { message, after, of }) => {
            let until = now.plus(pause(claimed.attempts).max(after.unwrap_or_default()));
            match of {
                Extent::Messenger => Outcome::ChannelRests { error: message, until },
                Extent::Address => Outcome::Postponed { error: message, until },
            }
        }
    }
}

/// The pause after so many tries.
fn pause(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.min(9)).min(LONGEST_PAUSE)
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
