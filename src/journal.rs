//! What is told to the log: everything, whoever else is told.

use crate::domain::notice::Notice;

/// Note a notice.
pub fn note(notice: &Notice) {
    tracing::info!(
        deployment = %notice.deployment,
        topic = notice.topic.as_str(),
        key = %notice.key,
        "{}", notice.text
    );
}
