//! What was read a moment ago: deployments that start together have the same
//! pipelines, and Harness counts our calls.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::id::PipelineId;
use crate::domain::runtime_input::RuntimeInputs;

/// How long a template counts as just read. Whoever corrects a pipeline in
/// Harness and starts anew takes longer.
const FRESH: Duration = Duration::from_secs(5);

/// Templates that are kept at most.
const LIMIT: usize = 100;

/// The templates that were read lately.
#[derive(Default)]
pub(super) struct Recent(Mutex<HashMap<PipelineId, (Instant, RuntimeInputs)>>);

impl Recent {
    pub(super) fn get(&self, pipeline: &PipelineId) -> Option<RuntimeInputs> {
        let (read_at, template) = self.kept().get(pipeline).cloned()?;
        (read_at.elapsed() < FRESH).then_some(template)
    }

    pub(super) fn keep(&self, pipeline: &PipelineId, template: &RuntimeInputs) {
        let mut kept = self.kept();
        if kept.len() >= LIMIT {
            kept.clear();
        }
        kept.insert(pipeline.clone(), (Instant::now(), template.clone()));
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<PipelineId, (Instant, RuntimeInputs)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_read_is_kept_for_a_moment() {
        let recent = Recent::default();
        let pipeline: PipelineId = "deploy_dev".parse().expect("a pipeline");
        assert_eq!(recent.get(&pipeline), None);
        recent.keep(&pipeline, &RuntimeInputs::default());
        assert_eq!(recent.get(&pipeline), Some(RuntimeInputs::default()));
        tokio::time::advance(FRESH).await;
        assert_eq!(recent.get(&pipeline), None);
    }
}
