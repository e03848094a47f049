//! What holds of the machine on every way through it, whoever speaks in which order.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is a test's own work"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use serde::de::DeserializeOwned;

use deployment_orchestrator::domain::decision::{Decision, Verdict};
use deployment_orchestrator::domain::deployment::{Deployment, Mode, Progress};
use deployment_orchestrator::domain::door::doors;
use deployment_orchestrator::domain::event::{Completion, Event, MainEvent};
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Failure, HumanWait, Retry};
use deployment_orchestrator::domain::finding::{Finding, FindingCode, ValidationReport};
use deployment_orchestrator::domain::gate::Gate;
use deployment_orchestrator::domain::guard::Refusal;
use deployment_orchestrator::domain::health::Answer;
use deployment_orchestrator::domain::id::{CorrelationKey, DeploymentId, ExecutionId, PipelineId};
use deployment_orchestrator::domain::path::PathTaken;
use deployment_orchestrator::domain::place::Hold;
use deployment_orchestrator::domain::plan::{self, Gates, Next, Otherwise, Step, Timing};
use deployment_orchestrator::domain::run::{RunEvent, RunStatus};
use deployment_orchestrator::domain::state::{Restore, State, Version};
use deployment_orchestrator::domain::subject::Digest;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::domain::transition::Transition;
use deployment_orchestrator::domain::workflow::Stage;

use choices::{Choices, goes_in};
use fixtures::{
    APPROVERS, GLASS_BREAKERS, INITIATOR, OPEN_FOR, START, asks, decision, deployment, environment, gate,
    intends, person, private_key, statement,
};

#[path = "../fixtures/choices.rs"]
mod choices;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod places;

/// A way through the machine: what was accepted, and when.
#[derive(Debug, Clone)]
struct Walk {
    deployment: Deployment,
    now: Timestamp,
    accepted: Vec<(Event, Timestamp)>,
    notice_keys: BTreeSet<String>,
    correlation_keys: BTreeSet<CorrelationKey>,
}

impl Walk {
    fn new(mode: Mode) -> Self {
        Self {
            deployment: deployment(mode),
            now: START,
            accepted: Vec::new(),
            notice_keys: BTreeSet::new(),
            correlation_keys: BTreeSet::new(),
        }
    }

    /// On a path that asks to leave these out: among them what nobody may.
    fn on_a_path(mode: Mode, skipped: Vec<Stage>) -> Self {
        let mut walk = Self::new(mode);
        let spec = std::sync::Arc::make_mut(&mut walk.deployment.spec);
        spec.path = Some(PathTaken { name: "hotfix".parse().unwrap(), reason: "it burns".to_owned() });
        spec.workflow.skipped = skipped;
        walk
    }

    /// As far as the gate of prod, with people asked; then as many approve as `approvals`.
    fn at_the_gate(mode: Mode, approvals: usize) -> Self {
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
    fn say(&mut self, event: &Event) -> Result<(), Refusal> {
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

    fn replayed(&self) -> Progress {
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

fn assert_same_in_json<T: serde::Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    let read: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(read, *value, "{text}");
}

/// The gates of the config.
fn gates() -> Gates {
    Gates::from([(environment("prod"), gate())])
}

fn prod() -> Stage {
    Stage::Deploying(environment("prod"))
}

fn execution(choices: &mut Choices) -> ExecutionId {
    format!("run-{}", choices.below(3)).parse().unwrap()
}

fn a_pipeline() -> PipelineId {
    "a_pipeline".parse().unwrap()
}

fn failure(choices: &mut Choices, text: &str) -> Failure {
    let cause = choices.of(vec![
        Cause::PipelineFailed,
        Cause::Unreachable,
        Cause::Lost,
        Cause::Frozen,
        Cause::Invalid,
    ]);
    let after = choices.of(vec![None, Some(Duration::from_millis(1_500))]);
    let retry = choices.of(vec![Retry::Retryable { after }, Retry::Final]);
    Failure { cause, message: text.to_owned(), retry }
}

fn succeeded() -> Event {
    RunEvent::ExecutionObserved { status: ExecutionStatus::Succeeded }.into()
}

fn status(choices: &mut Choices, text: &str) -> ExecutionStatus {
    let failure = failure(choices, text);
    choices.of(vec![
        ExecutionStatus::Succeeded,
        ExecutionStatus::Queued,
        ExecutionStatus::Running,
        ExecutionStatus::NeedsHuman(HumanWait::Input),
        ExecutionStatus::Failed(failure),
        ExecutionStatus::Aborted,
        ExecutionStatus::Unknown(text.to_owned()),
        ExecutionStatus::Succeeded,
        ExecutionStatus::Succeeded,
        ExecutionStatus::Succeeded,
    ])
}

fn answer(choices: &mut Choices) -> Answer {
    choices.of(vec![Answer::Status(200), Answer::Status(200), Answer::Status(503), Answer::Unreachable])
}

fn report(choices: &mut Choices, text: &str) -> RunEvent {
    let finding = Finding::new(FindingCode::InputUnknown, text, text, text);
    let errors = choices.of(vec![Vec::new(), Vec::new(), vec![finding.clone()]]);
    RunEvent::ValidationReported { report: ValidationReport { errors, warnings: vec![finding] } }
}

/// ROLLBACK as the store would complete it, production first.
fn rollback(deployment: &Deployment) -> MainEvent {
    let touched = deployment.touched();
    let version = Version {
        deployment: DeploymentId::new(0, 7),
        commit: "beef123".parse().unwrap(),
        branch: "main".parse().unwrap(),
        variables: deployment.spec.variables.clone(),
    };
    let targets = ["prod", "dev"]
        .map(environment)
        .into_iter()
        .filter(|name| touched.contains(name))
        .map(|environment| Restore { environment, version: version.clone(), delivered: false })
        .collect();
    MainEvent::Rollback { reason: "why".to_owned(), targets, overtaken: Vec::new() }
}

/// A decision, honest or not.
fn any_decision(walk: &Walk, choices: &mut Choices) -> Decision {
    let deployment = &walk.deployment;
    let request = deployment.progress.requests;
    let name = choices.of(vec!["bob", "carol", "dave", INITIATOR, "mallory", "erin", "frank"]);
    let verdict = match choices.below(16) {
        0 => Verdict::Reject,
        1..4 => Verdict::BreakGlass,
        _ => Verdict::Approve,
    };
    let honest = statement(deployment, request, &gate(), name, verdict);
    let mut changed = honest.clone();
    match choices.below(6) {
        0 => changed.deployment_id = DeploymentId::new(9, 9),
        1 => changed.environment = environment("dev"),
        2 => changed.request = request.wrapping_add(1),
        3 => changed.request = request.saturating_sub(1),
        4 => changed.digest = Digest::of(&"something else"),
        _ => changed.person = person("carol"),
    }
    let said: Vec<Decision> = walk
        .accepted
        .iter()
        .filter_map(|(event, _)| match event {
            Event::Main(MainEvent::DecisionMade { decision }) => Some(decision.clone()),
            _ => None,
        })
        .collect();
    match choices.below(8) {
        0 => Decision::sign(changed, &private_key(name)),
        1 => Decision { statement: changed, ..Decision::sign(honest, &private_key(name)) },
        2 => Decision::sign(honest, &private_key("mallory")),
        3 | 4 if !said.is_empty() => choices.of(said),
        _ => Decision::sign(honest, &private_key(name)),
    }
}

/// Where people are asked, somebody answers, or the engine asks anew, and APPROVED is tried.
fn at_a_request(walk: &mut Walk, choices: &mut Choices) {
    let State::AwaitingApproval { request: Some(_), .. } = &walk.deployment.progress.state else { return };
    if choices.below(16) == 0 {
        walk.say(&MainEvent::ApprovalWithdrawn { reason: "on second thoughts".to_owned() }.into()).ok();
    }
    if choices.below(8) == 0 {
        walk.say(&MainEvent::ApprovalVoided { reason: "a new config".to_owned() }.into()).ok();
        walk.say(&asks(&walk.deployment, &gate())).ok();
    }
    for _ in 0..choices.below(4) {
        let decision = any_decision(walk, choices);
        walk.say(&MainEvent::DecisionMade { decision }.into()).ok();
    }
    walk.say(&MainEvent::Approved.into()).ok();
}

/// Anything that anybody could say, with right and wrong identities.
fn any_event(walk: &Walk, choices: &mut Choices, text: &str) -> Event {
    let deployment = &walk.deployment;
    let stage = deployment.progress.state.work().map_or_else(prod, |(stage, _)| stage);
    let weaker = Gate { required_approvals: 1, allow_self_approval: true, ..gate() };
    match choices.below(19) {
        0..4 => {
            let mut doors: Vec<MainEvent> = doors(&deployment.spec.workflow, text).collect();
            if choices.below(4) > 0 {
                doors.retain(|door| !matches!(door, MainEvent::Cancel { .. }));
            }
            choices.of(doors).into()
        }
        4 => rollback(deployment).into(),
        5 => MainEvent::Created { spec: Box::new((*deployment.spec).clone()) }.into(),
        6 => asks(deployment, &gate()),
        7..10 => MainEvent::DecisionMade { decision: any_decision(walk, choices) }.into(),
        10 => MainEvent::ApprovalVoided { reason: text.to_owned() }.into(),
        11 => report(choices, text).into(),
        12 => {
            let policy = choices.of(vec![None, Some(gate().version()), Some(weaker.version())]);
            intends(deployment, &stage, policy)
        }
        13 => {
            let key = choices.of(vec![deployment.next_key(&stage), "stale".parse().unwrap()]);
            let digest = Digest::of(&"something else");
            RunEvent::TriggerIntended { key, digest, policy: Some(gate().version()) }.into()
        }
        14 => {
            let execution = execution(choices);
            let lost = RunEvent::TriggerLost { message: text.to_owned() };
            let failed = RunEvent::AttemptFailed { failure: failure(choices, text) };
            let accepted = RunEvent::TriggerAccepted { execution, pipeline: a_pipeline() };
            choices.of(vec![accepted, lost, failed]).into()
        }
        15 => RunEvent::ExecutionObserved { status: status(choices, text) }.into(),
        18 => {
            let environment = choices.of(vec![environment("dev"), environment("prod")]);
            let newer = choices.of(vec![DeploymentId::new(2, 2), DeploymentId::new(0, 2)]);
            let freeze = "holidays".parse().unwrap();
            let freeze = MainEvent::FreezeOverridden { freeze, reason: text.to_owned() };
            let superseded = MainEvent::Superseded { by: newer };
            let impossible = MainEvent::RollbackImpossible { reason: text.to_owned() };
            let place = MainEvent::PlaceTaken { environment, waived: Vec::new() };
            let others = vec![
                MainEvent::HeldLong,
                MainEvent::ApprovalEscalated,
                freeze,
                superseded,
                place,
                impossible,
            ];
            choices.of(others).into()
        }
        17 if choices.below(8) == 0 => MainEvent::TamperingFound { what: text.to_owned() }.into(),
        16 => {
            let observed = RunEvent::HealthObserved { answer: answer(choices) };
            choices
                .of(vec![
                    RunEvent::AbortRequested,
                    RunEvent::OutcomeResolved,
                    RunEvent::HealthTimedOut,
                    observed,
                ])
                .into()
        }
        _ => RunEvent::RetryScheduled { not_before: walk.now.plus(Duration::from_secs(2)) }.into(),
    }
}

/// What the engine would say to `step`, with a world behind it that does as it likes.
fn engine_says(walk: &Walk, step: Step, choices: &mut Choices, text: &str) -> Option<Event> {
    let deployment = &walk.deployment;
    let accepted = |pipeline: PipelineId, choices: &mut Choices| {
        RunEvent::TriggerAccepted { execution: execution(choices), pipeline }.into()
    };
    Some(match step {
        Step::Record(event) => event,
        Step::Validate => report(choices, text).into(),
        Step::RequestApproval { .. } => asks(deployment, &gate()),
        Step::Trigger { stage } if deployment.progress.place.as_ref() != stage.environment() => {
            // Whoever has no choices left goes in.
            match choices.below(4) {
                3 => MainEvent::Held { by: vec![Hold::Full { most: 1 }] }.into(),
                _ => goes_in(deployment),
            }
        }
        Step::Trigger { stage } => {
            let policy = deployment.spec.workflow.is_gated(&stage).then(|| gate().version());
            intends(deployment, &stage, policy)
        }
        Step::LookUp { pipeline, otherwise, .. } => match choices.below(4) {
            // The reply comes after all, or the look-up finds it.
            0 | 1 => accepted(pipeline, choices),
            2 if matches!(otherwise, Otherwise::Record(_)) => {
                RunEvent::AttemptFailed { failure: failure(choices, text) }.into()
            }
            _ => match otherwise {
                Otherwise::Record(event) => event,
                Otherwise::LookAgain => return None,
            },
        },
        Step::Observe { .. } => RunEvent::ExecutionObserved { status: status(choices, text) }.into(),
        Step::Probe { .. } => RunEvent::HealthObserved { answer: answer(choices) }.into(),
        Step::RollBack { .. } => match choices.below(3) {
            0 => MainEvent::RollbackImpossible { reason: "why".to_owned() }.into(),
            _ => rollback(deployment).into(),
        },
        Step::Abort { .. } => RunEvent::AbortRequested.into(),
        Step::ScheduleRetry { .. } => {
            RunEvent::RetryScheduled { not_before: walk.now.plus(Duration::from_secs(2)) }.into()
        }
    })
}

/// Says what the plan says next; checks that the plan's own events are accepted.
fn follow(walk: &mut Walk, step: Step, choices: &mut Choices, text: &str) {
    let own = match &step {
        Step::Record(event) | Step::LookUp { otherwise: Otherwise::Record(event), .. } => Some(event.clone()),
        _ => None,
    };
    if let Some(event) = own {
        let outcome = walk.deployment.apply(&event, walk.now);
        assert!(outcome.is_ok(), "the plan's own event is refused: {}", outcome.unwrap_err());
    }
    let triggers = matches!(step, Step::Trigger { .. });
    let Some(event) = engine_says(walk, step, choices, text) else { return };
    if let Err(refusal) = walk.say(&event) {
        let Refusal::Guarded { guards, .. } = &refusal else { panic!("{refusal}") };
        assert!(triggers, "{refusal}");
        let unmet: Vec<&str> = guards.iter().filter(|guard| !guard.holds).map(|guard| guard.name).collect();
        assert_eq!(unmet, ["request-is-open"], "{refusal}");
        walk.say(&MainEvent::ApprovalVoided { reason: refusal.to_string() }.into()).unwrap();
    }
}

fn pass_time(walk: &mut Walk, choices: &mut Choices) {
    let pause = choices.of(vec![
        Duration::from_millis(10),
        Duration::from_secs(2),
        Duration::from_secs(90),
        OPEN_FOR,
    ]);
    walk.now = walk.now.plus(pause);
}

/// Half of the walks begin at the gate, so that enough of them get past it.
fn walks() -> impl Strategy<Value = Walk> {
    prop_oneof![
        2 => modes().prop_map(Walk::new),
        1 => (modes(), skips()).prop_map(|(mode, skipped)| Walk::on_a_path(mode, skipped)),
        1 => (modes(), 0_usize..2).prop_map(|(mode, approvals)| Walk::at_the_gate(mode, approvals)),
        2 => modes().prop_map(|mode| Walk::at_the_gate(mode, 2)),
    ]
}

fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Auto), Just(Mode::Step)]
}

/// Any stages of the way, the gate and the target too.
fn skips() -> impl Strategy<Value = Vec<Stage>> {
    let way = ["dev", "prod"].map(|name| Stage::Deploying(environment(name)));
    let way = [Stage::Validating, Stage::Building, Stage::Testing].into_iter().chain(way).collect::<Vec<_>>();
    prop::sample::subsequence(way, 0..=5)
}

fn choices(most: usize) -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(any::<u16>(), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// The engine, callers, approvers and liars talk at once.
    #[test]
    fn every_way_keeps_the_promises(mut walk in walks(), numbers in choices(900), text in ".{0,12}") {
        let mut choices = Choices::new(numbers);
        while !choices.is_over() {
            match choices.below(9) {
                0 => pass_time(&mut walk, &mut choices),
                1..4 => {
                    let event = any_event(&walk, &mut choices, &text);
                    // A refusal changes nothing, which is all that is asked of it here.
                    let _ = walk.say(&event);
                }
                4 | 5 => at_a_request(&mut walk, &mut choices),
                _ => match plan::next(&walk.deployment, &Timing::default(), &gates(), walk.now) {
                    Next::Do(step) => follow(&mut walk, *step, &mut choices, &text),
                    Next::Wait(until) => {
                        prop_assert!(until > walk.now, "waits for the past");
                        if choices.below(2) == 0 {
                            walk.now = until;
                        }
                    }
                    Next::Idle => {}
                },
            }
        }
        prop_assert_eq!(walk.replayed(), walk.deployment.progress);
        assert_same_in_json(&walk.deployment.spec);
    }

    /// The engine alone, with a world that loses replies and ends executions as it
    /// likes, but ends them.
    #[test]
    fn the_plan_always_comes_to_rest(mut walk in walks(), numbers in choices(400), disturbance in 0_usize..60) {
        let mut choices = Choices::new(numbers);
        let timing = Timing::default();
        let mut steps = 0;
        let rest = loop {
            steps += 1;
            prop_assert!(steps < 400, "still going: {:?}", walk.deployment.progress);
            if steps == disturbance {
                let event = choices.of(vec![
                    MainEvent::Cancel { reason: "why".to_owned() },
                    rollback(&walk.deployment),
                ]);
                let _ = walk.say(&event.into());
            }
            approve_sometimes(&mut walk, &mut choices);
            match plan::next(&walk.deployment, &timing, &gates(), walk.now) {
                Next::Do(step) if lost_for_good(&walk, &step) => break "waits for a person to look in Harness",
                Next::Do(step) => {
                    if let Some(run) = in_harness(&walk) && steps % 8 == 0 {
                        walk.say(&run).unwrap();
                    } else {
                        follow(&mut walk, *step, &mut choices, "a text");
                    }
                    walk.now = walk.now.plus(Duration::from_secs(5));
                }
                Next::Wait(until) => {
                    prop_assert!(until > walk.now, "waits for the past");
                    walk.now = until;
                }
                Next::Idle => break "idle",
            }
        };
        let state = &walk.deployment.progress.state;
        if rest == "idle" && !state.is_terminal() {
            prop_assert_eq!(walk.deployment.spec.mode, Mode::Step, "{} is nobody's to leave", state.name());
            let open = walk.deployment.open_doors(&rollback(&walk.deployment), walk.now);
            let forward = open.iter().any(|door| {
                door.guards.iter().all(|guard| guard.holds)
                    && !["CANCEL", "ROLLBACK"].contains(&door.event.0.as_str())
            });
            prop_assert!(forward, "{} has no way forward", state.name());
        }
    }
}

/// A person approves now and then, so that some walks get past the gate.
fn approve_sometimes(walk: &mut Walk, choices: &mut Choices) {
    let State::AwaitingApproval { request: Some(request), .. } = &walk.deployment.progress.state else {
        return;
    };
    let number = request.number;
    for name in ["bob", "carol"] {
        let verdict = match choices.below(12) {
            0 => Verdict::Reject,
            1..3 => continue,
            _ => Verdict::Approve,
        };
        let decision = decision(&walk.deployment, number, &gate(), name, verdict);
        let _ = walk.say(&MainEvent::DecisionMade { decision }.into());
    }
    let _ = walk.say(&MainEvent::Approved.into());
}

/// What Harness will say in the end of what it has.
fn in_harness(walk: &Walk) -> Option<Event> {
    let (_, run) = walk.deployment.progress.state.work()?;
    matches!(run.status, RunStatus::Live { .. }).then(succeeded)
}

/// A look-up of a production trigger that is old and still finds nothing.
fn lost_for_good(walk: &Walk, step: &Step) -> bool {
    matches!(step, Step::LookUp { otherwise: Otherwise::LookAgain, since, .. }
        if walk.now.since(*since) > Duration::from_secs(600))
}
