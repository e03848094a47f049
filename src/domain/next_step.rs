//! The step that leads a deployment on, and all that it has to show before it.
//!
//! Two things are in the way of a step: the guards of its arrow, and, where it
//! leads into an environment, what is asked there of the place, the time and the commit.

use super::deployment::Deployment;
use super::entrance::{self, Facts, Proof, Rules, SOAK};
use super::event::{Completion, Event, EventName, MainEvent};
use super::freeze::{self, Freeze};
use super::guard::Guard;
use super::id::EnvironmentName;
use super::place::Hold;
use super::state::State;
use super::time::{self, Timestamp};

/// The step that is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    /// The event that makes it.
    pub event: EventName,
    /// The state that it leads to, by its wire name.
    pub to: String,
    /// The guards of its arrow, as they stand.
    pub guards: Vec<Guard>,
}

impl Deployment {
    /// The step that leads it on from where it is; `None` for one that is over.
    #[must_use]
    pub fn next_step(&self, at: Timestamp) -> Option<NextStep> {
        let event = Event::Main(match &self.progress.state {
            State::Pending => MainEvent::Start,
            State::Active { work, .. } => {
                MainEvent::StageComplete { completion: Completion::of(&work.stage)? }
            }
            State::AwaitingApproval { .. } => MainEvent::Approved,
            State::Cancelling { .. } => MainEvent::Cancelled,
            State::RollingBack(rollback) if rollback.then.is_empty() => MainEvent::RollbackComplete,
            State::RollingBack(_) => MainEvent::EnvironmentRestored,
            State::Completed
            | State::Failed { .. }
            | State::Cancelled
            | State::RolledBack
            | State::RollbackFailed { .. } => return None,
        });
        let arrow = self.arrow(&event, at)?;
        Some(NextStep { event: event.name(), to: arrow.to.name(), guards: arrow.guards })
    }
}

/// What `environment` asks of `deployment` before it goes in, each as it stands
/// at `now`. One that does not hold is one of [`entrance::holds`], but that here
/// all are said, and there those of the place only once nothing else is left.
#[must_use]
pub fn asked_before(
    deployment: &Deployment,
    environment: &EnvironmentName,
    rules: &Rules,
    freezes: &[Freeze],
    facts: &Facts,
    now: Timestamp,
) -> Vec<Guard> {
    let place = entrance::holds_of_the_place(deployment, environment, facts);
    let of_the_place = |name: &'static str, is_it: fn(&Hold) -> bool, otherwise: &'static str| {
        guard(name, place.iter().find(|hold| is_it(hold)), otherwise)
    };
    let mut guards = Vec::new();
    if !matches!(deployment.progress.state, State::RollingBack(_)) {
        guards.extend(evidence(deployment, environment, rules, facts, now));
        let quarantine = facts.quarantine();
        guards.push(guard("not-quarantined", quarantine.as_ref(), "no rollback has quarantined the commit"));
        let frozen = freeze::hold(freezes, environment, &deployment.progress.overridden, now);
        guards.push(guard("not-frozen", frozen.as_ref(), "no freeze forbids it now"));
    }
    guards.push(of_the_place(
        "not-locked",
        |hold| matches!(hold, Hold::Locked { .. }),
        "nobody has locked it",
    ));
    guards.push(of_the_place(
        "place-is-free",
        |hold| matches!(hold, Hold::Taken { .. } | Hold::Queued { .. }),
        if deployment.progress.place.as_ref() == Some(environment) {
            "it has the place"
        } else {
            "nobody else has the place"
        },
    ));
    if deployment.spec.workflow.environment(environment).is_some_and(|it| it.concurrency.is_some()) {
        guards.push(of_the_place(
            "room-is-left",
            |hold| matches!(hold, Hold::Full { .. }),
            "fewer services are being deployed there than may be",
        ));
    }
    guards
}

/// What the config wants to have been seen of the commit.
fn evidence(
    deployment: &Deployment,
    environment: &EnvironmentName,
    rules: &Rules,
    facts: &Facts,
    now: Timestamp,
) -> Vec<Guard> {
    let waived = deployment.spec.workflow.waives(environment);
    let missing: Vec<Hold> = entrance::missing_evidence(deployment, rules, facts, now).collect();
    let soak = (!rules.soak.is_zero() && facts.previous.is_some()).then_some(SOAK);
    let names = rules.require.iter().map(|proof| proof.as_str()).chain(soak);
    names
        .map(|name| match missing.iter().find(|hold| hold.rule() == Some(name)) {
            Some(hold) if waived.contains(&name) => {
                Guard::new(name, true, format!("waived on its path: {hold}"), "its path does not ask for it")
            }
            missing => guard(name, missing, seen(name, rules, facts)),
        })
        .collect()
}

/// What was seen of the commit for a rule that is met.
fn seen(rule: &str, rules: &Rules, facts: &Facts) -> String {
    let previous = facts.previous.as_ref().map_or("the environment before", |name| name.as_str());
    if rule == SOAK {
        return format!("it has been in {previous} for {} and more", time::in_words(rules.soak));
    }
    match &facts.tested_by {
        Some(by) if rule == Proof::TestsPassed.as_str() => format!("its tests passed in {by}"),
        _ if rule == Proof::PreviousEnvironment.as_str() => format!("it has been in {previous}"),
        _ => "no later deployment of it failed".to_owned(),
    }
}

fn guard(
    name: &'static str,
    hold: Option<&Hold>,
    otherwise: impl Into<std::borrow::Cow<'static, str>>,
) -> Guard {
    match hold {
        Some(hold) => Guard::new(name, false, hold.to_string(), hold.opens_when()),
        None => Guard::new(name, true, otherwise, "that stays so"),
    }
}
