//! The rules of one environment: who may open the way to it, and how.

use serde::{Deserialize, Serialize};

use super::assurance::Assurance;
use super::id::PrincipalName;
use super::signature::PublicKey;
use super::subject::Digest;

/// The digest of a [`Gate`]: another approver, key or rule is another version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyVersion(pub Digest);

/// Who may open the way to an environment, and how. Comes from the config; a
/// request keeps the gate that it was opened under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The people who may decide, groups resolved.
    pub approvers: Vec<Approver>,
    /// How many different people must approve.
    pub required_approvals: u32,
    /// Groups of which somebody must be among those who approve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_groups: Vec<RequiredGroup>,
    /// Whether the person who started the deployment, or wrote the commit, may approve it.
    pub allow_self_approval: bool,
    /// How long a request stays open. Expiry is a rejection.
    pub expires_after_ms: u64,
    /// The assurances that count.
    pub accept: Vec<Assurance>,
    /// The server's key, for decisions that it vouches for. `None`: those do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<PublicKey>,
    /// The emergency door. `None`: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
}

/// A person who may decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// Their name.
    pub name: PrincipalName,
    /// Their Ed25519 key; without one they cannot sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
}

/// A group of which somebody must approve, beside the count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredGroup {
    /// Its name in the config.
    pub name: String,
    /// Who is in it.
    pub members: Vec<PrincipalName>,
}

/// In an emergency two of these people open the gate together, each with a
/// reason and their own key. It is told loudly, and somebody must review it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlass {
    /// Who may.
    pub people: Vec<Approver>,
}

/// How many people it takes to break the glass: one alone is never enough.
pub const PEOPLE_TO_BREAK_GLASS: usize = 2;

impl Gate {
    /// The version of this policy.
    #[must_use]
    pub fn version(&self) -> PolicyVersion {
        PolicyVersion(Digest::of(self))
    }

    /// The approver of this name.
    #[must_use]
    pub fn approver(&self, name: &PrincipalName) -> Option<&Approver> {
        self.approvers.iter().find(|approver| approver.name == *name)
    }

    /// The person of this name who may break the glass.
    #[must_use]
    pub fn glass_breaker(&self, name: &PrincipalName) -> Option<&Approver> {
        self.break_glass.as_ref()?.people.iter().find(|person| person.name == *name)
    }

    /// Whether `one` and `other` are one person: by name, or by the key, which
    /// somebody may have under several names.
    #[must_use]
    pub fn is_same_person(&self, one: &PrincipalName, other: &PrincipalName) -> bool {
        let key = |name| self.approver(name).or_else(|| self.glass_breaker(name))?.key.as_ref();
        one == other || key(one).is_some_and(|own| key(other) == Some(own))
    }
}
