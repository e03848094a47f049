//! Seals of tokens that were found good, so that each is verified once and not
//! with every request, which would take longer than most requests do.
//!
//! This is no second truth: the token is read each time, and only where every
//! byte under the seal is what was verified before is that taken.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::id::TokenId;
use crate::domain::signature::PublicKey;
use crate::domain::token::Token;

/// At most so many are remembered. Beyond it all are verified anew.
const MOST: usize = 1_024;

/// The seals of one server.
#[derive(Default)]
pub struct Seals(Mutex<BTreeMap<TokenId, Token>>);

impl Seals {
    /// Whether `server` has vouched for what `token` grants. Says nothing about whether it was revoked.
    pub(super) fn holds(&self, token: &Token, server: &PublicKey) -> bool {
        let is_known = |known: &Token| {
            (&known.grant, &known.hash, &known.seal) == (&token.grant, &token.hash, &token.seal)
        };
        if self.known().get(&token.grant.id).is_some_and(is_known) {
            return true;
        }
        let holds = token.is_sealed_by(server);
        if holds {
            let mut known = self.known();
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(token.grant.id.clone(), token.clone());
        }
        holds
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<TokenId, Token>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
