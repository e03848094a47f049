//! What a person may do with a deployment that they look at, and what that would do.

use super::reason::REASON_LIMIT;
use super::{App, Code, Error, Session};
use crate::domain::commit::short;
use crate::domain::deployment::Deployment;
use crate::domain::event::{Event, MainEvent};
use crate::domain::guard::{self, Guard};
use crate::domain::principal::Actor;
use crate::domain::retry::MAX_ATTEMPTS;
use crate::domain::role::Right;
use crate::domain::rollback_way::Ask;
use crate::domain::run::RunStatus;
use crate::domain::state::{Restore, State};
use crate::domain::subject::Digest;
use crate::domain::text::shortened;
use crate::domain::time::Timestamp;
use crate::domain::workflow::Stage;
use crate::store::Expected;

/// One of CANCEL, RETRY and ROLLBACK, for a deployment as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActView {
    /// Which.
    pub event: String,
    /// What it would do, each in a sentence; nothing where it is not possible.
    pub does: Vec<String>,
    /// The digest of [`Self::does`]: who acts on it has seen exactly that.
    pub shown: String,
    /// Why the deployment does not take it now; nothing if it does.
    pub against: Vec<String>,
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActRequest {
    /// Of which deployment.
    pub deployment_id: String,
    /// Which.
    pub event: String,
    /// [`ActView::shown`] of what they saw.
    pub shown: String,
    /// Why.
    pub reason: String,
}

impl App {
    /// Cancel, try again or roll back, for somebody who has seen what that does:
    /// what is recorded is the very event that says so, and not one like it.
    ///
    /// # Errors
    /// Without the role; `unknown-event` for any other; `stale-version` when it
    /// would do something else by now, but for CANCEL; or as [`Self::transition`].
    pub async fn act(&self, session: &Session, request: ActRequest, actor: Actor) -> Result<(), Error> {
        let ActRequest { deployment_id, event: name, shown, reason } = request;
        self.require_right(session, &[Right::Operate], &deployment_id, &actor).await?;
        let (deployment, rollback) = self.see(&deployment_id).await?;
        let reason = shortened(&reason, REASON_LIMIT);
        let event = events(rollback, &reason).into_iter().find(|event| event.name().0 == name);
        let event = event.ok_or_else(|| {
            Error::new(Code::UnknownEvent, "a page sends no such event", "send CANCEL, RETRY or ROLLBACK")
        })?;
        let expected = if matches!(event, MainEvent::Cancel { .. }) {
            // Whatever has happened meanwhile: it does no more than was said.
            Expected::Any
        } else {
            let seen = act(&deployment, &event, self.clock.now());
            if seen.shown != shown && seen.against.is_empty() {
                return Err(Error::new(
                    Code::StaleVersion,
                    format!("{name} would do something else by now than when you opened the page"),
                    "look at what it does now, and ask for it again",
                ));
            }
            Expected::Version(deployment.progress.version)
        };
        self.permit(&actor, &deployment).await?;
        self.send(&deployment, event, actor, expected).await.map(drop)
    }
}

/// What may be done with `deployment`, which would take this `rollback`.
pub(super) fn acts(deployment: &Deployment, rollback: MainEvent, now: Timestamp) -> Vec<ActView> {
    events(rollback, "").map(|event| act(deployment, &event, now)).into()
}

/// The events that a person sends from a page, for this reason.
fn events(mut rollback: MainEvent, why: &str) -> [MainEvent; 3] {
    if let MainEvent::Rollback { reason, .. } = &mut rollback {
        why.clone_into(reason);
    }
    [MainEvent::Cancel { reason: why.to_owned() }, MainEvent::Retry, rollback]
}

fn act(deployment: &Deployment, event: &MainEvent, now: Timestamp) -> ActView {
    let name = event.name().0;
    let does = match event {
        MainEvent::Cancel { .. } => what_cancelling_does(deployment),
        MainEvent::Retry => what_retrying_does(deployment, now),
        _ => what_rolling_back_does(deployment, event, now),
    };
    let against = against(deployment, &event.clone().into(), now);
    let does = if against.is_empty() { does } else { Vec::new() };
    ActView { event: name, shown: Digest::of(&does).to_string(), does, against }
}

/// Why it does not take `event` now.
fn against(deployment: &Deployment, event: &Event, now: Timestamp) -> Vec<String> {
    let Ok(guards) = deployment.explain(event, now) else {
        let state = deployment.progress.state.name().replace('-', " ");
        return vec![match (event, deployment.progress.state.is_terminal()) {
            (Event::Main(MainEvent::Cancel { .. }), true) => format!("It is over: {state}."),
            (Event::Main(MainEvent::Retry), false) => format!("It has not failed: it is {state}."),
            _ => format!("Not while it is {state}."),
        }];
    };
    guards.into_iter().filter(|guard| !guard.holds).map(sentence).collect()
}

/// A guard that does not hold, for people.
fn sentence(guard: Guard) -> String {
    let (name, saw) = (guard.name.replace('-', " "), guard.saw);
    match guard::never(&guard.opens_when) {
        Some(why) => format!("{name}: {saw}. That stays so: {why}."),
        None => format!("{name}: {saw}. It takes that {}.", guard.opens_when),
    }
}

fn what_cancelling_does(deployment: &Deployment) -> Vec<String> {
    let running = what_is_stopped(deployment);
    let mut does = vec![running.unwrap_or_else(|| "Nothing of it runs, so it ends at once.".to_owned())];
    if matches!(deployment.progress.state, State::AwaitingApproval { .. }) {
        does.push("Nobody is asked any more.".to_owned());
    }
    let touched: Vec<String> = deployment.touched().iter().map(ToString::to_string).collect();
    if !touched.is_empty() {
        does.push(format!("Nothing is put back: {} keeps what is there.", touched.join(", ")));
    }
    does
}

fn what_retrying_does(deployment: &Deployment, now: Timestamp) -> Vec<String> {
    let Ok(then) = deployment.apply(&MainEvent::Retry.into(), now) else { return Vec::new() };
    let state = then.progress.state;
    let mut does = vec![format!(
        "It goes back to {} with the same commit, and tries up to {MAX_ATTEMPTS} times.",
        state.name().replace('-', " ")
    )];
    if matches!(state, State::AwaitingApproval { .. }) {
        does.push("People are asked anew: what was approved before does not count.".to_owned());
    }
    does
}

fn what_rolling_back_does(deployment: &Deployment, event: &MainEvent, now: Timestamp) -> Vec<String> {
    let MainEvent::Rollback { targets, overtaken, unknown, .. } = event else { return Vec::new() };
    let Ok(then) = deployment.apply(&event.clone().into(), now) else { return Vec::new() };
    let after = Deployment { progress: then.progress, ..deployment.clone() };
    let restored = targets.iter().map(|restore| what_restoring_does(&after, restore));
    let overtaken = overtaken
        .iter()
        .map(|name| format!("{name} keeps what it has: another deployment has been there since."));
    let unknown =
        unknown.iter().map(|name| format!("{name} keeps what it has: no earlier good version is known."));
    let commit = short(deployment.spec.commit.as_str());
    let quarantined =
        format!("{commit} is quarantined: nothing deploys it again until an admin runs `release-commit`.");
    what_is_stopped(deployment)
        .into_iter()
        .chain(restored)
        .chain(overtaken)
        .chain(unknown)
        .chain([quarantined])
        .collect()
}

fn what_restoring_does(after: &Deployment, restore: &Restore) -> String {
    let how = match after.ask(&Stage::Restoring(restore.environment.clone())) {
        Some(Ask::Run(run)) => format!("by the pipeline {}", run.pipeline),
        Some(Ask::RollBack(_)) => "by Harness, which undoes its last rollout".to_owned(),
        None => "in the way that the config says".to_owned(),
    };
    format!(
        "{} gets {} of {} back, {how}.",
        restore.environment,
        short(restore.version.commit.as_str()),
        restore.version.branch
    )
}

/// What runs and is stopped first.
fn what_is_stopped(deployment: &Deployment) -> Option<String> {
    let (stage, run) = deployment.progress.state.work()?;
    match &run.status {
        RunStatus::Live { execution, .. } => Some(format!(
            "Harness is asked to stop {} ({}, {stage}), and is waited for.",
            execution.id, execution.pipeline
        )),
        RunStatus::Triggering { .. } | RunStatus::OutcomeUnknown { .. } => Some(format!(
            "Whether {stage} runs in Harness is not known yet: that is found out first, and it is stopped."
        )),
        RunStatus::NotStarted { .. }
        | RunStatus::Probing { .. }
        | RunStatus::Succeeded { .. }
        | RunStatus::Failed { .. }
        | RunStatus::Aborted { .. } => None,
    }
}
