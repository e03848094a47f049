//! Telling people, after the commit and at least once.

use std::collections::HashMap;
use std::time::Duration;

use super::Parts;
use crate::domain::time::Timestamp;
use crate::store::{self, Claimed, Fence, TRIES_IN_ORDER};

/// Notices that one tick claims.
const CLAIM_LIMIT: u32 = 32;

/// The longest pause between two tries of one notice: an outage of hours must
/// not become an outage of days for whoever waits for the message.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

pub(super) async fn claim(
    parts: &Parts,
    fence: &Fence,
    now: Timestamp,
) -> Result<Vec<Claimed>, store::Error> {
    let fence = fence.clone();
    parts.blocking(move |store| store.claim_notices(&fence, now, CLAIM_LIMIT)).await
}

/// Tell each; a crash in between makes the claimed ones due again later. One
/// that nobody heard holds back the later ones of its deployment.
pub(super) async fn deliver(parts: &Parts, fence: &Fence, claimed: Vec<Claimed>) {
    let mut held = HashMap::new();
    for claimed in claimed {
        let Claimed { notice, attempts, .. } = &claimed;
        if let Some(until) = held.get(&notice.deployment).copied() {
            let fence = fence.clone();
            let _ = parts
                .blocking(move |store| store.postpone_notice(&fence, &claimed, until, "an earlier one waits"))
                .await;
            continue;
        }
        let told = parts.notifier.tell(notice).await;
        let now = parts.clock.now();
        let (fence, it) = (fence.clone(), claimed.clone());
        let recorded = match told {
            Ok(()) => parts.blocking(move |store| store.complete_notice(&fence, &it, now)).await,
            Err(error) => {
                tracing::warn!(notice = %notice.key, %error, "a notice was not delivered; it is tried again");
                let pause = Duration::from_secs(1 << attempts.min(&9)).min(LONGEST_PAUSE);
                let until = now.plus(pause);
                if *attempts < TRIES_IN_ORDER {
                    held.insert(notice.deployment.clone(), until);
                }
                parts.blocking(move |store| store.postpone_notice(&fence, &it, until, &error.message)).await
            }
        };
        if let Err(error) = recorded {
            tracing::warn!(notice = %notice.key, %error, "it is not recorded that a notice was sent; it may be sent again");
        }
    }
}
