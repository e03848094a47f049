//! Incidents as the history has them: words of people and of programs, of which the last counts.

use rusqlite::{Connection, Row};

use super::Store;
use super::error::Error;
use super::lookup::INCIDENTS;
use super::remark::{self, About, Remarked};
use super::row::{self, from_json};
use crate::domain::id::{DeploymentId, IncidentId};
use crate::domain::metrics::incident::{Heard, Incident, Word, heard};
use crate::domain::principal::Actor;
use crate::domain::remark::Remark;
use crate::domain::time::Timestamp;

/// What a program says of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// It.
    pub incident: Incident,
    /// When the program signed it, by its own clock.
    pub sent_at: Timestamp,
    /// When it came.
    pub at: Timestamp,
}

impl Store {
    /// Keep in the history what a program says of an incident, if that is news; the same once more,
    /// or something that it has gone beyond, is not. `None` when there are too many
    /// remarks already: nothing was kept.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the deployment that it names, or those of the database.
    pub fn hear(&self, report: &Report) -> Result<Option<Heard>, Error> {
        let report = report.clone();
        self.writer.write(move |connection| {
            let Report { incident, sent_at, at } = report.clone();
            let heard = heard(&words(connection, Some(&incident.id))?, incident, sent_at);
            let Heard::News(incident) = &heard else { return Ok(Some(heard)) };
            let kept = remark::add(connection, &linked(incident.clone(), sent_at, at))?;
            Ok(kept.map(|_| heard))
        })
    }
}

fn linked(incident: Incident, sent_at: Timestamp, at: Timestamp) -> Remarked {
    let Incident { id: incident, service, began_at, resolved_at, deployment } = incident;
    Remarked {
        about: deployment.map_or(About::None, |id| About::Deployment { id, notice: None }),
        remark: Remark::IncidentLinked { incident, service, began_at, resolved_at, sent_at: Some(sent_at) },
        actor: Actor::WEBHOOK,
        at,
    }
}

/// What the history says of all incidents, or of one, in its order.
pub(super) fn words(connection: &Connection, of: Option<&IncidentId>) -> Result<Vec<Word>, Error> {
    // No character that an id may have is written otherwise in JSON.
    let contains = of.map_or_else(String::new, |id| format!("\"incident\":\"{id}\""));
    connection
        .prepare_cached(
            "SELECT event, position, id FROM event LEFT JOIN deployment ON number = event.deployment
             WHERE lookup = ?1 AND instr(event, ?2) > 0 ORDER BY position",
        )?
        .query_and_then([INCIDENTS, &contains], word)?
        .collect()
}

fn word(row: &Row<'_>) -> Result<Word, Error> {
    let position: i64 = row.get("position")?;
    let place = || format!("record {position}");
    match from_json(row::text(row, "event")?, place)? {
        Remark::IncidentLinked { incident, service, began_at, resolved_at, sent_at } => {
            let deployment: Option<DeploymentId> = row::optional(row, "id")?;
            let incident = Incident { id: incident, service, began_at, resolved_at, deployment };
            Ok(Word::Linked { incident, sent_at })
        }
        Remark::IncidentUnlinked { incident, .. } => Ok(Word::Unlinked(incident)),
        other => Err(Error::corrupt(format!("{} is no incident but {}", place(), other.name()))),
    }
}
