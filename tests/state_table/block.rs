//! The table's words for a state and for what comes of an event.

use std::fmt::Write as _;

use deployment_orchestrator::domain::deployment::Mode;
use deployment_orchestrator::domain::guard::Refusal;
use deployment_orchestrator::domain::run::Run;
use deployment_orchestrator::domain::state::State;
use deployment_orchestrator::domain::transition::Transition;

use super::NOW;
use super::events::events;
use super::fixtures::deployment;
use super::samples::Sample;

/// One sample with everything that can be said to it.
pub(crate) fn block(sample: &Sample) -> String {
    let mut block = shown(&sample.deployment.progress.state);
    if !sample.note.is_empty() {
        let _ = write!(block, " {}", sample.note.trim_start_matches(", "));
    }
    block.push('\n');
    let mut refused: Vec<String> = Vec::new();
    for (note, event) in events(&sample.deployment) {
        let name = format!("{}{note}", event.name());
        let outcome = match sample.deployment.apply(&event, NOW) {
            Ok(transition) => accepted(&transition),
            Err(Refusal::Guarded { guards, .. }) => {
                let unmet: Vec<&str> =
                    guards.iter().filter(|guard| !guard.holds).map(|guard| guard.name).collect();
                format!("guarded: {}", unmet.join(", "))
            }
            Err(Refusal::NotAllowed { .. }) => {
                if refused.last() != Some(&event.name().0) {
                    refused.push(event.name().0);
                }
                continue;
            }
        };
        let _ = writeln!(block, "    {name:<34}{outcome}");
    }
    let _ = writeln!(block, "    not-allowed: {}", refused.join(" "));
    block
}

/// A state in a few words.
fn shown(state: &State) -> String {
    let within = match state {
        State::Pending | State::Completed | State::Cancelled | State::RolledBack => return state.name(),
        State::Active { work, .. } => attempt(&work.run),
        State::AwaitingApproval { request: None, .. } => "no request".to_owned(),
        State::AwaitingApproval { request: Some(request), .. } => {
            format!("request {}, {} decisions", request.number, request.decisions.len())
        }
        State::Cancelling { stopping: None, .. } => "nothing".to_owned(),
        State::Cancelling { stopping: Some(work), .. } => format!("{} {}", work.stage, attempt(&work.run)),
        State::RollingBack(rollback) => {
            let first = match &rollback.stopping {
                Some(work) => format!("{} {}, then ", work.stage, attempt(&work.run)),
                None => String::new(),
            };
            let then = rollback.then.iter().fold(String::new(), |mut then, restore| {
                let _ = write!(then, ", then {}", restore.environment);
                then
            });
            format!("{first}{} {}{then}", rollback.stage(), attempt(&rollback.run))
        }
        State::Failed { stage, reason } => format!("{stage}, {}", reason.name()),
        State::RollbackFailed { failure } => failure.cause.as_str().to_owned(),
    };
    format!("{}[{within}]", state.name())
}

fn attempt(run: &Run) -> String {
    match run.attempt {
        1 => run.status.name().to_owned(),
        number => format!("{} #{number}", run.status.name()),
    }
}

fn accepted(transition: &Transition) -> String {
    let mut line = format!("→ {}", shown(&transition.progress.state));
    for notice in &transition.notices {
        let _ = write!(line, "  tells {}", notice.topic.as_str());
    }
    if let Some(deployed) = &transition.deployed {
        let own = deployed.version.deployment == deployment(Mode::Auto).id;
        let version = if own { "this version" } else { "the earlier version" };
        let _ = write!(line, "  {} has {version}", deployed.environment);
    }
    line
}
