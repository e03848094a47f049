//! From the records of one deployment to the spans that have ended.
//!
//! The state machine itself follows the records. A span is open as long as the state says
//! so, and what a span says follows from the records up to the one that ended it: so
//! whatever comes later, and whoever tells it again, that span is the same.

use super::outcome::{Outcome, Result as Came};
use super::said;
use super::span::{Attribute, Moment, Part, Span, SpanId, TraceId};
use crate::domain::deployment::Deployment;
use crate::domain::event::{Event, MainEvent};
use crate::domain::record::{EventRecord, What};
use crate::domain::replay::{Replayed, Unreplayable};
use crate::domain::rollback_way::Ask;
use crate::domain::run::{Run, RunEvent, RunStatus};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::workflow::Stage;

/// How many moments a span tells. An environment may be asked for its health every second
/// for an hour, and a span must fit into one message.
pub const MOST_MOMENTS: usize = 64;

/// The spans that the records of one deployment have ended, in the order of their ends:
/// what is under way is not told. The records are all of them, in their order, up to any one.
///
/// # Errors
/// The first record that the machine would not have written there.
pub fn tell(records: &[EventRecord]) -> Result<Vec<Span>, Unreplayable> {
    let Some((first, later)) = records.split_first() else {
        return Err(Unreplayable { position: None, what: "it has no history".to_owned() });
    };
    let mut teller = Teller::begin(first)?;
    for record in later {
        teller.follow(record)?;
    }
    Ok(teller.ended)
}

/// A span that has not ended.
struct Open {
    id: SpanId,
    parent: Option<SpanId>,
    part: Part,
    name: String,
    began_at: Timestamp,
    attributes: Vec<Attribute>,
    moments: Vec<Moment>,
    left_out: u32,
}

/// What is under way. An attempt is a part of the stage, a restore one of the
/// rollback, and everything else one of the deployment or of what follows a RETRY.
struct Teller {
    trace: TraceId,
    root: SpanId,
    replayed: Replayed,
    /// The deployment up to its first end, or what follows a RETRY; `None` while it is over.
    trunk: Option<Open>,
    rollback: Option<Open>,
    request: Option<(u32, Open)>,
    stage: Option<(Stage, Open)>,
    attempt: Option<Open>,
    ended: Vec<Span>,
}

impl Teller {
    fn begin(first: &EventRecord) -> Result<Self, Unreplayable> {
        let replayed = Replayed::begin(first)?;
        let deployment = &replayed.deployment;
        let trace =
            TraceId::of(&deployment.id).ok_or_else(|| first.unreplayable("its id is no ULID".to_owned()))?;
        let name = format!("RUN {}", said::kind_of(deployment));
        let mut trunk = Open::begin(Part::Deployment, None, name, first, said::of_deployment(deployment));
        trunk.note(first);
        Ok(Self {
            trace,
            root: trunk.id,
            replayed,
            trunk: Some(trunk),
            rollback: None,
            request: None,
            stage: None,
            attempt: None,
            ended: Vec::new(),
        })
    }

    fn follow(&mut self, record: &EventRecord) -> Result<(), Unreplayable> {
        let before = self.replayed.deployment.progress.state.clone();
        self.replayed.follow(record)?;
        let mut noted = self.note(record);
        if let What::Event(event) = &record.what {
            self.end_what_is_over(event, &before, record);
            self.begin_another_way(event, record);
            noted = noted || self.note(record);
            self.begin_what_is_new(event, &before, record);
        }
        if !noted {
            let name = record.what.name().0;
            let remark = Open::begin(Part::Remark, Some(self.root), name, record, said::of_record(record));
            self.end(remark, Vec::new(), None, record);
        }
        Ok(())
    }

    /// Keep what the record says with the innermost span; `false` if nothing is under way.
    fn note(&mut self, record: &EventRecord) -> bool {
        let stage = self.stage.as_mut().map(|(_, open)| open);
        let request = self.request.as_mut().map(|(_, open)| open);
        let innermost =
            self.attempt.as_mut().or(stage).or(request).or(self.rollback.as_mut()).or(self.trunk.as_mut());
        let Some(innermost) = innermost else { return false };
        innermost.note(record);
        if let What::Event(Event::Run(RunEvent::TriggerAccepted { execution, pipeline })) = &record.what {
            innermost.attributes.extend(said::of_execution(pipeline, execution));
        }
        true
    }

    fn end_what_is_over(&mut self, event: &Event, before: &State, record: &EventRecord) {
        let state = self.replayed.deployment.progress.state.clone();
        let run_event = match event {
            Event::Run(event) => Some(event),
            Event::Main(_) => None,
        };
        let was = before.work();
        let left = || was.as_ref().map_or(Outcome::CANCELLATION, |(_, run)| Outcome::of_left(run, run_event));
        let present =
            state.work().filter(|(stage, _)| self.stage.as_ref().is_some_and(|(it, _)| it == stage));

        if !present.as_ref().is_some_and(|(_, run)| is_under_way(run))
            && let Some(open) = self.attempt.take()
        {
            let outcome = present.as_ref().map_or_else(left, |(_, run)| Outcome::of_run(run));
            self.end(open, said::of_run(&outcome), outcome.error, record);
        }
        if present.is_none()
            && let Some((_, open)) = self.stage.take()
        {
            let outcome =
                if is_completion(event) { Outcome::SUCCESS } else { of_visit(&state).unwrap_or_else(left) };
            self.end(open, said::of_visit(&outcome), outcome.error, record);
        }
        if let Some((_, open)) = self.request.take_if(|(number, _)| request_of(&state) != Some(*number)) {
            let (answer, outcome) = answer(event, before);
            let mut attributes = vec![said::of_answer(answer)];
            attributes.extend(said::of_error(&outcome));
            self.end(open, attributes, outcome.error, record);
        }
        if !state.is_terminal() {
            return;
        }
        if let Some(open) = self.rollback.take() {
            let outcome = match &state {
                State::RolledBack => Outcome::SUCCESS,
                State::RollbackFailed { failure } => Outcome::of_failure(failure),
                _ => Outcome::CANCELLATION,
            };
            let mut attributes = said::of_state(&state);
            attributes.extend(said::of_run(&outcome));
            self.end(open, attributes, outcome.error, record);
        }
        if let Some(open) = self.trunk.take() {
            let outcome = Outcome::of_end(&state);
            let mut attributes = said::of_state(&state);
            attributes.extend(said::of_run(&outcome));
            self.end(open, attributes, outcome.error, record);
        }
    }

    /// A deployment that was over goes on, or one turns back.
    fn begin_another_way(&mut self, event: &Event, record: &EventRecord) {
        let kind = said::kind_of(&self.replayed.deployment);
        match event {
            Event::Main(MainEvent::Retry) => {
                let name = format!("retry {kind}");
                self.trunk = Some(Open::begin(Part::Retry, Some(self.root), name, record, Vec::new()));
            }
            Event::Main(MainEvent::Rollback { .. }) => {
                let name = format!("roll back {kind}");
                self.rollback = Some(Open::begin(Part::Rollback, self.trunk_id(), name, record, Vec::new()));
            }
            _ => {}
        }
    }

    fn begin_what_is_new(&mut self, event: &Event, before: &State, record: &EventRecord) {
        let deployment = &self.replayed.deployment;
        let state = &deployment.progress.state;
        if let (None, State::AwaitingApproval { environment, request: Some(request) }) =
            (&self.request, state)
        {
            let attributes = said::of_request(environment, request.number);
            let name = format!("approve {environment}");
            let open = Open::begin(Part::Request, self.trunk_id(), name, record, attributes);
            self.request = Some((request.number, open));
        }
        let Some((stage, run)) = state.work() else { return };
        if self.stage.is_none() {
            let attributes = said::of_stage(deployment, &stage, record.position);
            let rollback = self.rollback.as_ref().filter(|_| matches!(stage, Stage::Restoring(_)));
            let parent = rollback.map(|open| open.id).or_else(|| self.trunk_id());
            let open = Open::begin(Part::Stage, parent, stage.to_string(), record, attributes);
            self.stage = Some((stage.clone(), open));
        }
        if self.attempt.is_some() {
            return;
        }
        // It could not even be intended.
        let failed_at_once = matches!(event, Event::Run(RunEvent::AttemptFailed { .. }))
            && before.work().is_some_and(|(_, run)| matches!(run.status, RunStatus::NotStarted { .. }));
        if is_under_way(run) || failed_at_once {
            let parent = self.stage.as_ref().map(|(_, open)| open.id);
            let attributes = said::of_attempt(&stage, run.attempt);
            let open =
                Open::begin(Part::Attempt, parent, name_of_attempt(deployment, &stage), record, attributes);
            if failed_at_once {
                let outcome = Outcome::of_run(run);
                self.end(open, said::of_run(&outcome), outcome.error, record);
            } else {
                self.attempt = Some(open);
            }
        }
    }

    /// What the next span belongs to that is part of no other.
    fn trunk_id(&self) -> Option<SpanId> {
        Some(self.trunk.as_ref().map_or(self.root, |open| open.id))
    }

    fn end(
        &mut self,
        open: Open,
        attributes: Vec<Attribute>,
        error: Option<&'static str>,
        record: &EventRecord,
    ) {
        let Open { id, parent, part, name, began_at, attributes: known, moments, left_out } = open;
        self.ended.push(Span {
            trace: self.trace,
            id,
            parent,
            part,
            name,
            began_at,
            ended_at: began_at.max(record.at),
            ended_by: record.position,
            attributes: known.into_iter().chain(attributes).collect(),
            moments,
            left_out,
            error,
        });
    }
}

impl Open {
    fn begin(
        part: Part,
        parent: Option<SpanId>,
        name: String,
        record: &EventRecord,
        attributes: Vec<Attribute>,
    ) -> Self {
        let (id, began_at) = (SpanId::of(part, record.position), record.at);
        Self { id, parent, part, name, began_at, attributes, moments: Vec::new(), left_out: 0 }
    }

    fn note(&mut self, record: &EventRecord) {
        if self.moments.len() < MOST_MOMENTS {
            let (name, at, attributes) = (record.what.name().0, record.at, said::of_record(record));
            self.moments.push(Moment { name, at, attributes });
        } else {
            self.left_out += 1;
        }
    }
}

/// Whether an attempt was made, and has not ended.
fn is_under_way(run: &Run) -> bool {
    match run.status {
        RunStatus::Triggering { .. }
        | RunStatus::OutcomeUnknown { .. }
        | RunStatus::Live { .. }
        | RunStatus::Probing { .. } => true,
        RunStatus::NotStarted { .. }
        | RunStatus::Succeeded { .. }
        | RunStatus::Failed { .. }
        | RunStatus::Aborted { .. } => false,
    }
}

/// The number of the request that people have before them.
fn request_of(state: &State) -> Option<u32> {
    match state {
        State::AwaitingApproval { request: Some(request), .. } => Some(request.number),
        _ => None,
    }
}

/// Whether the stage that was at work has done what it is for.
fn is_completion(event: &Event) -> bool {
    matches!(
        event,
        Event::Main(
            MainEvent::StageComplete { .. } | MainEvent::EnvironmentRestored | MainEvent::RollbackComplete
        )
    )
}

/// Why a deployment is over with a stage that was not completed, if that is why.
fn of_visit(state: &State) -> Option<Outcome> {
    match state {
        State::Failed { reason, .. } => Some(Outcome::of_reason(reason)),
        State::RollbackFailed { failure } => Some(Outcome::of_failure(failure)),
        _ => None,
    }
}

/// What came of a request that was open `before`.
fn answer(event: &Event, before: &State) -> (&'static str, Outcome) {
    let withdrawn = matches!(
        before,
        State::AwaitingApproval { request: Some(request), .. } if request.withdrawn.is_some()
    );
    match event {
        Event::Main(MainEvent::Approved) => ("approved", Outcome::SUCCESS),
        Event::Main(MainEvent::Rejected) => ("rejected", Outcome::error(Came::Failure, "approval-rejected")),
        Event::Main(MainEvent::ApprovalExpired) if !withdrawn => {
            ("expired", Outcome::error(Came::Timeout, "approval-expired"))
        }
        // People are asked anew: that does not undo that it was taken back.
        Event::Main(MainEvent::ApprovalVoided { .. }) if !withdrawn => ("voided", Outcome::CANCELLATION),
        _ if withdrawn => ("withdrawn", Outcome::CANCELLATION),
        _ => ("abandoned", Outcome::CANCELLATION),
    }
}

/// What the pipeline is called that an attempt at `stage` runs.
fn name_of_attempt(deployment: &Deployment, stage: &Stage) -> String {
    let pipeline = match deployment.ask(stage) {
        Some(Ask::Run(run)) => Some(&run.pipeline),
        Some(Ask::RollBack(_)) => deployment.spec.workflow.pipeline_run(stage).map(|run| &run.pipeline),
        None => None,
    };
    pipeline.map_or_else(|| format!("RUN {stage}"), |pipeline| format!("RUN {pipeline}"))
}
