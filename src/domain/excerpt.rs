//! A part of the chain that shows one deployment, and nothing of the others.

use serde::{Deserialize, Serialize};

use super::chain::{ChainHead, Hash, RawRecord, joined};
use super::hex;

/// The chain from a deployment's first record to the head: its own records word
/// for word, and of all others nothing but a hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excerpt {
    /// The link before the first record.
    pub before: ChainHead,
    /// What comes after it, in order and without gaps. 32 bytes for each record of others.
    pub links: Vec<Link>,
    /// Where that leads.
    pub head: ChainHead,
}

/// One position of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// A record of the deployment.
    Record(RawRecord),
    /// The digest of the body of another's record: the hash follows from it and the hash before.
    #[serde(with = "hex")]
    Body(Hash),
    /// The hash of another's record of format 1, which has to be believed.
    #[serde(with = "hex")]
    Hash(Hash),
}

/// Where a chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the chain does not hold at record {position}: {what}")]
pub struct Broken {
    /// Where.
    pub position: u64,
    /// How.
    pub what: String,
}

impl Excerpt {
    /// The deployment's own records.
    pub fn own(&self) -> impl Iterator<Item = &RawRecord> {
        self.links.iter().filter_map(|link| match link {
            Link::Record(record) => Some(record),
            Link::Body(_) | Link::Hash(_) => None,
        })
    }

    /// How many hashes of others have to be believed.
    #[must_use]
    pub fn believed(&self) -> usize {
        self.links.iter().filter(|link| matches!(link, Link::Hash(_))).count()
    }

    /// Follow the chain: every place of it, from the one before the first record
    /// to the head.
    ///
    /// # Errors
    /// The first link that does not continue the one before it, or a record of
    /// the deployment that names another as its last one: one was left out.
    pub fn places(&self) -> Result<Vec<ChainHead>, Broken> {
        let mut place = self.before;
        if place.position == 0 && place != ChainHead::genesis() {
            let what = "it does not begin as every history does".to_owned();
            return Err(Broken { position: 0, what });
        }
        let mut places = vec![place];
        let mut last = 0;
        for link in &self.links {
            place = link.continued(&place)?;
            if let Link::Record(RawRecord { left: Some(left), .. }) = link {
                if left.previous != last {
                    let what = format!(
                        "it says that its deployment's record before it is {}, and {last} is here",
                        left.previous
                    );
                    return Err(Broken { position: place.position, what });
                }
                last = place.position;
            }
            places.push(place);
        }
        if place == self.head {
            Ok(places)
        } else {
            let what = format!("the records lead to {place}, and not to the head, {}", self.head);
            Err(Broken { position: self.head.position, what })
        }
    }
}

impl Link {
    /// The place that this link leads to from `place`.
    fn continued(&self, place: &ChainHead) -> Result<ChainHead, Broken> {
        let broken = |position, what: &str| Broken { position, what: what.to_owned() };
        let position = place
            .position
            .checked_add(1)
            .ok_or_else(|| broken(place.position, "there is no position after it"))?;
        let hash = match self {
            Self::Record(record) if record.position != position => {
                return Err(broken(position, &format!("record {} is in its place", record.position)));
            }
            Self::Record(record) => record
                .hash(&place.hash)
                .ok_or_else(|| broken(position, "it has a format that this program does not know"))?,
            Self::Body(body) => joined(&place.hash, body),
            Self::Hash(hash) => *hash,
        };
        Ok(ChainHead { position, hash })
    }
}
