//! From the records of one deployment to its story.
//!
//! The state machine itself follows the records, so that a story never knows
//! better than it where a deployment was, and what let it fail.

use std::time::Duration;

use super::phase::{self, Phase};
use super::story::{Answered, Asked, Brought, Outcome, Repeated, Rollout, Story};
use crate::domain::deployment::Deployment;
use crate::domain::event::{Completion, Event, MainEvent};
use crate::domain::id::EnvironmentName;
use crate::domain::record::{EventRecord, What};
use crate::domain::remark::Remark;
use crate::domain::replay::{Replayed, Unreplayable};
use crate::domain::run::{RunEvent, RunStatus};
use crate::domain::state::{Restore, State};
use crate::domain::time::Timestamp;
use crate::domain::workflow::Stage;

/// The story that the records of one deployment tell, all of them and in their order.
///
/// # Errors
/// The first record that the machine would not have written there.
pub fn tell(records: &[EventRecord]) -> Result<Story, Unreplayable> {
    let Some((first, later)) = records.split_first() else {
        return Err(Unreplayable { position: None, what: "it has no history".to_owned() });
    };
    let mut teller = Teller::begin(first)?;
    for record in later {
        teller.follow(record)?;
    }
    Ok(teller.end())
}

struct Teller {
    replayed: Replayed,
    story: Story,
    under_way: Duration,
    seen_at: Timestamp,
}

impl Teller {
    fn begin(first: &EventRecord) -> Result<Self, Unreplayable> {
        let replayed = Replayed::begin(first)?;
        let Deployment { id, created_at, spec, .. } = &replayed.deployment;
        let target = replayed.deployment.target().ok_or_else(|| Unreplayable {
            position: Some(first.position),
            what: "its workflow has no environment".to_owned(),
        })?;
        let story = Story {
            deployment: id.clone(),
            service: spec.service.clone(),
            repository: spec.repository.clone(),
            target: target.clone(),
            created_at: *created_at,
            hotfix: spec.path.is_some(),
            outcome: Outcome::UnderWay,
            ended_at: None,
            total_ms: None,
            stages: std::collections::BTreeMap::new(),
            retries: Vec::new(),
            approvals: Vec::new(),
            rollouts: Vec::new(),
            commit: spec.commit.clone(),
            commits: spec
                .commits
                .iter()
                .map(|commit| Brought { sha: commit.sha.clone(), at: commit.committed_at })
                .collect(),
        };
        Ok(Self { replayed, story, under_way: Duration::ZERO, seen_at: first.at })
    }

    fn follow(&mut self, record: &EventRecord) -> Result<(), Unreplayable> {
        self.pass_until(record.at);
        match &record.what {
            What::Event(event) => {
                self.before(event, record.at);
                self.replayed.follow(record)?;
                self.after(event, record.at);
                Ok(())
            }
            What::Remark(remark) => {
                self.note_look(remark, record.at);
                self.replayed.follow(record)
            }
        }
    }

    /// Time passes in the present state. A clock that was put back takes none away.
    fn pass_until(&mut self, at: Timestamp) {
        let passed = at.since(self.seen_at);
        self.seen_at = self.seen_at.max(at);
        let progress = &self.replayed.deployment.progress;
        let state = &progress.state;
        if !state.is_terminal() && !matches!(state, State::RollingBack(_)) {
            self.under_way += passed;
        }
        let Some((stage, phase)) = phase::of(progress) else { return };
        let times = self.story.stages.entry(stage.to_string()).or_default();
        let spent = match phase {
            Phase::Queue => &mut times.queue_ms,
            Phase::Run => &mut times.run_ms,
            Phase::Wait => &mut times.wait_ms,
        };
        *spent += millis(passed);
    }

    /// What an event says of the state that it meets.
    fn before(&mut self, event: &Event, at: Timestamp) {
        let state = &self.replayed.deployment.progress.state;
        let run_failed = state.work().and_then(|(stage, run)| match &run.status {
            RunStatus::Failed { failure, .. } => Some((stage, failure.cause)),
            _ => None,
        });
        match event {
            Event::Run(RunEvent::RetryScheduled { .. }) => {
                self.story.retries.extend(run_failed.map(|(stage, cause)| Repeated {
                    stage: stage.to_string(),
                    cause: cause.as_str().to_owned(),
                    asked: false,
                }));
            }
            Event::Main(MainEvent::Retry) => {
                if let State::Failed { stage, reason } = state {
                    let (stage, cause) = (stage.to_string(), reason.cause().to_owned());
                    self.story.retries.push(Repeated { stage, cause, asked: true });
                }
            }
            Event::Main(MainEvent::EnvironmentRestored | MainEvent::RollbackComplete) => {
                if let State::RollingBack(rollback) = state {
                    let environment = rollback.now.environment.clone();
                    self.rollout(&environment).restored_at.get_or_insert(at);
                }
            }
            Event::Run(event) => {
                if let Some((stage, run)) = state.work()
                    && event.begins_an_attempt(&run.status)
                {
                    self.story.stages.entry(stage.to_string()).or_default().attempts += 1;
                    if let (Stage::Deploying(environment), RunEvent::TriggerIntended { .. }) = (stage, event)
                    {
                        self.triggered(&environment, at);
                    }
                }
            }
            _ => {}
        }
    }

    /// What an event has made.
    fn after(&mut self, event: &Event, at: Timestamp) {
        self.note_approval(event, at);
        self.note_rollout(event, at);
        if self.replayed.deployment.progress.state == State::Completed {
            self.story.total_ms.get_or_insert(millis(self.under_way));
        }
    }

    fn note_approval(&mut self, event: &Event, at: Timestamp) {
        let state = &self.replayed.deployment.progress.state;
        if let Event::Main(MainEvent::ApprovalRequested { .. }) = event
            && let State::AwaitingApproval { environment, .. } = state
        {
            self.story.approvals.push(Asked {
                environment: environment.clone(),
                requested_at: at,
                answer: Answered::Open,
                seen_at: None,
                decided_at: None,
                triggered_at: None,
            });
            return;
        }
        let Some(asked) = self.story.approvals.last_mut() else { return };
        let (answer, settled) = match (event, asked.answer) {
            (Event::Main(MainEvent::DecisionMade { .. }), Answered::Open) => {
                asked.decided_at = Some(at);
                return;
            }
            (Event::Main(MainEvent::Approved), Answered::Open) => (Answered::Approved, true),
            (Event::Main(MainEvent::Rejected), Answered::Open) => (Answered::Rejected, true),
            (Event::Main(MainEvent::ApprovalExpired), Answered::Open) => (Answered::Expired, false),
            (Event::Main(MainEvent::ApprovalWithdrawn { .. }), Answered::Open) => {
                (Answered::Withdrawn, false)
            }
            (Event::Main(MainEvent::ApprovalVoided { .. }), Answered::Open | Answered::Approved) => {
                (Answered::Voided, false)
            }
            (_, Answered::Open) if !matches!(state, State::AwaitingApproval { .. }) => {
                (Answered::Abandoned, false)
            }
            _ => return,
        };
        asked.answer = answer;
        if !settled {
            asked.decided_at = None;
        }
    }

    /// Somebody opened the request. Once anybody has decided, somebody had seen it before that,
    /// and when, nobody knows.
    fn note_look(&mut self, remark: &Remark, at: Timestamp) {
        if let Remark::RequestSeen { request } = remark
            && *request == self.replayed.deployment.progress.requests
            && let Some(asked) = self.story.approvals.last_mut()
            && (asked.answer, asked.decided_at) == (Answered::Open, None)
        {
            asked.seen_at.get_or_insert(at);
        }
    }

    /// The first trigger after an approval.
    fn triggered(&mut self, environment: &EnvironmentName, at: Timestamp) {
        if let Some(asked) = self.story.approvals.last_mut()
            && asked.answer == Answered::Approved
            && asked.environment == *environment
        {
            asked.triggered_at.get_or_insert(at);
        }
    }

    fn note_rollout(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Main(MainEvent::StageComplete { completion: Completion::Deploying(environment) }) => {
                self.rollout(environment).arrived_at.get_or_insert(at);
            }
            Event::Main(MainEvent::Rollback { targets, .. }) => {
                for Restore { environment, version, .. } in targets {
                    let rollout = self.rollout(environment);
                    rollout.rolled_back_at.get_or_insert(at);
                    rollout.goes_back_to.get_or_insert_with(|| version.commit.clone());
                }
            }
            Event::Run(RunEvent::ExecutionObserved { .. } | RunEvent::HealthTimedOut) => {
                if let Some((Stage::Deploying(environment), run)) =
                    self.replayed.deployment.progress.state.work()
                    && let RunStatus::Failed { execution: Some(_), failure } = &run.status
                    && failure.cause.is_of_the_rollout()
                {
                    self.rollout(&environment).failed_at.get_or_insert(at);
                }
            }
            _ => {}
        }
    }

    fn rollout(&mut self, environment: &EnvironmentName) -> &mut Rollout {
        let rollouts = &mut self.story.rollouts;
        let index = rollouts.iter().position(|it| it.environment == *environment).unwrap_or_else(|| {
            let workflow = &self.replayed.deployment.spec.workflow;
            rollouts.push(Rollout {
                environment: environment.clone(),
                production: workflow.environment(environment).is_some_and(|it| it.production),
                arrived_at: None,
                failed_at: None,
                rolled_back_at: None,
                restored_at: None,
                goes_back_to: None,
            });
            rollouts.len() - 1
        });
        rollouts.get_mut(index).expect("it was found there, or put there")
    }

    fn end(mut self) -> Story {
        let progress = self.replayed.deployment.progress;
        self.story.outcome = match &progress.state {
            State::Completed => Outcome::Completed,
            State::Failed { reason, .. } => Outcome::Failed { reason: reason.name().to_owned() },
            State::Cancelled => Outcome::Cancelled,
            State::RolledBack => Outcome::RolledBack,
            State::RollbackFailed { .. } => Outcome::RollbackFailed,
            State::Pending
            | State::Active { .. }
            | State::AwaitingApproval { .. }
            | State::Cancelling { .. }
            | State::RollingBack(_) => Outcome::UnderWay,
        };
        self.story.ended_at = progress.state.is_terminal().then_some(progress.state_since);
        // Only what reached production is asked for its commits.
        if !self.story.reached_production() {
            self.story.commits = Vec::new();
        }
        self.story
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
