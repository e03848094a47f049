//! A property: whatever several deployments of one service do, no two of them
//! have one environment at a time.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use deployment_orchestrator::domain::deployment::{Deployment, Mode, Spec};
use deployment_orchestrator::domain::event::{Completion, Event, MainEvent};
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Failure, Retry};
use deployment_orchestrator::domain::finding::ValidationReport;
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::place::Hold;
use deployment_orchestrator::domain::run::{RunEvent, RunStatus};
use deployment_orchestrator::domain::state::State;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::domain::workflow::Stage;
use deployment_orchestrator::store::{Allowance, Authority, Created, Entry, Error, Expected, Store};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::choices::{Choices, goes_in};
use crate::fixtures::{START, deployment, environment, intends};

/// Deployments of one service that are under way together.
const DEPLOYMENTS: u128 = 4;

struct World {
    store: Store,
    ids: Vec<DeploymentId>,
    now: Timestamp,
    /// How often a deployment found its place taken.
    met: usize,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("places.db")).unwrap();
        let ids = (1..=DEPLOYMENTS).map(|number| DeploymentId::new(1, number)).collect();
        let world = Self { store, ids, now: START, met: 0, _folder: folder };
        for id in &world.ids {
            let spec = Spec { idempotency_key: None, ..(*deployment(Mode::Auto).spec).clone() };
            let created = world.store.create(id.clone(), spec, Allowance::Unlimited, START).unwrap();
            assert!(matches!(created, Created::Fresh(_)));
        }
        world
    }

    /// Say it to the stored deployment. What the machine or a place refuses changes nothing.
    fn say(&mut self, id: &DeploymentId, event: impl Into<Event>) {
        self.now = self.now.plus(Duration::from_secs(1));
        let before = self.store.load(id).unwrap();
        let entry = Entry {
            id: id.clone(),
            event: event.into(),
            actor: before.spec.initiator.clone(),
            expected: Expected::Any,
            authority: Authority::Caller,
            allowance: Allowance::Unlimited,
            at: self.now,
        };
        match self.store.record(&entry) {
            Ok(_) => {}
            Err(Error::Held(holds)) => {
                assert!(matches!(holds[0], Hold::Taken { .. } | Hold::Queued { .. }), "{holds:?}");
                self.met += 1;
                assert_eq!(self.store.load(id).unwrap(), before, "who is held is where it was");
                let held = Entry { event: MainEvent::Held { by: holds }.into(), ..entry };
                self.store.record(&held).unwrap();
            }
            Err(Error::Refused(_)) => assert_eq!(self.store.load(id).unwrap(), before),
            Err(error) => panic!("{error}"),
        }
    }

    /// What anybody might say next to a deployment: mostly what brings it on.
    fn step(&mut self, choices: &mut Choices) {
        let id = choices.of(self.ids.clone());
        let it = self.store.load(&id).unwrap();
        let event = match choices.below(40) {
            0 => MainEvent::Cancel { reason: "a whim".to_owned() }.into(),
            1 => MainEvent::Retry.into(),
            2 => MainEvent::Superseded { by: choices.of(self.ids.clone()) }.into(),
            _ => onward(&it, choices),
        };
        self.say(&id, event);
    }

    fn check(&self) {
        let mut inside: BTreeMap<String, &DeploymentId> = BTreeMap::new();
        for id in &self.ids {
            let it = self.store.load(id).unwrap();
            if let Some(place) = it.place() {
                let other = inside.insert(place.to_string(), id);
                assert_eq!(other, None, "{place} is taken twice");
            }
            let runs = matches!(
                it.progress.state.work().map(|(_, run)| &run.status),
                Some(
                    RunStatus::Triggering { .. } | RunStatus::Live { .. } | RunStatus::OutcomeUnknown { .. }
                )
            );
            if let (true, Some(here)) = (runs, it.progress.state.environment()) {
                assert_eq!(it.progress.place.as_ref(), Some(here), "who runs something there is inside");
            }
        }
    }
}

/// What brings a deployment on; prod is left out, because people would have to be asked.
fn onward(it: &Deployment, choices: &mut Choices) -> Event {
    let dev = environment("dev");
    match &it.progress.state {
        State::Pending => MainEvent::Start.into(),
        State::Active { work, .. } => match &work.run.status {
            RunStatus::NotStarted { .. } if work.stage == Stage::Validating => RunEvent::ValidationReported {
                report: ValidationReport { errors: Vec::new(), warnings: Vec::new() },
            }
            .into(),
            RunStatus::NotStarted { .. }
                if work.stage.environment() == Some(&dev) && it.progress.place.is_none() =>
            {
                goes_in(it)
            }
            RunStatus::NotStarted { .. } => intends(it, &work.stage, None),
            RunStatus::Triggering { .. } => RunEvent::TriggerAccepted {
                execution: "run-1".parse().unwrap(),
                pipeline: "a_pipeline".parse().unwrap(),
            }
            .into(),
            RunStatus::Live { .. } => RunEvent::ExecutionObserved {
                status: choices.of(vec![
                    ExecutionStatus::Succeeded,
                    ExecutionStatus::Succeeded,
                    ExecutionStatus::Failed(Failure {
                        cause: Cause::PipelineFailed,
                        message: "no".to_owned(),
                        retry: Retry::Final,
                    }),
                ]),
            }
            .into(),
            RunStatus::Failed { .. } => MainEvent::Failure.into(),
            _ => MainEvent::StageComplete { completion: Completion::of(&work.stage).unwrap() }.into(),
        },
        State::Cancelling { stopping: Some(work), .. } if !work.run.is_at_rest() => {
            RunEvent::ExecutionObserved { status: ExecutionStatus::Aborted }.into()
        }
        State::Cancelling { .. } => MainEvent::Cancelled.into(),
        State::AwaitingApproval { .. } => goes_in(it),
        _ => MainEvent::Retry.into(),
    }
}

#[test]
fn no_two_deployments_have_one_environment() {
    let met = Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let numbers = prop::collection::vec(any::<u16>(), 200..900);
    let outcome = runner.run(&numbers, |numbers| {
        let mut world = World::new();
        let mut choices = Choices::new(numbers);
        while !choices.is_over() {
            world.step(&mut choices);
            world.check();
        }
        for id in &world.ids {
            world.store.intact(id).unwrap();
        }
        met.set(met.get() + world.met);
        Ok(())
    });
    outcome.unwrap();
    assert!(met.get() > 20, "they met before one environment only {} times", met.get());
}
