//! What was not told, and telling it again.

use schemars::JsonSchema;
use serde::Serialize;

use super::{App, Error};
use crate::domain::deployment::Deployment;
use crate::domain::principal::Actor;
use crate::domain::role::Right;
use crate::domain::text::shortened;
use crate::store::{Undelivered, Which};

/// Messages that a status shows.
const SHOWN_IN_A_STATUS: usize = 5;

/// The longest error that is shown.
const ERROR_LIMIT: usize = 300;

/// A message that was not delivered so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MessageView {
    /// The deployment that it is about.
    pub deployment_id: String,
    /// What it is about: `failed`, `approval-requested`.
    pub topic: String,
    /// The channel of the config.
    pub channel: String,
    /// The Jira issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
    /// Since when it is to be told.
    pub since: String,
    /// How often it was tried.
    pub attempts: u32,
    /// `true`: it is not tried again until a person runs `messages --resend`.
    pub given_up: bool,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_untrusted: Option<String>,
}

impl App {
    /// The messages that were not delivered so far, oldest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn messages(&self, which: Which) -> Result<Vec<MessageView>, Error> {
        let undelivered = self.blocking(move |store| store.undelivered(&which)).await?;
        Ok(undelivered.iter().map(MessageView::from).collect())
    }

    /// Try again at once what was not delivered. How many messages these are.
    ///
    /// # Errors
    /// When `actor` may not operate, or those of the database.
    pub async fn resend(&self, which: Which, actor: &Actor) -> Result<usize, Error> {
        self.require_person(actor, Right::Operate)?;
        let now = self.clock.now();
        let resent = self.blocking(move |store| store.resend(&which, now)).await?;
        self.wake.ring();
        Ok(resent)
    }

    /// Those about one deployment that were tried in vain.
    pub(super) async fn untold(&self, deployment: &Deployment) -> Result<Vec<MessageView>, Error> {
        let mut messages = self.messages(Which::about(&deployment.id)).await?;
        messages.retain(|message| message.error_untrusted.is_some());
        messages.truncate(SHOWN_IN_A_STATUS);
        Ok(messages)
    }
}

impl From<&Undelivered> for MessageView {
    fn from(it: &Undelivered) -> Self {
        Self {
            deployment_id: it.deployment.to_string(),
            topic: it.topic.as_str().to_owned(),
            channel: it.destination.channel.to_string(),
            issue: it.destination.issue.as_ref().map(ToString::to_string),
            since: it.routed_at.to_rfc3339(),
            attempts: it.attempts,
            given_up: it.given_up_at.is_some(),
            error_untrusted: it.last_error.as_ref().map(|error| shortened(error, ERROR_LIMIT)),
        }
    }
}

impl MessageView {
    /// Where it was to go, for people.
    #[must_use]
    pub fn address(&self) -> String {
        self.issue.as_ref().map_or_else(|| self.channel.clone(), |issue| format!("{} {issue}", self.channel))
    }

    /// How it stands, for people.
    #[must_use]
    pub fn standing(&self) -> String {
        let times = if self.attempts == 1 { "once".to_owned() } else { format!("{} times", self.attempts) };
        if self.given_up { format!("given up, tried {times}") } else { format!("tried {times}") }
    }
}
