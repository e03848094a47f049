//! Waiting for a deployment without holding anything but a connection.

use std::time::Duration;

use super::view::StatusView;
use super::{App, Code, Error};
use crate::domain::deployment::{Deployment, Mode};
use crate::domain::run::{Phase, RunStatus};
use crate::domain::state::{self, State};
use crate::domain::text::shortened;

/// What to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Until {
    /// Any event after this version, or after the present one.
    Change(Option<u64>),
    /// The deployment needs a person or, in mode `step`, its caller; or it is over.
    Attention,
    /// The deployment is over.
    Ended,
    /// It is in the state of this name, or over.
    State(String),
}

impl Until {
    /// From a caller's word.
    #[must_use]
    pub fn parse(text: Option<&str>, version: Option<u64>) -> Self {
        match text {
            None | Some("change") => Self::Change(version),
            Some("attention") => Self::Attention,
            Some("ended") => Self::Ended,
            Some(state) => Self::State(state.to_owned()),
        }
    }

    /// A misspelt state would be waited for in vain.
    fn check(&self, deployment: &Deployment) -> Result<(), Error> {
        let Self::State(name) = self else { return Ok(()) };
        let names = state::names(&deployment.spec.workflow);
        if names.contains(name) {
            return Ok(());
        }
        Err(Error::new(
            Code::MalformedArgument,
            format!("`{}` is nothing to wait for", shortened(name, 80)),
            format!("wait for change, attention, ended, or one of the states {}", names.join(", ")),
        ))
    }

    fn is_met(&self, deployment: &Deployment, first_version: u64) -> bool {
        let state = &deployment.progress.state;
        match self {
            Self::Change(since) => deployment.progress.version > since.unwrap_or(first_version),
            Self::Attention => state.is_terminal() || needs_somebody(deployment),
            Self::Ended => state.is_terminal(),
            // A gate whose request is still being opened asks nobody anything.
            Self::State(name) => {
                state.is_terminal()
                    || state.name() == *name
                        && !matches!(state, State::AwaitingApproval { request: None, .. })
            }
        }
    }
}

/// Whether nothing goes on until somebody outside does something.
pub(super) fn needs_somebody(deployment: &Deployment) -> bool {
    let step = deployment.spec.mode == Mode::Step;
    match &deployment.progress.state {
        State::Pending => step,
        State::AwaitingApproval { request, .. } => request.is_some(),
        state => state.work().is_some_and(|(stage, run)| match &run.status {
            RunStatus::Live { phase: Phase::NeedsHuman(_), .. } => true,
            RunStatus::OutcomeUnknown { .. } => deployment.spec.workflow.is_cautious(&stage),
            RunStatus::Succeeded { .. } => step && matches!(state, State::Active { .. }),
            _ => false,
        }),
    }
}

/// The longest wait of one call: many MCP clients give up after a minute.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(50);

/// How long an event of another process may stay unnoticed.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);

impl App {
    /// Wait until the condition holds or `timeout` has passed, at most
    /// 50 seconds; `changed` hears of every new version on the way. The
    /// second part of the answer says whether the condition holds. Dropping the
    /// call leaves the deployment as it is.
    ///
    /// # Errors
    /// When there is no such deployment, or no such state to wait for.
    pub async fn wait<F: Future<Output = ()>>(
        &self,
        id: &str,
        until: &Until,
        timeout: Duration,
        mut changed: impl FnMut(StatusView) -> F,
    ) -> Result<(StatusView, bool), Error> {
        let mut bell = self.wake.listen();
        let deadline = tokio::time::Instant::now() + timeout.min(LONGEST_WAIT);
        let mut deployment = self.load(id).await?;
        until.check(&deployment)?;
        let first_version = deployment.progress.version;
        let mut told = first_version;
        loop {
            if until.is_met(&deployment, first_version) {
                return Ok((self.view(&deployment).await?, true));
            }
            if tokio::time::Instant::now() >= deadline {
                return Ok((self.view(&deployment).await?, false));
            }
            if deployment.progress.version > told {
                told = deployment.progress.version;
                changed(self.view(&deployment).await?).await;
            }
            tokio::select! {
                () = bell.heard() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = tokio::time::sleep_until(deadline) => {}
            }
            deployment = self.load(id).await?;
        }
    }
}
