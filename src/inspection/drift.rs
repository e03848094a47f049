//! Whether an environment still runs what this server deployed there: reading
//! what [`crate::domain::drift`] judges. Calls Harness, and the environment where
//! the config names an address.

use std::time::Duration;

use tokio::time::timeout;

use super::Sources;
use crate::domain::drift::{self, Drift, Live, Rollout, Source, Unread, VersionCheck};
use crate::domain::entrance::Stay;
use crate::domain::execution::Observation;
use crate::domain::health::Answer;
use crate::domain::id::{DeploymentId, ExecutionId, PipelineId, Repository};
use crate::domain::place::Place;
use crate::domain::rollback_way::RollbackWay;
use crate::domain::time::Timestamp;
use crate::domain::workflow::{Environment, Stage};
use crate::ports::{CallError, PROBE_TIMEOUT};
use crate::store::{self, Snapshot};

/// How long before ours a run may have started that ended after it. A rollout
/// that takes longer is not seen.
const LONGEST_ROLLOUT: Duration = Duration::from_hours(24);

/// What each witness says of what runs in `place`; nobody is asked where this
/// server has deployed nothing.
///
/// # Errors
/// Only those of the database. A witness that does not answer is [`Drift::Unknown`].
pub async fn look(
    sources: &Sources,
    place: &Place,
    repository: &Repository,
) -> Result<Vec<(Source, Drift)>, store::Error> {
    let check = sources.policy.versions.get(&place.environment).cloned();
    let (at, of, version) = (place.clone(), repository.clone(), check.clone());
    let Some(ours) = sources.read(move |snapshot| Ours::read(snapshot, &at, &of, version.as_ref())).await?
    else {
        return Ok(Vec::new());
    };
    let mut seen = vec![(Source::Harness, ours.in_harness(sources, place).await?)];
    if let (Some(check), Some(url)) = (check, &ours.address) {
        let answer = match timeout(PROBE_TIMEOUT, sources.probe.read(url)).await {
            Ok(answer) => answer,
            Err(_) => Err(Unread::Answered(Answer::TimedOut)),
        };
        seen.push((Source::VersionUrl, drift::in_answer(&ours.stay.version.commit, &check, &answer)));
    }
    let (at, of) = (place.clone(), repository.clone());
    let now = sources.read(move |snapshot| newest(snapshot, &at, &of)).await?;
    if now.as_ref() == Some(&ours.stay) {
        return Ok(seen);
    }
    let why = "this server has deployed something there meanwhile; look again";
    Ok(seen.into_iter().map(|(source, _)| (source, Drift::Unknown { why: why.to_owned() })).collect())
}

/// Our view of a place.
struct Ours {
    stay: Stay,
    /// What brought it, if the history says so.
    execution: Option<ExecutionId>,
    /// Where the environment says what it runs.
    address: Option<String>,
    /// The newest deployment of ours that ran something there since, which did not bring it.
    undelivered: Option<DeploymentId>,
}

fn newest(
    snapshot: &Snapshot<'_>,
    place: &Place,
    repository: &Repository,
) -> Result<Option<Stay>, store::Error> {
    Ok(snapshot.stays(&place.service, repository, &place.environment, 1)?.pop())
}

/// The newest deployment that ran something in `place` after what is there came.
/// Had it succeeded, something else would be there: what it left behind, nobody has seen.
fn undelivered(
    snapshot: &Snapshot<'_>,
    place: &Place,
    repository: &Repository,
    since: Timestamp,
) -> Result<Option<DeploymentId>, store::Error> {
    for id in snapshot.grown_since(&place.service, repository, since)? {
        if drift::has_run_in(&snapshot.history(&id)?, &place.environment, since) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

impl Ours {
    fn read(
        snapshot: &Snapshot<'_>,
        place: &Place,
        repository: &Repository,
        check: Option<&VersionCheck>,
    ) -> Result<Option<Self>, store::Error> {
        let Some(stay) = newest(snapshot, place, repository)? else { return Ok(None) };
        let history = snapshot.history(&stay.by)?;
        let address = match check {
            Some(check) => {
                let stage = Stage::Deploying(place.environment.clone());
                Some(snapshot.load(&stay.version.deployment)?.address(&check.url, &stage))
            }
            None => None,
        };
        let execution = drift::brought_by(&history, &place.environment, &stay);
        let undelivered = undelivered(snapshot, place, repository, stay.since)?;
        Ok(Some(Self { stay, execution, address, undelivered }))
    }

    async fn in_harness(&self, sources: &Sources, place: &Place) -> Result<Drift, store::Error> {
        let unknown = |why: &str| Ok(Drift::Unknown { why: why.to_owned() });
        let Some(execution) = self.execution.clone() else {
            return unknown("the history does not say which execution brought it");
        };
        let Some(environment) = sources.policy.workflow.environment(&place.environment) else {
            return unknown("the config has no such environment any more, and so no pipeline to look at");
        };
        let live = Live {
            place: place.clone(),
            commit: self.stay.version.commit.clone(),
            execution,
            since: self.stay.since,
        };
        match asked(sources, environment, &live).await {
            Ok((own, runs)) => {
                let past_us = past_us(sources, &live, runs).await?;
                Ok(match (drift::in_harness(&live, own.as_ref(), &past_us), &self.undelivered) {
                    (Drift::None, Some(by)) => Drift::Unknown {
                        why: format!(
                            "{by} has run something there since, which has not been seen to succeed"
                        ),
                    },
                    (seen, _) => seen,
                })
            }
            Err(error) => unknown(&format!("Harness does not say: {error}")),
        }
    }
}

/// Our execution as Harness has it now, and what ran on the pipelines that go there.
async fn asked(
    sources: &Sources,
    environment: &Environment,
    live: &Live,
) -> Result<(Option<Observation>, Vec<Rollout>), CallError> {
    let own = sources.executions.observe(std::slice::from_ref(&live.execution)).await?.into_iter().next();
    let mut runs = Vec::new();
    for pipeline in pipelines_to(environment) {
        runs.extend(sources.executions.rollouts(pipeline, looked_at_since(live), sources.clock.now()).await?);
    }
    Ok((own, runs))
}

fn looked_at_since(live: &Live) -> Timestamp {
    let overlap = i64::try_from(LONGEST_ROLLOUT.as_millis()).unwrap_or(i64::MAX);
    Timestamp(live.since.0.saturating_sub(overlap))
}

fn pipelines_to(environment: &Environment) -> Vec<&PipelineId> {
    let deploy = &environment.deploy.pipeline;
    match &environment.rollback {
        RollbackWay::Pipeline(run) if run.pipeline != *deploy => vec![deploy, &run.pipeline],
        RollbackWay::Pipeline(_) | RollbackWay::Redeploy | RollbackWay::Harness(_) => vec![deploy],
    }
}

/// Those of `runs` that may have gone there and are none of ours. A run of ours
/// that has succeeded brought something somewhere, or nobody has looked at it yet.
async fn past_us(
    sources: &Sources,
    live: &Live,
    mut runs: Vec<Rollout>,
) -> Result<Vec<Rollout>, store::Error> {
    runs.retain(|run| run.execution != live.execution && run.may_go_to(&live.place));
    if runs.is_empty() {
        return Ok(runs);
    }
    let since = looked_at_since(live);
    let ours = sources.read(move |snapshot| snapshot.executions_since(since)).await?;
    runs.retain(|run| !ours.contains(&run.execution));
    Ok(runs)
}
