//! A tracker in memory: it has some issues, and remembers which was told what.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use deployment_orchestrator::domain::digest::Digest;
use deployment_orchestrator::domain::id::IssueKey;
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::ports::{Extent, Messenger, Sight, TellError, Telling, Thread, Tracker};

#[derive(Default)]
pub(crate) struct FakeTracker {
    /// All others are there.
    pub(crate) missing: Mutex<BTreeSet<IssueKey>>,
    pub(crate) is_down: Mutex<bool>,
    /// How long each look takes.
    pub(crate) takes: Mutex<Duration>,
    told: Mutex<Vec<(String, Topic)>>,
}

impl FakeTracker {
    /// The issues that were told of this, in their order.
    pub(crate) fn told_of(&self, topic: Topic) -> Vec<String> {
        let told = self.told.lock().unwrap();
        told.iter().filter(|(_, of)| *of == topic).map(|(issue, _)| issue.clone()).collect()
    }
}

#[async_trait]
impl Tracker for FakeTracker {
    async fn look_at(&self, issue: &IssueKey) -> Result<Sight, TellError> {
        let takes = *self.takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        if *self.is_down.lock().unwrap() {
            let message = "Jira had a server error (503)".to_owned();
            return Err(TellError::Later { message, after: None, of: Extent::Messenger });
        }
        let missing = self.missing.lock().unwrap().contains(issue);
        Ok(if missing { Sight::Missing } else { Sight::Visible })
    }
}

#[async_trait]
impl Messenger for FakeTracker {
    async fn tell(&self, telling: &Telling<'_>) -> Result<Option<Thread>, TellError> {
        let issue = telling.issue.expect("a tracker is told of issues");
        self.told.lock().unwrap().push((issue.to_string(), telling.message.notice.topic));
        assert!(telling.message.about.issues.contains(issue));
        Ok(None)
    }

    async fn tell_together(&self, digest: &Digest) -> Result<(), TellError> {
        panic!("a tracker is told of each: {digest:?}")
    }
}
