//! The arrows of a rollback: what is put back, in which order, and when it is over.

use super::arrow::{Arrow, not_sent};
use super::deployment::Deployment;
use super::execution::{Cause, Failure, Retry};
use super::guard::Guard;
use super::id::{DeploymentId, EnvironmentName};
use super::run::{Run, RunStatus};
use super::state::{FailureReason, Restore, Rollback, State, Work};
use super::text::shortened;
use super::workflow::Stage;

/// The longest reason that an automatic rollback is recorded with.
const REASON_LIMIT: usize = 300;

impl Deployment {
    pub(super) fn rolling_back(
        &self,
        stopping: Option<Work>,
        targets: &[Restore],
        overtaken: &[EnvironmentName],
        unknown: &[EnvironmentName],
    ) -> Option<Arrow> {
        let touched = self.touched();
        let wanted: Vec<&EnvironmentName> = self
            .spec
            .workflow
            .environments
            .iter()
            .rev()
            .map(|environment| &environment.name)
            .filter(|name| touched.contains(name))
            .collect();
        let own: Vec<&EnvironmentName> =
            wanted.iter().copied().filter(|name| !overtaken.contains(name)).collect();
        let given: Vec<&EnvironmentName> = targets.iter().map(|restore| &restore.environment).collect();
        let known: Vec<&EnvironmentName> =
            own.iter().copied().filter(|name| !unknown.contains(name)).collect();
        let guards = vec![
            Guard::new(
                "something-was-touched",
                !wanted.is_empty(),
                format!("{} environments touched", wanted.len()),
                "never: this deployment changed no environment, so there is nothing to roll back",
            ),
            Guard::new(
                "still-its-own",
                wanted.is_empty() || !own.is_empty(),
                format!("{} of {} environments", own.len(), wanted.len()),
                "never: other deployments have been in every environment since; roll those back",
            ),
            Guard::new(
                "last-good-version-known",
                given == known && known.is_empty() == own.is_empty(),
                seen_of_versions(&own, &given),
                "a touched environment that is still its own has an earlier version that was deployed by this server",
            ),
        ];
        let Some((now, then)) = targets.split_first() else {
            return Some(Arrow::guarded(self.progress.state.clone(), guards));
        };
        let rollback = Rollback { stopping, run: Run::first(), now: now.clone(), then: then.to_vec() };
        Some(Arrow::guarded(State::RollingBack(Box::new(rollback)), guards))
    }

    /// The present environment has its version back, and the next one follows.
    pub(super) fn restored(&self, rollback: &Rollback) -> Option<Arrow> {
        let guards = self.guards_of_success(&rollback.stage(), &rollback.run);
        Some(Arrow::guarded(State::RollingBack(Box::new(next(rollback)?)), guards))
    }

    /// The present environment keeps what `by` has brought since the rollback was
    /// asked for, and the next one follows. Nothing was sent there yet.
    pub(super) fn restore_overtaken(
        &self,
        rollback: &Rollback,
        environment: &EnvironmentName,
        by: &DeploymentId,
    ) -> Arrow {
        let to = next(rollback).map_or(State::RolledBack, |next| State::RollingBack(Box::new(next)));
        let guards = vec![
            Guard::new(
                "next-environment",
                rollback.now.environment == *environment,
                format!("{} is next", rollback.now.environment),
                "it is said of the environment that is next",
            ),
            not_sent(rollback.stopping.as_ref().map_or(&rollback.run, |work| &work.run)),
            Guard::new(
                "first-attempt",
                rollback.stopping.is_none() && rollback.run.attempt == 1,
                format!("attempt {}", rollback.run.attempt),
                "never: an earlier attempt may have changed the environment",
            ),
            Guard::new("another", *by != self.id, by.to_string(), "another deployment has been there"),
        ];
        Arrow::guarded(to, guards)
    }

    /// All environments have their versions back.
    pub(super) fn rolled_back(&self, rollback: &Rollback) -> Arrow {
        let mut guards = self.guards_of_success(&rollback.stage(), &rollback.run);
        guards.push(Guard::new(
            "every-environment-restored",
            rollback.then.is_empty(),
            format!("{} left after this one", rollback.then.len()),
            "the environments left are restored",
        ));
        Arrow::guarded(State::RolledBack, guards)
    }

    /// Why the deployment is to be rolled back without anybody asking: a rollout
    /// ran and failed where the config wants that, and no attempt is left.
    /// Where somebody said no, or nobody knows what ran, people decide.
    pub(super) fn reason_to_roll_back(&self, work: &Work) -> Option<String> {
        let Stage::Deploying(environment) = &work.stage else { return None };
        let RunStatus::Failed { execution: Some(_), failure } = &work.run.status else { return None };
        let wanted = self.spec.workflow.environment(environment).is_some_and(|it| it.automatic_rollback);
        (wanted && failure.cause.is_of_the_rollout())
            .then(|| shortened(&format!("{} failed: {}", work.stage, failure.message), REASON_LIMIT))
    }

    pub(super) fn rollback_impossible(&self, work: &Work) -> Option<Arrow> {
        self.reason_to_roll_back(work)?;
        Some(self.failed(work))
    }

    pub(super) fn rollback_failed(&self, rollback: &Rollback) -> Arrow {
        let failure = match &rollback.run.status {
            RunStatus::Failed { failure, .. } => failure.clone(),
            _ => Failure {
                cause: Cause::Aborted,
                message: "the execution was stopped in Harness".to_owned(),
                retry: Retry::Final,
            },
        };
        Arrow::guarded(
            State::RollbackFailed { failure },
            vec![Guard::new(
                "restore-failed",
                matches!(rollback.run.status, RunStatus::Failed { .. } | RunStatus::Aborted { .. })
                    && !rollback.run.may_repeat(true),
                rollback.run.status.name(),
                "the restoring execution has failed and no attempt is left",
            )],
        )
    }

    /// What its rollback leaves as it is because nobody knows what was good there, in words.
    #[must_use]
    pub fn kept_unrestored(&self) -> Option<String> {
        let kept = &self.progress.unrestored;
        let keeps = if kept.len() == 1 { "keeps what it has" } else { "keep what they have" };
        (!kept.is_empty())
            .then(|| format!("{} {keeps}: no earlier good version is known", names(kept).join(", ")))
    }

    /// The environments in which something of ours ran or may have run.
    #[must_use]
    pub fn touched(&self) -> std::collections::BTreeSet<EnvironmentName> {
        let mut touched = self.progress.touched.clone();
        if let Some((Stage::Deploying(environment), run)) = self.progress.state.work()
            && matches!(run.status, RunStatus::Triggering { .. })
        {
            touched.insert(environment);
        }
        touched
    }
}

fn names<'a>(environments: impl IntoIterator<Item = &'a EnvironmentName>) -> Vec<&'a str> {
    environments.into_iter().map(EnvironmentName::as_str).collect()
}

/// For which of its own environments a version was found, and for which none.
fn seen_of_versions(own: &[&EnvironmentName], given: &[&EnvironmentName]) -> String {
    let (known, missing): (Vec<&EnvironmentName>, Vec<&EnvironmentName>) =
        own.iter().partition(|name| given.contains(name));
    match (names(known).join(", "), names(missing).join(", ")) {
        (_, missing) if missing.is_empty() => "known".to_owned(),
        (known, missing) if known.is_empty() => format!("none for {missing}"),
        (known, missing) => format!("known for {known}, none for {missing}"),
    }
}

/// The rollback at its next environment; `None` after the last.
fn next(rollback: &Rollback) -> Option<Rollback> {
    let (now, then) = rollback.then.split_first()?;
    let stopping = rollback.stopping.clone();
    Some(Rollback { stopping, run: Run::first(), now: now.clone(), then: then.to_vec() })
}

/// What it would put back, nobody asked for. People look at the environment.
pub(super) fn rollback_of_tampered(rollback: &Rollback, what: &str) -> Arrow {
    let failure = Failure {
        cause: Cause::Invalid,
        message: FailureReason::Tampered { what: what.to_owned() }.message(),
        retry: Retry::Final,
    };
    let stopping = rollback.stopping.as_ref().map(|work| &work.run);
    Arrow::guarded(State::RollbackFailed { failure }, vec![not_sent(stopping.unwrap_or(&rollback.run))])
}

/// A rollback begins to restore once what ran before it is at rest.
pub(super) fn stopped_enough(mut state: State) -> State {
    if let State::RollingBack(rollback) = &mut state
        && rollback.stopping.as_ref().is_some_and(|work| work.run.is_at_rest())
    {
        rollback.stopping = None;
    }
    state
}
