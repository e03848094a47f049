//! Who is signed in. Only in memory: after a restart people sign in again.
//!
//! The browser keeps 256 random bits, and this a hash of them, so that nothing
//! that is read out of here opens anything.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::next::Next;
use crate::app::SignIn;
use crate::clock::Random;
use crate::domain::time::Timestamp;
use crate::domain::token::Grant;

/// How long somebody stays signed in: a working day.
const LONGEST: Duration = Duration::from_hours(12);

/// How long ago somebody may have shown who they are who decides.
pub(super) const FRESH: Duration = Duration::from_mins(15);

/// How many are signed in at once. For a further one the longest visit ends.
const MOST: usize = 1_024;

/// Everybody who is signed in.
#[derive(Default)]
pub(super) struct Visits(Mutex<BTreeMap<[u8; 32], Visit>>);

/// Somebody who is signed in.
#[derive(Clone)]
pub(super) struct Visit {
    /// By what they were let in. It is looked at again with each request.
    pub(super) by: SignIn,
    /// What stands in every form of theirs, and no page of others can know.
    pub(super) form_token: String,
    /// When it began.
    since: Timestamp,
    /// When they showed who they are, as far as is known.
    shown_at: Option<Timestamp>,
    /// What they wrote before they showed it.
    draft: Draft,
}

/// What somebody has written on a page, and must not lose while they sign in.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) page: Next,
    pub(super) text: String,
}

/// Somebody who comes in.
pub(super) struct Arrival {
    pub(super) by: SignIn,
    /// When they showed who they are; `None` if nobody says.
    pub(super) shown_at: Option<Timestamp>,
    pub(super) draft: Draft,
}

impl Visit {
    /// Whether the person has shown who they are lately enough to decide at `now`.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        self.shown_at.is_some_and(|at| now.since(at) < FRESH)
    }

    /// What they wrote on this page before they signed in.
    pub(super) fn written_on(&self, page: &Next) -> String {
        if self.draft.page == *page { self.draft.text.clone() } else { String::new() }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.since) >= LONGEST
    }
}

impl Visits {
    /// Somebody has shown the token of `grant`.
    pub(super) fn begin(&self, grant: Grant, now: Timestamp, random: &dyn Random) -> String {
        let draft = Draft { page: Next::Board, text: String::new() };
        self.welcome(Arrival { by: grant.into(), shown_at: Some(now), draft }, now, random)
    }

    /// Somebody has signed in. What their browser keeps is always fresh.
    pub(super) fn welcome(&self, arrival: Arrival, now: Timestamp, random: &dyn Random) -> String {
        let cookie = secret(random);
        let Arrival { by, shown_at, draft } = arrival;
        let visit = Visit { by, form_token: secret(random), since: now, shown_at, draft };
        let mut visits = self.all();
        visits.retain(|_, visit| !visit.is_over(now));
        if visits.len() >= MOST {
            let longest = visits.iter().min_by_key(|(_, visit)| visit.since).map(|(key, _)| *key);
            if let Some(longest) = longest {
                visits.remove(&longest);
            }
        }
        visits.insert(hash(&cookie), visit);
        cookie
    }

    /// Whose cookie it is.
    pub(super) fn of(&self, cookie: &str, now: Timestamp) -> Option<Visit> {
        self.all().get(&hash(cookie)).filter(|visit| !visit.is_over(now)).cloned()
    }

    /// The visit with this cookie is over.
    pub(super) fn end(&self, cookie: &str) {
        self.all().remove(&hash(cookie));
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Visit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By what a cookie is known here.
pub(super) fn hash(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie).into()
}

/// 256 bits that nobody can guess.
pub(super) fn secret(random: &dyn Random) -> String {
    format!("{:032x}{:032x}", random.bits(), random.bits())
}
