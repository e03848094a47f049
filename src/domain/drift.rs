//! Whether an environment still runs what this server deployed there last.
//!
//! Two witnesses are heard: Harness, which knows what was run past us, and the
//! environment itself, where the config names an address. Each is compared with
//! our own view and with nothing else. What a witness does not say clearly is
//! unknown, and never "no drift". Nothing is repaired.

use std::collections::BTreeMap;
use std::fmt;

use super::deployment::Variable;
use super::entrance::Stay;
use super::event::Event;
use super::execution::{ExecutionStatus, Observation};
use super::health::Answer;
use super::id::{CommitSha, EnvironmentName, ExecutionId, PipelineId, VariableName};
use super::place::Place;
use super::record::{EventRecord, What};
use super::replay::{Replayed, replay};
use super::run::RunEvent;
use super::template::Template;
use super::text::shortened;
use super::time::Timestamp;

/// Who was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Harness's executions.
    Harness,
    /// The address at which the environment says what it runs.
    VersionUrl,
}

impl Source {
    /// The wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Harness => "harness",
            Self::VersionUrl => "version-url",
        }
    }

    /// Who that is, for a sentence.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Harness => "Harness",
            Self::VersionUrl => "the environment itself",
        }
    }
}

/// What a witness says, compared with what we deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// The same.
    None,
    /// It cannot be told.
    Unknown {
        /// Why not. May hold text from outside, shortened.
        why: String,
    },
    /// Something else.
    Differs {
        /// What we deployed.
        ours: String,
        /// What the witness says. Text from outside, shortened.
        theirs: String,
        /// The witness.
        source: Source,
    },
}

impl Drift {
    fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into() }
    }
}

/// Where an environment says which commit it runs. From the config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionCheck {
    /// Where to ask, with a GET.
    pub url: Template,
    /// Where in a JSON answer the commit stands (RFC 6901); `None` where the whole answer is the commit.
    pub pointer: Option<String>,
}

/// What we believe to be there, and what brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Where.
    pub place: Place,
    /// The commit.
    pub commit: CommitSha,
    /// The execution that brought it.
    pub execution: ExecutionId,
    /// When we saw that it had succeeded.
    pub since: Timestamp,
}

/// A run that succeeded, as Harness lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// Which.
    pub execution: ExecutionId,
    /// Of which pipeline.
    pub pipeline: PipelineId,
    /// When it ended; when it started, where Harness does not say.
    pub ended_at: Timestamp,
    /// The variables that it was given; `None` where Harness does not show them.
    pub given: Option<BTreeMap<VariableName, String>>,
}

/// Whose a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Of this service in this environment.
    This,
    /// Of something else.
    Another,
    /// It does not say.
    Unclear,
}

impl Rollout {
    /// Whether it went there, as far as its inputs say.
    #[must_use]
    pub fn may_go_to(&self, place: &Place) -> bool {
        self.whose(place) != Whose::Another
    }

    fn whose(&self, place: &Place) -> Whose {
        let Some(given) = &self.given else { return Whose::Unclear };
        let names = |variable: Variable, wanted: &str| match given.get(&variable.name()) {
            // Harness puts something in its place when it runs.
            Some(value) if value.contains("<+") => Whose::Unclear,
            Some(value) if value == wanted => Whose::This,
            Some(_) => Whose::Another,
            None => Whose::Unclear,
        };
        match (
            names(Variable::Service, place.service.as_str()),
            names(Variable::Environment, place.environment.as_str()),
        ) {
            (Whose::Another, _) | (_, Whose::Another) => Whose::Another,
            (Whose::This, Whose::This) => Whose::This,
            _ => Whose::Unclear,
        }
    }

    /// It in words. Its inputs are what somebody typed in.
    fn in_words(&self) -> String {
        let commit = self.given.as_ref().and_then(|given| given.get(&Variable::CommitSha.name()));
        let commit =
            commit.map_or_else(|| "an unknown commit".to_owned(), |commit| shortened(commit, COMMIT_LIMIT));
        format!(
            "{commit}, by execution {} of {}, which this server did not start",
            self.execution, self.pipeline
        )
    }
}

/// So much of what should be a commit is shown.
const COMMIT_LIMIT: usize = 64;

/// What Harness says. `own` is our execution as Harness has it now; `past_us` are
/// the runs of the pipelines that go there which are none of ours.
///
/// What ended before ours has been replaced by it. Of what ended later, that it
/// goes to this place is certain where its inputs name service and environment.
#[must_use]
pub fn in_harness(live: &Live, own: Option<&Observation>, past_us: &[Rollout]) -> Drift {
    let since = own.and_then(|own| own.ended_at).unwrap_or(live.since);
    let mut later: Vec<&Rollout> = past_us.iter().filter(|run| run.ended_at > since).collect();
    later.sort_by_key(|run| std::cmp::Reverse(run.ended_at));
    if let Some(theirs) = later.iter().find(|run| run.whose(&live.place) == Whose::This) {
        return differs(&live.commit, theirs.in_words(), Source::Harness);
    }
    match own.map(|own| &own.status) {
        Some(ExecutionStatus::Failed(_) | ExecutionStatus::Aborted) => {
            let word = own.map_or("", |own| own.harness_status.as_str());
            return differs(&live.commit, format!("execution {} is {word}", live.execution), Source::Harness);
        }
        Some(ExecutionStatus::Succeeded) => {}
        Some(_) => {
            return Drift::unknown(format!("execution {}, which brought it, is not over", live.execution));
        }
        None => {
            return Drift::unknown(format!(
                "Harness does not know execution {}, which brought it",
                live.execution
            ));
        }
    }
    match later.iter().find(|run| run.whose(&live.place) == Whose::Unclear) {
        Some(run) => Drift::unknown(format!(
            "execution {} of {}, which this server did not start, does not say to which service and environment it went",
            run.execution, run.pipeline
        )),
        None => Drift::None,
    }
}

/// What the environment says of itself.
#[must_use]
pub fn in_answer(ours: &CommitSha, check: &VersionCheck, answer: &Result<String, Unread>) -> Drift {
    let body = match answer {
        Ok(body) => body,
        Err(error) => return Drift::unknown(error.to_string()),
    };
    let said = match &check.pointer {
        None => body.trim().to_owned(),
        Some(pointer) => match serde_json::from_str::<serde_json::Value>(body) {
            Ok(json) => match json.pointer(pointer).and_then(serde_json::Value::as_str) {
                Some(said) => said.trim().to_owned(),
                None => return Drift::unknown(format!("the answer has no text at {pointer}")),
            },
            Err(_) => return Drift::unknown("the answer is no JSON"),
        },
    };
    match said.to_ascii_lowercase().parse::<CommitSha>() {
        Ok(commit) if commit.is_same_as(ours) => Drift::None,
        Ok(commit) => differs(ours, commit.to_string(), Source::VersionUrl),
        Err(_) => Drift::unknown(format!("it says `{}`, which is no commit", shortened(&said, COMMIT_LIMIT))),
    }
}

fn differs(ours: &CommitSha, theirs: String, source: Source) -> Drift {
    Drift::Differs { ours: ours.to_string(), theirs, source }
}

/// The execution that brought what is in `environment`, by the history of the
/// deployment that brought it.
#[must_use]
pub fn brought_by(
    history: &[EventRecord],
    environment: &EnvironmentName,
    stay: &Stay,
) -> Option<ExecutionId> {
    let replayed = replay(history).ok()?;
    let delivered = replayed.delivered.iter().rev();
    let delivered = delivered
        .filter(|it| it.deployed.environment == *environment && it.at == stay.since)
        .map(|it| it.position)
        .next()?;
    let earlier = history.iter().rev().filter(|record| record.position < delivered);
    earlier.filter_map(execution_of).next()
}

/// Whether the deployment of this history has run something in `environment` after
/// `since`, or may have, as one whose history cannot be followed. A trigger that Harness refused has not.
#[must_use]
pub fn has_run_in(history: &[EventRecord], environment: &EnvironmentName, since: Timestamp) -> bool {
    let Some((first, later)) = history.split_first() else { return true };
    let Ok(mut replayed) = Replayed::begin(first) else { return true };
    for record in later {
        if replayed.follow(record).is_err() {
            return true;
        }
        let may_have_run = matches!(
            record.what,
            What::Event(Event::Run(RunEvent::TriggerAccepted { .. } | RunEvent::TriggerLost { .. }))
        );
        if may_have_run
            && record.at > since
            && replayed.deployment.progress.place.as_ref() == Some(environment)
        {
            return true;
        }
    }
    false
}

fn execution_of(record: &EventRecord) -> Option<ExecutionId> {
    match &record.what {
        What::Event(Event::Run(RunEvent::TriggerAccepted { execution, .. })) => Some(execution.clone()),
        _ => None,
    }
}

/// Why an environment did not say what it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It gave another answer than 200, or none.
    Answered(Answer),
    /// It says too much.
    TooLong,
    /// What it says is no text in UTF-8.
    NoText,
}

impl fmt::Display for Unread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(answer) => write!(out, "the version address gives {answer}"),
            Self::TooLong => out.write_str("the answer is longer than 64 KiB"),
            Self::NoText => out.write_str("the answer is no text"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::execution::{Cause, Failure, Retry};

    const OURS: &str = "5c1b2f09e1d34c7aa0b7e2f1c9d8e7f6a5b4c3d2";
    const THEIRS: &str = "9f3c2d1";

    fn live() -> Live {
        Live {
            place: Place {
                service: "checkout".parse().expect("a service"),
                environment: "prod".parse().expect("a name"),
            },
            commit: OURS.parse().expect("hexadecimal"),
            execution: "ours".parse().expect("an id"),
            since: Timestamp(100),
        }
    }

    fn own(status: ExecutionStatus) -> Observation {
        Observation {
            execution: live().execution,
            pipeline: "deploy_prod".parse().expect("a pipeline"),
            status,
            harness_status: "Aborted".to_owned(),
            started_at: Some(Timestamp(50)),
            ended_at: Some(Timestamp(90)),
        }
    }

    fn run(ended_at: i64, given: &[(&str, &str)]) -> Rollout {
        let given = given.iter().map(|(name, value)| (name.parse().expect("a name"), (*value).to_owned()));
        Rollout {
            execution: format!("run-{ended_at}").parse().expect("an id"),
            pipeline: "deploy_prod".parse().expect("a pipeline"),
            ended_at: Timestamp(ended_at),
            given: Some(given.collect()),
        }
    }

    fn here(ended_at: i64) -> Rollout {
        run(ended_at, &[("service", "checkout"), ("environment", "prod"), ("commit_sha", THEIRS)])
    }

    fn said(drift: &Drift) -> String {
        match drift {
            Drift::None => "none".to_owned(),
            Drift::Unknown { why } => format!("unknown: {why}"),
            Drift::Differs { ours, theirs, source } => {
                assert_eq!(ours, OURS);
                format!("{}: {theirs}", source.as_str())
            }
        }
    }

    #[test]
    fn what_harness_says_is_the_same_another_or_unknown() {
        let succeeded = || Some(own(ExecutionStatus::Succeeded));
        let failure = Failure { cause: Cause::PipelineFailed, message: "no".to_owned(), retry: Retry::Final };
        let hidden = Rollout { given: None, ..run(95, &[]) };
        let of = |service: &str, environment: &str| {
            run(95, &[("service", service), ("environment", environment), ("commit_sha", THEIRS)])
        };
        for (own, runs, says) in [
            (succeeded(), vec![], "none"),
            (succeeded(), vec![here(90), here(60)], "none"),
            (
                succeeded(),
                vec![here(91), here(95)],
                "harness: 9f3c2d1, by execution run-95 of deploy_prod, which this server did not start",
            ),
            (succeeded(), vec![of("basket", "prod"), of("checkout", "dev")], "none"),
            (
                succeeded(),
                vec![hidden.clone()],
                "unknown: execution run-95 of deploy_prod, which this server did not start, does not say to which service and environment it went",
            ),
            (
                succeeded(),
                vec![of("<+input>", "prod")],
                "unknown: execution run-95 of deploy_prod, which this server did not start, does not say to which service and environment it went",
            ),
            (
                succeeded(),
                vec![run(95, &[("service", "checkout")])],
                "unknown: execution run-95 of deploy_prod, which this server did not start, does not say to which service and environment it went",
            ),
            (succeeded(), vec![run(95, &[("service", "basket")])], "none"),
            (
                succeeded(),
                vec![hidden, here(92)],
                "harness: 9f3c2d1, by execution run-92 of deploy_prod, which this server did not start",
            ),
            (Some(own(ExecutionStatus::Aborted)), vec![], "harness: execution ours is Aborted"),
            (Some(own(ExecutionStatus::Failed(failure))), vec![], "harness: execution ours is Aborted"),
            (
                Some(own(ExecutionStatus::Unknown("Odd".to_owned()))),
                vec![],
                "unknown: execution ours, which brought it, is not over",
            ),
            (None, vec![], "unknown: Harness does not know execution ours, which brought it"),
            (
                None,
                vec![here(101)],
                "harness: 9f3c2d1, by execution run-101 of deploy_prod, which this server did not start",
            ),
        ] {
            assert_eq!(said(&in_harness(&live(), own.as_ref(), &runs)), says, "{own:?} {runs:?}");
        }
    }

    #[test]
    fn what_the_environment_says_is_a_commit_or_unknown() {
        let long = "x".repeat(100);
        for (pointer, body, says) in [
            (None, OURS, "none"),
            (None, " 5C1B2F0\n", "none"),
            (None, THEIRS, "version-url: 9f3c2d1"),
            (None, "v1.4.2", "unknown: it says `v1.4.2`, which is no commit"),
            (None, "", "unknown: it says ``, which is no commit"),
            (Some("/build/commit"), r#"{"build":{"commit":"5c1b2f09"}}"#, "none"),
            (Some("/build/commit"), r#"{"build":{"commit":"9f3c2d1"}}"#, "version-url: 9f3c2d1"),
            (
                Some("/build/commit"),
                r#"{"build":"9f3c2d1"}"#,
                "unknown: the answer has no text at /build/commit",
            ),
            (Some("/commit"), r#"{"commit":9}"#, "unknown: the answer has no text at /commit"),
            (Some("/commit"), "<html>", "unknown: the answer is no JSON"),
            (None, &long, &format!("unknown: it says `{}…`, which is no commit", "x".repeat(64))),
        ] {
            let url = Template::plain("https://acme.example/version".to_owned());
            let check = VersionCheck { url, pointer: pointer.map(str::to_owned) };
            assert_eq!(said(&in_answer(&live().commit, &check, &Ok(body.to_owned()))), says, "{body}");
            let gone = Err(Unread::Answered(Answer::Status(404)));
            assert_eq!(
                said(&in_answer(&live().commit, &check, &gone)),
                "unknown: the version address gives HTTP 404"
            );
        }
    }
}
