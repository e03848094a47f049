//! By what people are signed in on the pages.

use super::{App, Code, Error};
use crate::domain::id::PrincipalName;
use crate::domain::principal::Channel;
use crate::domain::text::shortened;
use crate::domain::token::{Grant, Holder};

/// By what a person was signed in. It is looked at again with each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// A token for browsers.
    Token(Grant),
    /// The word of the OpenID provider.
    Openid(Identity),
}

/// A person, and how the OpenID provider of the config calls them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Their name in the config.
    pub person: PrincipalName,
    /// What the provider's ID token says.
    pub subject: String,
}

/// The longest subject that is repeated: no provider may have a longer `sub`.
const SUBJECT_LIMIT: usize = 255;

impl From<Grant> for SignIn {
    fn from(grant: Grant) -> Self {
        Self::Token(grant)
    }
}

impl SignIn {
    /// As whom.
    #[must_use]
    pub fn holder(&self) -> Holder {
        match self {
            Self::Token(grant) => grant.holder.clone(),
            Self::Openid(identity) => Holder::Browser { name: identity.person.clone() },
        }
    }

    /// The way by which what is done in this visit comes in.
    #[must_use]
    pub fn channel(&self) -> Channel {
        match self {
            Self::Token(_) => Channel::Web,
            Self::Openid(_) => Channel::WebOpenid,
        }
    }
}

impl App {
    /// The person whom the OpenID provider of the config calls `subject`.
    ///
    /// # Errors
    /// `not-permitted` when the config names nobody so.
    pub fn identify(&self, subject: &str) -> Result<Identity, Error> {
        match self.policy.person_with_openid_subject(subject) {
            Some(person) => Ok(Identity { person: person.clone(), subject: subject.to_owned() }),
            None => Err(Error::new(
                Code::NotPermitted,
                format!(
                    "the sign-in calls you `{}`, and the config of this server names nobody so",
                    shortened(subject, SUBJECT_LIMIT)
                ),
                "ask an operator of the server to write this as `openid_subject` under your [people.NAME] in the config",
            )),
        }
    }

    /// Whether the config still says that it is this person.
    ///
    /// # Errors
    /// `not-permitted` when it does not.
    pub(super) fn still_known(&self, identity: &Identity) -> Result<(), Error> {
        let known = self.identify(&identity.subject)?;
        if known == *identity {
            return Ok(());
        }
        Err(Error::new(
            Code::NotPermitted,
            format!("the config of this server does not say any more that you are {}", identity.person),
            "sign in again",
        ))
    }
}
