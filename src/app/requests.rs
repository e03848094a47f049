//! The approval requests of a deployment, one after the other, and what came of each.

use crate::domain::event::{Event, MainEvent};
use crate::domain::record::{EventRecord, What};
use crate::domain::text::shortened;

/// The longest reason that is shown.
const REASON_LIMIT: usize = 400;

/// A request that is open no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedView {
    /// Its number.
    pub request: u32,
    /// How: `approved`, `rejected`, `expired`, `void`, `withdrawn`, or `ended` with its deployment.
    pub outcome: &'static str,
    /// When; of one that was withdrawn, when that was, and not when it expired or people were asked anew.
    pub at: String,
    /// Who took it back, where it was.
    pub taken_back_by: Option<String>,
    /// Why it is void, or was taken back.
    pub reason_untrusted: Option<String>,
}

/// The requests that `records`, all of one deployment and in their order, opened and
/// closed. Where the last is open still, it is not among them.
pub(super) fn closed(records: &[EventRecord]) -> Vec<ClosedView> {
    let mut closed = Vec::new();
    let (mut number, mut open) = (0, false);
    // Nobody can answer it any more, whatever ends it in the end.
    let mut taken_back: Option<ClosedView> = None;
    for record in records {
        let What::Event(Event::Main(event)) = &record.what else { continue };
        if let MainEvent::ApprovalRequested { .. } = event {
            (number, open, taken_back) = (number + 1, true, None);
            continue;
        }
        let at = record.at.to_rfc3339();
        if let MainEvent::ApprovalWithdrawn { reason } = event {
            taken_back = Some(ClosedView {
                request: number,
                outcome: "withdrawn",
                at,
                taken_back_by: Some(record.actor.principal.to_string()),
                reason_untrusted: Some(shortened(reason, REASON_LIMIT)),
            });
            continue;
        }
        let (outcome, reason) = match event {
            MainEvent::Approved => ("approved", None),
            MainEvent::Rejected => ("rejected", None),
            MainEvent::ApprovalExpired => ("expired", None),
            // Also after it was approved, as long as nothing was sent.
            MainEvent::ApprovalVoided { reason } => {
                closed.retain(|it: &ClosedView| it.request != number);
                open = number > 0;
                ("void", Some(shortened(reason, REASON_LIMIT)))
            }
            _ if record.state != "awaiting-approval" => ("ended", None),
            _ => continue,
        };
        if std::mem::take(&mut open) {
            closed.push(taken_back.take().unwrap_or(ClosedView {
                request: number,
                outcome,
                at,
                taken_back_by: None,
                reason_untrusted: reason,
            }));
        }
    }
    closed
}
