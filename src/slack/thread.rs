//! What is kept of a deployment's messages in a channel: where they are.

use serde::{Deserialize, Serialize};

use super::question::Question;
use crate::domain::id::EnvironmentName;
use crate::domain::message::Message;
use crate::domain::notice::Topic;
use crate::domain::subject::Digest;
use crate::ports::Thread;

/// Where the messages about one deployment are. A message is named by its
/// channel's id and its time, which Slack gives out as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The id of the channel, however the config names it.
    pub(super) channel: String,
    /// The summary, under which the others are.
    pub(super) root: String,
    /// The question that people are asked, while they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<AskedThere>,
}

/// The message that asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AskedThere {
    pub(super) ts: String,
    pub(super) request: u32,
    pub(super) digest: Digest,
    pub(super) environment: EnvironmentName,
}

impl Place {
    /// What was kept; `None` where it is something else: then all is told anew.
    pub(super) fn read(thread: &Thread) -> Option<Self> {
        serde_json::from_str(&thread.0).ok()
    }

    pub(super) fn to_thread(&self) -> Thread {
        Thread(serde_json::to_string(self).expect("it is strings and numbers"))
    }
}

impl AskedThere {
    /// Whether people are still asked this, as far as `message` shows. Only
    /// messages about approvals say what is asked; by any other one it is over
    /// once the deployment waits no more.
    pub(super) fn is_open(&self, message: &Message) -> bool {
        match &message.asked {
            Some(asked) => asked.request == self.request && asked.digest == self.digest,
            None => {
                let is_about_it = message.notice.topic == Topic::ApprovalDecided
                    || super::blocks::asks(message.notice.topic);
                !is_about_it && message.about.state == "awaiting-approval"
            }
        }
    }
}

/// What the buttons under `message` are an answer to.
pub(super) fn question(message: &Message) -> Option<Question> {
    message.asked.as_ref().map(|asked| Question {
        deployment: message.about.deployment.clone(),
        request: asked.request,
        digest: asked.digest.clone(),
    })
}
