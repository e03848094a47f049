//! `[http.oauth]`: the authorization server whose access tokens are accepted.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::url::{is_plain, is_safe};
use crate::domain::claims::Expected;
use crate::domain::role::Role;

/// `[http.oauth]`
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct OauthSection {
    /// The authorization server's name of itself: `iss` in its tokens.
    pub issuer: String,
    /// Where it publishes its keys.
    pub jwks_url: String,
    /// Who its tokens must be for; the address of `/mcp` unless it is named.
    pub audience: Option<String>,
    /// The claim that says whose a token is.
    pub claim: String,
    /// Which scope stands for which role.
    pub scopes: BTreeMap<String, Role>,
}

/// The same as it is written, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct Written {
    issuer: String,
    jwks_url: String,
    audience: Option<String>,
    #[serde(default = "sub")]
    claim: String,
    #[serde(default = "Expected::scopes_like_roles")]
    scopes: BTreeMap<String, Role>,
}

fn sub() -> String {
    "sub".to_owned()
}

impl OauthSection {
    /// What its tokens must say, where `/mcp` is found at `resource`.
    #[must_use]
    pub fn expected(&self, resource: String) -> Expected {
        Expected {
            issuer: self.issuer.clone(),
            audience: self.audience.clone().unwrap_or(resource),
            person: self.claim.clone(),
            scopes: self.scopes.clone(),
        }
    }
}

impl TryFrom<Written> for OauthSection {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { issuer, jwks_url, audience, claim, scopes } = written;
        for (key, url) in [("issuer", issuer.as_str()), ("jwks_url", before_query(&jwks_url))] {
            if !is_safe(url) {
                return Err(format!(
                    "`{key}` under [http.oauth] is not safe to ask: write an https URL, or http on this machine"
                ));
            }
        }
        if claim.is_empty() || audience.as_ref().is_some_and(|it| !is_plain(it)) {
            return Err(
                "`claim` and `audience` under [http.oauth] are not blank where they are named".to_owned()
            );
        }
        if scopes.is_empty() {
            return Err("`scopes` under [http.oauth] is empty, so no token would grant anything".to_owned());
        }
        if let Some(scope) = scopes.keys().find(|scope| !is_plain(scope)) {
            return Err(format!(
                "`{scope}` under [http.oauth] is no scope: it has no blanks, quotes or backslashes"
            ));
        }
        Ok(Self { issuer, jwks_url, audience, claim, scopes })
    }
}

/// An address may have a query; a name has none.
fn before_query(url: &str) -> &str {
    url.split_once('?').filter(|(_, query)| is_plain(query)).map_or(url, |(before, _)| before)
}
