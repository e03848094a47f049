//! ID tokens of an OpenID provider (OpenID Connect Core 1.0): what one must say of a
//! sign-in that this server began. Whether the provider signed it is checked before.

use serde_json::Value;

use super::claims::{self, Claims, LEEWAY, instant, text, words};
use super::time::Timestamp;

/// What every ID token must say here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The provider's name of itself, byte for byte.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// The claim that says who signed in: `sub`, or one that people cannot choose either.
    pub person: String,
}

/// A sign-in that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// What the token must repeat, so that it is of this sign-in and no other.
    pub nonce: String,
    /// When.
    pub at: Timestamp,
    /// What is wanted of the person.
    pub proof: Proof,
}

/// What a person must show to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// What the provider asks for: nothing, if they are signed in there.
    AsUsual,
    /// Who they are, once more.
    Anew,
}

/// Whom the provider has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// How it calls the person.
    pub subject: String,
    /// When the person showed it who they are, if it says so; never in the future.
    pub authenticated_at: Option<Timestamp>,
}

/// Why an ID token signs nobody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A claim that every token has is wrong.
    #[error(transparent)]
    Claims(#[from] claims::Refused),
    /// It was issued to another client, who might be passing it on.
    #[error("this token was issued to another client (`azp`)")]
    Party,
    /// It is of another sign-in.
    #[error("this token is of another sign-in (`nonce`)")]
    Nonce,
    /// It was issued before the sign-in began.
    #[error("this token is older than the sign-in (`iat`)")]
    Old,
    /// The person was to show who they are, and has not.
    #[error("the provider has not asked you to sign in anew (`auth_time`)")]
    NotAnew,
    /// The provider lets people write any address.
    #[error("the provider has not verified your address (`email_verified`)")]
    Unverified,
}

impl Expected {
    /// Whom these claims sign in at `now`, by the sign-in that was `begun`.
    ///
    /// # Errors
    /// The first reason why they sign nobody in.
    pub fn judge(&self, claims: &Claims, begun: &Begun, now: Timestamp) -> Result<Identified, Refused> {
        if text(claims, "iss")? != self.issuer {
            return Err(claims::Refused::Issuer.into());
        }
        self.is_for_us(claims)?;
        if required(claims, "exp")?.plus(LEEWAY) <= now {
            return Err(claims::Refused::Expired.into());
        }
        let issued_at = required(claims, "iat")?;
        if now.plus(LEEWAY) < issued_at {
            return Err(claims::Refused::NotYet.into());
        }
        if issued_at.plus(LEEWAY) < begun.at {
            return Err(Refused::Old);
        }
        if text(claims, "nonce")? != begun.nonce {
            return Err(Refused::Nonce);
        }
        let authenticated_at = authenticated_at(claims, begun, now)?;
        let subject = text(claims, &self.person)?.to_owned();
        if self.person == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
            return Err(Refused::Unverified);
        }
        Ok(Identified { subject, authenticated_at })
    }

    fn is_for_us(&self, claims: &Claims) -> Result<(), Refused> {
        let audience = words(claims, "aud")?;
        if !audience.contains(&self.client_id.as_str()) {
            return Err(claims::Refused::Audience(self.client_id.clone()).into());
        }
        // One that is for several says for whom it was issued.
        let says_so = audience.len() > 1 || claims.contains_key("azp");
        if says_so && claims.get("azp").and_then(Value::as_str) != Some(&self.client_id) {
            return Err(Refused::Party);
        }
        Ok(())
    }
}

fn authenticated_at(claims: &Claims, begun: &Begun, now: Timestamp) -> Result<Option<Timestamp>, Refused> {
    let at = instant(claims, "auth_time")?;
    if at.is_some_and(|at| now.plus(LEEWAY) < at) {
        return Err(claims::Refused::Malformed("auth_time".to_owned()).into());
    }
    match begun.proof {
        Proof::Anew if at.is_none_or(|at| at.plus(LEEWAY) < begun.at) => Err(Refused::NotAnew),
        Proof::Anew | Proof::AsUsual => Ok(at.map(|at| at.min(now))),
    }
}

fn required(claims: &Claims, name: &str) -> Result<Timestamp, claims::Refused> {
    instant(claims, name)?.ok_or_else(|| claims::Refused::Malformed(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_060_000);

    fn begun(proof: Proof) -> Begun {
        Begun { nonce: "n-1".to_owned(), at: Timestamp(1_000_000_000), proof }
    }

    fn expected(person: &str) -> Expected {
        Expected {
            issuer: "https://id.acme.example".to_owned(),
            client_id: "deployer".to_owned(),
            person: person.to_owned(),
        }
    }

    /// A good token with others in the place of some claims; null leaves one out.
    fn claims(others: Value) -> Claims {
        let mut claims = json!({
            "iss": "https://id.acme.example", "aud": "deployer", "sub": "auth0|dana", "nonce": "n-1",
            "iat": 1_000_050, "exp": 1_000_350, "auth_time": 1_000_040,
        });
        let fields = claims.as_object_mut().unwrap();
        fields.extend(others.as_object().unwrap().clone());
        fields.retain(|_, value| !value.is_null());
        fields.clone()
    }

    fn judged(others: Value) -> Result<Identified, Refused> {
        expected("sub").judge(&claims(others), &begun(Proof::AsUsual), NOW)
    }

    #[test]
    fn a_good_token_says_who_signed_in_and_when() {
        for (others, authenticated_at) in [
            (json!({}), Some(1_000_040_000)),
            (json!({ "auth_time": null }), None),
            (json!({ "auth_time": 900_000 }), Some(900_000_000)),
            // Their clock is ahead of ours.
            (json!({ "auth_time": 1_000_090, "iat": 1_000_090 }), Some(NOW.0)),
            (json!({ "aud": ["deployer"], "azp": "deployer" }), Some(1_000_040_000)),
            (json!({ "aud": ["other", "deployer"], "azp": "deployer" }), Some(1_000_040_000)),
            (json!({ "exp": 1_000_031, "iat": 999_970 }), Some(1_000_040_000)),
        ] {
            let authenticated_at = authenticated_at.map(Timestamp);
            let identified = Identified { subject: "auth0|dana".to_owned(), authenticated_at };
            assert_eq!(judged(others.clone()), Ok(identified), "{others}");
        }
    }

    #[test]
    fn a_token_that_is_wrong_signs_nobody_in() {
        let malformed = |name: &str| Refused::Claims(claims::Refused::Malformed(name.to_owned()));
        let audience = || Refused::Claims(claims::Refused::Audience("deployer".to_owned()));
        for (others, refused) in [
            (json!({ "iss": "https://id.acme.example/" }), claims::Refused::Issuer.into()),
            (json!({ "iss": null }), malformed("iss")),
            (json!({ "aud": "other" }), audience()),
            (json!({ "aud": [] }), audience()),
            (json!({ "aud": ["deployer", "other"] }), Refused::Party),
            (json!({ "aud": ["deployer", "other"], "azp": "other" }), Refused::Party),
            (json!({ "azp": "other" }), Refused::Party),
            (json!({ "azp": 7 }), Refused::Party),
            (json!({ "exp": 1_000_030 }), claims::Refused::Expired.into()),
            (json!({ "exp": null }), malformed("exp")),
            (json!({ "iat": null }), malformed("iat")),
            (json!({ "iat": 1_000_091 }), claims::Refused::NotYet.into()),
            (json!({ "iat": 999_969 }), Refused::Old),
            (json!({ "nonce": "n-2" }), Refused::Nonce),
            (json!({ "nonce": null }), malformed("nonce")),
            (json!({ "auth_time": "now" }), malformed("auth_time")),
            (json!({ "auth_time": 1_000_091 }), malformed("auth_time")),
            (json!({ "sub": null }), malformed("sub")),
        ] {
            assert_eq!(judged(others.clone()), Err(refused), "{others}");
        }
    }

    #[test]
    fn who_is_to_show_who_they_are_has_shown_it_since() {
        let judged = |others| expected("sub").judge(&claims(others), &begun(Proof::Anew), NOW);
        for good in [json!({}), json!({ "auth_time": 999_970 })] {
            assert!(judged(good.clone()).is_ok(), "{good}");
        }
        for late in [json!({ "auth_time": 999_969 }), json!({ "auth_time": null })] {
            assert_eq!(judged(late.clone()), Err(Refused::NotAnew), "{late}");
        }
    }

    #[test]
    fn an_address_names_a_person_if_the_provider_has_verified_it() {
        let judged = |others| expected("email").judge(&claims(others), &begun(Proof::AsUsual), NOW);
        let verified = judged(json!({ "email": "dana@acme.example", "email_verified": true })).unwrap();
        assert_eq!(verified.subject, "dana@acme.example");
        for verified in [json!(false), json!("true"), json!(null)] {
            let others = json!({ "email": "dana@acme.example", "email_verified": verified });
            assert_eq!(judged(others), Err(Refused::Unverified));
        }
    }
}
