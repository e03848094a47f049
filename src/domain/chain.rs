//! The history as a chain: the hash of each record covers it, word for word,
//! and the hash before it.
//!
//! Whoever changes, removes or swaps a record afterwards has to compute every
//! later hash anew, and no longer has the head that was noted elsewhere.
//!
//! Records of format 2 are hashed in two steps, `SHA-256(previous || body)` with
//! `body = SHA-256(fields)`. So a part of the history can be checked by whoever
//! holds that part, and 32 bytes for each record in between. Those of format 1
//! are `SHA-256(previous || fields)`.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::hex;
use super::id::Malformed;
use super::time::Timestamp;

/// SHA-256.
pub type Hash = [u8; 32];

/// The format of the records that we write.
pub const FORMAT: u32 = 2;

/// Put before the first record, so that a hash made for anything else never fits.
const GENESIS: &[u8] = b"deployment-orchestrator events v1";

/// The last link, in text `POSITION:HASH`. Note it elsewhere: a later chain that
/// does not contain it was rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainHead {
    /// The position of the last record; 0 if there is none.
    pub position: u64,
    /// Its hash.
    #[serde(with = "hex")]
    pub hash: Hash,
}

impl ChainHead {
    /// That of an empty history.
    #[must_use]
    pub fn genesis() -> Self {
        Self { position: 0, hash: Sha256::digest(GENESIS).into() }
    }

    /// The hash as 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(&self.hash)
    }
}

impl std::fmt::Display for ChainHead {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}", self.position, self.hex())
    }
}

impl std::str::FromStr for ChainHead {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.split_once(':')
            .and_then(|(position, hash)| {
                Some(Self { position: position.parse().ok()?, hash: hex::decode(hash)? })
            })
            .filter(|head| head.to_string() == text)
            .ok_or_else(|| Malformed {
                what: "a place in the chain",
                value: super::text::shortened(text, 80),
                rule: "it is `POSITION:HASH`, as `deployment-orchestrator audit head` prints it",
            })
    }
}

/// A record exactly as it is stored, without its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRecord {
    /// Counts all records, from 1, without gaps.
    pub position: u64,
    /// Of this JSON and of the hash.
    pub format: u32,
    /// When.
    pub at: Timestamp,
    /// Who, as JSON.
    pub actor: String,
    /// The event or the remark, as JSON.
    pub event: String,
    /// What it is found by, apart from its deployment.
    pub lookup: Option<String>,
    /// Where it left its deployment; `None` for a remark about none.
    pub left: Option<Standing>,
}

/// Where a record left its deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// The deployment's id.
    pub deployment: String,
    /// Its version.
    pub version: u64,
    /// The wire name of its state.
    pub state: String,
    /// The position of the deployment's record before this one; 0 for its first.
    pub previous: u64,
}

impl RawRecord {
    /// The hash of this record after the hash before it; `None` for a format
    /// that we do not know, or that cannot say this.
    #[must_use]
    pub fn hash(&self, previous: &Hash) -> Option<Hash> {
        match (self.format, &self.left) {
            (1, Some(left)) => Some(self.hash_of_format_1(left, previous)),
            (2, _) => Some(joined(previous, &self.body())),
            _ => None,
        }
    }

    /// The digest of the fields, as format 2 has it.
    #[must_use]
    pub fn body(&self) -> Hash {
        let mut fields = Fields(Sha256::new());
        fields.number(self.position);
        fields.number(self.format.into());
        fields.instant(self.at);
        fields.text(&self.actor);
        fields.text(&self.event);
        fields.optional(self.lookup.as_deref(), Fields::text);
        fields.optional(self.left.as_ref(), |fields, left| {
            fields.text(&left.deployment);
            fields.number(left.version);
            fields.text(&left.state);
            fields.number(left.previous);
        });
        fields.0.finalize().into()
    }

    fn hash_of_format_1(&self, left: &Standing, previous: &Hash) -> Hash {
        let mut fields = Fields(Sha256::new_with_prefix(previous));
        fields.number(self.position);
        fields.number(left.version);
        fields.instant(self.at);
        fields.0.update(self.format.to_be_bytes());
        for text in [&left.deployment, &self.actor, &self.event, &left.state] {
            fields.text(text);
        }
        fields.0.finalize().into()
    }
}

/// The hash of a record of format 2, of which only the body's digest is at hand.
#[must_use]
pub fn joined(previous: &Hash, body: &Hash) -> Hash {
    Sha256::new_with_prefix(previous).chain_update(body).finalize().into()
}

/// What is hashed, such that no two records give the same bytes.
struct Fields(Sha256);

impl Fields {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_be_bytes());
    }

    fn instant(&mut self, at: Timestamp) {
        self.0.update(at.0.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text);
    }

    fn optional<T>(&mut self, value: Option<T>, add: impl FnOnce(&mut Self, T)) {
        self.0.update([u8::from(value.is_some())]);
        if let Some(value) = value {
            add(self, value);
        }
    }
}
