//! Who is about to sign in at the provider. Only in memory: after a restart people begin again.
//!
//! The browser keeps 256 random bits, and this a hash of them, as for [`super::visits`].

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::SIGN_INS_PER_SECOND;
use super::next::Next;
use super::visits::{Draft, hash, secret};
use crate::app::Identity;
use crate::clock::Random;
use crate::domain::id_token::{Begun, Proof};
use crate::domain::time::Timestamp;
use crate::oauth::openid::Asked;

/// How long signing in may take: a password, a second factor, and looking for both.
pub(super) const LONGEST: Duration = Duration::from_mins(10);

/// How many are under way at once. For a further one the oldest ends.
const MOST: usize = 8_192;

/// More than may be begun in the time that one lasts, so that nobody can push others out.
const _: () = assert!(MOST as u64 > SIGN_INS_PER_SECOND as u64 * LONGEST.as_secs());

/// All that are under way.
#[derive(Default)]
pub(super) struct Attempts(Mutex<BTreeMap<[u8; 32], Attempt>>);

/// Somebody is about to sign in.
pub(super) struct Attempt {
    /// What was sent to the provider.
    pub(super) asked: Asked,
    /// What for.
    pub(super) wish: Wish,
}

/// What somebody signs in for.
pub(super) struct Wish {
    /// Where they go on.
    pub(super) next: Next,
    /// What they have written there.
    pub(super) draft: Draft,
    /// Who comes back.
    pub(super) who: Who,
}

/// Who signs in.
pub(super) enum Who {
    /// Whoever it is.
    Anybody,
    /// Somebody who is signed in, and shows anew that it is still they.
    Again(Identity),
}

impl Wish {
    fn proof(&self) -> Proof {
        match self.who {
            Who::Anybody => Proof::AsUsual,
            Who::Again(_) => Proof::Anew,
        }
    }
}

impl Attempts {
    /// Nobody has been sent anywhere yet: what would be sent for `wish`.
    pub(super) fn prepared(wish: Wish, now: Timestamp, random: &dyn Random) -> Attempt {
        let begun = Begun { nonce: secret(random), at: now, proof: wish.proof() };
        Attempt { asked: Asked { state: secret(random), verifier: secret(random), begun }, wish }
    }

    /// Somebody is sent to the provider. What their browser keeps is fresh.
    pub(super) fn begin(&self, attempt: Attempt, random: &dyn Random) -> String {
        let (cookie, now) = (secret(random), attempt.asked.begun.at);
        let mut attempts = self.all();
        attempts.retain(|_, attempt| !attempt.is_over(now));
        if attempts.len() >= MOST {
            let oldest = attempts.iter().min_by_key(|(_, it)| it.asked.begun.at).map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                attempts.remove(&oldest);
            }
        }
        attempts.insert(hash(&cookie), attempt);
        cookie
    }

    /// The attempt with this cookie, if the answer to it says `state`: once. One that
    /// an answer to another does not fit goes on.
    pub(super) fn take(&self, cookie: &str, state: &str, now: Timestamp) -> Option<Attempt> {
        let mut attempts = self.all();
        let key = hash(cookie);
        if !attempts.get(&key)?.asked.is_answered_by(state) {
            return None;
        }
        attempts.remove(&key).filter(|attempt| !attempt.is_over(now))
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Attempt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.asked.begun.at) >= LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    #[test]
    fn the_oldest_makes_room_for_one_too_many() {
        let attempts = Attempts::default();
        let begun = |at: i64| {
            let draft = Draft { page: Next::Board, text: String::new() };
            let wish = Wish { next: Next::Board, draft, who: Who::Anybody };
            let attempt = Attempts::prepared(wish, Timestamp(at), &SystemRandom);
            let state = attempt.asked.state.clone();
            (attempts.begin(attempt, &SystemRandom), state)
        };
        let all: Vec<(String, String)> = (0..=MOST).map(|at| begun(at.try_into().unwrap())).collect();
        let is_there =
            |(cookie, state): &(String, String)| attempts.take(cookie, state, Timestamp(0)).is_some();
        assert!(!is_there(&all[0]) && all[1..].iter().all(is_there));
    }
}
