//! Ed25519 keys and signatures in their text forms.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::id::Malformed;

/// What is signed. Put before the bytes, so that a signature made for one
/// purpose never counts for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A person's own answer.
    Decision,
    /// The server saw a person answer.
    Seal,
    /// The server wrote this evidence.
    Evidence,
    /// The server made this token.
    Token,
}

impl Purpose {
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Decision => b"deployment-orchestrator decision v1\n",
            Self::Seal => b"deployment-orchestrator seal v1\n",
            Self::Evidence => b"deployment-orchestrator evidence v1\n",
            Self::Token => b"deployment-orchestrator token v1\n",
        }
    }
}

/// A signature as URL-safe base64. Whether it is one, [`PublicKey::verifies`] says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(pub String);

impl std::fmt::Display for Signature {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

/// A public key: `ed25519:` and 32 bytes in URL-safe base64 without padding.
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

/// A private key, of a person or of the server. It has no `Debug`, `Display` or `Serialize`.
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

    /// Sign `message` for `purpose`.
    #[must_use]
    pub fn sign(&self, purpose: Purpose, message: &[u8]) -> Signature {
        let signature = self.0.sign(&[purpose.prefix(), message].concat());
        Signature(URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}

impl PublicKey {
    /// Whether this key signed exactly `message` for `purpose`.
    #[must_use]
    pub fn verifies(&self, purpose: Purpose, message: &[u8], signature: &Signature) -> bool {
        let message = [purpose.prefix(), message].concat();
        URL_SAFE_NO_PAD
            .decode(&signature.0)
            .ok()
            .and_then(|bytes| ed25519_dalek::Signature::from_slice(&bytes).ok())
            .is_some_and(|signature| self.0.verify_strict(&message, &signature).is_ok())
    }
}
