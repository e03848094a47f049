//! One deployment as people look at it: where it is, what ran for it, and what
//! they may do about it.

use super::strip::{self, StripStage};
use super::view::StatusView;
use super::{App, Error, Session};
use crate::domain::event::Event;
use crate::domain::record::{EventRecord, What};
use crate::domain::role::Right;
use crate::domain::run::RunEvent;

/// A deployment in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryView {
    /// How it is, with every state that it went through.
    pub status: StatusView,
    /// Its way.
    pub strip: Vec<StripStage>,
    /// When it was created.
    pub created_at: String,
    /// For whom, and by which client.
    pub started_by: String,
    /// What ran for it in Harness, in order.
    pub executions: Vec<ExecutionLine>,
    /// Those of CANCEL, RETRY and ROLLBACK that it would take now from whoever looks.
    pub acts: Vec<String>,
}

/// An execution that was begun for a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionLine {
    /// In which state.
    pub stage: String,
    /// Harness's id.
    pub execution: String,
    /// Where a person can look at it; empty where it is not known which Harness this is.
    pub url: String,
    /// When Harness took it.
    pub at: String,
}

/// What a person may do on the page.
const ACTS: [&str; 3] = ["CANCEL", "RETRY", "ROLLBACK"];

impl App {
    /// A deployment in full, for somebody who looks in `session`.
    ///
    /// # Errors
    /// When there is no such deployment.
    pub async fn story(&self, id: &str, session: &Session) -> Result<StoryView, Error> {
        let status = self.full_status(id).await?;
        let deployment = self.load(id).await?;
        let records = self.records_of(&deployment).await?;
        let may_operate = self.may(session, &[Right::Operate]);
        let is_open = |act: &&str| may_operate && status.available_events.iter().any(|open| open == *act);
        Ok(StoryView {
            strip: strip::of(&deployment),
            created_at: deployment.created_at.to_rfc3339(),
            started_by: deployment.spec.initiator.principal.to_string(),
            executions: records.iter().filter_map(|record| self.execution_line(record)).collect(),
            acts: ACTS.into_iter().filter(is_open).map(ToOwned::to_owned).collect(),
            status,
        })
    }

    fn execution_line(&self, record: &EventRecord) -> Option<ExecutionLine> {
        let What::Event(Event::Run(RunEvent::TriggerAccepted { execution, pipeline })) = &record.what else {
            return None;
        };
        Some(ExecutionLine {
            stage: record.state.clone(),
            execution: execution.to_string(),
            url: self.executions.link(pipeline, execution),
            at: record.at.to_rfc3339(),
        })
    }
}
