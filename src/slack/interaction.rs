//! What Slack sends when somebody presses a button, read. Who pressed is Slack's
//! word; whether they may decide, and whether this still is a question, is not judged here.

use serde::Deserialize;

use super::blocks::{APPROVE, REJECT};
use super::question::Question;
use crate::domain::decision::Verdict;

/// Somebody pressed Approve or Reject.
#[derive(Clone, PartialEq, Eq)]
pub struct Press {
    /// Their id in Slack.
    pub user: String,
    /// The id of the workspace that they belong to.
    pub team: String,
    /// Which button.
    pub verdict: Verdict,
    /// Under which question.
    pub question: Question,
    /// Where Slack takes an answer for them. Whoever knows it can write there: it is a secret.
    pub response_url: Option<String>,
}

/// It is not what Slack sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no interaction of Slack")]
pub struct NotUnderstood;

/// Read the body of a request: a form whose field `payload` is JSON. `None`
/// where something else was done than to press one of our buttons.
///
/// # Errors
/// When it is no interaction.
pub fn read(body: &[u8]) -> Result<Option<Press>, NotUnderstood> {
    let mut fields = form_urlencoded::parse(body);
    let (_, payload) = fields.find(|(name, _)| name == "payload").ok_or(NotUnderstood)?;
    let interaction: Interaction = serde_json::from_str(&payload).map_err(|_| NotUnderstood)?;
    Ok(interaction.press())
}

#[derive(Deserialize)]
struct Interaction {
    #[serde(rename = "type")]
    kind: String,
    user: User,
    team: Option<Team>,
    #[serde(default)]
    actions: Vec<Action>,
    response_url: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: String,
    /// Theirs, which in a shared channel is not the channel's.
    team_id: Option<String>,
}

#[derive(Deserialize)]
struct Team {
    id: String,
}

#[derive(Deserialize)]
struct Action {
    #[serde(default)]
    action_id: String,
    #[serde(default)]
    value: String,
}

impl Interaction {
    fn press(self) -> Option<Press> {
        let [action] = self.actions.as_slice() else { return None };
        let verdict = match action.action_id.as_str() {
            APPROVE => Verdict::Approve,
            REJECT => Verdict::Reject,
            _ => return None,
        };
        let question = action.value.parse().ok().filter(|_| self.kind == "block_actions")?;
        let team = self.user.team_id.or(self.team.map(|team| team.id)).unwrap_or_default();
        Some(Press { user: self.user.id, team, verdict, question, response_url: self.response_url })
    }
}
