//! Bearer tokens: what a program shows to say for whom it comes.
//!
//! The secret is shown once and kept nowhere; a hash of it is stored. What a
//! token grants is sealed by the server, so that a row that somebody wrote into
//! the database lets nobody in.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::id::{Malformed, PrincipalName, TokenId};
use super::role::Role;
use super::signature::{PrivateKey, PublicKey, Purpose, Signature};
use super::time::Timestamp;

/// As whom a token lets somebody in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Holder {
    /// A person.
    Human {
        /// Their name in the config.
        name: PrincipalName,
    },
    /// A program that acts for a person.
    Agent {
        /// The person.
        on_behalf_of: PrincipalName,
    },
    /// A person in their browser: it signs them in on the pages, and opens nothing
    /// else, so that no program has a use for it.
    Browser {
        /// Their name in the config.
        name: PrincipalName,
    },
}

impl Holder {
    /// The person who answers for what is done.
    #[must_use]
    pub fn person(&self) -> &PrincipalName {
        match self {
            Self::Human { name } | Self::Browser { name } => name,
            Self::Agent { on_behalf_of } => on_behalf_of,
        }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Human { name } => write!(out, "{name}"),
            Self::Agent { on_behalf_of } => write!(out, "agents for {on_behalf_of}"),
            Self::Browser { name } => write!(out, "{name} in a browser"),
        }
    }
}

/// The token itself, as it travels. It has no `Debug`, `Display` or `Serialize`.
pub struct Secret {
    /// By which it is found.
    pub id: TokenId,
    text: String,
}

/// What every token begins with, so that scanners find those that leak.
const PREFIX: &str = "dorc_";

/// The hexadecimal digits of 256 random bits.
const SECRET_DIGITS: usize = 64;

impl Secret {
    /// A token of these random bits.
    #[must_use]
    pub fn new(id: u64, secret: [u128; 2]) -> Self {
        let id = format!("{id:016x}");
        let text = format!("{PREFIX}{id}_{:032x}{:032x}", secret[0], secret[1]);
        Self { id: id.parse().expect("16 hexadecimal digits are an id"), text }
    }

    /// The text form, for whoever shall have it.
    #[must_use]
    pub fn to_secret_text(&self) -> &str {
        &self.text
    }

    fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.text).into()
    }
}

/// Whether `text` is meant to be a token of ours, and not of an authorization server.
#[must_use]
pub fn is_ours(text: &str) -> bool {
    text.starts_with(PREFIX)
}

impl FromStr for Secret {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let is_secret =
            |it: &str| it.len() == SECRET_DIGITS && it.bytes().all(|byte| byte.is_ascii_hexdigit());
        text.strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('_'))
            .filter(|(_, secret)| is_secret(secret))
            .and_then(|(id, _)| id.parse().ok())
            .map(|id| Self { id, text: text.to_owned() })
            .ok_or(Malformed {
                what: "a token",
                value: "(not shown)".to_owned(),
                rule: "it is the line that `deployment-orchestrator token create` printed",
            })
    }
}

/// What a token grants, and to whom. All of it is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Which token.
    pub id: TokenId,
    /// As whom it lets somebody in.
    pub holder: Holder,
    /// To which roles it is limited, of those that the person has. `None`: to all of them.
    pub roles: Option<BTreeSet<Role>>,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: PrincipalName,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
}

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it grants.
    pub grant: Grant,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// The server's word for both.
    pub seal: Signature,
    /// Since when it is good for nothing.
    pub revoked_at: Option<Timestamp>,
}

/// Why a token lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not the token that was made, or this server did not make it.
    #[error("this token is not one that this server made")]
    Wrong,
    /// A person took it back.
    #[error("this token was revoked")]
    Revoked,
    /// Its time is over.
    #[error("this token has expired")]
    Expired,
}

impl Token {
    /// Vouch for what `secret` grants.
    #[must_use]
    pub fn seal(grant: Grant, secret: &Secret, server: &PrivateKey) -> Self {
        let hash = secret.hash();
        let seal = server.sign(Purpose::Token, &sealed(&grant, &hash));
        Self { grant, hash, seal, revoked_at: None }
    }

    /// Whether `server` has vouched for it.
    #[must_use]
    pub fn is_sealed_by(&self, server: &PublicKey) -> bool {
        server.verifies(Purpose::Token, &sealed(&self.grant, &self.hash), &self.seal)
    }

    /// What whoever shows `secret` may, at `now`. How long it takes says nothing
    /// about the secret that is kept.
    ///
    /// # Errors
    /// Why nobody is let in. Only the holder learns that it expired or was revoked.
    pub fn admits(
        &self,
        secret: &Secret,
        is_sealed: impl FnOnce(&Self) -> bool,
        now: Timestamp,
    ) -> Result<&Grant, Refused> {
        let is_it: bool = self.hash.ct_eq(&secret.hash()).into();
        if !is_it {
            return Err(Refused::Wrong);
        }
        self.stands(is_sealed, now)
    }

    /// What it still grants at `now` to whoever has shown it before.
    ///
    /// # Errors
    /// As [`Self::admits`].
    pub fn stands(&self, is_sealed: impl FnOnce(&Self) -> bool, now: Timestamp) -> Result<&Grant, Refused> {
        if !is_sealed(self) {
            return Err(Refused::Wrong);
        }
        if self.revoked_at.is_some() {
            return Err(Refused::Revoked);
        }
        if self.grant.expires_at.is_some_and(|until| until <= now) {
            return Err(Refused::Expired);
        }
        Ok(&self.grant)
    }
}

fn sealed(grant: &Grant, hash: &[u8; 32]) -> Vec<u8> {
    let mut bytes = serde_json_canonicalizer::to_vec(grant).expect("a grant has string keys and no floats");
    bytes.extend_from_slice(hash);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(server: &PublicKey) -> impl Fn(&Token) -> bool {
        |token| token.is_sealed_by(server)
    }

    fn made() -> (Secret, Token, PublicKey) {
        let secret = Secret::new(7, [1, 2]);
        let server = PrivateKey::from_seed(&[3; 32]);
        let grant = Grant {
            id: secret.id.clone(),
            holder: Holder::Agent { on_behalf_of: "alex".parse().unwrap() },
            roles: Some(BTreeSet::from([Role::Viewer])),
            made_at: Timestamp(1_000),
            made_by: "dana".parse().unwrap(),
            expires_at: Some(Timestamp(2_000)),
        };
        let token = Token::seal(grant, &secret, &server);
        (secret, token, server.public())
    }

    #[test]
    fn a_token_lets_in_whoever_shows_it_until_it_ends() {
        let (secret, token, server) = made();
        let shown: Secret = secret.to_secret_text().parse().unwrap();
        assert_eq!(token.admits(&shown, by(&server), Timestamp(1_999)), Ok(&token.grant));
        assert_eq!(token.admits(&shown, by(&server), Timestamp(2_000)), Err(Refused::Expired));
        let revoked = Token { revoked_at: Some(Timestamp(1_500)), ..token };
        assert_eq!(revoked.admits(&shown, by(&server), Timestamp(1_999)), Err(Refused::Revoked));
    }

    #[test]
    fn what_somebody_else_wrote_lets_nobody_in() {
        let (secret, token, server) = made();
        let now = Timestamp(1_500);
        let other = Secret::new(7, [1, 3]);
        assert_eq!(token.admits(&other, by(&server), now), Err(Refused::Wrong));
        let replaced = Token { hash: other.hash(), ..token.clone() };
        assert_eq!(replaced.admits(&other, by(&server), now), Err(Refused::Wrong));
        let mut raised = token.clone();
        raised.grant.roles = None;
        assert_eq!(raised.admits(&secret, by(&server), now), Err(Refused::Wrong));
        let elsewhere = PrivateKey::from_seed(&[4; 32]).public();
        assert_eq!(token.admits(&secret, by(&elsewhere), now), Err(Refused::Wrong));
    }

    #[test]
    fn what_is_no_token_is_not_repeated() {
        for text in ["", "dorc_", "dorc_0000000000000007_", "Bearer x", &"dorc_7_0".repeat(100)] {
            let error = text.parse::<Secret>().err().unwrap().to_string();
            assert!(error.contains("(not shown)"), "{error}");
        }
    }
}
