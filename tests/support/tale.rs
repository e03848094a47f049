//! A deployment whose records are made one by one, at times that the test says.

use deployment_orchestrator::domain::deployment::{Deployment, Spec};
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Failure, Retry};
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::record::{EventRecord, What};
use deployment_orchestrator::domain::remark::Remark;
use deployment_orchestrator::domain::run::RunEvent;
use proptest::sample::Index;

use super::place::at;
use super::support::{choices, id, spec};

/// It, and the time, in seconds.
pub(crate) struct Tale {
    pub(crate) deployment: Deployment,
    pub(crate) records: Vec<EventRecord>,
    pub(crate) now: i64,
}

impl Tale {
    pub(crate) fn new(spec: Spec) -> Self {
        let deployment = Deployment::create(id(1), spec.clone(), at(0));
        let mut tale = Self { deployment, records: Vec::new(), now: 0 };
        tale.note(What::Event(MainEvent::Created { spec: Box::new(spec) }.into()));
        tale
    }

    /// A walk: which of the events that may come does, and after how many seconds.
    pub(crate) fn along(steps: &[(Index, u8)]) -> Self {
        let mut tale = Self::new(spec());
        for (which, seconds) in steps {
            tale.after(i64::from(*seconds));
            if seconds % 2 == 0 {
                let earlier = u32::from(seconds % 5 == 0);
                tale.looked(tale.deployment.progress.requests.saturating_sub(earlier));
            }
            let mut may = choices(&tale.deployment, at(tale.now));
            if may.iter().any(|event| event.name().0 == "EXECUTION_OBSERVED") {
                let failure =
                    Failure { cause: Cause::PipelineFailed, message: "no".to_owned(), retry: Retry::Final };
                may.push(RunEvent::ExecutionObserved { status: ExecutionStatus::Failed(failure) }.into());
            }
            // The first one leads on; it is as likely as all others together.
            let index = which.index(may.len().max(1) * 2);
            let Some(event) = may.get(index).or(may.first()).cloned() else { continue };
            if tale.deployment.apply(&event, at(tale.now)).is_ok() {
                tale.say(event);
            }
        }
        tale
    }

    /// Time passes.
    pub(crate) fn after(&mut self, seconds: i64) -> &mut Self {
        self.now += seconds;
        self
    }

    /// This happens now.
    pub(crate) fn say(&mut self, event: impl Into<Event>) -> &mut Self {
        let event = event.into();
        self.deployment.progress = self.deployment.apply(&event, at(self.now)).unwrap().progress;
        self.note(What::Event(event));
        self
    }

    /// That happens now which may, and has this name.
    pub(crate) fn next(&mut self, name: &str) -> &mut Self {
        let choices = choices(&self.deployment, at(self.now));
        let names: Vec<String> = choices.iter().map(|event| event.name().0).collect();
        let event = choices.into_iter().find(|event| event.name().0 == name);
        self.say(
            event.unwrap_or_else(|| {
                panic!("no {name} in {}: {names:?}", self.deployment.progress.state.name())
            }),
        )
    }

    pub(crate) fn observed(&mut self, status: ExecutionStatus) -> &mut Self {
        self.say(RunEvent::ExecutionObserved { status })
    }

    /// A stage that begins with its trigger: 1 s until it is sent, 1 s until it is taken, 3 s in the
    /// queue of Harness, 10 s of work, 1 s until it is done.
    pub(crate) fn stage(&mut self, completion: &str) -> &mut Self {
        self.after(1).next("TRIGGER_INTENDED").after(1).next("TRIGGER_ACCEPTED");
        self.after(3).observed(ExecutionStatus::Running).after(10).observed(ExecutionStatus::Succeeded);
        self.after(1).next(completion)
    }

    /// Grace opens the request of this number now.
    pub(crate) fn looked(&mut self, request: u32) -> &mut Self {
        self.note(What::Remark(Remark::RequestSeen { request }));
        self
    }

    fn note(&mut self, what: What) {
        self.records.push(EventRecord {
            position: self.records.len() as u64 + 1,
            deployment: self.deployment.id.clone(),
            version: self.deployment.progress.version,
            at: at(self.now),
            actor: Actor::ENGINE,
            what,
            state: self.deployment.progress.state.name(),
        });
    }
}

impl Tale {
    /// Like [`Self::stage`], and healthy after two questions a second apart.
    pub(crate) fn stage_of_prod(&mut self) -> &mut Self {
        self.after(1).next("TRIGGER_INTENDED").after(1).next("TRIGGER_ACCEPTED");
        self.after(3).observed(ExecutionStatus::Running).after(10).observed(ExecutionStatus::Succeeded);
        self.after(1).next("HEALTH_OBSERVED").after(1).next("HEALTH_OBSERVED").after(1).next("PROD_DEPLOYED")
    }
}
