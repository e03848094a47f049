//! Ed25519 keys and signed decisions in their text forms.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::approval::Statement;
use super::id::Malformed;

/// Put before what is signed, so that a signature made for anything else never counts here.
const PURPOSE: &[u8] = b"deployment-orchestrator decision v1\n";

/// The first part of a decision in its text form.
const TOKEN_PREFIX: &str = "dod1";

/// The last integer that canonical JSON, whose numbers are doubles, tells from
/// its neighbours. Beyond it two statements could share one signature.
const LAST_EXACT: u64 = (1 << 53) - 1;

/// A person's public key: `ed25519:` and 32 bytes in URL-safe base64 without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(VerifyingKey);

impl std::str::FromStr for PublicKey {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.strip_prefix("ed25519:")
            .and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok())
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
            .filter(|key| !key.is_weak())
            .map(Self)
            .ok_or_else(|| Malformed {
                what: "a public key",
                value: super::text::shortened(text, 80),
                rule: "it is the line that `deployment-orchestrator keygen` prints, `ed25519:` and 43 characters",
            })
    }
}

impl TryFrom<String> for PublicKey {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "ed25519:{}", URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

/// A person's private key. It has no `Debug`, `Display` or `Serialize`.
pub struct PrivateKey(SigningKey);

impl PrivateKey {
    /// The key that 32 random bytes make.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Read what [`Self::to_secret_text`] wrote.
    ///
    /// # Errors
    /// When it is not that; the text is not repeated in the error.
    pub fn from_secret_text(text: &str) -> Result<Self, Malformed> {
        text.trim()
            .strip_prefix("ed25519-secret:")
            .and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok())
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map(|seed| Self::from_seed(&seed))
            .ok_or(Malformed {
                what: "a private key",
                value: "(not shown)".to_owned(),
                rule: "it is the file that `deployment-orchestrator keygen` wrote",
            })
    }

    /// The text form, for the key file only.
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        format!("ed25519-secret:{}\n", URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Sign an answer.
    #[must_use]
    pub fn sign(&self, statement: Statement) -> SignedDecision {
        let signature = self.0.sign(&signed_bytes(&statement));
        SignedDecision { statement, signature: URL_SAFE_NO_PAD.encode(signature.to_bytes()) }
    }
}

/// One person's answer with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDecision {
    /// The answer.
    pub statement: Statement,
    /// The signature in URL-safe base64.
    pub signature: String,
}

impl SignedDecision {
    /// Whether this key made the signature over exactly this statement.
    #[must_use]
    pub fn verifies(&self, key: &PublicKey) -> bool {
        if self.statement.decided_at.0.unsigned_abs() > LAST_EXACT {
            return false;
        }
        URL_SAFE_NO_PAD
            .decode(&self.signature)
            .ok()
            .and_then(|bytes| Signature::from_slice(&bytes).ok())
            .is_some_and(|signature| key.0.verify_strict(&signed_bytes(&self.statement), &signature).is_ok())
    }

    /// One line that a person can hand over: `dod1.<statement>.<signature>`.
    #[must_use]
    pub fn to_token(&self) -> String {
        let statement = canonical(&self.statement);
        format!("{TOKEN_PREFIX}.{}.{}", URL_SAFE_NO_PAD.encode(statement), self.signature)
    }
}

impl std::str::FromStr for SignedDecision {
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
        Ok(Self { statement, signature: (*signature).to_owned() })
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

fn signed_bytes(statement: &Statement) -> Vec<u8> {
    [PURPOSE, canonical(statement).as_slice()].concat()
}
