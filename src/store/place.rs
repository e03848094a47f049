//! Places: who has them, who waits for them, and what is known of an environment.
//!
//! A place is given in the transaction of its event, after a look at everybody
//! else's rows; a unique index stands behind that. Locks and released commits are
//! remarks in the history, the newest of which counts.

use rusqlite::types::Value;
use rusqlite::{Connection, ToSql, params};

use super::error::Error;
use super::lookup::{self, Lookup};
use super::quarantine::{self, same_commit};
use super::queries::LARGEST_PAGE;
use super::row::{self, from_json};
use crate::domain::deployment::{Deployment, Progress};
use crate::domain::entrance::{Facts, Lock, Proof, Rules, Stay, holds_of_the_place};
use crate::domain::id::{DeploymentId, EnvironmentName, Repository, Service};
use crate::domain::place::Place;
use crate::domain::remark::Remark;
use crate::domain::time::Timestamp;

/// How many versions of the environment before are looked at. An older stay of the commit is forgotten.
const STAYS_LOOKED_AT: u32 = 50;

/// How many of a queue are looked at.
const LONGEST_QUEUE: u32 = 100;

/// The columns of a row that speak of places.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns {
    at_hand: Option<String>,
    place: Option<String>,
    queued_since: Option<Timestamp>,
}

impl From<&Deployment> for Columns {
    fn from(deployment: &Deployment) -> Self {
        Self {
            at_hand: deployment.place_at_hand().map(|place| place.to_string()),
            place: deployment.place().map(|place| place.to_string()),
            queued_since: deployment.progress.held.as_ref().and_then(|held| held.queued_since),
        }
    }
}

/// What the row of this deployment says of places, by column.
pub(super) fn columns(deployment: &Deployment) -> [(&'static str, Value); 3] {
    let Columns { at_hand, place, queued_since } = Columns::from(deployment);
    [
        ("at_hand", at_hand.into()),
        ("place", place.into()),
        ("queued_since", queued_since.map(|since| since.0).into()),
    ]
}

/// What an event changes about places.
pub(super) struct Move {
    /// The place that the deployment takes.
    taken: Option<EnvironmentName>,
    /// Whether it gives one back.
    gives_back: bool,
    to: Columns,
}

impl Move {
    /// From `before` to `after`; `None` for nothing.
    pub(super) fn between(before: &Deployment, after: &Deployment) -> Option<Self> {
        let (from, to) = (Columns::from(before), Columns::from(after));
        (from != to).then(|| Self {
            taken: after.progress.place.clone().filter(|_| to.place != from.place),
            gives_back: from.place.is_some() && to.place != from.place,
            to,
        })
    }

    /// Whether the place that it takes can be had, in the open transaction.
    pub(super) fn check(&self, connection: &Connection, after: &Deployment) -> Result<(), Error> {
        let Some(environment) = &self.taken else { return Ok(()) };
        let facts = occupation(connection, after, environment)?;
        let outside =
            Deployment { progress: Progress { place: None, ..after.progress.clone() }, ..after.clone() };
        let holds = holds_of_the_place(&outside, environment, &facts);
        if holds.is_empty() { Ok(()) } else { Err(Error::Held(holds)) }
    }

    /// Write it to the row, and let those look again who wait for a place.
    pub(super) fn save(&self, connection: &Connection, number: i64, at: Timestamp) -> Result<(), Error> {
        let Columns { at_hand, place, queued_since } = &self.to;
        connection
            .prepare_cached(
                "UPDATE deployment SET at_hand = ?2, place = ?3, queued_since = ?4 WHERE number = ?1",
            )?
            .execute(params![number, at_hand, place, queued_since.map(|since| since.0)])?;
        if self.gives_back { wake(connection, at) } else { Ok(()) }
    }
}

/// Make everybody due who waits for a place.
pub(super) fn wake(connection: &Connection, at: Timestamp) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE deployment SET due_at = ?1
             WHERE at_hand IS NOT NULL AND place IS NULL AND active = 1 AND due_at > ?1",
        )?
        .execute([at.0])?;
    Ok(())
}

/// What is known of an environment for a deployment that wants to go in. What its
/// rules do not ask for is not read: of a commit that was deployed often, that takes the longest.
pub(super) fn facts(
    connection: &Connection,
    deployment: &Deployment,
    environment: &EnvironmentName,
    rules: &Rules,
) -> Result<Facts, Error> {
    let (service, repository) = (&deployment.spec.service, &deployment.spec.repository);
    let previous = deployment.spec.workflow.before(environment).map(|it| it.name.clone());
    let before = match &previous {
        Some(previous) if rules.look_back() => {
            stays(connection, service, repository, previous, STAYS_LOOKED_AT)?
        }
        Some(_) | None => Vec::new(),
    };
    let asked = |proof| rules.require.contains(&proof);
    Ok(Facts {
        here: stays(connection, service, repository, environment, 1)?.pop(),
        before,
        previous,
        quarantined_by: quarantine::newest(connection, service, &deployment.spec.commit)?
            .map(|quarantine| quarantine.by),
        tested_by: if asked(Proof::TestsPassed) { tested_by(connection, deployment)? } else { None },
        failed_since: if asked(Proof::NoNewerFailure) { failed_since(connection, deployment)? } else { None },
        ..occupation(connection, deployment, environment)?
    })
}

/// The part of the facts that is about the place itself.
fn occupation(
    connection: &Connection,
    deployment: &Deployment,
    environment: &EnvironmentName,
) -> Result<Facts, Error> {
    let service = &deployment.spec.service;
    let place = Place { service: service.clone(), environment: environment.clone() }.to_string();
    let taken_by = taken_by(connection, &place)?.filter(|by| *by != deployment.id);
    let others_here = connection
        .prepare_cached("SELECT count(*) FROM deployment WHERE place LIKE '%/' || ?1 AND place <> ?2")?
        .query_row(params![environment.as_str(), place], |row| row.get(0))?;
    Ok(Facts {
        taken_by,
        queue: queue(connection, &place)?,
        others_here,
        lock: lock(connection, service, environment)?,
        ..Facts::default()
    })
}

/// The deployment that has a place.
pub(super) fn taken_by(connection: &Connection, place: &str) -> Result<Option<DeploymentId>, Error> {
    connection
        .prepare_cached("SELECT id FROM deployment WHERE place = ?1")?
        .query_and_then([place], |row| row::parsed(row, "id"))?
        .next()
        .transpose()
}

/// The services of which there is something in some environment or before it, with
/// their repositories; and those that are locked somewhere, without one if that is all.
pub(super) fn services(
    connection: &Connection,
    only: Option<&Service>,
) -> Result<Vec<(Service, Option<Repository>)>, Error> {
    let mut services: Vec<(Service, Option<Repository>)> = connection
        .prepare_cached(
            // From one pair in the index to the next: each has as many rows as it was deployed times.
            "WITH RECURSIVE pair (service, repository) AS (
                 SELECT '', ''
                 UNION ALL
                 SELECT next.service, next.repository FROM pair JOIN environment_version AS next
                 ON next.number = (
                     SELECT number FROM environment_version AS it
                     WHERE (it.service, it.repository) > (pair.service, pair.repository)
                     ORDER BY it.service, it.repository LIMIT 1
                 )
             )
             SELECT service, repository FROM (
                 SELECT service, repository FROM pair WHERE service <> ''
                 UNION
                 SELECT service, repository FROM deployment WHERE at_hand IS NOT NULL
             )
             WHERE ?1 IS NULL OR service = ?1 ORDER BY service, repository LIMIT ?2",
        )?
        .query_and_then(params![only.map(Service::as_str), LARGEST_PAGE], |row| {
            Ok::<_, Error>((row::parsed(row, "service")?, Some(row::parsed(row, "repository")?)))
        })?
        .collect::<Result<_, _>>()?;
    for service in locked_services(connection)? {
        let wanted = only.is_none_or(|only| *only == service);
        if wanted && !services.iter().any(|(known, _)| *known == service) {
            services.push((service, None));
        }
    }
    services.sort();
    Ok(services)
}

/// The services that have a lock of their own somewhere.
fn locked_services(connection: &Connection) -> Result<Vec<Service>, Error> {
    let remarks: Vec<Remark> = connection
        .prepare_cached(
            "SELECT position, event FROM event WHERE position IN (
                 SELECT max(position) FROM event
                 WHERE lookup >= 'lock/' AND lookup < 'lock0' GROUP BY lookup
             )",
        )?
        .query_and_then([], |row| {
            let position: i64 = row.get("position")?;
            from_json(row::text(row, "event")?, || format!("record {position}"))
        })?
        .collect::<Result<_, _>>()?;
    let locked = remarks.into_iter().filter_map(|remark| match remark {
        Remark::EnvironmentLocked { service, .. } => service,
        _ => None,
    });
    Ok(locked.collect())
}

/// Who waits for a place, first the one whose turn it is: what restores comes
/// first, and then who has waited longest.
pub(super) fn queue(connection: &Connection, place: &str) -> Result<Vec<DeploymentId>, Error> {
    connection
        .prepare_cached(
            "SELECT id FROM deployment WHERE at_hand = ?1 AND place IS NULL AND queued_since IS NOT NULL
             ORDER BY state = 'rolling-back' DESC, queued_since, number LIMIT ?2",
        )?
        .query_and_then(params![place, LONGEST_QUEUE], |row| row::parsed(row, "id"))?
        .collect()
}

/// Who is before a place or in it, in the order of their creation.
pub(super) fn at_hand(connection: &Connection, place: &str) -> Result<Vec<DeploymentId>, Error> {
    connection
        .prepare_cached("SELECT id FROM deployment WHERE at_hand = ?1 ORDER BY number LIMIT ?2")?
        .query_and_then(params![place, LONGEST_QUEUE], |row| row::parsed(row, "id"))?
        .collect()
}

/// The lock that keeps this service out of the environment: that of all services there, or its own.
pub(super) fn lock(
    connection: &Connection,
    service: &Service,
    environment: &EnvironmentName,
) -> Result<Option<Lock>, Error> {
    match own_lock(connection, environment, None)? {
        Some(lock) => Ok(Some(lock)),
        None => own_lock(connection, environment, Some(service)),
    }
}

/// The lock of one service in the environment; without a service, that of all.
pub(super) fn own_lock(
    connection: &Connection,
    environment: &EnvironmentName,
    service: Option<&Service>,
) -> Result<Option<Lock>, Error> {
    Ok(match lookup::newest(connection, &Lookup::Lock(environment.clone(), service.cloned()))? {
        Some((Remark::EnvironmentLocked { reason, .. }, by, since)) => {
            Some(Lock { by: by.principal.to_string(), reason, since })
        }
        _ => None,
    })
}

/// A deployment of the commit whose tests passed: this one, if its did.
fn tested_by(connection: &Connection, deployment: &Deployment) -> Result<Option<DeploymentId>, Error> {
    let own = passed_tests(
        connection,
        "SELECT id, last_record FROM deployment WHERE id = ?1",
        &[&deployment.id.as_str()],
    )?;
    if own.is_some() {
        return Ok(own);
    }
    let spec = &deployment.spec;
    passed_tests(
        connection,
        "SELECT id, last_record FROM deployment JOIN spec ON spec.deployment = number
         WHERE repository = ?1 AND service = ?2 AND spec ->> '$.commit' = ?3
         ORDER BY number DESC LIMIT 50",
        &[&spec.repository.as_str(), &spec.service.as_str(), &spec.commit.as_str()],
    )
}

/// One of `candidates`, a query for `id` and `last_record`, in whose history the tests passed.
fn passed_tests(
    connection: &Connection,
    candidates: &str,
    values: &[&dyn ToSql],
) -> Result<Option<DeploymentId>, Error> {
    connection
        .prepare_cached(&format!(
            "WITH RECURSIVE history (of, position) AS (
                 SELECT id, last_record FROM ({candidates})
                 UNION ALL
                 SELECT of, previous FROM history JOIN event USING (position) WHERE previous > 0
             )
             SELECT of FROM history JOIN event USING (position)
             WHERE event ->> '$.event' = 'STAGE_COMPLETE' AND event ->> '$.completion.stage' = 'testing' LIMIT 1"
        ))?
        .query_and_then(values, |row| row::parsed(row, "of"))?
        .next()
        .transpose()
}

/// A deployment of the same commit that was started later and whose rollout or tests failed,
/// whatever became of that: a rollback of it does not undo that it failed.
fn failed_since(connection: &Connection, deployment: &Deployment) -> Result<Option<DeploymentId>, Error> {
    connection
        .prepare_cached(&format!(
            "SELECT id FROM deployment JOIN spec ON spec.deployment = number
             WHERE number > (SELECT number FROM deployment WHERE id = ?1)
                 AND active = 0 AND service = ?2 AND {}
                 AND (deployment.state IN ('rolled-back', 'rollback-failed')
                      OR deployment.state = 'failed'
                          AND progress ->> '$.state.reason.reason' IN ('tests-failed', 'stage-failed'))
             ORDER BY number DESC LIMIT 1",
            same_commit("spec ->> '$.commit'", "?3")
        ))?
        .query_and_then(
            params![
                deployment.id.as_str(),
                deployment.spec.service.as_str(),
                deployment.spec.commit.as_str()
            ],
            |row| row::parsed(row, "id"),
        )?
        .next()
        .transpose()
}

/// What was in an environment, newest first.
pub(super) fn stays(
    connection: &Connection,
    service: &Service,
    repository: &Repository,
    environment: &EnvironmentName,
    limit: u32,
) -> Result<Vec<Stay>, Error> {
    connection
        .prepare_cached(
            "SELECT deployment, at, version FROM environment_version
             WHERE service = ?1 AND repository = ?2 AND environment = ?3
             ORDER BY number DESC LIMIT ?4",
        )?
        .query_and_then(params![service.as_str(), repository.as_str(), environment.as_str(), limit], |row| {
            Ok(Stay {
                by: row::parsed(row, "deployment")?,
                version: from_json(row::text(row, "version")?, || format!("a version in {environment}"))?,
                since: Timestamp(row.get("at")?),
            })
        })?
        .collect()
}
