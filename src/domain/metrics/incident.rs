//! Incidents, and the change that each belongs to.

use std::collections::BTreeMap;

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

/// The incidents of each change, by the number of the change in `changes`, and
/// those that belong to none.
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
    let mut of: BTreeMap<usize, Vec<&Incident>> = BTreeMap::new();
    let mut of_none = Vec::new();
    for incident in incidents {
        let arrived = arrivals.get(&incident.service).map_or(&[][..], Vec::as_slice);
        match owner(incident, changes, arrived) {
            Some(change) => of.entry(change).or_default().push(incident),
            None => of_none.push(incident),
        }
    }
    (of, of_none)
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

fn owner(incident: &Incident, changes: &[Change], arrived: &[(Timestamp, usize)]) -> Option<usize> {
    if incident.deployment.is_some() {
        let named = changes.iter().enumerate().filter(|(_, change)| change.deployment == incident.deployment);
        return named.map(|(index, change)| (change.at(), index)).min().map(|(_, index)| index);
    }
    let began = arrived.partition_point(|(at, _)| *at <= incident.began_at);
    let before = arrived.get(..began)?;
    let standing = |index: usize| changes.get(index).is_some_and(|it| it.stands_at(incident.began_at));
    before.iter().rev().map(|(_, index)| *index).find(|index| standing(*index))
}
