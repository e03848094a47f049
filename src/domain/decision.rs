//! What one person answered, and what proves it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::assurance::Assurance;
use super::id::{DeploymentId, EnvironmentName, Malformed, PrincipalName};
use super::signature::{PrivateKey, PublicKey, Purpose, Signature};
use super::subject::Digest;
use super::time::Timestamp;

/// The first part of a decision in its text form.
const TOKEN_PREFIX: &str = "dod1";

/// The last integer that canonical JSON, whose numbers are doubles, tells from
/// its neighbours. Beyond it two statements could share one signature.
const LAST_EXACT: u64 = (1 << 53) - 1;

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Go.
    Approve,
    /// Do not go. Final for the request.
    Reject,
    /// Go, past the rules, because of an emergency. It takes two people.
    BreakGlass,
}

impl Verdict {
    /// What the person did, for sentences.
    #[must_use]
    pub fn past_tense(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Reject => "rejected",
            Self::BreakGlass => "broke the glass for",
        }
    }
}

/// One answer to one request about one digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The deployment.
    pub deployment_id: DeploymentId,
    /// The environment.
    pub environment: EnvironmentName,
    /// The number of the request.
    pub request: u32,
    /// The digest that they were shown.
    pub digest: Digest,
    /// The answer.
    pub verdict: Verdict,
    /// Who.
    pub person: PrincipalName,
    /// What tells us so. Left out where it is the person's own signature.
    #[serde(default = "signed", skip_serializing_if = "is_signed")]
    pub assurance: Assurance,
    /// Why; from outside, shortened where it is shown.
    pub reason: Option<String>,
    /// When, by the clock of whoever signed or sealed.
    pub decided_at: Timestamp,
}

fn signed() -> Assurance {
    Assurance::Signed
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_signed(assurance: &Assurance) -> bool {
    *assurance == Assurance::Signed
}

/// A statement with its proof: the person's signature where the assurance is
/// `signed`, and else the seal of the server that saw them decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The answer.
    pub statement: Statement,
    /// Signature or seal.
    pub signature: Signature,
}

impl Decision {
    /// A person signs an answer with their own key.
    #[must_use]
    pub fn sign(statement: Statement, key: &PrivateKey) -> Self {
        let statement = Statement { assurance: Assurance::Signed, ..statement };
        let signature = key.sign(Purpose::Decision, &canonical(&statement));
        Self { statement, signature }
    }

    /// The server vouches for an answer that it saw a person give. Whoever has
    /// its key can say this of anybody, so the key is not in the database.
    #[must_use]
    pub fn seal(statement: Statement, server: &PrivateKey) -> Self {
        let signature = server.sign(Purpose::Seal, &canonical(&statement));
        Self { statement, signature }
    }

    /// Whether the proof is one, over exactly this statement: by `person`'s key,
    /// or sealed by `voucher`, whichever the assurance asks for.
    #[must_use]
    pub fn verifies(&self, person: Option<&PublicKey>, voucher: Option<&PublicKey>) -> bool {
        let (key, purpose) = match self.statement.assurance {
            Assurance::Signed => (person, Purpose::Decision),
            assurance if assurance.is_vouched_for() => (voucher, Purpose::Seal),
            _ => return false,
        };
        self.statement.decided_at.0.unsigned_abs() <= LAST_EXACT
            && key.is_some_and(|key| key.verifies(purpose, &canonical(&self.statement), &self.signature))
    }

    /// One line that a person can hand over: `dod1.<statement>.<signature>`.
    #[must_use]
    pub fn to_token(&self) -> String {
        let statement = URL_SAFE_NO_PAD.encode(canonical(&self.statement));
        format!("{TOKEN_PREFIX}.{statement}.{}", self.signature)
    }
}

impl std::str::FromStr for Decision {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let parts: Vec<&str> = text.trim().split('.').collect();
        let [TOKEN_PREFIX, statement, signature] = parts.as_slice() else {
            return Err(malformed_token(text));
        };
        let statement = URL_SAFE_NO_PAD
            .decode(statement)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or_else(|| malformed_token(text))?;
        Ok(Self { statement, signature: Signature((*signature).to_owned()) })
    }
}

fn malformed_token(text: &str) -> Malformed {
    Malformed {
        what: "a signed decision",
        value: super::text::shortened(text, 40),
        rule: "it is the line that `deployment-orchestrator approve ID --print-token` prints",
    }
}

fn canonical(statement: &Statement) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(statement).expect("a statement is strings and integers")
}
