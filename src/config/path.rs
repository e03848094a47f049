//! `[paths.NAME]`: named ways that leave stages out and ask for more approval.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::approval::unrepresented;
use super::people::{Groups, PeopleSection};
use crate::domain::assurance::Assurance;
use crate::domain::gate::{Approver, Gate};
use crate::domain::id::{PathName, PrincipalName};
use crate::domain::path::{Demands, Path};
use crate::domain::plan::Gates;
use crate::domain::workflow::{Environment, Stage};

/// `[paths.NAME]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct PathSection {
    skip: Vec<String>,
    approval: DemandsSection,
    may_start: Option<Vec<String>>,
}

/// `[paths.NAME.approval]`: what is asked at each gate on top of its environment's own rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct DemandsSection {
    required_approvals: Option<u32>,
    #[serde(default)]
    required_groups: Vec<String>,
    allow_self_approval: Option<bool>,
    expires_after: Option<String>,
    accept: Option<Vec<Assurance>>,
}

/// The paths that `sections` describe, none of which asks less than the ordinary way does.
pub(super) fn paths(
    sections: &BTreeMap<PathName, PathSection>,
    environments: &[Environment],
    gates: &Gates,
    people: &PeopleSection,
    groups: &Groups,
) -> Result<BTreeMap<PathName, Path>, String> {
    sections
        .iter()
        .map(|(name, section)| {
            let here = format!("path `{name}`");
            let path = Path {
                skip: section.skip(environments, &here)?,
                demands: section.approval.demands(gates, people, groups, &here)?,
                may_start: section.may_start(people, groups, &here)?,
            };
            Ok((name.clone(), path))
        })
        .collect()
}

impl PathSection {
    fn skip(&self, environments: &[Environment], here: &str) -> Result<BTreeSet<Stage>, String> {
        if self.skip.is_empty() {
            return Err(format!(
                "{here}: `skip` is empty; the ordinary way leaves nothing out, and needs no name"
            ));
        }
        self.skip.iter().map(|word| skippable(word, environments, here)).collect()
    }

    fn may_start(
        &self,
        people: &PeopleSection,
        groups: &Groups,
        here: &str,
    ) -> Result<Option<BTreeSet<PrincipalName>>, String> {
        let Some(entries) = &self.may_start else { return Ok(None) };
        if entries.is_empty() {
            return Err(format!(
                "{here}: `may_start` is empty, so nobody could take it; leave it out for all operators"
            ));
        }
        people.operators(entries, groups, &format!("`may_start` of {here}")).map(Some)
    }
}

/// The stage that `word` names, if a path may leave it out.
fn skippable(word: &str, environments: &[Environment], here: &str) -> Result<Stage, String> {
    let named: Option<(usize, &Environment)> =
        environments.iter().enumerate().find(|(_, environment)| environment.name.as_str() == word);
    match (word, named) {
        ("validating" | "building", None) => Err(format!(
            "{here}: `{word}` is never skipped; a path may skip testing, and environments before the last"
        )),
        ("testing", None) => Ok(Stage::Testing),
        ("validating" | "building" | "testing", Some(_)) => Err(format!(
            "{here}: `{word}` is a stage and an environment, so `skip` would be ambiguous; rename the environment"
        )),
        (_, None) => Err(format!(
            "{here}: `skip` names `{word}`, which is no stage and no environment; write testing or one of {}",
            environments.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ")
        )),
        (_, Some((index, _))) if index + 1 == environments.len() => {
            Err(format!("{here}: `{word}` is where deployments end, and cannot be skipped"))
        }
        (_, Some((_, environment))) if environment.gated => {
            Err(format!("{here}: {word} has an approval, and no approval is skipped; {NEVER_LESS}"))
        }
        (_, Some((_, environment))) => Ok(Stage::Deploying(environment.name.clone())),
    }
}

impl DemandsSection {
    fn demands(
        &self,
        gates: &Gates,
        people: &PeopleSection,
        groups: &Groups,
        here: &str,
    ) -> Result<Demands, String> {
        if self.allow_self_approval == Some(true) {
            return Err(format!("{here}: `allow_self_approval` may only be false; {NEVER_LESS}"));
        }
        if self.accept.as_ref().is_some_and(Vec::is_empty) {
            return Err(format!("{here}: `accept` is empty, so no decision would ever count"));
        }
        let expires_after = super::file::duration(self.expires_after.as_deref(), "expires_after")
            .map_err(|error| format!("{here}: {error}"))?;
        let demands = Demands {
            required_approvals: self.required_approvals.unwrap_or_default(),
            required_groups: groups.required(&self.required_groups, here)?,
            forbids_self_approval: self.allow_self_approval == Some(false),
            expires_after_ms: expires_after.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)),
            accept: self.accept.clone(),
        };
        for (environment, gate) in gates {
            self.ask_no_less(&demands, gate)
                .and_then(|()| can_be_met(&demands, gate, people))
                .map_err(|wrong| format!("{here}, before {environment}: {wrong}"))?;
        }
        Ok(demands)
    }

    /// Nothing that is written here asks less than the gate does by itself, and something asks more.
    fn ask_no_less(&self, demands: &Demands, gate: &Gate) -> Result<(), String> {
        if let Some(fewer) = self.required_approvals.filter(|it| *it < gate.required_approvals) {
            return Err(format!(
                "`required_approvals` is {fewer}, and the environment asks for {}; {NEVER_LESS}",
                gate.required_approvals
            ));
        }
        let wider = |assurance: &&Assurance| !gate.accept.contains(assurance);
        if let Some(wider) = self.accept.iter().flatten().find(wider) {
            return Err(format!("`accept` has `{wider}`, which the environment has not; {NEVER_LESS}"));
        }
        if demands.expires_after_ms.is_some_and(|it| it > gate.expires_after_ms) {
            return Err(format!("`expires_after` is longer than in the environment; {NEVER_LESS}"));
        }
        if demands.on_top_of(gate) == *gate {
            return Err(
                "it asks no more than the ordinary way does; raise `required_approvals`, or require a group"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

const NEVER_LESS: &str = "a path asks for more, never for less";

/// Whether there are people who could open the gate with what is asked on top.
fn can_be_met(demands: &Demands, gate: &Gate, people: &PeopleSection) -> Result<(), String> {
    let harder = demands.on_top_of(gate);
    let able = able(&harder, people);
    let required = harder.required_approvals;
    if usize::try_from(required).unwrap_or(usize::MAX) > able.clone().count() {
        return Err(format!("{required} people are to approve, and only {} could", able.count()));
    }
    match unrepresented(&harder.required_groups, able) {
        None => Ok(()),
        Some(group) => Err(format!("nobody of the required group `{group}` could approve there")),
    }
}

/// The approvers of a gate who have a way to decide that it accepts.
fn able<'a>(gate: &'a Gate, people: &'a PeopleSection) -> impl Iterator<Item = &'a Approver> + Clone {
    let decides = |it: &&Approver| it.key.is_some() || people.decides_without_key(&it.name, &gate.accept);
    gate.approvers.iter().filter(decides)
}
