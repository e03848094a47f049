//! The public keys of an authorization server, as it publishes them (RFC 7517).

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde::Deserialize;
use serde_json::Value;

/// The most keys that are looked at. Servers publish two or three.
const MOST_KEYS: usize = 100;

/// The shortest modulus of an RSA key, in bytes. ring verifies with none that is shorter.
const SHORTEST_MODULUS: usize = 2048 / 8;

/// Keys that signatures can be verified with.
#[derive(Default)]
pub(super) struct KeySet(Vec<Key>);

/// One of them.
pub(super) struct Key {
    id: String,
    /// What it may be used with.
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) key: DecodingKey,
}

/// The document, whose keys are read one by one: an unknown kind must not hide the others.
#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// The keys of this document that can be used here, and have a name. `None`
    /// if it is not such a document.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        let Document { keys } = serde_json::from_slice(document).ok()?;
        Some(Self(keys.into_iter().take(MOST_KEYS).filter_map(key).collect()))
    }

    /// Those of this name. There should be one.
    pub(super) fn called<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Key> {
        self.0.iter().filter(move |key| key.id == id)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn key(document: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(document).ok()?;
    let common = &jwk.common;
    if common.public_key_use.as_ref().is_some_and(|it| *it != PublicKeyUse::Signature) {
        return None;
    }
    if common.key_operations.as_ref().is_some_and(|it| !it.contains(&KeyOperations::Verify)) {
        return None;
    }
    let mut algorithms = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => vec![Algorithm::RS256, Algorithm::PS256],
        AlgorithmParameters::EllipticCurve(it) if it.curve == EllipticCurve::P256 => vec![Algorithm::ES256],
        AlgorithmParameters::OctetKeyPair(it) if it.curve == EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
        _ => return None,
    };
    if let Some(only) = common.key_algorithm {
        algorithms.retain(|algorithm| format!("{algorithm:?}") == only.to_string());
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    let is_long_enough = match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } => n.len() >= SHORTEST_MODULUS,
        DecodingKeyKind::SecretOrDer(_) => true,
    };
    (is_long_enough && !algorithms.is_empty()).then_some(())?;
    Some(Key { id: jwk.common.key_id?, algorithms, key })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_public_keys_for_signatures_with_a_name_are_used() {
        let (modulus, short) = ("A".repeat(342), "A".repeat(171));
        let rsa = |others: Value| {
            let mut key = json!({ "kty": "RSA", "kid": "r", "n": modulus, "e": "AQAB" });
            key.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
            key
        };
        let point = "A".repeat(43);
        for (key, algorithms) in [
            (rsa(json!({})), vec![Algorithm::RS256, Algorithm::PS256]),
            (rsa(json!({ "use": "sig", "alg": "RS256" })), vec![Algorithm::RS256]),
            (rsa(json!({ "key_ops": ["verify"] })), vec![Algorithm::RS256, Algorithm::PS256]),
            (
                json!({ "kty": "EC", "crv": "P-256", "kid": "e", "x": point, "y": point }),
                vec![Algorithm::ES256],
            ),
            (json!({ "kty": "OKP", "crv": "Ed25519", "kid": "o", "x": point }), vec![Algorithm::EdDSA]),
            (rsa(json!({ "use": "enc" })), vec![]),
            (rsa(json!({ "key_ops": ["encrypt"] })), vec![]),
            (rsa(json!({ "alg": "RS512" })), vec![]),
            (rsa(json!({ "alg": "HS256" })), vec![]),
            (rsa(json!({ "kid": null })), vec![]),
            (rsa(json!({ "n": short })), vec![]),
            (json!({ "kty": "oct", "kid": "s", "k": point }), vec![]),
            (json!({ "kty": "EC", "crv": "P-384", "kid": "e", "x": point, "y": point }), vec![]),
            (json!({ "kty": "AKP", "kid": "a", "pub": point }), vec![]),
            (json!("x"), vec![]),
        ] {
            let set = KeySet::read(json!({ "keys": [key] }).to_string().as_bytes()).unwrap();
            let found: Vec<_> = set.0.iter().flat_map(|key| key.algorithms.clone()).collect();
            assert_eq!(found, algorithms, "{key}");
        }
        for document in ["", "[]", "{}", "{\"keys\":{}}"] {
            assert!(KeySet::read(document.as_bytes()).is_none(), "{document}");
        }
    }
}
