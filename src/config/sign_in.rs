//! `[http.sign_in]`: the OpenID provider at which people sign in to the pages.

use serde::Deserialize;

use super::url::{is_plain, is_safe};
use crate::domain::id_token::Expected;
use crate::domain::origin::Origin;

/// `[http.sign_in]`
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct SignInSection {
    /// The provider, and our name there.
    pub expected: Expected,
    /// What is asked for.
    pub scopes: Vec<String>,
}

/// The same as it is written, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct Written {
    issuer: String,
    client_id: String,
    #[serde(default = "sub")]
    claim: String,
    #[serde(default = "openid")]
    scopes: Vec<String>,
}

fn sub() -> String {
    "sub".to_owned()
}

fn openid() -> Vec<String> {
    vec!["openid".to_owned()]
}

impl TryFrom<Written> for SignInSection {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { issuer, client_id, claim, scopes } = written;
        if !is_safe(&issuer) {
            return Err(
                "`issuer` under [http.sign_in] is not safe to ask: write an https URL, or http on this machine"
                    .to_owned(),
            );
        }
        if client_id.trim().is_empty() || claim.trim().is_empty() {
            return Err("`client_id` and `claim` under [http.sign_in] are not blank".to_owned());
        }
        if let Some(scope) = scopes.iter().find(|scope| !is_plain(scope)) {
            return Err(format!(
                "`{scope}` under [http.sign_in] is no scope: it has no blanks, quotes or backslashes"
            ));
        }
        if !scopes.iter().any(|scope| scope == "openid") {
            return Err("`scopes` under [http.sign_in] lacks \"openid\", without which nobody is signed in"
                .to_owned());
        }
        Ok(Self { expected: Expected { issuer, client_id, person: claim }, scopes })
    }
}

/// Where the provider sends people back to, at a server that is reached at `public`.
///
/// # Errors
/// When nobody can come back there, or not safely.
pub(super) fn redirect_uri(public: Option<&Origin>) -> Result<String, String> {
    match public {
        Some(public) if is_safe(&public.to_string()) => Ok(format!("{public}/sign-in/callback")),
        Some(_) => Err(
            "`public_url` under [http] has no TLS, so that others could read how people sign in; write an https URL, or http on this machine"
                .to_owned(),
        ),
        None => Err(
            "[http.sign_in] needs `public_url` under [http], to which people come back from the provider"
                .to_owned(),
        ),
    }
}
