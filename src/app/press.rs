//! Answers that people give with a button under a question, which may be an old one.

use super::{Answer, App, Code, Error};
use crate::domain::assurance::Assurance;
use crate::domain::id::PrincipalName;
use crate::domain::principal::{Actor, Channel, Principal};
use crate::domain::text::shortened;

/// The longest name that another system may have for somebody.
const NAME_LIMIT: usize = 40;

impl App {
    /// Take what `person` answered in Slack.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn press(&self, answer: &Answer, person: &PrincipalName) -> Result<(), Error> {
        self.answer(answer, person, &Actor::in_slack(person.clone())).await
    }

    /// Keep in the history that somebody pressed a button whom the config does
    /// not know: `user` of the workspace `team`, as Slack calls them.
    ///
    /// # Errors
    /// Always: what to say to them.
    pub async fn turn_away(&self, answer: &Answer, team: &str, user: &str) -> Result<(), Error> {
        let (team, user) = (shortened(team, NAME_LIMIT), shortened(user, NAME_LIMIT));
        let refusal = Err(Error::new(
            Code::NotPermitted,
            format!("the config knows nobody as the Slack user {user} of the workspace {team}"),
            format!("an operator of the server adds slack_user = \"{user}\" to the person under [people]"),
        ));
        // Nobody whom we know acted: it is the server that saw this.
        let server =
            Actor { principal: Principal::System, channel: Channel::Slack, assurance: Assurance::System };
        self.remembering(&answer.deployment_id, &server, refusal).await
    }
}
