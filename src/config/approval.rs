//! The gates of the environments, as the file has them.

use std::time::Duration;

use serde::Deserialize;

use super::people::{Groups, PeopleSection};
use crate::domain::assurance::Assurance;
use crate::domain::gate::{Approver, BreakGlass, Gate, PEOPLE_TO_BREAK_GLASS, RequiredGroup};

/// `[environments.approval]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct ApprovalSection {
    approvers: Vec<String>,
    required_approvals: Option<u32>,
    #[serde(default)]
    required_groups: Vec<String>,
    #[serde(default)]
    allow_self_approval: bool,
    expires_after: Option<String>,
    accept: Option<Vec<Assurance>>,
    break_glass: Option<BreakGlassSection>,
}

/// `[environments.approval.break_glass]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct BreakGlassSection {
    people: Vec<String>,
}

/// How long an approval request stays open unless the config says otherwise.
const DEFAULT_EXPIRY: Duration = Duration::from_hours(24);

/// What counts unless the config says otherwise: channels that an agent cannot use.
const DEFAULT_ACCEPT: [Assurance; 3] = [Assurance::Signed, Assurance::Web, Assurance::Slack];

impl ApprovalSection {
    /// The gate of `environment`, which somebody can open.
    pub(super) fn gate(
        &self,
        environment: &str,
        people: &PeopleSection,
        groups: &Groups,
    ) -> Result<Gate, String> {
        let here = format!("approval of environment `{environment}`");
        let accept = self.accept.clone().unwrap_or_else(|| DEFAULT_ACCEPT.to_vec());
        if accept.is_empty() {
            return Err(format!("{here}: `accept` is empty, so no decision would ever count"));
        }
        if let Some(none) = accept.iter().find(|assurance| !assurance.may_decide()) {
            return Err(format!(
                "{here}: no decision may rest on `{none}`; `accept` takes signed, web, slack, token, client-confirmed and agent"
            ));
        }
        let approvers = people.approvers(&self.approvers, groups, &here)?;
        if approvers.is_empty() {
            return Err(format!("{here}: `approvers` is empty, so nobody could ever approve"));
        }
        let is_silent = |approver: &&Approver| {
            approver.key.is_none() && !people.decides_without_key(&approver.name, &accept)
        };
        if let Some(silent) = approvers.iter().find(is_silent) {
            return Err(format!(
                "{here}: `{0}` has no public_key, so no decision of theirs could be verified; add the one that `keygen --as {0}` prints, or their slack_user where `accept` has slack",
                silent.name
            ));
        }
        let required_approvals = self.required_approvals.unwrap_or(1);
        if required_approvals == 0
            || usize::try_from(required_approvals).unwrap_or(usize::MAX) > approvers.len()
        {
            return Err(format!(
                "{here}: `required_approvals` is {required_approvals}; it must be from 1 to the {} approvers",
                approvers.len()
            ));
        }
        let expires_after =
            super::file::duration(self.expires_after.as_deref(), "expires_after")?.unwrap_or(DEFAULT_EXPIRY);
        let required_groups = groups.required(&self.required_groups, &here)?;
        if let Some(group) = unrepresented(&required_groups, approvers.iter()) {
            return Err(format!("{here}: nobody of the required group `{group}` is among the approvers"));
        }
        Ok(Gate {
            required_groups,
            approvers,
            required_approvals,
            allow_self_approval: self.allow_self_approval,
            expires_after_ms: u64::try_from(expires_after.as_millis()).unwrap_or(u64::MAX),
            accept,
            voucher: None,
            break_glass: self.break_glass.as_ref().map(|it| it.rule(people, groups, &here)).transpose()?,
        })
    }
}

/// The first of these groups of which nobody is among the approvers.
pub(super) fn unrepresented<'a, 'b>(
    groups: &'a [RequiredGroup],
    approvers: impl Iterator<Item = &'b Approver> + Clone,
) -> Option<&'a str> {
    let is_represented =
        |group: &&RequiredGroup| approvers.clone().any(|approver| group.members.contains(&approver.name));
    groups.iter().find(|group| !is_represented(group)).map(|group| group.name.as_str())
}

impl BreakGlassSection {
    fn rule(&self, people: &PeopleSection, groups: &Groups, here: &str) -> Result<BreakGlass, String> {
        let here = format!("break_glass in {here}");
        let people = people.approvers(&self.people, groups, &here)?;
        if let Some(silent) = people.iter().find(|person| person.key.is_none()) {
            return Err(format!("{here}: `{}` has no public_key, and must sign", silent.name));
        }
        if people.len() < PEOPLE_TO_BREAK_GLASS {
            return Err(format!(
                "{here}: it takes {PEOPLE_TO_BREAK_GLASS} people, and names {}",
                people.len()
            ));
        }
        Ok(BreakGlass { people })
    }
}
