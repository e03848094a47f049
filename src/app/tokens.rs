//! Making tokens, listing and revoking them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::{App, Code, Error};
use crate::domain::id::TokenId;
use crate::domain::principal::Actor;
use crate::domain::role::{Right, Role};
use crate::domain::token::{Grant, Holder, Secret, Token};
use crate::store::Store;

/// What a token shall grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// As whom it lets somebody in.
    pub holder: Holder,
    /// To which of the person's roles it is limited; `None`: to none.
    pub roles: Option<BTreeSet<Role>>,
    /// How long it is good; `None`: until it is revoked.
    pub good_for: Option<Duration>,
}

/// A token, without what it takes to use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenView {
    /// By which it is revoked.
    pub id: String,
    /// As whom it lets somebody in.
    pub holder: String,
    /// `human`, `agent` or `browser`.
    pub kind: &'static str,
    /// To which roles it is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<&'static str>>,
    /// When it was made.
    pub made_at: String,
    /// By whom.
    pub made_by: String,
    /// Until when it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// `good`, `expired` or `revoked`.
    pub standing: &'static str,
}

impl App {
    /// Make a token, and keep in the history who did. The secret is in the answer, and nowhere else.
    ///
    /// # Errors
    /// When `actor` is no admin, or the config does not name the person.
    pub async fn make_token(
        &self,
        request: TokenRequest,
        actor: &Actor,
    ) -> Result<(TokenView, Secret), Error> {
        let made_by = self.require_person(actor, Right::Administer)?.clone();
        let person = request.holder.person();
        if !self.policy.knows(person) {
            return Err(Error::new(
                Code::NotPermitted,
                format!("the config does not name {person}"),
                format!("add [people.{person}] to it, with the roles that the person has"),
            ));
        }
        let server = self.server_key.as_ref().expect("whoever makes tokens has the server's key");
        #[expect(clippy::cast_possible_truncation, reason = "64 of 128 random bits are random")]
        let id = self.random.bits() as u64;
        let secret = Secret::new(id, [self.random.bits(), self.random.bits()]);
        let now = self.clock.now();
        let grant = Grant {
            id: secret.id.clone(),
            holder: request.holder,
            roles: request.roles,
            made_at: now,
            made_by,
            expires_at: request.good_for.map(|duration| now.plus(duration)),
        };
        let token = Token::seal(grant, &secret, server);
        let view = self.token_view(&token);
        let by = actor.clone();
        self.blocking(move |store: &Store| store.add_token(&token, &by)).await?;
        Ok((view, secret))
    }

    /// All tokens, the oldest first: those that are good for nothing, too.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn tokens(&self) -> Result<Vec<TokenView>, Error> {
        let tokens = self.blocking(Store::tokens).await?;
        Ok(tokens.iter().map(|token| self.token_view(token)).collect())
    }

    /// Take a token back, and keep in the history who did. The next request that shows it is refused.
    ///
    /// # Errors
    /// When `actor` is no admin, or there is no such token.
    pub async fn revoke_token(&self, id: &str, actor: &Actor) -> Result<(), Error> {
        self.require_person(actor, Right::Administer)?;
        let (id, by, now): (TokenId, _, _) = (id.parse()?, actor.clone(), self.clock.now());
        let shown = id.clone();
        if self.blocking(move |store: &Store| store.revoke_token(&id, &by, now)).await? {
            return Ok(());
        }
        Err(Error::new(
            Code::UnknownToken,
            format!("there is no token {shown}"),
            "`deployment-orchestrator token list` has them",
        ))
    }

    fn token_view(&self, token: &Token) -> TokenView {
        let Grant { id, holder, roles, made_at, made_by, expires_at } = &token.grant;
        let standing = if token.revoked_at.is_some() {
            "revoked"
        } else if expires_at.is_some_and(|until| until <= self.clock.now()) {
            "expired"
        } else {
            "good"
        };
        TokenView {
            id: id.to_string(),
            holder: holder.to_string(),
            kind: match holder {
                Holder::Human { .. } => "human",
                Holder::Agent { .. } => "agent",
                Holder::Browser { .. } => "browser",
            },
            roles: roles.as_ref().map(|roles| roles.iter().map(|role| role.as_str()).collect()),
            made_at: made_at.to_rfc3339(),
            made_by: made_by.to_string(),
            expires_at: expires_at.map(|until| until.to_rfc3339()),
            standing,
        }
    }
}
