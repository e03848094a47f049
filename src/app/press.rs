//! Answers that people give with a button under a question, which may be an old one.

use super::{Answer, App, Code, Error};
use crate::domain::assurance::Assurance;
use crate::domain::event::{Event, MainEvent};
use crate::domain::id::{DeploymentId, PrincipalName};
use crate::domain::principal::{Actor, Channel, Principal};
use crate::domain::record::What;
use crate::domain::text::shortened;

/// The longest name that another system may have for somebody.
const NAME_LIMIT: usize = 40;

impl App {
    /// Take what `person` answered in Slack. The same answer to the same request
    /// once more, as of a second click, changes nothing and is no refusal.
    ///
    /// # Errors
    /// As [`Self::vouch`]; whatever did not count is recorded.
    pub async fn press(&self, answer: &Answer, person: &PrincipalName) -> Result<(), Error> {
        let actor = Actor::in_slack(person.clone());
        let outcome = self.seal_and_take(answer, person, actor.assurance, &actor).await;
        if outcome.is_err() && self.has_answered(answer, person).await {
            return Ok(());
        }
        self.remembering(&answer.deployment_id, &actor, outcome).await.map(drop)
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

    /// Whether the history has this answer of the person.
    async fn has_answered(&self, answer: &Answer, person: &PrincipalName) -> bool {
        let Ok(id) = answer.deployment_id.parse::<DeploymentId>() else { return false };
        let Ok(deployment) = self.load(id.as_str()).await else { return false };
        let records = self.records_of(&deployment).await.unwrap_or_default();
        records.iter().any(|record| match &record.what {
            What::Event(Event::Main(MainEvent::DecisionMade { decision })) => {
                let said = &decision.statement;
                said.person == *person
                    && said.verdict == answer.verdict
                    && said.request == answer.request
                    && said.digest.0 == answer.digest
            }
            _ => false,
        })
    }
}
