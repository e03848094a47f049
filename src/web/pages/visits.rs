//! Who is signed in. Only in memory: after a restart people sign in again.
//!
//! The browser keeps 256 random bits, and this a hash of them, so that nothing
//! that is read out of here opens anything.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::clock::Random;
use crate::domain::time::Timestamp;
use crate::domain::token::Grant;

/// How long somebody stays signed in: a working day.
const LONGEST: Duration = Duration::from_hours(12);

/// How long ago somebody may have shown their token who decides.
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
    pub(super) grant: Grant,
    /// What stands in every form of theirs, and no page of others can know.
    pub(super) form_token: String,
    /// When they showed their token.
    pub(super) since: Timestamp,
}

impl Visit {
    /// Whether the person has shown their token lately enough to decide at `now`.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.since) < FRESH
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.since) >= LONGEST
    }
}

impl Visits {
    /// Somebody has signed in by `grant`. What their browser keeps is always fresh.
    pub(super) fn begin(&self, grant: Grant, now: Timestamp, random: &dyn Random) -> String {
        let cookie = secret(random);
        let visit = Visit { grant, form_token: secret(random), since: now };
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

fn hash(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie).into()
}

fn secret(random: &dyn Random) -> String {
    format!("{:032x}{:032x}", random.bits(), random.bits())
}
