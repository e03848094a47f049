//! Access tokens of an authorization server: what their claims must say here,
//! and what they grant. Whether the server signed them is checked before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value};

use super::role::Role;
use super::time::Timestamp;

/// How far the clocks of the authorization server and ours may be apart.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// The claims of a token by their names (RFC 7519).
pub type Claims = Map<String, Value>;

/// What the claims of a token must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The authorization server's name of itself, byte for byte.
    pub issuer: String,
    /// Our name: among those for whom the token is.
    pub audience: String,
    /// The claim that says whose it is: `sub`, or one that people cannot choose either.
    pub person: String,
    /// Which scope stands for which role.
    pub scopes: BTreeMap<String, Role>,
}

/// What a token grants, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// How the authorization server calls the person.
    pub subject: String,
    /// The roles to which it is limited, of those that the person has; at least one.
    pub roles: BTreeSet<Role>,
}

/// Why the claims grant nothing here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A claim is not there, or is not what it should be.
    #[error("this token has no proper `{0}`")]
    Malformed(String),
    /// Another server issued it.
    #[error("this token is of another issuer than this server trusts")]
    Issuer,
    /// It is for somebody else, who might be passing it on.
    #[error("this token is for another audience than {0}")]
    Audience(String),
    /// Its time is over.
    #[error("this token has expired")]
    Expired,
    /// Its time has not come.
    #[error("this token is not valid yet")]
    NotYet,
    /// It allows nothing that is done here.
    #[error("this token has none of the scopes that are known here: {}", .0.join(", "))]
    Scope(Vec<String>),
}

impl Expected {
    /// Scopes that are called as the roles are.
    #[must_use]
    pub fn scopes_like_roles() -> BTreeMap<String, Role> {
        [Role::Viewer, Role::Operator, Role::Approver, Role::Admin]
            .map(|role| (role.as_str().to_owned(), role))
            .into()
    }

    /// The scopes that are known, for whoever asks for a token.
    #[must_use]
    pub fn scope_names(&self) -> Vec<String> {
        self.scopes.keys().cloned().collect()
    }

    /// What these claims grant at `now`.
    ///
    /// # Errors
    /// The first reason why they grant nothing.
    pub fn judge(&self, claims: &Claims, now: Timestamp) -> Result<Granted, Refused> {
        if text(claims, "iss")? != self.issuer {
            return Err(Refused::Issuer);
        }
        if !words(claims, "aud")?.contains(&self.audience.as_str()) {
            return Err(Refused::Audience(self.audience.clone()));
        }
        let until = instant(claims, "exp")?.ok_or_else(|| Refused::Malformed("exp".to_owned()))?;
        if until.plus(LEEWAY) <= now {
            return Err(Refused::Expired);
        }
        if instant(claims, "nbf")?.is_some_and(|since| now.plus(LEEWAY) < since) {
            return Err(Refused::NotYet);
        }
        let subject = text(claims, &self.person)?.to_owned();
        let roles = self.roles(claims)?;
        if roles.is_empty() {
            return Err(Refused::Scope(self.scope_names()));
        }
        Ok(Granted { subject, roles })
    }

    /// RFC 9068 has one text with blanks; some servers write a list, or call it `scp`.
    fn roles(&self, claims: &Claims) -> Result<BTreeSet<Role>, Refused> {
        let name = if claims.contains_key("scope") { "scope" } else { "scp" };
        if !claims.contains_key(name) {
            return Ok(BTreeSet::new());
        }
        let scopes = words(claims, name)?;
        let scopes = scopes.iter().flat_map(|text| text.split(' '));
        Ok(scopes.filter_map(|scope| self.scopes.get(scope)).copied().collect())
    }
}

/// A text that is not empty.
pub(super) fn text<'a>(claims: &'a Claims, name: &str) -> Result<&'a str, Refused> {
    let text = claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| Refused::Malformed(name.to_owned()))
}

/// A text or a list of texts.
pub(super) fn words<'a>(claims: &'a Claims, name: &str) -> Result<Vec<&'a str>, Refused> {
    let words = match claims.get(name) {
        Some(Value::String(one)) => Some(vec![one.as_str()]),
        Some(Value::Array(many)) => many.iter().map(Value::as_str).collect(),
        _ => None,
    };
    words.ok_or_else(|| Refused::Malformed(name.to_owned()))
}

/// Seconds since the Unix epoch, which may have a fraction.
pub(super) fn instant(claims: &Claims, name: &str) -> Result<Option<Timestamp>, Refused> {
    let Some(claim) = claims.get(name) else { return Ok(None) };
    let seconds = claim.as_f64().ok_or_else(|| Refused::Malformed(name.to_owned()))?;
    #[expect(clippy::cast_possible_truncation, reason = "beyond its ends it saturates, which is as far away")]
    Ok(Some(Timestamp((seconds * 1_000.0) as i64)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn expected() -> Expected {
        Expected {
            issuer: "https://id.acme.example/".to_owned(),
            audience: "https://deploy.acme.example/mcp".to_owned(),
            person: "sub".to_owned(),
            scopes: [("deploy:read".to_owned(), Role::Viewer), ("deploy:write".to_owned(), Role::Operator)]
                .into(),
        }
    }

    /// Claims that are good, with others in the place of some; null leaves one out.
    fn judged(others: Value) -> Result<Granted, Refused> {
        let mut claims = json!({
            "iss": "https://id.acme.example/", "aud": "https://deploy.acme.example/mcp", "sub": "auth0|dana",
            "exp": 1_000_300, "nbf": 999_700, "scope": "openid deploy:write",
        });
        let claims = claims.as_object_mut().unwrap();
        for (name, value) in others.as_object().unwrap() {
            claims.insert(name.clone(), value.clone());
        }
        claims.retain(|_, value| !value.is_null());
        expected().judge(claims, NOW)
    }

    #[test]
    fn good_claims_grant_the_roles_of_their_scopes() {
        let roles = |others| judged(others).unwrap().roles.into_iter().collect::<Vec<_>>();
        assert_eq!(judged(json!({})).unwrap().subject, "auth0|dana");
        for (others, granted) in [
            (json!({}), vec![Role::Operator]),
            (json!({ "scope": "deploy:read deploy:write" }), vec![Role::Viewer, Role::Operator]),
            (json!({ "scope": ["deploy:read", "x"] }), vec![Role::Viewer]),
            (json!({ "scope": null, "scp": ["deploy:read"] }), vec![Role::Viewer]),
            (json!({ "scope": null, "scp": "deploy:read deploy:write" }), vec![Role::Viewer, Role::Operator]),
            (json!({ "aud": ["https://x", "https://deploy.acme.example/mcp"] }), vec![Role::Operator]),
            (json!({ "nbf": null }), vec![Role::Operator]),
            (json!({ "exp": 999_970.5 }), vec![Role::Operator]),
            (json!({ "nbf": 1_000_030 }), vec![Role::Operator]),
        ] {
            assert_eq!(roles(others.clone()), granted, "{others}");
        }
    }

    #[test]
    fn claims_that_are_wrong_grant_nothing() {
        let audience = || Refused::Audience(expected().audience);
        let scope = || Refused::Scope(vec!["deploy:read".to_owned(), "deploy:write".to_owned()]);
        let malformed = |name: &str| Refused::Malformed(name.to_owned());
        for (others, refused) in [
            (json!({ "iss": "https://id.acme.example" }), Refused::Issuer),
            (json!({ "iss": ["https://id.acme.example/"] }), malformed("iss")),
            (json!({ "iss": null }), malformed("iss")),
            (json!({ "aud": "https://deploy.acme.example" }), audience()),
            (json!({ "aud": "https://deploy.acme.example/mcp https://x" }), audience()),
            (json!({ "aud": [] }), audience()),
            (json!({ "aud": [1, "https://deploy.acme.example/mcp"] }), malformed("aud")),
            (json!({ "aud": null }), malformed("aud")),
            (json!({ "exp": 999_970 }), Refused::Expired),
            (json!({ "exp": -1e300 }), Refused::Expired),
            (json!({ "exp": "1000300" }), malformed("exp")),
            (json!({ "exp": null }), malformed("exp")),
            (json!({ "nbf": 1_000_031 }), Refused::NotYet),
            (json!({ "nbf": true }), malformed("nbf")),
            (json!({ "sub": "" }), malformed("sub")),
            (json!({ "sub": 7 }), malformed("sub")),
            (json!({ "sub": null }), malformed("sub")),
            (json!({ "scope": null }), scope()),
            (json!({ "scope": "" }), scope()),
            (json!({ "scope": "deploy deploy:write:all operator" }), scope()),
            (json!({ "scope": {} }), malformed("scope")),
            (json!({ "scope": "openid", "scp": "deploy:write" }), scope()),
        ] {
            assert_eq!(judged(others.clone()), Err(refused), "{others}");
        }
    }

    #[test]
    fn another_claim_may_name_the_person() {
        let by_email = Expected { person: "email".to_owned(), ..expected() };
        let claims = json!({
            "iss": by_email.issuer, "aud": by_email.audience, "exp": 1_000_300, "scope": "deploy:read",
            "sub": "auth0|dana", "email": "dana@acme.example",
        });
        let granted = by_email.judge(claims.as_object().unwrap(), NOW).unwrap();
        assert_eq!(granted.subject, "dana@acme.example");
    }
}
