//! Before an environment: whether a deployment may go in, taking its place there,
//! and saying what holds it.
//!
//! It is asked before every trigger there, so that what has changed since the
//! approval or the attempt before counts. Being held is no state of the machine:
//! the same row gives the same question at the next look.

use std::time::Duration;

use super::Parts;
use crate::domain::deployment::Deployment;
use crate::domain::entrance::{self, Facts, OnConflict, Rules, WhileWaiting};
use crate::domain::event::{Event, MainEvent};
use crate::domain::execution::{Cause, Failure, Retry};
use crate::domain::id::{DeploymentId, EnvironmentName};
use crate::domain::place::{Hold, Place};
use crate::domain::run::RunEvent;
use crate::domain::state::{Permit, State};
use crate::domain::time::Timestamp;
use crate::store::{self, Fence, Store};

/// The longest pause before another look at what holds a deployment. What ends
/// by an event makes it due at once; this is for what ends outside of the database.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Go in: the deployment with the place; `None` if it stays outside for now,
/// which is recorded where it is news.
pub(super) async fn enter(
    parts: &Parts,
    fence: &Fence,
    deployment: &Deployment,
    environment: &EnvironmentName,
) -> Result<Option<Deployment>, store::Error> {
    let visit = Visit::read(parts, fence, deployment, environment).await?;
    if let Some(reason) = visit.overtaken() {
        parts.record(fence, deployment, MainEvent::ApprovalVoided { reason }).await?;
        return Ok(None);
    }
    if let Some(by) = visit.outrun().await? {
        let kept = MainEvent::RestoreOvertaken { environment: environment.clone(), by };
        parts.record(fence, deployment, kept).await?;
        return Ok(None);
    }
    let freezes = &parts.policy.freezes;
    let holds = entrance::holds(deployment, environment, &visit.rules, freezes, &visit.facts, visit.now);
    visit.take_unless(holds).await
}

/// Take the place before people are asked, where the rules say so. Whether it may go on to ask.
pub(super) async fn reserve(
    parts: &Parts,
    fence: &Fence,
    deployment: &Deployment,
    environment: &EnvironmentName,
) -> Result<Option<Deployment>, store::Error> {
    let visit = Visit::read(parts, fence, deployment, environment).await?;
    if visit.rules.while_waiting == WhileWaiting::Release {
        return Ok(Some(deployment.clone()));
    }
    let holds = entrance::holds_of_the_place(deployment, environment, &visit.facts);
    visit.take_unless(holds).await
}

/// One look at the entrance.
struct Visit<'a> {
    parts: &'a Parts,
    fence: &'a Fence,
    deployment: &'a Deployment,
    environment: &'a EnvironmentName,
    rules: Rules,
    facts: Facts,
    now: Timestamp,
}

impl<'a> Visit<'a> {
    async fn read(
        parts: &'a Parts,
        fence: &'a Fence,
        deployment: &'a Deployment,
        environment: &'a EnvironmentName,
    ) -> Result<Self, store::Error> {
        let rules = parts.policy.rules_of(environment);
        let (of, at, asked) = (deployment.clone(), environment.clone(), rules.clone());
        let facts =
            parts.blocking(move |store| store.read(|snapshot| snapshot.facts(&of, &at, &asked))).await?;
        Ok(Self { parts, fence, deployment, environment, rules, facts, now: parts.clock.now() })
    }

    /// Why people must be asked again: another deployment went in while they
    /// looked at what was there before it.
    fn overtaken(&self) -> Option<String> {
        let State::Active { permit: Permit::Approved { request }, .. } = &self.deployment.progress.state
        else {
            return None;
        };
        let here = self.facts.here.as_ref()?;
        let news = here.by != self.deployment.id && here.since > request.requested_at;
        (news && self.deployment.progress.place.is_none()).then(|| {
            format!(
                "{} has brought {} to {} since people were asked",
                here.by, here.version.commit, self.environment
            )
        })
    }

    /// Who has been in the environment since the rollback was asked for: what was
    /// good then would undo that. It is judged as it was then, by what was deployed there.
    async fn outrun(&self) -> Result<Option<DeploymentId>, store::Error> {
        let State::RollingBack(rollback) = &self.deployment.progress.state else { return Ok(None) };
        let begun = self.deployment.progress.place.is_some() || rollback.run.attempt > 1;
        let Some(here) = self.facts.here.as_ref().filter(|here| !begun && here.by != self.deployment.id)
        else {
            return Ok(None);
        };
        let of = self.deployment.clone();
        let read = move |store: &Store| store.read(|snapshot| snapshot.rollback_of(&of, ""));
        let MainEvent::Rollback { targets, .. } = self.parts.blocking(read).await? else { return Ok(None) };
        let now = targets.iter().find(|restore| restore.environment == *self.environment);
        let is_as_asked = now.is_some_and(|now| now.version == rollback.now.version);
        Ok((!is_as_asked).then(|| here.by.clone()))
    }

    async fn take_unless(self, holds: Vec<Hold>) -> Result<Option<Deployment>, store::Error> {
        let has_it = self.deployment.progress.place.as_ref() == Some(self.environment);
        if holds.iter().all(Hold::is_of_the_place) && !has_it && self.gives_way_or_is_given_way().await? {
            return Ok(None);
        }
        if !holds.is_empty() {
            return self.stay_outside(holds).await.map(|()| None);
        }
        if has_it {
            return Ok(Some(self.deployment.clone()));
        }
        let waived = entrance::waived(self.deployment, self.environment, &self.rules, &self.facts, self.now);
        let taken = MainEvent::PlaceTaken { environment: self.environment.clone(), waived };
        match self.parts.record(self.fence, self.deployment, taken).await {
            // Somebody was faster.
            Err(store::Error::Held(holds)) => self.stay_outside(holds).await.map(|()| None),
            taken => taken.map(Some),
        }
    }

    /// Where the newest goes in: end the older ones that wait. Whether this one has ended itself.
    async fn gives_way_or_is_given_way(&self) -> Result<bool, store::Error> {
        let restores = matches!(self.deployment.progress.state, State::RollingBack(_));
        if self.rules.on_conflict != OnConflict::Supersede || restores {
            return Ok(false);
        }
        if let Some(newer) = self.facts.taken_by.as_ref().filter(|by| **by > self.deployment.id) {
            let superseded = MainEvent::Superseded { by: newer.clone() };
            self.parts.record(self.fence, self.deployment, superseded).await?;
            return Ok(true);
        }
        for older in self.older_ones().await? {
            let superseded = MainEvent::Superseded { by: self.deployment.id.clone() };
            match self.parts.record(self.fence, &older, superseded).await {
                // It has begun meanwhile, or restores something: then this one waits for it.
                Err(store::Error::Refused(_) | store::Error::Stale { .. }) => {}
                recorded => drop(recorded?),
            }
        }
        Ok(false)
    }

    /// Those before this environment that were started earlier and have nothing in it.
    async fn older_ones(&self) -> Result<Vec<Deployment>, store::Error> {
        let place =
            Place { service: self.deployment.spec.service.clone(), environment: self.environment.clone() };
        let own = self.deployment.id.clone();
        let is_older = move |id: &DeploymentId| *id < own;
        self.parts
            .blocking(move |store| {
                let ids = store.read(|snapshot| snapshot.at_hand(&place))?;
                ids.iter().filter(|id| is_older(id)).map(|id| store.load(id)).collect()
            })
            .await
    }

    /// Record what holds it, if that is news, and look again later.
    async fn stay_outside(&self, holds: Vec<Hold>) -> Result<(), store::Error> {
        let restores = matches!(self.deployment.progress.state, State::RollingBack(_));
        let met = holds.iter().find(|hold| matches!(hold, Hold::Taken { .. } | Hold::Queued { .. }));
        if let (OnConflict::Refuse, Some(hold), false) = (self.rules.on_conflict, met, restores) {
            let failure = Failure {
                cause: Cause::PolicyDenied,
                message: format!("the config refuses to wait for {}: {hold}", self.environment),
                retry: Retry::Final,
            };
            return self.record(RunEvent::AttemptFailed { failure }.into()).await.map(drop);
        }
        let names = |holds: &[Hold]| holds.iter().map(Hold::name).collect::<Vec<_>>();
        let held = self.deployment.progress.held.as_ref();
        let alert_at = held.filter(|held| !held.told).map(|held| held.since.plus(self.rules.alert_after));
        let now_held = if held.is_none_or(|held| names(&held.by) != names(&holds)) {
            self.record(MainEvent::Held { by: holds.clone() }.into()).await?
        } else if alert_at.is_some_and(|at| at <= self.now) {
            self.record(MainEvent::HeldLong.into()).await?
        } else {
            self.deployment.clone()
        };
        let ends = holds.iter().filter_map(Hold::ends_at).chain(alert_at);
        let soonest = ends.filter(|at| *at > self.now).min().map(|at| at.since(self.now));
        let pause = soonest.unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
        self.parts.look_again(self.fence, &now_held, pause).await
    }

    async fn record(&self, event: Event) -> Result<Deployment, store::Error> {
        self.parts.record(self.fence, self.deployment, event).await
    }
}
