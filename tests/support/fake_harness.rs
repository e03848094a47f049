//! A Harness in memory, without a network: it remembers its runs, lets them
//! go by tokio's clock, and answers as told.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use deployment_orchestrator::domain::deployment::Variable;
use deployment_orchestrator::domain::drift::Rollout;
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Failure, Observation, Retry};
use deployment_orchestrator::domain::id::{CorrelationKey, ExecutionId, PipelineId, VariableName};
use deployment_orchestrator::domain::rollback_way::HarnessRollback;
use deployment_orchestrator::domain::runtime_input::{Asked, RuntimeInput, RuntimeInputs};
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::ports::{
    CallError, ExecutionDetail, ExecutionFilter, Executions, Pipelines, TriggerError, TriggerRequest,
};
use tokio::time::Instant;

/// How long a run takes of which nothing else was said.
const USUAL: Duration = Duration::from_secs(3);

/// How long a run takes to stop.
const STOPPING: Duration = Duration::from_secs(2);

/// How the next trigger of a pipeline is answered. By default the run starts.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// It does not start, and the caller is told why.
    Refused(CallError),
    /// It starts, and the reply is lost.
    LostButRuns,
    /// It starts, the reply is lost, and no read shows the run until it is revealed.
    LostAndHidden,
    /// It does not start, and the reply is lost.
    LostAndNotRun,
    /// The answer takes so long, and is this; `None` for a start.
    Slow(Duration, Option<Box<Answer>>),
}

/// How a run goes.
#[derive(Debug, Clone)]
pub(crate) enum Course {
    /// It ends like this after the usual time.
    Ends(ExecutionStatus),
    /// It is like this until told otherwise.
    Stays(ExecutionStatus),
}

/// Which reads show a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Everywhere,
    ByItsIdOnly,
    Nowhere,
}

/// A run that was started.
#[derive(Debug, Clone)]
pub(crate) struct FakeRun {
    pub(crate) execution: ExecutionId,
    pub(crate) pipeline: PipelineId,
    pub(crate) key: CorrelationKey,
    pub(crate) inputs: BTreeMap<VariableName, String>,
    pub(crate) started: Instant,
    /// What it undoes, if Harness rolls back.
    pub(crate) undoes: Option<HarnessRollback>,
    course: Course,
    shown: Shown,
    stopping: Option<Instant>,
}

/// What somebody asks for: a run, which may undo another.
#[derive(Clone)]
struct Wanted {
    request: TriggerRequest,
    undoes: Option<HarnessRollback>,
}

#[derive(Default)]
struct World {
    runs: Vec<FakeRun>,
    answers: HashMap<String, VecDeque<Answer>>,
    courses: HashMap<String, VecDeque<Course>>,
    triggers: Vec<PipelineId>,
    observed: Vec<(Instant, usize)>,
    aborts: usize,
    templates: HashMap<String, VecDeque<Result<RuntimeInputs, CallError>>>,
    templates_read: Vec<PipelineId>,
    past_us: Vec<Rollout>,
    deaf: bool,
}

/// The Harness.
#[derive(Default)]
pub(crate) struct FakeHarness {
    world: Mutex<World>,
}

impl FakeHarness {
    /// The next trigger of `pipeline` that has no answer yet is answered like this.
    pub(crate) fn answers(&self, pipeline: &str, answer: Answer) {
        self.world().answers.entry(pipeline.to_owned()).or_default().push_back(answer);
    }

    /// The next run of `pipeline` that has no course yet goes like this.
    pub(crate) fn goes(&self, pipeline: &str, course: Course) {
        self.world().courses.entry(pipeline.to_owned()).or_default().push_back(course);
    }

    /// The next look at what `pipeline` asks for that has no answer yet is answered like this.
    pub(crate) fn asks(&self, pipeline: &str, answer: Result<RuntimeInputs, CallError>) {
        self.world().templates.entry(pipeline.to_owned()).or_default().push_back(answer);
    }

    /// The pipelines of which somebody looked at what they ask for.
    pub(crate) fn templates_read(&self) -> Vec<PipelineId> {
        self.world().templates_read.clone()
    }

    /// The newest run of `pipeline` is like this from now on.
    pub(crate) fn now(&self, pipeline: &str, status: ExecutionStatus) {
        self.newest(pipeline, |run| run.course = Course::Stays(status));
    }

    /// This run is like this from now on.
    pub(crate) fn ends(&self, execution: &ExecutionId, status: ExecutionStatus) {
        let mut world = self.world();
        let run = world.runs.iter_mut().find(|run| run.execution == *execution);
        run.expect("there is such a run").course = Course::Stays(status);
    }

    /// The newest run of `pipeline` is shown like this from now on.
    pub(crate) fn show(&self, pipeline: &str, shown: Shown) {
        self.newest(pipeline, |run| run.shown = shown);
    }

    /// Somebody ran this, and it succeeded: none of ours.
    pub(crate) fn somebody_ran(&self, run: Rollout) {
        self.world().past_us.push(run);
    }

    /// Requests to stop are taken from now on, and nothing stops.
    pub(crate) fn is_deaf(&self, deaf: bool) {
        self.world().deaf = deaf;
    }

    /// Every run, in the order of their start.
    pub(crate) fn runs(&self) -> Vec<FakeRun> {
        self.world().runs.clone()
    }

    /// The runs of one pipeline.
    pub(crate) fn runs_of(&self, pipeline: &str) -> Vec<FakeRun> {
        self.runs().into_iter().filter(|run| run.pipeline.as_str() == pipeline).collect()
    }

    /// How often somebody asked to run `pipeline`, whatever came of it.
    pub(crate) fn triggers_of(&self, pipeline: &str) -> usize {
        self.world().triggers.iter().filter(|it| it.as_str() == pipeline).count()
    }

    /// When executions were looked at, and how many at once.
    pub(crate) fn observed(&self) -> Vec<(Instant, usize)> {
        self.world().observed.clone()
    }

    /// How often somebody asked to stop a run.
    pub(crate) fn aborts(&self) -> usize {
        self.world().aborts
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn newest(&self, pipeline: &str, change: impl FnOnce(&mut FakeRun)) {
        let mut world = self.world();
        let run = world.runs.iter_mut().rev().find(|run| run.pipeline.as_str() == pipeline);
        change(run.expect("the pipeline has a run"));
    }

    fn start(&self, request: &Wanted, shown: Shown) -> ExecutionId {
        let Wanted { request, undoes } = request.clone();
        let mut world = self.world();
        let courses = world.courses.get_mut(request.pipeline.as_str());
        let course =
            courses.and_then(VecDeque::pop_front).unwrap_or(Course::Ends(ExecutionStatus::Succeeded));
        let execution: ExecutionId = format!("run-{}", world.runs.len() + 1).parse().unwrap();
        world.runs.push(FakeRun {
            execution: execution.clone(),
            pipeline: request.pipeline.clone(),
            key: request.key.clone(),
            inputs: request.inputs.clone(),
            started: Instant::now(),
            undoes,
            course,
            shown,
            stopping: None,
        });
        execution
    }

    async fn asked(&self, asked: Wanted) -> Result<ExecutionId, TriggerError> {
        let pipeline = &asked.request.pipeline;
        let answer = {
            let mut world = self.world();
            world.triggers.push(pipeline.clone());
            world.answers.get_mut(pipeline.as_str()).and_then(VecDeque::pop_front)
        };
        if let Some(Answer::Slow(pause, _)) = &answer {
            tokio::time::sleep(*pause).await;
        }
        self.answer(answer, &asked)
    }

    fn answer(&self, answer: Option<Answer>, request: &Wanted) -> Result<ExecutionId, TriggerError> {
        let lost = || TriggerError::Unknown(transient(Cause::Timeout, "the reply did not come"));
        match answer {
            None => Ok(self.start(request, Shown::Everywhere)),
            Some(Answer::Refused(error)) => Err(TriggerError::NotRun(error)),
            Some(Answer::LostButRuns) => {
                self.start(request, Shown::Everywhere);
                Err(lost())
            }
            Some(Answer::LostAndHidden) => {
                self.start(request, Shown::Nowhere);
                Err(lost())
            }
            Some(Answer::LostAndNotRun) => Err(lost()),
            Some(Answer::Slow(_, then)) => self.answer(then.map(|answer| *answer), request),
        }
    }
}

impl FakeRun {
    /// How it is now.
    pub(crate) fn status(&self) -> ExecutionStatus {
        match (&self.course, self.stopping) {
            (Course::Stays(status), _) if status.is_final() => status.clone(),
            (_, Some(asked)) if asked.elapsed() >= STOPPING => ExecutionStatus::Aborted,
            (Course::Ends(status), _) if self.started.elapsed() >= USUAL => status.clone(),
            (Course::Stays(status), _) => status.clone(),
            (Course::Ends(_), _) => ExecutionStatus::Running,
        }
    }

    fn observation(&self) -> Observation {
        Observation {
            execution: self.execution.clone(),
            pipeline: self.pipeline.clone(),
            status: self.status(),
            harness_status: String::new(),
            started_at: None,
            ended_at: None,
        }
    }
}

#[async_trait]
impl Executions for FakeHarness {
    async fn observe(&self, executions: &[ExecutionId]) -> Result<Vec<Observation>, CallError> {
        let mut world = self.world();
        world.observed.push((Instant::now(), executions.len()));
        let listed = world.runs.iter().filter(|run| run.shown == Shown::Everywhere);
        Ok(listed.filter(|run| executions.contains(&run.execution)).map(FakeRun::observation).collect())
    }

    async fn find(
        &self,
        pipeline: &PipelineId,
        key: &CorrelationKey,
        _since: Timestamp,
    ) -> Result<Option<Observation>, CallError> {
        let world = self.world();
        let mut listed = world.runs.iter().filter(|run| run.shown == Shown::Everywhere);
        Ok(listed.find(|run| run.pipeline == *pipeline && run.key == *key).map(FakeRun::observation))
    }

    async fn find_rollback(
        &self,
        target: &HarnessRollback,
        _since: Timestamp,
    ) -> Result<Option<Observation>, CallError> {
        let world = self.world();
        let mut listed = world
            .runs
            .iter()
            .filter(|run| run.shown == Shown::Everywhere && run.undoes.as_ref() == Some(target));
        Ok(listed.next().map(FakeRun::observation))
    }

    async fn get(&self, execution: &ExecutionId) -> Result<ExecutionDetail, CallError> {
        let world = self.world();
        let run = world.runs.iter().find(|run| run.execution == *execution && run.shown != Shown::Nowhere);
        match run {
            Some(run) => Ok(ExecutionDetail { observation: run.observation(), stages: Vec::new() }),
            None => Err(CallError {
                cause: Cause::NotFound,
                message: "there is no such execution".to_owned(),
                retry: Retry::Final,
            }),
        }
    }

    async fn list(&self, _filter: &ExecutionFilter) -> Result<Vec<Observation>, CallError> {
        Ok(Vec::new())
    }

    /// What somebody ran past us, and our newest run, as if it had ended just now
    /// and its inputs were hidden.
    async fn rollouts(
        &self,
        pipeline: &PipelineId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Rollout>, CallError> {
        assert!(since < until, "{since:?} {until:?}");
        let world = self.world();
        let newest = world.runs.iter().rev().find(|run| run.pipeline == *pipeline);
        let own = newest.filter(|run| run.status() == ExecutionStatus::Succeeded).map(|run| Rollout {
            execution: run.execution.clone(),
            pipeline: pipeline.clone(),
            ended_at: until,
            given: None,
        });
        let theirs = world.past_us.iter().filter(|run| run.pipeline == *pipeline).cloned();
        Ok(theirs.chain(own).collect())
    }

    async fn template(&self, pipeline: &PipelineId) -> Result<RuntimeInputs, CallError> {
        let mut world = self.world();
        world.templates_read.push(pipeline.clone());
        let told = world.templates.get_mut(pipeline.as_str()).and_then(VecDeque::pop_front);
        told.unwrap_or_else(|| Ok(usual_template()))
    }

    async fn url(&self, pipeline: &PipelineId, execution: &ExecutionId) -> Result<String, CallError> {
        Ok(self.link(pipeline, execution))
    }

    fn link(&self, _pipeline: &PipelineId, execution: &ExecutionId) -> String {
        format!("https://harness.invalid/{execution}")
    }
}

#[async_trait]
impl Pipelines for FakeHarness {
    async fn trigger(&self, request: &TriggerRequest) -> Result<ExecutionId, TriggerError> {
        self.asked(Wanted { request: request.clone(), undoes: None }).await
    }

    async fn roll_back(&self, target: &HarnessRollback) -> Result<ExecutionId, TriggerError> {
        let request = TriggerRequest {
            pipeline: format!("deploy_{}", target.environment).parse().unwrap(),
            key: "no-key-of-ours".parse().unwrap(),
            inputs: BTreeMap::new(),
            input_sets: Vec::new(),
            pipeline_branch: None,
        };
        self.asked(Wanted { request, undoes: Some(target.clone()) }).await
    }

    async fn abort(&self, execution: &ExecutionId) -> Result<(), CallError> {
        let mut world = self.world();
        world.aborts += 1;
        if !world.deaf
            && let Some(run) = world.runs.iter_mut().find(|run| run.execution == *execution)
        {
            run.stopping.get_or_insert_with(Instant::now);
        }
        Ok(())
    }
}

/// Takes what it is given, and the tests' `region`.
pub(crate) fn usual_template() -> RuntimeInputs {
    let names = Variable::ALL.map(Variable::name).into_iter().chain(["region".parse().unwrap()]);
    RuntimeInputs { inputs: names.map(optional).collect(), takes_key: true }
}

/// A variable that may be given.
pub(crate) fn optional(name: VariableName) -> RuntimeInput {
    RuntimeInput { asked: Asked::Variable(name), required: false, allowed: Vec::new(), pattern: None }
}

/// An error that may pass.
pub(crate) fn transient(cause: Cause, message: &str) -> CallError {
    CallError { cause, message: message.to_owned(), retry: Retry::Retryable { after: None } }
}

/// A run that failed for a reason that may pass.
pub(crate) fn unlucky() -> ExecutionStatus {
    failed(Retry::Retryable { after: None })
}

/// A run that said no.
pub(crate) fn rejected() -> ExecutionStatus {
    failed(Retry::Final)
}

fn failed(retry: Retry) -> ExecutionStatus {
    let message = "the cluster did not answer".to_owned();
    ExecutionStatus::Failed(Failure { cause: Cause::PipelineFailed, message, retry })
}
