//! The attempts and steps of a deployment, and the step that is next, for whoever looks at it.

use super::explanation::GuardView;
use super::{App, Error};
use crate::domain::deployment::Deployment;
use crate::domain::guard::Guard;
use crate::domain::id::{DeploymentId, ExecutionId, PipelineId};
use crate::domain::next_step::asked_before;
use crate::domain::record::EventRecord;
use crate::domain::text::shortened;
use crate::domain::time::Timestamp;
use crate::domain::trail::{self, Again, Attempt, How, Step};

/// The longest failure that is shown.
const FAILURE_LIMIT: usize = 400;

/// What a deployment left behind on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailView {
    /// Its attempts, in order.
    pub attempts: Vec<AttemptView>,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
}

/// One attempt at a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// The stage.
    pub stage: String,
    /// Which attempt of that visit.
    pub number: u32,
    /// When it began.
    pub began_at: String,
    /// How long it lasted, or has lasted so far.
    pub took_ms: u64,
    /// `under-way`, `succeeded`, `failed`, `aborted`, `not-run` or `left`.
    pub standing: &'static str,
    /// Why there is another one after one that failed.
    pub again: Option<String>,
    /// What ran for it in Harness: the id, and where a person can look at it, which
    /// is empty where it is not known which Harness this is.
    pub execution: Option<(String, String)>,
    /// Why it failed.
    pub failure: Option<FailedView>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedView {
    /// The wire name of the cause.
    pub cause: &'static str,
    /// What was said.
    pub message_untrusted: String,
}

/// One step of the way, with what it had to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepView {
    /// When.
    pub at: String,
    /// The event.
    pub event: String,
    /// Who sent it.
    pub by: String,
    /// The state before.
    pub from: String,
    /// The state after.
    pub to: String,
    /// What it had to show.
    pub guards: Vec<GuardView>,
}

/// The step that is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextView {
    /// The event.
    pub event: String,
    /// The state that it leads to.
    pub to: String,
    /// The guards of the step.
    pub guards: Vec<GuardView>,
    /// The environment that it may go into next, and what is asked there.
    pub entrance: Option<(String, Vec<GuardView>)>,
}

impl App {
    /// What `records`, all of the deployment, say of its way; `None` where they do not
    /// follow from each other. The page says so, and `audit verify` looks into it: no
    /// alarm is due each time that somebody looks.
    pub(super) fn trail_of(&self, id: &DeploymentId, records: &[EventRecord]) -> Option<TrailView> {
        let trail = trail::follow(records)
            .inspect_err(|error| tracing::debug!(deployment = %id, %error, "a history cannot be followed"))
            .ok()?;
        let (now, link) =
            (self.clock.now(), |pipeline: &_, execution: &_| self.executions.link(pipeline, execution));
        Some(TrailView {
            attempts: trail.attempts.into_iter().map(|it| AttemptView::of(it, now, link)).collect(),
            steps: trail.steps.into_iter().map(StepView::from).collect(),
        })
    }

    /// The next step of `deployment`, with all that is asked; `None` once it is over.
    pub(super) async fn next_of(&self, deployment: &Deployment) -> Result<Option<NextView>, Error> {
        let now = self.clock.now();
        let Some(next) = deployment.next_step(now) else { return Ok(None) };
        let entrance = match deployment.before_environment().cloned() {
            Some(environment) => {
                let (rules, facts) = self.look_at(deployment, &environment).await?;
                let freezes = &self.policy.freezes;
                let asked = asked_before(deployment, &environment, &rules, freezes, &facts, now);
                Some((environment.to_string(), views(asked)))
            }
            None => None,
        };
        Ok(Some(NextView { event: next.event.0, to: next.to, guards: views(next.guards), entrance }))
    }
}

impl AttemptView {
    fn of(attempt: Attempt, now: Timestamp, link: impl Fn(&PipelineId, &ExecutionId) -> String) -> Self {
        let (standing, failure) = match attempt.end.as_ref().map(|end| &end.how) {
            None => ("under-way", None),
            Some(How::Succeeded) => ("succeeded", None),
            Some(How::Failed(failure)) => ("failed", Some(failure)),
            Some(How::Aborted) => ("aborted", None),
            Some(How::NotRun) => ("not-run", None),
            Some(How::Left) => ("left", None),
        };
        let failure = failure.map(|failure| FailedView {
            cause: failure.cause.as_str(),
            message_untrusted: shortened(&failure.message, FAILURE_LIMIT),
        });
        let until = attempt.end.as_ref().map_or(now, |end| end.at);
        Self {
            stage: attempt.stage.to_string(),
            number: attempt.number,
            began_at: attempt.began_at.to_rfc3339(),
            took_ms: u64::try_from(until.since(attempt.began_at).as_millis()).unwrap_or(u64::MAX),
            standing,
            again: attempt.again.map(|again| in_words(&again)),
            execution: attempt
                .execution
                .map(|(pipeline, execution)| (execution.to_string(), link(&pipeline, &execution))),
            failure,
        }
    }
}

fn in_words(again: &Again) -> String {
    let cause = again.cause.replace('-', " ");
    match &again.asked_by {
        Some(by) => format!("asked for by {by}, after: {cause}"),
        None => format!("by itself, after: {cause}"),
    }
}

impl From<Step> for StepView {
    fn from(step: Step) -> Self {
        Self {
            at: step.at.to_rfc3339(),
            event: step.event.0,
            by: step.by.to_string(),
            from: step.from,
            to: step.to,
            guards: views(step.guards),
        }
    }
}

fn views(guards: Vec<Guard>) -> Vec<GuardView> {
    guards.into_iter().map(GuardView::from).collect()
}
