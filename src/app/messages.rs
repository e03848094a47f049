//! What was not told, and telling it again.

use schemars::JsonSchema;
use serde::Serialize;

use super::{App, Code, Error};
use crate::domain::deployment::Deployment;
use crate::domain::id::ChannelName;
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
    /// When there is no such deployment or channel.
    pub async fn messages(&self, which: Which) -> Result<Vec<MessageView>, Error> {
        let wanted = which.clone();
        let undelivered = self.blocking(move |store| store.undelivered(&wanted)).await?;
        if undelivered.is_empty() {
            self.there_is(&which).await?;
        }
        Ok(undelivered.iter().map(MessageView::from).collect())
    }

    /// Try again at once what was not delivered. How many messages these are.
    ///
    /// # Errors
    /// When `actor` may not operate, or there is no such deployment or channel.
    pub async fn resend(&self, which: Which, actor: &Actor) -> Result<usize, Error> {
        self.require_person(actor, Right::Operate)?;
        let (wanted, now) = (which.clone(), self.clock.now());
        let resent = self.blocking(move |store| store.resend(&wanted, now)).await?;
        if resent == 0 {
            self.there_is(&which).await?;
        }
        self.wake.ring();
        Ok(resent)
    }

    /// A misspelt name would look as if all of it had been delivered. A channel that
    /// has left the config may still have messages, so it is only looked for where there are none.
    async fn there_is(&self, which: &Which) -> Result<(), Error> {
        if let Some(id) = &which.deployment {
            self.load(id.as_str()).await?;
        }
        let routing = &self.policy.routing;
        let mut known = routing.channels.iter().chain(&routing.tracker);
        match &which.channel {
            Some(channel) if !known.any(|it| it == channel) => Err(self.no_such_channel(channel)),
            _ => Ok(()),
        }
    }

    /// The refusal of a name that no channel has.
    fn no_such_channel(&self, name: &ChannelName) -> Error {
        let routing = &self.policy.routing;
        let names: Vec<&str> =
            routing.channels.iter().chain(&routing.tracker).map(ChannelName::as_str).collect();
        let there_are = match names.as_slice() {
            [] => "the config has no channels".to_owned(),
            names => format!("the channels are: {}", names.join(", ")),
        };
        Error::new(Code::MalformedArgument, format!("there is no channel `{name}`"), there_are)
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
        let times = match self.attempts {
            0 => return "waits".to_owned(),
            1 => "once".to_owned(),
            more => format!("{more} times"),
        };
        if self.given_up { format!("given up, tried {times}") } else { format!("tried {times}") }
    }
}
