//! On whom or what a deployment waits, for people who look at many.

use super::App;
use super::environments::{EnvironmentView, EnvironmentsView};
use super::view::ApprovalSummary;
use super::wait::needs_somebody;
use crate::domain::approval::ApprovalRequest;
use crate::domain::deployment::Deployment;
use crate::domain::id::EnvironmentName;
use crate::domain::place::{Held, Hold};
use crate::domain::state::State;
use crate::domain::time::Timestamp;

/// On whom or what a deployment waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitView {
    /// On people who are asked.
    People {
        /// Before which environment.
        environment: String,
        /// How many have approved.
        given: usize,
        /// How many must.
        required: u32,
        /// Who may decide.
        who: Vec<String>,
        /// When it expires.
        until: String,
    },
    /// On its turn to go to an environment.
    Turn {
        /// Where.
        environment: String,
        /// Where it stands in the queue, if it is in it.
        queue: Option<QueueView>,
        /// What else keeps it out.
        holds: Vec<KeptOut>,
    },
    /// On anything else, in one sentence: for the most part on Harness.
    Other {
        /// What it waits for.
        what: String,
        /// Whether nothing goes on until somebody does something.
        needs_somebody: bool,
    },
}

/// A place in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueView {
    /// 1 for the one whose turn it is.
    pub position: usize,
    /// How many wait.
    pub length: usize,
    /// The deployment that has the place meanwhile.
    pub taken_by: Option<String>,
}

/// Something that keeps a deployment out, beside the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOut {
    /// What. A person's reason in it is data.
    pub by_untrusted: String,
    /// When it ends by itself, if that is known.
    pub ends_at: Option<String>,
}

/// What somebody who looks at many wants to know first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// Nothing goes on until somebody does something.
    NeedsSomebody,
    /// It stands before an environment.
    KeptOut,
    /// It goes on by itself.
    Moves,
}

impl WaitView {
    /// What it means for whoever looks at many.
    #[must_use]
    pub fn concern(&self) -> Concern {
        match self {
            Self::People { .. } | Self::Other { needs_somebody: true, .. } => Concern::NeedsSomebody,
            Self::Turn { .. } => Concern::KeptOut,
            Self::Other { needs_somebody: false, .. } => Concern::Moves,
        }
    }
}

impl App {
    /// On whom or what `deployment` waits, among what is in the environments at the same moment.
    pub(super) fn wait_of(&self, deployment: &Deployment, among: &EnvironmentsView) -> WaitView {
        let state = &deployment.progress.state;
        if let (Some(held), Some(environment)) = (&deployment.progress.held, state.environment()) {
            return turn(deployment, environment, held, among);
        }
        match state {
            State::AwaitingApproval { request: Some(request), .. } if self.asks(deployment, request) => {
                let summary = ApprovalSummary::of(deployment, request);
                WaitView::People {
                    environment: summary.environment,
                    given: summary.approved_by.len(),
                    required: summary.required_approvals,
                    who: summary.approvers,
                    until: summary.expires_at,
                }
            }
            _ => WaitView::Other {
                what: self.waiting_for(deployment),
                needs_somebody: needs_somebody(deployment),
            },
        }
    }

    /// Whether it is up to people now.
    fn asks(&self, deployment: &Deployment, request: &ApprovalRequest) -> bool {
        let guards = request.guards_of_opening(deployment.parties(), self.clock.now());
        request.withdrawn.is_none()
            && request.rejection(&deployment.id).is_none()
            && guards.iter().any(|guard| !guard.holds)
    }
}

/// What was recorded says why it is held. Who has the place and who waits changes without a
/// record of its own, and is taken from `among`.
fn turn(
    deployment: &Deployment,
    environment: &EnvironmentName,
    held: &Held,
    among: &EnvironmentsView,
) -> WaitView {
    let here = among.environments.iter().find(|it| it.environment == environment.as_str());
    let queue = here.and_then(|here| queue_of(deployment, here));
    let is_of_the_queue = |hold: &&Hold| matches!(hold, Hold::Taken { .. } | Hold::Queued { .. });
    let holds =
        held.by.iter().filter(|hold| queue.is_none() || !is_of_the_queue(hold)).map(kept_out).collect();
    WaitView::Turn { environment: environment.to_string(), queue, holds }
}

fn queue_of(deployment: &Deployment, here: &EnvironmentView) -> Option<QueueView> {
    let id = deployment.id.to_string();
    let service = deployment.spec.service.as_str();
    let services = here.services.iter().filter(|it| it.service == service);
    services.into_iter().find_map(|it| {
        let place = it.queue.iter().position(|waiting| *waiting == id)?;
        Some(QueueView { position: place + 1, length: it.queue.len(), taken_by: it.place_taken_by.clone() })
    })
}

fn kept_out(hold: &Hold) -> KeptOut {
    let by_untrusted = match hold {
        // Since when it is locked stands beside the lock itself.
        Hold::Locked { by, reason, .. } => format!("{by} has locked it: {reason}"),
        other => other.to_string(),
    };
    KeptOut { by_untrusted, ends_at: hold.ends_at().map(Timestamp::to_rfc3339) }
}
