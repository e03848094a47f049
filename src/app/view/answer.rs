//! What somebody answered to an approval request.

use crate::domain::event::{Event, MainEvent};
use crate::domain::record::{EventRecord, What};
use crate::domain::text::shortened;

/// The longest reason that is shown.
const REASON_LIMIT: usize = 300;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerView {
    /// Who.
    pub by: String,
    /// `approved`, `rejected` or `broken the glass for`.
    pub said: &'static str,
    /// When it was recorded.
    pub at: String,
    /// What tells us so.
    pub assurance: String,
    /// Why, in that person's words.
    pub reason_untrusted: Option<String>,
}

impl AnswerView {
    /// The answer in `record`, if it is one to this request.
    pub(in crate::app) fn of(record: &EventRecord, request: u32) -> Option<Self> {
        let What::Event(Event::Main(MainEvent::DecisionMade { decision })) = &record.what else {
            return None;
        };
        let statement = &decision.statement;
        (statement.request == request).then(|| Self {
            by: statement.person.to_string(),
            said: statement.verdict.past_tense(),
            at: record.at.to_rfc3339(),
            assurance: statement.assurance.to_string(),
            reason_untrusted: statement.reason.as_ref().map(|reason| shortened(reason, REASON_LIMIT)),
        })
    }
}
