//! The notifier that is always there: the log.

use async_trait::async_trait;

use crate::domain::notice::Notice;
use crate::ports::{CallError, Notifier};

/// Tells the log. Cannot fail.
#[derive(Debug, Clone, Copy)]
pub struct Journal;

#[async_trait]
impl Notifier for Journal {
    async fn tell(&self, notice: &Notice) -> Result<(), CallError> {
        tracing::info!(
            deployment = %notice.deployment,
            topic = notice.topic.as_str(),
            key = %notice.key,
            "{}", notice.text
        );
        Ok(())
    }
}
