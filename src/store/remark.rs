//! Remarks: what is kept in the history and moves no deployment.

use std::time::Duration;

use rusqlite::Connection;

use super::anchor;
use super::chain::{self, Line};
use super::error::Error;
use super::lookup::{self, Lookup};
use super::outbox;
use super::place;
use super::review;
use super::row::{self, from_json, to_json};
use crate::domain::id::{DeploymentId, IssueKey};
use crate::domain::notice;
use crate::domain::principal::Actor;
use crate::domain::record::What;
use crate::domain::remark::Remark;
use crate::domain::time::Timestamp;

/// The most remarks about one deployment, and the most about none in one hour.
/// A flood of refusals must not fill the disk, nor bury what matters.
pub const MOST_REMARKS: u32 = 200;

/// The most remarks about one deployment before it is no longer noted that somebody
/// opened a request: what was refused must still find room.
const MOST_BEFORE_A_LOOK: u32 = MOST_REMARKS / 2;

/// A remark that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remarked {
    /// What it is about.
    pub about: About,
    /// It.
    pub remark: Remark,
    /// Who did it, or saw it.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
}

/// What a remark is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A deployment.
    Deployment {
        /// It.
        id: DeploymentId,
        /// One sentence that people are told, if they are told.
        notice: Option<String>,
    },
    /// No deployment.
    None,
}

/// Agents may change nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// Who said so.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// Add a remark and what follows from it, in the open transaction. Returns its
/// position, or `None` when there are too many already.
pub(super) fn add(connection: &Connection, remarked: &Remarked) -> Result<Option<u64>, Error> {
    let Remarked { about, remark, actor, at } = remarked;
    let (most, at) = (most(remark), *at);
    let lookup = Lookup::of(&What::Remark(remark.clone()), actor).map(|lookup| lookup.to_string());
    let (actor, event) = (to_json(actor), to_json(remark));
    let head = chain::head(connection)?;
    let position = head.position + 1;
    match about {
        About::None => {
            if let Some(most) = most
                && of_the_last_hour(connection, at)? >= most
            {
                return Ok(None);
            }
            chain::append(connection, &head, Line { at, actor, event, lookup, left: None })?;
        }
        About::Deployment { id, notice } => {
            let anchor = anchor::find(connection, id)?;
            if most.is_some_and(|most| anchor.remarks >= u64::from(most)) {
                return Ok(None);
            }
            let left = Some((anchor.number, anchor.unmoved(id)));
            chain::append(connection, &head, Line { at, actor, event, lookup, left })?;
            anchor.remarked(connection, position)?;
            if matches!(remark, Remark::Reviewed { .. }) {
                review::close(connection, anchor.number, position)?;
            }
            if let Some(text) = notice {
                let notice =
                    notice::of_remark(id, anchor.version, (position, remark.topic()), text.clone(), at);
                outbox::enqueue(connection, position, anchor.number, &(&notice).into())?;
            }
        }
    }
    if let Remark::EnvironmentUnlocked { .. } | Remark::CommitReleased { .. } = remark {
        place::wake(connection, at)?;
    }
    Ok(Some(position))
}

/// How many remarks there may be before this one; `None` if it is always kept:
/// a person said it, and the kill switch works whatever else goes on.
fn most(remark: &Remark) -> Option<u32> {
    match remark {
        Remark::DecisionRefused { .. } | Remark::AgentRefused { .. } => Some(MOST_REMARKS),
        Remark::RequestSeen { .. } => Some(MOST_BEFORE_A_LOOK),
        Remark::IncidentLinked { sent_at: Some(_), .. } => Some(MOST_REMARKS),
        // Of links there are few, whoever makes them: `MOST_LINKED`.
        Remark::IssueLinked { .. }
        | Remark::PipelineAsked { .. }
        | Remark::AgentsFrozen { .. }
        | Remark::AgentsReleased { .. }
        | Remark::EnvironmentLocked { .. }
        | Remark::EnvironmentUnlocked { .. }
        | Remark::CommitReleased { .. }
        | Remark::Reviewed { .. }
        | Remark::IncidentLinked { sent_at: None, .. }
        | Remark::IncidentUnlinked { .. }
        | Remark::TokenMade { .. }
        | Remark::TokenRevoked { .. } => None,
    }
}

/// The issues that were linked to a deployment, in their order.
pub(super) fn linked_issues(connection: &Connection, id: &DeploymentId) -> Result<Vec<IssueKey>, Error> {
    let issue = |(remark, _)| match remark {
        Remark::IssueLinked { issue } => Ok(issue),
        other => Err(Error::corrupt(format!("the issues of {id}: the history says {}", other.name()))),
    };
    named(connection, id, "ISSUE_LINKED")?.into_iter().map(issue).collect()
}

/// The remarks about a deployment that have this wire name, in their order, each with who
/// made it. Its records are a list through `event`; most deployments have no remark, and are not walked.
pub(super) fn named(
    connection: &Connection,
    id: &DeploymentId,
    name: &str,
) -> Result<Vec<(Remark, Actor)>, Error> {
    let place = || format!("a remark about {id}");
    connection
        .prepare_cached(
            "WITH RECURSIVE list (position) AS (
                 SELECT last_record FROM deployment WHERE id = ?1 AND remarks > 0
                 UNION ALL
                 SELECT previous FROM list JOIN event USING (position)
                 WHERE previous > 0 AND previous < position
             )
             SELECT event, actor FROM list JOIN event USING (position)
             WHERE event LIKE '{\"event\":\"' || ?2 || '\"%' ORDER BY position",
        )?
        .query_and_then([id.as_str(), name], |row| {
            Ok((from_json(row::text(row, "event")?, place)?, from_json(row::text(row, "actor")?, place)?))
        })?
        .collect()
}

fn of_the_last_hour(connection: &Connection, now: Timestamp) -> Result<u32, Error> {
    let hour = i64::try_from(Duration::from_hours(1).as_millis()).unwrap_or(i64::MAX);
    Ok(connection
        .prepare_cached("SELECT count(*) FROM event WHERE deployment IS NULL AND at > ?1")?
        .query_row([now.0.saturating_sub(hour)], |row| row.get(0))?)
}

/// Refuse what an agent does while all are stopped, in the open transaction: the
/// switch holds from the moment that it stands in the history.
pub(super) fn refuse_frozen(connection: &Connection, actor: &Actor) -> Result<(), Error> {
    if actor.agent_of().is_none() {
        return Ok(());
    }
    frozen(connection)?.map_or(Ok(()), |frozen| Err(Error::AgentsFrozen(frozen)))
}

/// Why agents may change nothing; `None` if they may.
pub(super) fn frozen(connection: &Connection) -> Result<Option<Frozen>, Error> {
    let Some((remark, by, at)) = lookup::newest(connection, &Lookup::Agents)? else { return Ok(None) };
    match remark {
        Remark::AgentsFrozen { reason } => Ok(Some(Frozen { by, reason, at })),
        Remark::AgentsReleased { .. } => Ok(None),
        other => Err(Error::corrupt(format!("whether agents are frozen: the history says {}", other.name()))),
    }
}
