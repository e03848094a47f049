//! One way through the machine, and what must hold of each step of it.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use deployment_orchestrator::domain::decision::{Decision, Verdict};
use deployment_orchestrator::domain::deployment::{Deployment, Mode, Progress};
use deployment_orchestrator::domain::event::{Completion, Event, MainEvent};
use deployment_orchestrator::domain::execution::ExecutionStatus;
use deployment_orchestrator::domain::finding::ValidationReport;
use deployment_orchestrator::domain::guard::Refusal;
use deployment_orchestrator::domain::health::Answer;
use deployment_orchestrator::domain::id::{CorrelationKey, DeploymentId, PipelineId};
use deployment_orchestrator::domain::path::PathTaken;
use deployment_orchestrator::domain::plan::Gates;
use deployment_orchestrator::domain::run::RunEvent;
use deployment_orchestrator::domain::state::{Restore, State, Version};
use deployment_orchestrator::domain::subject::Digest;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::domain::transition::Transition;
use deployment_orchestrator::domain::workflow::Stage;

use super::choices::goes_in;
use super::fixtures::{
    APPROVERS, GLASS_BREAKERS, INITIATOR, START, asks, decision, deployment, environment, gate, intends,
    private_key,
};

/// A way through the machine: what was accepted, and when.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    pub(crate) deployment: Deployment,
    pub(crate) now: Timestamp,
    pub(crate) accepted: Vec<(Event, Timestamp)>,
    notice_keys: BTreeSet<String>,
    correlation_keys: BTreeSet<CorrelationKey>,
}

impl Walk {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            deployment: deployment(mode),
            now: START,
            accepted: Vec::new(),
            notice_keys: BTreeSet::new(),
            correlation_keys: BTreeSet::new(),
        }
    }

    /// On a path that asks to leave these out: among them what nobody may.
    pub(crate) fn on_a_path(mode: Mode, skipped: Vec<Stage>) -> Self {
        let mut walk = Self::new(mode);
        let spec = Arc::make_mut(&mut walk.deployment.spec);
        spec.path = Some(PathTaken { name: "hotfix".parse().unwrap(), reason: "it burns".to_owned() });
        spec.workflow.skipped = skipped;
        walk
    }

    /// As far as the gate of prod, with people asked; then as many approve as `approvals`.
    pub(crate) fn at_the_gate(mode: Mode, approvals: usize) -> Self {
        let mut walk = Self::new(mode);
        let report = ValidationReport { errors: Vec::new(), warnings: Vec::new() };
        walk.say(&MainEvent::Start.into()).unwrap();
        walk.say(&RunEvent::ValidationReported { report }.into()).unwrap();
        walk.complete(&Stage::Validating);
        for stage in [Stage::Building, Stage::Testing, Stage::Deploying(environment("dev"))] {
            if stage.environment().is_some() {
                walk.say(&goes_in(&walk.deployment)).unwrap();
            }
            walk.say(&intends(&walk.deployment, &stage, None)).unwrap();
            let execution = "run-0".parse().unwrap();
            walk.say(&RunEvent::TriggerAccepted { execution, pipeline: a_pipeline() }.into()).unwrap();
            walk.say(&succeeded()).unwrap();
            walk.complete(&stage);
        }
        walk.say(&asks(&walk.deployment, &gate())).unwrap();
        for name in ["bob", "carol"].into_iter().take(approvals) {
            let decision = decision(&walk.deployment, 1, &gate(), name, Verdict::Approve);
            walk.say(&MainEvent::DecisionMade { decision }.into()).unwrap();
        }
        walk
    }

    fn complete(&mut self, stage: &Stage) {
        let completion = Completion::of(stage).unwrap();
        self.say(&MainEvent::StageComplete { completion }.into()).unwrap();
    }

    /// Say `event`, and check what must hold of every step.
    pub(crate) fn say(&mut self, event: &Event) -> Result<(), Refusal> {
        let transition = self.deployment.apply(event, self.now)?;
        self.check(event, &transition);
        self.deployment.progress = transition.progress;
        self.accepted.push((event.clone(), self.now));
        Ok(())
    }

    fn check(&mut self, event: &Event, transition: &Transition) {
        let before = &self.deployment.progress;
        let skipped = |stage: &Stage| {
            matches!(stage.to_string().as_str(), "testing" | "deploying-dev")
                && self.deployment.spec.workflow.skipped.contains(stage)
        };
        if let State::Active { work, .. } = &transition.progress.state {
            assert!(!skipped(&work.stage), "{} is left out", work.stage);
        }
        assert_eq!(transition.progress.version, before.version + 1, "the version rises by one");
        assert!(may_leave(&before.state, event), "{} leaves {}", event.name(), before.state.name());
        for notice in &transition.notices {
            assert!(self.notice_keys.insert(notice.key.clone()), "{} again", notice.key);
        }
        if let Event::Main(MainEvent::Rollback { targets, overtaken, unknown, .. }) = event {
            let restored = targets.iter().map(|restore| &restore.environment);
            let named: BTreeSet<_> = restored.chain(overtaken).chain(unknown).cloned().collect();
            assert!(!targets.is_empty(), "a rollback that restores nothing");
            assert_eq!(named, self.deployment.touched(), "what was touched comes back or is named");
            assert_eq!(transition.progress.unrestored, *unknown);
        }
        if let Event::Run(RunEvent::TriggerIntended { key, digest, .. }) = event {
            assert!(self.correlation_keys.insert(key.clone()), "{key} again");
            if self.deployment.progress.state.work().unwrap().0 == prod() {
                self.check_approved(digest);
            }
        }
        if matches!(event, Event::Main(MainEvent::StageComplete { completion })
            if *completion == Completion::of(&prod()).unwrap())
        {
            self.check_healthy();
        }
        assert_same_in_json(event);
        assert_same_in_json(&transition.progress);
    }

    /// From the history alone: prod gave two good answers in a row within its
    /// minute, after its execution had succeeded.
    fn check_healthy(&self) {
        let run = self.accepted.iter().filter(|(event, _)| matches!(event, Event::Run(_)));
        let last: Vec<_> = run.rev().take(3).collect();
        let [(second, at), (first, _), (before, _)] = last[..] else { panic!("prod never answered") };
        let good: Event = RunEvent::HealthObserved { answer: Answer::Status(200) }.into();
        assert_eq!((first, second), (&good, &good), "prod is not healthy");
        assert!(*before == succeeded() || before.name().0 == "HEALTH_OBSERVED", "{}", before.name());
        let began = self.accepted.iter().rev().find(|(event, _)| *event == succeeded()).unwrap().1;
        assert!(*at < began.plus(Duration::from_mins(1)), "it was healthy too late");
    }

    /// From the history alone, not from the stored state: enough people have
    /// signed for this digest under the last request, which is open, and nobody refused.
    fn check_approved(&self, digest: &Digest) {
        let (index, asked_at, gate) = self
            .accepted
            .iter()
            .enumerate()
            .filter_map(|(index, (event, at))| match event {
                Event::Main(MainEvent::ApprovalRequested { gate, .. }) => Some((index, *at, gate)),
                _ => None,
            })
            .next_back()
            .expect("nobody was asked");
        let request =
            self.accepted.iter().filter(|(event, _)| event.name().0 == "APPROVAL_REQUESTED").count();
        let decisions: Vec<&Decision> = self.accepted[index..]
            .iter()
            .filter_map(|(event, _)| match event {
                Event::Main(MainEvent::DecisionMade { decision }) => Some(decision),
                _ => None,
            })
            .collect();
        assert!(decisions.iter().all(|decision| decision.statement.verdict != Verdict::Reject));
        let signed = |name: &str, verdict| {
            decisions.iter().any(|decision| {
                decision.statement.person.as_str() == name
                    && decision.statement.verdict == verdict
                    && decision.verifies(Some(&private_key(name).public()), None)
                    && decision.statement.digest == *digest
                    && decision.statement.deployment_id == self.deployment.id
                    && usize::try_from(decision.statement.request).unwrap() == request
            })
        };
        let approve = APPROVERS.iter().filter(|it| **it != INITIATOR && signed(it, Verdict::Approve)).count();
        let break_glass = GLASS_BREAKERS.iter().filter(|it| signed(it, Verdict::BreakGlass)).count();
        assert!(approve >= 2 || break_glass >= 2, "only {approve} and {break_glass} signed for {digest}");
        assert!(self.now < asked_at.plus(Duration::from_millis(gate.expires_after_ms)), "expired");
        assert!(
            !self.accepted[index..].iter().any(|(event, _)| {
                matches!(
                    event,
                    Event::Main(
                        MainEvent::ApprovalVoided { .. }
                            | MainEvent::ApprovalWithdrawn { .. }
                            | MainEvent::Retry
                    )
                )
            }),
            "a void or used approval"
        );
    }

    pub(crate) fn replayed(&self) -> Progress {
        let mut replayed =
            Deployment::create(self.deployment.id.clone(), self.deployment.spec.clone(), START);
        for (event, at) in &self.accepted {
            replayed.progress = replayed.apply(event, *at).unwrap().progress;
        }
        replayed.progress
    }
}

fn may_leave(state: &State, event: &Event) -> bool {
    match state {
        State::Failed { .. } => matches!(event, Event::Main(MainEvent::Retry | MainEvent::Rollback { .. })),
        State::Completed | State::Cancelled => matches!(event, Event::Main(MainEvent::Rollback { .. })),
        State::RolledBack | State::RollbackFailed { .. } => false,
        State::Pending
        | State::Active { .. }
        | State::AwaitingApproval { .. }
        | State::Cancelling { .. }
        | State::RollingBack(_) => true,
    }
}

pub(crate) fn assert_same_in_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    let read: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(read, *value, "{text}");
}

/// The gates of the config.
pub(crate) fn gates() -> Gates {
    Gates::from([(environment("prod"), gate())])
}

pub(crate) fn prod() -> Stage {
    Stage::Deploying(environment("prod"))
}

pub(crate) fn a_pipeline() -> PipelineId {
    "a_pipeline".parse().unwrap()
}

pub(crate) fn succeeded() -> Event {
    RunEvent::ExecutionObserved { status: ExecutionStatus::Succeeded }.into()
}

/// ROLLBACK as the store would complete it, production first.
pub(crate) fn rollback(deployment: &Deployment) -> MainEvent {
    rollback_but_for(deployment, &[])
}

/// The same where no good version of these is known.
pub(crate) fn rollback_but_for(deployment: &Deployment, unknown: &[&str]) -> MainEvent {
    let touched = deployment.touched();
    let version = Version {
        deployment: DeploymentId::new(0, 7),
        commit: "beef123".parse().unwrap(),
        branch: "main".parse().unwrap(),
        variables: deployment.spec.variables.clone(),
    };
    let touched = ["prod", "dev"].map(environment).into_iter().filter(|name| touched.contains(name));
    let (unknown, known): (Vec<_>, Vec<_>) = touched.partition(|name| unknown.contains(&name.as_str()));
    let targets = known
        .into_iter()
        .map(|environment| Restore { environment, version: version.clone(), delivered: false })
        .collect();
    MainEvent::Rollback { reason: "why".to_owned(), targets, overtaken: Vec::new(), unknown }
}
