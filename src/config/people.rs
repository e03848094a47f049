//! People, groups and the limits of agents, as the file has them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::policy::Person;
use crate::domain::assurance::Assurance;
use crate::domain::gate::{Approver, RequiredGroup};
use crate::domain::id::{EnvironmentName, PipelineId, PrincipalName, SlackUser};
use crate::domain::limits::Limits;
use crate::domain::role::{Right, Role};
use crate::domain::signature::PublicKey;

/// `[people.NAME]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct PersonSection {
    public_key: Option<PublicKey>,
    roles: Option<BTreeSet<Role>>,
    #[serde(default)]
    emails: BTreeSet<PrincipalName>,
    oauth_subject: Option<String>,
    openid_subject: Option<String>,
    slack_user: Option<SlackUser>,
    agent: Option<LimitsSection>,
}

/// `[agent]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct AgentSection {
    pub(super) triggerable_pipelines: BTreeSet<PipelineId>,
    read_only: bool,
    environments: Option<BTreeSet<EnvironmentName>>,
    starts_per_hour: Option<u32>,
    rollbacks_per_day: Option<u32>,
}

/// `[people.NAME.agent]`: what it names replaces what `[agent]` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct LimitsSection {
    read_only: Option<bool>,
    environments: Option<BTreeSet<EnvironmentName>>,
    starts_per_hour: Option<u32>,
    rollbacks_per_day: Option<u32>,
}

/// Everybody whom the file names.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct PeopleSection(BTreeMap<PrincipalName, PersonSection>);

/// `[groups]`
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Groups(BTreeMap<String, Vec<PrincipalName>>);

impl AgentSection {
    /// The limits of agents whose person has none of their own.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            read_only: self.read_only,
            environments: self.environments.clone(),
            starts_per_hour: self.starts_per_hour,
            rollbacks_per_day: self.rollbacks_per_day,
        }
    }
}

impl PeopleSection {
    /// Everybody with their roles and the limits of their agents.
    pub(super) fn people(&self, agent: &AgentSection) -> Result<BTreeMap<PrincipalName, Person>, String> {
        let mut owners: BTreeMap<&PrincipalName, &PrincipalName> = BTreeMap::new();
        let mut holders: BTreeMap<String, &PrincipalName> = BTreeMap::new();
        let mut slack_users: Vec<(&SlackUser, &PrincipalName)> = Vec::new();
        for (name, section) in &self.0 {
            if let Some(user) = &section.slack_user {
                if let Some((_, other)) = slack_users.iter().find(|(known, _)| known.overlaps(user)) {
                    return Err(format!("`{user}` is the slack_user of both `{other}` and `{name}`"));
                }
                slack_users.push((user, name));
            }
            // Else one person could be two pairs of eyes.
            let key = section.public_key.as_ref().map(ToString::to_string);
            if let Some(other) = key.and_then(|key| holders.insert(key, name)) {
                return Err(format!(
                    "`{other}` and `{name}` have the same public_key; one person has one name"
                ));
            }
            for email in &section.emails {
                if let Some(other) = owners.insert(email, name) {
                    return Err(format!("`{email}` is among the emails of both `{other}` and `{name}`"));
                }
            }
        }
        self.differ_in("oauth_subject", |section| section.oauth_subject.as_deref())?;
        self.differ_in("openid_subject", |section| section.openid_subject.as_deref())?;
        Ok(self.0.iter().map(|(name, section)| (name.clone(), section.person(agent))).collect())
    }

    /// Whether `key`, where it is there, says something of each, and nothing twice.
    fn differ_in(&self, key: &str, of: impl Fn(&PersonSection) -> Option<&str>) -> Result<(), String> {
        let mut known: BTreeMap<&str, &PrincipalName> = BTreeMap::new();
        for (name, section) in &self.0 {
            let Some(subject) = of(section) else { continue };
            if subject.trim().is_empty() {
                return Err(format!("the {key} of `{name}` is empty; leave it out"));
            }
            if let Some(other) = known.insert(subject, name) {
                return Err(format!("`{subject}` is the {key} of both `{other}` and `{name}`"));
            }
        }
        Ok(())
    }

    /// The people whom `entries` name, `group:NAME` resolved, as those who may
    /// decide at `here`.
    pub(super) fn approvers(
        &self,
        entries: &[String],
        groups: &Groups,
        here: &str,
    ) -> Result<Vec<Approver>, String> {
        groups.resolved(entries, here)?.into_iter().map(|name| self.approver(name, here)).collect()
    }

    /// The people whom `entries` name, `group:NAME` resolved, as those who may
    /// deploy past the freeze at `here`.
    pub(super) fn overriders(
        &self,
        entries: &[String],
        groups: &Groups,
        here: &str,
    ) -> Result<BTreeSet<PrincipalName>, String> {
        let names = groups.resolved(entries, here)?;
        for name in &names {
            let roles = self.section(name, here)?.roles();
            if roles.iter().all(|role| *role == Role::Viewer) {
                return Err(format!(
                    "{here}: the roles of `{name}` only let them look; add another, or leave them out there"
                ));
            }
        }
        Ok(names)
    }

    /// The people whom `entries` name, `group:NAME` resolved, as those for whom
    /// something may be started at `here`.
    pub(super) fn operators(
        &self,
        entries: &[String],
        groups: &Groups,
        here: &str,
    ) -> Result<BTreeSet<PrincipalName>, String> {
        let names = groups.resolved(entries, here)?;
        for name in &names {
            if !self.section(name, here)?.roles().iter().any(|role| role.includes(Right::Operate)) {
                return Err(format!(
                    "{here}: the roles of `{name}` do not include \"operator\"; add it, or leave them out there"
                ));
            }
        }
        Ok(names)
    }

    /// Whether the person has a way to decide that is accepted, and needs no key.
    pub(super) fn decides_without_key(&self, name: &PrincipalName, accept: &[Assurance]) -> bool {
        let is_in_slack = || self.0.get(name).is_some_and(|section| section.slack_user.is_some());
        accept.iter().any(|assurance| match assurance {
            Assurance::Web | Assurance::Token | Assurance::ClientConfirmed | Assurance::Agent => true,
            Assurance::Slack => is_in_slack(),
            _ => false,
        })
    }

    fn section(&self, name: &PrincipalName, here: &str) -> Result<&PersonSection, String> {
        self.0.get(name).ok_or_else(|| {
            format!("{here}: there is no person `{name}`; add [people.{name}] with the public_key that keygen prints")
        })
    }

    fn approver(&self, name: PrincipalName, here: &str) -> Result<Approver, String> {
        let section = self.section(&name, here)?;
        if section.roles().iter().any(|role| role.includes(Right::Approve)) {
            Ok(Approver { name, key: section.public_key.clone() })
        } else {
            Err(format!(
                "{here}: the roles of `{name}` do not include \"approver\"; add it, or leave them out there"
            ))
        }
    }
}

impl Groups {
    /// The names among `entries`, with the members in place of each `group:NAME`.
    fn resolved(&self, entries: &[String], here: &str) -> Result<BTreeSet<PrincipalName>, String> {
        let mut names = BTreeSet::new();
        for entry in entries {
            match entry.strip_prefix("group:") {
                Some(group) => names.extend(self.members(group, here)?.iter().cloned()),
                None => {
                    names.insert(entry.parse::<PrincipalName>().map_err(|error| format!("{here}: {error}"))?);
                }
            }
        }
        Ok(names)
    }

    /// The groups of these names, each of which must be there and not be empty.
    pub(super) fn required(&self, names: &[String], here: &str) -> Result<Vec<RequiredGroup>, String> {
        let required = |name: &String| {
            let name = name.strip_prefix("group:").unwrap_or(name);
            Ok(RequiredGroup { name: name.to_owned(), members: self.members(name, here)?.to_vec() })
        };
        names.iter().map(required).collect()
    }

    /// Who is in the group, which must be there and not be empty.
    fn members(&self, group: &str, here: &str) -> Result<&[PrincipalName], String> {
        match self.0.get(group).map(Vec::as_slice) {
            None => Err(format!("{here}: there is no group `{group}`; add it under [groups]")),
            Some([]) => Err(format!("{here}: the group `{group}` is empty")),
            Some(members) => Ok(members),
        }
    }
}

impl PersonSection {
    fn roles(&self) -> BTreeSet<Role> {
        self.roles.clone().unwrap_or_else(|| BTreeSet::from([Role::Operator, Role::Approver]))
    }

    fn person(&self, agent: &AgentSection) -> Person {
        let general = agent.limits();
        let limits = match &self.agent {
            None => general,
            Some(own) => Limits {
                read_only: own.read_only.unwrap_or(general.read_only),
                environments: own.environments.clone().or(general.environments),
                starts_per_hour: own.starts_per_hour.or(general.starts_per_hour),
                rollbacks_per_day: own.rollbacks_per_day.or(general.rollbacks_per_day),
            },
        };
        Person {
            key: self.public_key.clone(),
            roles: self.roles(),
            emails: self.emails.clone(),
            oauth_subject: self.oauth_subject.clone(),
            openid_subject: self.openid_subject.clone(),
            slack_user: self.slack_user.clone(),
            agent_limits: limits,
        }
    }
}
