//! Whether a deployment may go into an environment now, and what holds it.
//!
//! The same computation serves the engine at the trigger, the plan before a
//! start, and whoever asks why something waits.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::deployment::Deployment;
use super::freeze::{self, Freeze};
use super::id::{DeploymentId, EnvironmentName};
use super::place::Hold;
use super::state::{State, Version};
use super::time::Timestamp;

/// What the config asks before anything goes into an environment. Judged as it
/// is at that time, like a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// What becomes of deployments that meet there.
    pub on_conflict: OnConflict,
    /// Whether a deployment has the place while people are asked.
    pub while_waiting: WhileWaiting,
    /// How long the commit must have been in the environment before.
    pub soak: Duration,
    /// What must have been seen of the commit.
    pub require: BTreeSet<Proof>,
    /// How long a deployment is held before people are told.
    pub alert_after: Duration,
}

/// The rule that a commit soaks, by its name in the config.
pub const SOAK: &str = "soak";

/// What becomes of deployments of one service that meet before an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnConflict {
    /// They go in one after the other, in the order in which they came.
    Queue,
    /// The newest goes in; older ones that wait end as superseded.
    Supersede,
    /// Who finds the place taken fails.
    Refuse,
}

/// Who has the place while people are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhileWaiting {
    /// Nobody: others may pass. Then people are asked again, because what they
    /// looked at is not what is there.
    Release,
    /// The deployment that waits; the others queue.
    Hold,
}

/// Something that must have been seen of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// It has been in the environment before.
    PreviousEnvironment,
    /// Its tests passed.
    TestsPassed,
    /// No later deployment of it failed.
    NoNewerFailure,
}

impl Proof {
    /// Its name in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreviousEnvironment => "previous-environment",
            Self::TestsPassed => "tests-passed",
            Self::NoNewerFailure => "no-newer-failure",
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            on_conflict: OnConflict::Queue,
            while_waiting: WhileWaiting::Release,
            soak: Duration::ZERO,
            require: BTreeSet::new(),
            alert_after: Duration::from_hours(1),
        }
    }
}

impl Rules {
    /// Whether they ask what was in the environment before.
    #[must_use]
    pub fn look_back(&self) -> bool {
        !self.soak.is_zero() || self.require.contains(&Proof::PreviousEnvironment)
    }
}

/// What is stored about an environment, for one deployment that wants to go in.
/// What the environment's rules do not ask for is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Which other deployment has the place.
    pub taken_by: Option<DeploymentId>,
    /// Who waits for it, first the one whose turn it is: others and perhaps this one.
    pub queue: Vec<DeploymentId>,
    /// How many places of other services there are taken.
    pub others_here: u32,
    /// The lock of a person.
    pub lock: Option<Lock>,
    /// What is there now.
    pub here: Option<Stay>,
    /// What was in the environment before this one, newest first; empty where there is none before.
    pub before: Vec<Stay>,
    /// The environment before this one on the deployment's way.
    pub previous: Option<EnvironmentName>,
    /// The deployment by whose rollback the commit is quarantined.
    pub quarantined_by: Option<DeploymentId>,
    /// A deployment that passed the tests of the commit.
    pub tested_by: Option<DeploymentId>,
    /// A later deployment of the commit that failed.
    pub failed_since: Option<DeploymentId>,
}

impl Facts {
    pub(super) fn quarantine(&self) -> Option<Hold> {
        self.quarantined_by.as_ref().map(|by| Hold::Quarantined { by: by.clone() })
    }
}

/// A version in an environment, since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// The deployment that put it there: its own version, or an earlier one that it put back.
    pub by: DeploymentId,
    /// What is there.
    pub version: Version,
    /// Since when.
    pub since: Timestamp,
}

/// A person's lock of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Who.
    pub by: String,
    /// Why, shortened.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

impl Lock {
    fn hold(&self) -> Hold {
        Hold::Locked { by: self.by.clone(), reason: self.reason.clone(), since: self.since }
    }
}

/// What holds `deployment` before `environment` at `now`; nothing, if it may go in.
///
/// What is about the commit and the time comes first: only who is held by
/// nothing of that waits for the place. A rollback is held by the place alone. What
/// evidence the deployment's path [waives](waived) holds nobody.
#[must_use]
pub fn holds(
    deployment: &Deployment,
    environment: &EnvironmentName,
    rules: &Rules,
    freezes: &[Freeze],
    facts: &Facts,
    now: Timestamp,
) -> Vec<Hold> {
    let unready = if matches!(deployment.progress.state, State::RollingBack(_)) {
        Vec::new()
    } else {
        unready(deployment, environment, rules, freezes, facts, now)
    };
    if unready.is_empty() { holds_of_the_place(deployment, environment, facts) } else { unready }
}

/// What would hold `deployment` before `environment` if it came there at `now`.
/// What it will have shown of the commit by then is left out.
#[must_use]
pub fn foreseen(
    deployment: &Deployment,
    environment: &EnvironmentName,
    freezes: &[Freeze],
    facts: &Facts,
    now: Timestamp,
) -> Vec<Hold> {
    let frozen = freeze::hold(freezes, environment, &deployment.progress.overridden, now);
    let of_the_place = holds_of_the_place(deployment, environment, facts);
    facts.quarantine().into_iter().chain(frozen).chain(of_the_place).collect()
}

/// The evidence that is missing, and that the deployment's path waives: it would
/// hold any other deployment. Freezes, locks and quarantine are never waived.
#[must_use]
pub fn waived(
    deployment: &Deployment,
    environment: &EnvironmentName,
    rules: &Rules,
    facts: &Facts,
    now: Timestamp,
) -> Vec<Hold> {
    if matches!(deployment.progress.state, State::RollingBack(_)) {
        return Vec::new();
    }
    let waives = deployment.spec.workflow.waives(environment);
    missing_evidence(deployment, rules, facts, now).filter(|hold| is_among(&waives, hold)).collect()
}

fn unready(
    deployment: &Deployment,
    environment: &EnvironmentName,
    rules: &Rules,
    freezes: &[Freeze],
    facts: &Facts,
    now: Timestamp,
) -> Vec<Hold> {
    let frozen = freeze::hold(freezes, environment, &deployment.progress.overridden, now);
    let waives = deployment.spec.workflow.waives(environment);
    let evidence = missing_evidence(deployment, rules, facts, now).filter(|hold| !is_among(&waives, hold));
    facts.quarantine().into_iter().chain(evidence).chain(frozen).collect()
}

fn is_among(waives: &[&str], hold: &Hold) -> bool {
    hold.rule().is_some_and(|rule| waives.contains(&rule))
}

pub(super) fn missing_evidence(
    deployment: &Deployment,
    rules: &Rules,
    facts: &Facts,
    now: Timestamp,
) -> impl Iterator<Item = Hold> {
    let unproven = rules.require.iter().filter_map(|proof| {
        let saw = proof.missing(deployment, facts)?;
        Some(Hold::Unproven { rule: proof.as_str().to_owned(), saw })
    });
    unproven.chain(soaking(deployment, rules, facts, now))
}

impl Proof {
    /// What there is instead; `None` if it has been seen.
    fn missing(self, deployment: &Deployment, facts: &Facts) -> Option<String> {
        let commit = &deployment.spec.commit;
        match self {
            Self::PreviousEnvironment => {
                let previous = facts.previous.as_ref()?;
                let seen = facts.before.iter().any(|stay| stay.version.commit == *commit);
                (!seen).then(|| format!("{commit} has not been in {previous}"))
            }
            Self::TestsPassed => {
                facts.tested_by.is_none().then(|| format!("no tests of {commit} have passed"))
            }
            Self::NoNewerFailure => {
                facts.failed_since.as_ref().map(|failed| format!("{failed} of the same commit failed since"))
            }
        }
    }
}

/// The commit soaks from when it came into the environment before. Another version there ends that.
fn soaking(deployment: &Deployment, rules: &Rules, facts: &Facts, now: Timestamp) -> Option<Hold> {
    let previous = facts.previous.clone().filter(|_| !rules.soak.is_zero())?;
    let commit = &deployment.spec.commit;
    let longest = facts
        .before
        .iter()
        .enumerate()
        .filter(|(_, stay)| stay.version.commit == *commit)
        .map(|(newer, stay)| {
            let left = newer.checked_sub(1).and_then(|newer| facts.before.get(newer)).map(|next| next.since);
            (left.unwrap_or(now).since(stay.since), left)
        })
        .max_by_key(|(stayed, _)| *stayed);
    match longest {
        Some((stayed, _)) if stayed >= rules.soak => None,
        Some((stayed, None)) => {
            Some(Hold::Soaking { environment: previous, until: now.plus(rules.soak.saturating_sub(stayed)) })
        }
        Some((_, Some(left))) => Some(Hold::Unproven {
            rule: SOAK.to_owned(),
            saw: format!("{commit} left {previous} at {}, too early", left.to_rfc3339()),
        }),
        None => Some(Hold::Unproven {
            rule: SOAK.to_owned(),
            saw: format!("{commit} has not been in {previous}"),
        }),
    }
}

/// What holds it before the place itself. Who has the place is held by a lock alone.
#[must_use]
pub fn holds_of_the_place(
    deployment: &Deployment,
    environment: &EnvironmentName,
    facts: &Facts,
) -> Vec<Hold> {
    let lock = facts.lock.as_ref().map(Lock::hold);
    if deployment.progress.place.as_ref() == Some(environment) {
        return lock.into_iter().collect();
    }
    let before = facts.queue.iter().take_while(|id| **id != deployment.id);
    let ahead = u32::try_from(before.count()).unwrap_or(u32::MAX);
    let occupied = match (&facts.taken_by, facts.queue.first()) {
        (Some(by), _) => Some(Hold::Taken { by: by.clone(), ahead }),
        (None, Some(behind)) if ahead > 0 => Some(Hold::Queued { behind: behind.clone(), ahead }),
        _ => None,
    };
    lock.into_iter().chain(occupied).chain(full(deployment, environment, facts)).collect()
}

/// What restores is not counted against the environment's concurrency: it must not wait for rollouts.
fn full(deployment: &Deployment, environment: &EnvironmentName, facts: &Facts) -> Option<Hold> {
    if matches!(deployment.progress.state, State::RollingBack(_)) {
        return None;
    }
    let most = deployment.spec.workflow.environment(environment)?.concurrency?;
    (facts.others_here >= most).then_some(Hold::Full { most })
}
