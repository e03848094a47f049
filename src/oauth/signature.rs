//! The signatures that are believed, verified with ring, which the tree has for TLS.
//!
//! The library that reads tokens takes its cryptography from outside. What is
//! not in [`ALGORITHMS`] is not verified at all: no shared secrets, and never `none`.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, Result};
use jsonwebtoken::signature::{Error as Wrong, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

/// All that is verified.
pub(super) const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: no_signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Have the library use it. It takes one provider per program: ours, as nobody else reads tokens.
pub(super) fn install() {
    let _ = PROVIDER.install_default();
}

fn no_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    Err(Error::from(ErrorKind::InvalidAlgorithm))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let check = match (algorithm, key.kind()) {
        (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            Check::Rsa { how: &RSA_PKCS1_2048_8192_SHA256, n: n.clone(), e: e.clone() }
        }
        (Algorithm::PS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            Check::Rsa { how: &RSA_PSS_2048_8192_SHA256, n: n.clone(), e: e.clone() }
        }
        (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => {
            Check::Curve { how: &ECDSA_P256_SHA256_FIXED, point: point.clone() }
        }
        (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(point)) => {
            Check::Curve { how: &ED25519, point: point.clone() }
        }
        _ => return Err(Error::from(ErrorKind::InvalidAlgorithm)),
    };
    if key.family() != algorithm.family() {
        return Err(Error::from(ErrorKind::InvalidAlgorithm));
    }
    Ok(Box::new(Verification { algorithm: *algorithm, check }))
}

/// A public key, and how signatures by it are verified.
enum Check {
    Rsa { how: &'static RsaParameters, n: Vec<u8>, e: Vec<u8> },
    Curve { how: &'static dyn VerificationAlgorithm, point: Vec<u8> },
}

struct Verification {
    algorithm: Algorithm,
    check: Check,
}

impl Verifier<Vec<u8>> for Verification {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Wrong> {
        match &self.check {
            Check::Rsa { how, n, e } => RsaPublicKeyComponents { n, e }.verify(how, message, signature),
            Check::Curve { how, point } => UnparsedPublicKey::new(*how, point).verify(message, signature),
        }
        .map_err(|_| Wrong::new())
    }
}

impl JwtVerifier for Verification {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
