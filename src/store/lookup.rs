//! What a record is found by, apart from its deployment.

use std::fmt;

use rusqlite::{Connection, OptionalExtension as _};

use super::error::Error;
use super::row::from_json;
use crate::domain::event::{Event, MainEvent};
use crate::domain::id::{EnvironmentName, PrincipalName, Service};
use crate::domain::principal::{Actor, Principal};
use crate::domain::record::What;
use crate::domain::remark::Remark;
use crate::domain::time::Timestamp;

/// What is counted of what agents do for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Starting a deployment.
    Start,
    /// Rolling one back.
    Rollback,
}

impl fmt::Display for Use {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Start => "start",
            Self::Rollback => "rollback",
        })
    }
}

/// The word in the column `lookup`. The same record has the same word for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lookup {
    /// Whether agents may act.
    Agents,
    /// An agent's use of what is counted, and the person for whom it acts.
    Use(Use, PrincipalName),
    /// Whether an environment is locked: for one service, or for all.
    Lock(EnvironmentName, Option<Service>),
    /// Whether a commit of a service was released from quarantine.
    Commit(Service, String),
    /// An incident in production.
    Incident,
}

/// The word of every incident.
pub(super) const INCIDENTS: &str = "incident";

impl Lookup {
    /// Most records have none.
    pub(super) fn of(what: &What, actor: &Actor) -> Option<Self> {
        match what {
            What::Remark(Remark::AgentsFrozen { .. } | Remark::AgentsReleased { .. }) => Some(Self::Agents),
            What::Remark(
                Remark::EnvironmentLocked { environment, service, .. }
                | Remark::EnvironmentUnlocked { environment, service, .. },
            ) => Some(Self::Lock(environment.clone(), service.clone())),
            What::Remark(Remark::CommitReleased { service, commit, .. }) => {
                Some(Self::Commit(service.clone(), commit.to_string()))
            }
            What::Remark(Remark::IncidentLinked { .. } | Remark::IncidentUnlinked { .. }) => {
                Some(Self::Incident)
            }
            What::Remark(_) => None,
            What::Event(event) => Self::of_event(event, actor),
        }
    }

    pub(super) fn of_event(event: &Event, actor: &Actor) -> Option<Self> {
        let what = match event {
            Event::Main(MainEvent::Created { .. }) => Use::Start,
            Event::Main(MainEvent::Rollback { .. }) => Use::Rollback,
            _ => return None,
        };
        match &actor.principal {
            Principal::Agent { on_behalf_of, .. } => Some(Self::Use(what, on_behalf_of.clone())),
            Principal::Human { .. } | Principal::System => None,
        }
    }
}

impl fmt::Display for Lookup {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agents => out.write_str("agents"),
            Self::Use(what, by) => write!(out, "{what}/{by}"),
            Self::Lock(environment, service) => {
                write!(out, "lock/{environment}/{}", service.as_ref().map_or("*", Service::as_str))
            }
            Self::Incident => out.write_str(INCIDENTS),
            Self::Commit(service, commit) => write!(out, "commit/{service}/{commit}"),
        }
    }
}

/// The newest remark of this lookup, by whom and when.
pub(super) fn newest(
    connection: &Connection,
    lookup: &Lookup,
) -> Result<Option<(Remark, Actor, Timestamp)>, Error> {
    let last: Option<(i64, String, String, i64)> = connection
        .prepare_cached(
            "SELECT position, event, actor, at FROM event
             WHERE position = (SELECT max(position) FROM event WHERE lookup = ?1)",
        )?
        .query_row([lookup.to_string()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((position, remark, actor, at)) = last else { return Ok(None) };
    let place = || format!("record {position}");
    Ok(Some((from_json(&remark, place)?, from_json(&actor, place)?, Timestamp(at))))
}
