//! The way of a deployment at a glance: each stage and gate, and how far it is.

use crate::domain::deployment::Deployment;
use crate::domain::state::{FailureReason, State};
use crate::domain::workflow::Stage;

/// One stage or gate of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripStage {
    /// `building`, `deploying-prod`; a gate is `approval-prod`.
    pub name: String,
    /// How it stands.
    pub standing: Standing,
}

/// How a stage stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It ended well.
    Done,
    /// It is at work.
    Now,
    /// People are asked.
    Asked,
    /// It failed.
    Failed,
    /// It is still to come.
    Ahead,
}

impl Standing {
    /// One word, for people and for a style sheet.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Now => "now",
            Self::Asked => "asked",
            Self::Failed => "failed",
            Self::Ahead => "ahead",
        }
    }
}

/// The way of `deployment`; nothing where its state does not say how far it came.
pub(super) fn of(deployment: &Deployment) -> Vec<StripStage> {
    let names = names(deployment);
    let (here, standing) = match &deployment.progress.state {
        State::Pending => (0, Standing::Ahead),
        State::Active { work, .. } => (place(&names, &work.stage.to_string()), Standing::Now),
        State::AwaitingApproval { environment, .. } => {
            (place(&names, &format!("approval-{environment}")), Standing::Asked)
        }
        State::Failed { stage, reason } => (place(&names, &failed(stage, reason)), Standing::Failed),
        State::Completed => (names.len(), Standing::Done),
        State::Cancelling { .. }
        | State::RollingBack(_)
        | State::Cancelled
        | State::RolledBack
        | State::RollbackFailed { .. } => return Vec::new(),
    };
    let standing_of = |place: usize| match place.cmp(&here) {
        std::cmp::Ordering::Less => Standing::Done,
        std::cmp::Ordering::Equal => standing,
        std::cmp::Ordering::Greater => Standing::Ahead,
    };
    names
        .into_iter()
        .enumerate()
        .map(|(place, name)| StripStage { name, standing: standing_of(place) })
        .collect()
}

fn names(deployment: &Deployment) -> Vec<String> {
    let way = &deployment.spec.workflow;
    let stages = std::iter::successors(Some(Stage::Validating), |stage| way.after(stage));
    let mut names = Vec::new();
    for stage in stages {
        if let Stage::Deploying(environment) = &stage
            && way.is_gated(&stage)
        {
            names.push(format!("approval-{environment}"));
        }
        names.push(stage.to_string());
    }
    names
}

fn failed(stage: &Stage, reason: &FailureReason) -> String {
    match (reason, stage) {
        (
            FailureReason::ApprovalRejected { .. } | FailureReason::ApprovalExpired,
            Stage::Deploying(environment),
        ) => format!("approval-{environment}"),
        _ => stage.to_string(),
    }
}

fn place(names: &[String], name: &str) -> usize {
    names.iter().position(|known| known == name).unwrap_or(names.len())
}
