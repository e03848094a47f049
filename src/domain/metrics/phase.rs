//! What a deployment does with its time.

use crate::domain::deployment::Progress;
use crate::domain::run::{Phase as Word, Run, RunStatus};
use crate::domain::state::State;
use crate::domain::workflow::Stage;

/// What happens in a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing yet: it is held outside of the environment, or Harness has not begun.
    Queue,
    /// It is worked on; the questions about its health are part of that.
    Run,
    /// A person or a timer is waited for: inside Harness, before another attempt,
    /// or for whoever sends the next event.
    Wait,
}

/// The stage that a deployment is in, and what happens there. `None` where it is
/// in no stage: before the first, while people are asked, and when it is over.
pub(super) fn of(progress: &Progress) -> Option<(Stage, Phase)> {
    let (stage, run) = progress.state.work()?;
    let is_held = progress.held.is_some() && matches!(progress.state, State::Active { .. });
    let phase = if is_held { Phase::Queue } else { of_run(&stage, run) };
    Some((stage, phase))
}

fn of_run(stage: &Stage, run: &Run) -> Phase {
    match &run.status {
        // Validation has no execution: it is at work from the beginning.
        RunStatus::NotStarted { .. } if *stage == Stage::Validating => Phase::Run,
        RunStatus::NotStarted { .. } if run.attempt > 1 => Phase::Wait,
        RunStatus::NotStarted { .. }
        | RunStatus::Triggering { .. }
        | RunStatus::OutcomeUnknown { .. }
        | RunStatus::Live { phase: Word::Queued, .. } => Phase::Queue,
        RunStatus::Live { phase: Word::Running | Word::Unknown(_), .. } | RunStatus::Probing { .. } => {
            Phase::Run
        }
        RunStatus::Live { phase: Word::NeedsHuman(_), .. }
        | RunStatus::Succeeded { .. }
        | RunStatus::Failed { .. }
        | RunStatus::Aborted { .. } => Phase::Wait,
    }
}
