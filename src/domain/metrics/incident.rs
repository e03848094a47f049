//! Incidents, and the change that each belongs to.

use std::collections::{BTreeMap, BTreeSet};

use super::change::Change;
use crate::domain::id::{DeploymentId, IncidentId, Service};
use crate::domain::time::Timestamp;

/// Something was wrong in production, and somebody linked it to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// What it is called where it is worked on.
    pub id: IncidentId,
    /// The service.
    pub service: Service,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was over; `None` while it is not.
    pub resolved_at: Option<Timestamp>,
    /// The deployment that brought it, where somebody knows that; else it
    /// follows from the times.
    pub deployment: Option<DeploymentId>,
}

/// What the history says of an incident at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// It is linked.
    Linked {
        /// As what.
        incident: Incident,
        /// When the program signed it that said so, by its own clock; `None`: a person said so.
        sent_at: Option<Timestamp>,
    },
    /// A person took it back.
    Unlinked(IncidentId),
}

/// What comes of what a program says of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It is to be kept, as this.
    News(Incident),
    /// It is what was said last.
    Known,
    /// The program has said something later: this was overtaken on its way, or is sent again
    /// by somebody who overheard it.
    Overtaken,
    /// A person has taken the incident back, and only a person links it again.
    TakenBack,
}

/// What comes of it that a program says `said`, and signed that at `sent_at`, after all the
/// `words` on this incident. Programs that watch production know no deployments: what a
/// person said of that stays, unless the program says otherwise or names another service.
#[must_use]
pub fn heard(words: &[Word], said: Incident, sent_at: Timestamp) -> Heard {
    let is_later = |word: &Word| matches!(word, Word::Linked { sent_at: Some(sent), .. } if *sent > sent_at);
    if words.iter().any(is_later) {
        return Heard::Overtaken;
    }
    match words.last() {
        None => Heard::News(said),
        Some(Word::Unlinked(_)) => Heard::TakenBack,
        Some(Word::Linked { incident: last, .. }) => {
            let known = last.deployment.clone().filter(|_| last.service == said.service);
            let said = Incident { deployment: said.deployment.clone().or(known), ..said };
            if said == *last { Heard::Known } else { Heard::News(said) }
        }
    }
}

/// The incidents of each change, by the number of the change in `changes`, which are by their
/// time, and those that belong to none.
///
/// An incident belongs to the deployment that it names. If it names none, it belongs to
/// what was deployed last of what production ran of its service when it began,
/// from whichever repository: what had been taken back before is not blamed.
#[must_use]
pub fn by_change<'a>(
    incidents: &'a [Incident],
    changes: &[Change],
) -> (BTreeMap<usize, Vec<&'a Incident>>, Vec<&'a Incident>) {
    let arrivals = arrivals(changes);
    let named = named(incidents, changes);
    let mut of: BTreeMap<usize, Vec<&Incident>> = BTreeMap::new();
    let mut of_none = Vec::new();
    for incident in incidents {
        let owner = match &incident.deployment {
            Some(deployment) => named.get(deployment).copied(),
            None => arrivals.get(&incident.service).and_then(|it| newest_at(incident.began_at, it, changes)),
        };
        match owner {
            Some(change) => of.entry(change).or_default().push(incident),
            None => of_none.push(incident),
        }
    }
    (of, of_none)
}

/// The first change of each deployment that some incident names.
fn named<'a>(incidents: &'a [Incident], changes: &[Change]) -> BTreeMap<&'a DeploymentId, usize> {
    let names: BTreeSet<&DeploymentId> = incidents.iter().filter_map(|it| it.deployment.as_ref()).collect();
    let mut first: BTreeMap<&DeploymentId, usize> = BTreeMap::new();
    for (index, change) in changes.iter().enumerate() {
        if let Some(name) = change.deployment.as_ref().and_then(|it| names.get(it)) {
            first.entry(name).or_insert(index);
        }
    }
    first
}

/// The changes of each service by their arrival: the time, and the number of the change.
fn arrivals(changes: &[Change]) -> BTreeMap<&Service, Vec<(Timestamp, usize)>> {
    let mut arrivals: BTreeMap<&Service, Vec<(Timestamp, usize)>> = BTreeMap::new();
    for (index, change) in changes.iter().enumerate() {
        if let Some(at) = change.arrived_at {
            arrivals.entry(&change.lane.service).or_default().push((at, index));
        }
    }
    arrivals.values_mut().for_each(|arrived| arrived.sort_unstable());
    arrivals
}

/// The newest of the changes that production ran at `at`.
fn newest_at(at: Timestamp, arrived: &[(Timestamp, usize)], changes: &[Change]) -> Option<usize> {
    let before = arrived.get(..arrived.partition_point(|(arrived, _)| *arrived <= at))?;
    let standing = |index: usize| changes.get(index).is_some_and(|it| it.stands_at(at));
    before.iter().rev().map(|(_, index)| *index).find(|index| standing(*index))
}
