//! Who is at the other end of a connection, and what they may.

use std::collections::BTreeSet;

use super::{App, Code, Error, Seals, SignIn};
use crate::domain::assurance::Assurance;
use crate::domain::claims::Granted;
use crate::domain::id::{PrincipalName, TokenId};
use crate::domain::principal::{Actor, Channel, Principal};
use crate::domain::role::{Right, Role};
use crate::domain::signature::PublicKey;
use crate::domain::text::shortened;
use crate::domain::token::{Grant, Holder, Secret, Token};

/// Whoever a connection was let in as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// As whom.
    pub holder: Holder,
    /// To which of the person's roles it is limited. `None`: to none.
    roles: Option<BTreeSet<Role>>,
    /// What tells us so.
    assurance: Assurance,
}

impl Session {
    /// A program of this machine, which acts for the person who runs the server.
    #[must_use]
    pub fn of_this_machine(user: PrincipalName) -> Self {
        Self { holder: Holder::Agent { on_behalf_of: user }, roles: None, assurance: Assurance::Agent }
    }

    /// A person who has signed in at the OpenID provider.
    pub(super) fn of_a_person_in_a_browser(name: PrincipalName) -> Self {
        Self { holder: Holder::Browser { name }, roles: None, assurance: Assurance::Web }
    }

    /// Whose deeds are done in it. `client` is what the program calls itself.
    #[must_use]
    pub fn actor(&self, client: String, channel: Channel) -> Actor {
        let principal = match &self.holder {
            Holder::Agent { on_behalf_of } => Principal::Agent { client, on_behalf_of: on_behalf_of.clone() },
            Holder::Human { name } | Holder::Browser { name } => Principal::Human { name: name.clone() },
        };
        Actor { principal, channel, assurance: self.assurance }
    }
}

/// The longest subject of a token that is told to its holder.
const SUBJECT_LIMIT: usize = 120;

impl From<&Grant> for Session {
    fn from(grant: &Grant) -> Self {
        let assurance = match &grant.holder {
            Holder::Agent { .. } => Assurance::Agent,
            Holder::Human { .. } => Assurance::Token,
            Holder::Browser { .. } => Assurance::Web,
        };
        Self { holder: grant.holder.clone(), roles: grant.roles.clone(), assurance }
    }
}

fn refused(why: impl Into<String>) -> Error {
    Error::new(
        Code::UnknownToken,
        why,
        "an operator of the server makes one with `deployment-orchestrator token create`",
    )
}

impl App {
    /// As whom the token `shown` lets somebody in. Of `seals`, those that are known need no verification.
    ///
    /// # Errors
    /// `unknown-token` when it is none, or not good any more; `not-permitted`
    /// when the config does not name its person any more.
    pub async fn admit(&self, shown: &str, seals: &Seals) -> Result<Session, Error> {
        let grant = self.grant_of(shown, seals).await?;
        match grant.holder {
            Holder::Human { .. } | Holder::Agent { .. } => Ok(Session::from(&grant)),
            Holder::Browser { .. } => Err(refused(
                "this token signs a person in on the pages of this server, and opens nothing else",
            )),
        }
    }

    /// What the token `shown` grants to a person who signs in on the pages. Only
    /// one that was made for that does: programs are given the others.
    ///
    /// # Errors
    /// As [`Self::admit`].
    pub async fn sign_in(&self, shown: &str, seals: &Seals) -> Result<Grant, Error> {
        let grant = self.grant_of(shown, seals).await?;
        match &grant.holder {
            Holder::Browser { .. } => Ok(grant),
            Holder::Human { name } | Holder::Agent { on_behalf_of: name } => Err(Error::new(
                Code::UnknownToken,
                "this token is for programs, and signs nobody in",
                format!(
                    "an operator of the server makes one with `deployment-orchestrator token create {name} --browser`"
                ),
            )),
        }
    }

    /// As whom somebody is still let in who was signed in by this.
    ///
    /// # Errors
    /// As [`Self::admit`]; for whom a provider knows `not-permitted`.
    pub async fn readmit(&self, by: &SignIn, seals: &Seals) -> Result<Session, Error> {
        let grant = match by {
            SignIn::Token(grant) => grant,
            SignIn::Openid(identity) => {
                self.still_known(identity)?;
                return Ok(Session::of_a_person_in_a_browser(identity.person.clone()));
            }
        };
        let (token, server) = self.token_here(grant.id.clone()).await?;
        let stands = token.stands(|it| seals.holds(it, &server), self.clock.now());
        let stands = stands.map_err(|why| refused(why.to_string()))?;
        if stands != grant {
            return Err(refused("this token is not the one that was shown"));
        }
        self.known(stands)?;
        Ok(Session::from(stands))
    }

    async fn grant_of(&self, shown: &str, seals: &Seals) -> Result<Grant, Error> {
        let secret: Secret = shown.parse().map_err(|_| refused("this is not a token"))?;
        let (token, server) = self.token_here(secret.id.clone()).await?;
        let grant = token
            .admits(&secret, |it| seals.holds(it, &server), self.clock.now())
            .map_err(|why| refused(why.to_string()))?;
        self.known(grant)?;
        Ok(grant.clone())
    }

    /// The token of this id, and whose seal it must have.
    async fn token_here(&self, id: TokenId) -> Result<(Token, PublicKey), Error> {
        let token = self.read(move |snapshot| snapshot.token(&id)).await?;
        match (token, &self.server_key) {
            (Some(token), Some(server)) => Ok((token, server.public())),
            _ => Err(refused("this token is not one that this server made")),
        }
    }

    fn known(&self, grant: &Grant) -> Result<(), Error> {
        let person = grant.holder.person();
        if self.policy.knows(person) {
            return Ok(());
        }
        Err(Error::new(
            Code::NotPermitted,
            format!("the config of this server does not name {person} any more"),
            "an operator of the server adds the person under [people] in the config",
        ))
    }

    /// As whom an access token lets somebody in that `granted` this: always as an
    /// agent of the person, because the person's MCP client holds it.
    ///
    /// # Errors
    /// `not-permitted` when the config names nobody as the token does.
    pub fn admit_granted(&self, granted: Granted) -> Result<Session, Error> {
        let Granted { subject, roles } = granted;
        match self.policy.person_with_subject(&subject) {
            Some(person) => Ok(Session {
                holder: Holder::Agent { on_behalf_of: person.clone() },
                roles: Some(roles),
                assurance: Assurance::Oauth,
            }),
            None => Err(Error::new(
                Code::NotPermitted,
                format!(
                    "the config of this server names no person as `{}`",
                    shortened(&subject, SUBJECT_LIMIT)
                ),
                "an operator of the server adds it as `oauth_subject` of the person under [people] in the config",
            )),
        }
    }

    /// Whether a session has one of these rights. Everybody who gets in may look: none of none.
    #[must_use]
    pub fn may(&self, session: &Session, rights: &[Right]) -> bool {
        let person = session.holder.person();
        let within = |right: Right| {
            session.roles.as_ref().is_none_or(|roles| roles.iter().any(|role| role.includes(right)))
        };
        rights.is_empty() || rights.iter().any(|right| within(*right) && self.policy.allows(person, *right))
    }

    /// [`Self::may`], with the reason. An agent that reaches beyond is recorded,
    /// with the deployment `id` if it named one.
    ///
    /// # Errors
    /// Which role is missing.
    pub async fn require_right(
        &self,
        session: &Session,
        rights: &[Right],
        id: &str,
        actor: &Actor,
    ) -> Result<(), Error> {
        if self.may(session, rights) {
            return Ok(());
        }
        let roles: Vec<&str> = rights.iter().map(|right| right.role().as_str()).collect();
        let (roles, person) = (roles.join("` or `"), session.holder.person());
        let refusal = Error::new(
            Code::NotPermitted,
            format!("{person} may not do this here: it takes the role `{roles}`"),
            "an operator of the server gives the person the role in the config, or makes a token that is not limited; an access token needs a scope that stands for the role",
        );
        self.remembering_limit(id, actor, Err(refusal)).await
    }
}
