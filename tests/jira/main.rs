//! What Jira is told, over real HTTP, by a Jira that remembers and a Jira that fails.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a test's own work"
)]

mod fake;
mod moving;
mod samples;
mod shapes;
mod telling;
mod trouble;

use deployment_orchestrator::domain::message::Message;
use deployment_orchestrator::jira::Jira;
use deployment_orchestrator::ports::{Messenger as _, TellError, Telling, Thread};

/// Tell SHOP-42.
async fn tell(jira: &Jira, message: &Message, thread: Option<&Thread>) -> Result<Thread, TellError> {
    let issue = samples::issue();
    let told = jira.tell(&Telling { message, issue: Some(&issue), thread }).await;
    told.map(|thread| thread.expect("what finds the comment again"))
}
