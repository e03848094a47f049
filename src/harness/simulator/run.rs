//! One simulated run: its status is a function of its script and the time.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::id::{ExecutionId, PipelineId};
use crate::domain::time::Timestamp;

use super::script::{Ending, Pipeline};

/// A run that the simulator accepted, as a test sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// Its id.
    pub execution: ExecutionId,
    /// Its pipeline.
    pub pipeline: PipelineId,
    /// The variables that it was given.
    pub inputs: BTreeMap<String, String>,
    /// The input sets that it was given.
    pub input_sets: Vec<String>,
    /// The run that it undoes, if it is a rollback.
    pub undoes: Option<ExecutionId>,
    /// The branch of its pipeline's YAML.
    pub branch: Option<String>,
    /// Its notes.
    pub notes: Option<String>,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// Harness's display word at the moment of the question. A run that has
    /// vanished, or is not yet visible, keeps the word that it would show.
    pub status: String,
}

/// A run as it was accepted. Nothing changes afterwards but an abort.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) execution: ExecutionId,
    pub(super) pipeline: PipelineId,
    pub(super) inputs: BTreeMap<String, String>,
    pub(super) input_yaml: String,
    pub(super) input_sets: Vec<String>,
    pub(super) undoes: Option<ExecutionId>,
    pub(super) branch: Option<String>,
    pub(super) notes: Option<String>,
    pub(super) started_at: Timestamp,
    pub(super) course: Pipeline,
    pub(super) ending: Ending,
    pub(super) abort: Option<Abort>,
}

/// An abort that was accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abort {
    pub(super) asked_at: Timestamp,
    pub(super) takes: Duration,
}

/// What a stage shows.
pub(super) struct StageNow<'a> {
    pub(super) name: &'a str,
    pub(super) status: &'a str,
    pub(super) started_at: Option<Timestamp>,
    pub(super) ended_at: Option<Timestamp>,
}

impl Run {
    /// Whether a read at `now` knows the run.
    pub(super) fn is_visible(&self, now: Timestamp) -> bool {
        let age = now.since(self.started_at);
        let vanished = self.ending == Ending::Vanishes && age >= self.lasts();
        age >= Duration::from_millis(self.course.hidden_ms) && !vanished
    }

    /// The display word at `now`.
    pub(super) fn status(&self, now: Timestamp) -> &str {
        match self.abort {
            Some(abort) if now >= abort.asked_at.plus(abort.takes) => "Aborted",
            Some(_) => "Discontinuing",
            None => self.undisturbed(now),
        }
    }

    /// When the run ended, if it has at `now`.
    pub(super) fn ended_at(&self, now: Timestamp) -> Option<Timestamp> {
        let end = match self.abort {
            Some(abort) => abort.asked_at.plus(abort.takes),
            None if self.ending == Ending::ApprovalWaiting => return None,
            None => self.started_at.plus(self.lasts()),
        };
        (now >= end).then_some(end)
    }

    /// What the last stage says of a failure, and its types.
    pub(super) fn failure(&self, now: Timestamp) -> Option<(&str, &[String])> {
        let ended = self.abort.is_none() && self.ended_at(now).is_some();
        match &self.ending {
            Ending::Failed { types, message } if ended => Some((message, types)),
            Ending::Expired if ended => Some(("the pipeline ran out of time", &[])),
            Ending::ApprovalRejected if ended => Some(("an approver rejected it", &[])),
            Ending::AbortedByFreeze if ended => Some(("a freeze window is active", &[])),
            _ => None,
        }
    }

    /// The stages: those before the present one are done, those after it have
    /// not begun, and the present one shows what the run shows.
    pub(super) fn stages(&self, now: Timestamp) -> Vec<StageNow<'_>> {
        let names: Vec<&str> = match self.course.stages.as_slice() {
            [] => vec![self.pipeline.as_str()],
            stages => stages.iter().map(String::as_str).collect(),
        };
        let begun = self.started_at.plus(Duration::from_millis(self.course.queued_ms));
        let share = self.course.duration_ms / names.len().max(1) as u64;
        let stopped = self.abort.map_or(now, |abort| abort.asked_at);
        let spent = u64::try_from(stopped.since(begun).as_millis()).unwrap_or(u64::MAX);
        let present =
            spent.checked_div(share).map_or(names.len(), |stage| stage as usize).min(names.len() - 1);
        let at = |stage: usize| begun.plus(Duration::from_millis(share * stage as u64));

        let stage = |(index, name)| {
            let (status, started_at, ended_at) = match index {
                index if index < present => ("Success", Some(at(index)), Some(at(index + 1))),
                index if index > present || now < begun => ("NotStarted", None, None),
                index => (self.status(now), Some(at(index)), self.ended_at(now)),
            };
            StageNow { name, status, started_at, ended_at }
        };
        names.into_iter().enumerate().map(stage).collect()
    }

    pub(super) fn record(&self, now: Timestamp) -> RunRecord {
        RunRecord {
            execution: self.execution.clone(),
            pipeline: self.pipeline.clone(),
            inputs: self.inputs.clone(),
            input_sets: self.input_sets.clone(),
            undoes: self.undoes.clone(),
            branch: self.branch.clone(),
            notes: self.notes.clone(),
            started_at: self.started_at,
            status: self.status(now).to_owned(),
        }
    }

    fn undisturbed(&self, now: Timestamp) -> &str {
        let age = now.since(self.started_at);
        let queued = Duration::from_millis(self.course.queued_ms);
        let duration = Duration::from_millis(self.course.duration_ms);
        let Some(running) = age.checked_sub(queued) else { return "NotStarted" };
        if running < duration {
            return match &self.ending {
                Ending::Strange { word } if running >= duration / 2 => word,
                Ending::Wavers if (duration / 3..duration * 2 / 3).contains(&running) => "Queued",
                _ => "Running",
            };
        }
        match &self.ending {
            Ending::Success | Ending::Strange { .. } | Ending::Wavers | Ending::Vanishes => "Success",
            Ending::IgnoreFailed => "IgnoreFailed",
            Ending::Failed { .. } => "Failed",
            Ending::Expired => "Expired",
            Ending::ApprovalRejected => "ApprovalRejected",
            Ending::AbortedByFreeze => "AbortedByFreeze",
            Ending::Aborted => "Aborted",
            Ending::ApprovalWaiting => "ApprovalWaiting",
        }
    }

    fn lasts(&self) -> Duration {
        Duration::from_millis(self.course.queued_ms.saturating_add(self.course.duration_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000_000);

    fn run(ending: Ending) -> Run {
        let stages = ["Build", "Push"].map(str::to_owned).to_vec();
        Run {
            execution: "run-1".parse().expect("an id"),
            pipeline: "build".parse().expect("a pipeline"),
            inputs: BTreeMap::new(),
            input_yaml: String::new(),
            input_sets: Vec::new(),
            undoes: None,
            branch: None,
            notes: None,
            started_at: START,
            course: Pipeline { queued_ms: 100, duration_ms: 600, stages, ..Pipeline::default() },
            ending,
            abort: None,
        }
    }

    /// The words in the order in which they show, each said once.
    fn words(run: &Run) -> Vec<&str> {
        let mut words: Vec<&str> =
            (0..=100).map(|tick| run.status(START.plus(Duration::from_millis(tick * 10)))).collect();
        words.dedup();
        words
    }

    #[test]
    fn a_run_shows_one_word_after_the_other() {
        let strange = Ending::Strange { word: "Frobnicating".to_owned() };
        assert_eq!(words(&run(Ending::Success)), ["NotStarted", "Running", "Success"]);
        assert_eq!(words(&run(strange)), ["NotStarted", "Running", "Frobnicating", "Success"]);
        assert_eq!(words(&run(Ending::Wavers)), ["NotStarted", "Running", "Queued", "Running", "Success"]);
        assert_eq!(words(&run(Ending::ApprovalWaiting)), ["NotStarted", "Running", "ApprovalWaiting"]);

        let abort =
            Abort { asked_at: START.plus(Duration::from_millis(300)), takes: Duration::from_millis(50) };
        let aborted = Run { abort: Some(abort), ..run(Ending::Success) };
        assert_eq!(aborted.status(abort.asked_at), "Discontinuing");
        assert_eq!(aborted.status(abort.asked_at.plus(abort.takes)), "Aborted");
    }

    #[test]
    fn the_stages_share_the_time() {
        let at = |ms| {
            let run = run(Ending::Success);
            let stages = run.stages(START.plus(Duration::from_millis(ms)));
            stages.iter().map(|stage| stage.status.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(at(50), ["NotStarted", "NotStarted"]);
        assert_eq!(at(200), ["Running", "NotStarted"]);
        assert_eq!(at(500), ["Success", "Running"]);
        assert_eq!(at(700), ["Success", "Success"]);
    }
}
