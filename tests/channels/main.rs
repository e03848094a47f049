//! Telling people in Teams, by e-mail and by webhook: what is shown, and what is
//! said to servers that answer as they should, as they should not, and not at all.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a test's own work"
)]

mod mail;
mod post_office;
mod receiver;
#[path = "../messages/samples.rs"]
mod samples;
mod teams;
mod webhook;

use std::time::Duration;

use deployment_orchestrator::domain::digest::Digest;
use deployment_orchestrator::domain::message::Message;
use deployment_orchestrator::ports::{Messenger, TellError, Telling, Thread};

/// For answers that are expected to come.
const PATIENT: Duration = Duration::from_secs(20);

/// For answers that are expected not to come.
const HASTY: Duration = Duration::from_millis(250);

/// The messages that are kept word for word: all but the largest, of which other tests say what matters.
fn kept() -> Vec<(&'static str, Message)> {
    samples::all().into_iter().filter(|(name, _)| *name != "hostile").collect()
}

/// Everything that the samples tell, at once.
fn digest() -> Digest {
    Digest::of(samples::all().into_iter().map(|(_, message)| message.notice).collect()).unwrap()
}

/// Tell it as the first message of its deployment.
async fn told(messenger: &impl Messenger, message: &Message) -> Result<Option<Thread>, TellError> {
    messenger.tell(&Telling { message, issue: None, thread: None }).await
}

/// The sentence of a refusal for good.
fn never(told: Result<Option<Thread>, TellError>) -> String {
    match told {
        Err(TellError::Never { message }) => message,
        other => panic!("expected a refusal for good, not {other:?}"),
    }
}

/// The sentence of a refusal for now, and for how many seconds it is meant.
fn later(told: Result<Option<Thread>, TellError>) -> (String, Option<u64>) {
    match told {
        Err(TellError::Later { message, after, .. }) => (message, after.map(|it| it.as_secs())),
        other => panic!("expected a refusal for now, not {other:?}"),
    }
}
