//! A JSON Web Token as it is presented (RFC 7519, RFC 9068): what it says of itself, and
//! its claims once a key has verified them.

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};

use super::keys::Key;
use super::signature::ALGORITHMS;
use crate::domain::claims::Claims;

/// The longest token. The longest honest ones list a person's groups.
const LONGEST: usize = 16 * 1024;

/// For what a token is shown. Much that a server signs is for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// For access.
    Access,
    /// To say who signed in.
    Identity,
}

impl Kind {
    /// What such a token may call itself.
    fn types(self) -> &'static [&'static str] {
        match self {
            Self::Access => &["at+jwt", "application/at+jwt", "jwt"],
            Self::Identity => &["jwt"],
        }
    }

    /// What one is that calls itself otherwise.
    fn fault(self) -> Fault {
        match self {
            Self::Access => Fault::NotForAccess,
            Self::Identity => Fault::NotOfIdentity,
        }
    }
}

/// Why a token proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is too long to be read.
    #[error("this token is longer than {LONGEST} bytes")]
    TooLong,
    /// It is none, or of another kind than is accepted.
    #[error("this is not a JSON Web Token signed with RS256, PS256, ES256 or EdDSA")]
    Unacceptable,
    /// It is something else that the server signed than an access token.
    #[error("this token is not an access token: its `typ` is neither at+jwt nor JWT")]
    NotForAccess,
    /// It is something else that the server signed than an ID token.
    #[error("this token is not an ID token: its `typ` is not JWT")]
    NotOfIdentity,
    /// It must not be used by whoever does not understand some part of it.
    #[error("this token demands what is not understood here (`crit`)")]
    Critical,
    /// It does not say which key verifies it.
    #[error("this token names no key (`kid`)")]
    NoKeyId,
    /// The server has no such key.
    #[error("this token names a key that the authorization server does not publish")]
    UnknownKey,
    /// Somebody else signed it, or it was changed.
    #[error("the signature of this token is wrong")]
    Signature,
}

/// A token whose header is acceptable.
pub(super) struct Presented<'a> {
    text: &'a str,
    /// The name of the key that should verify it.
    pub(super) key_id: String,
    algorithm: Algorithm,
}

impl<'a> Presented<'a> {
    /// The token, if it is of this kind.
    pub(super) fn read(text: &'a str, kind: Kind) -> Result<Self, Fault> {
        if text.len() > LONGEST {
            return Err(Fault::TooLong);
        }
        let header = decode_header(text).map_err(|_| Fault::Unacceptable)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(Fault::Unacceptable);
        }
        if header.typ.is_some_and(|typ| !kind.types().contains(&typ.to_ascii_lowercase().as_str())) {
            return Err(kind.fault());
        }
        if header.crit.is_some() {
            return Err(Fault::Critical);
        }
        Ok(Self { text, key_id: header.kid.ok_or(Fault::NoKeyId)?, algorithm: header.alg })
    }

    /// Its claims, if one of `keys` verifies it. Keys that it brings along do not count.
    pub(super) fn verified<'k>(&self, keys: impl Iterator<Item = &'k Key>) -> Result<Claims, Fault> {
        let mut fault = Fault::UnknownKey;
        for key in keys.filter(|key| key.algorithms.contains(&self.algorithm)) {
            if let Ok(verified) = decode(self.text, &key.key, &self.of_the_signature_alone()) {
                return Ok(verified.claims);
            }
            fault = Fault::Signature;
        }
        Err(fault)
    }

    /// The claims are the domain's to judge, by our clock.
    fn of_the_signature_alone(&self) -> Validation {
        let mut validation = Validation::new(self.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation
    }
}
