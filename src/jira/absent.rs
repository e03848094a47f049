//! What stands for Jira where nobody can be asked.

use async_trait::async_trait;

use crate::domain::id::IssueKey;
use crate::ports::{Sight, TellError, Tracker};

/// There is no Jira.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoJira;

/// There is one, and what it takes to ask it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// What is missing, and how to give it.
    pub reason: String,
}

#[async_trait]
impl Tracker for NoJira {
    async fn look_at(&self, _issue: &IssueKey) -> Result<Sight, TellError> {
        Ok(Sight::NotAsked)
    }
}

#[async_trait]
impl Tracker for Absent {
    async fn look_at(&self, _issue: &IssueKey) -> Result<Sight, TellError> {
        Err(TellError::Never { message: self.reason.clone() })
    }
}
