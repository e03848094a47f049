//! What is left to do after the glass was broken: somebody else looks at it.

use schemars::JsonSchema;
use serde::Serialize;

use super::reason::REASON_LIMIT;
use super::{App, Code, Error};
use crate::domain::decision::Verdict;
use crate::domain::deployment::Deployment;
use crate::domain::event::{Event, MainEvent};
use crate::domain::id::{EnvironmentName, PrincipalName};
use crate::domain::principal::Actor;
use crate::domain::record::What;
use crate::domain::remark::Remark;
use crate::domain::role::Right;
use crate::domain::text::shortened;
use crate::store::{About, LARGEST_PAGE, OpenReview, Store};

/// A use of break-glass that nobody has looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReviewView {
    /// The deployment.
    pub deployment_id: String,
    /// The environment whose gate was opened past its rules.
    pub environment: String,
    /// When.
    pub at: String,
    /// By whom.
    pub broken_by: Vec<String>,
}

impl App {
    /// The uses of break-glass that nobody has looked at, oldest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn reviews(&self) -> Result<Vec<ReviewView>, Error> {
        let mut reviews = Vec::new();
        for open in self.blocking(Store::open_reviews).await? {
            reviews.push(ReviewView {
                deployment_id: open.deployment.to_string(),
                environment: open.review.environment.to_string(),
                at: open.opened_at.to_rfc3339(),
                broken_by: self.glass_breakers(&open).await?.iter().map(ToString::to_string).collect(),
            });
        }
        Ok(reviews)
    }

    /// Close the reviews of a deployment.
    ///
    /// # Errors
    /// When none is open, or `actor` is no admin, or took part.
    pub async fn review(&self, id: &str, note: &str, actor: Actor) -> Result<(), Error> {
        let person = self.require_person(&actor, Right::Administer)?;
        let deployment = self.load(id).await?;
        let open = self.blocking(Store::open_reviews).await?;
        let own: Vec<OpenReview> = open.into_iter().filter(|it| it.deployment == deployment.id).collect();
        if own.is_empty() {
            return Err(Error::new(
                Code::MalformedArgument,
                format!("there is nothing to review about {}", deployment.id),
                "`reviews` lists what is open",
            ));
        }
        for review in &own {
            if self.glass_breakers(review).await?.contains(person) {
                return Err(Error::new(
                    Code::NotPermitted,
                    format!("{person} took part in breaking the glass, and does not review it"),
                    "another admin reviews it",
                ));
            }
        }
        if note.trim().is_empty() {
            return Err(Error::new(
                Code::MalformedArgument,
                "a review says what was found",
                "write it after --note",
            ));
        }
        let about = About::Deployment { id: deployment.id.clone(), notice: None };
        self.remark(about, Remark::Reviewed { note: shortened(note, REASON_LIMIT) }, &actor).await
    }

    /// Who broke the glass, as the history has it.
    async fn glass_breakers(&self, open: &OpenReview) -> Result<Vec<PrincipalName>, Error> {
        let id = open.deployment.clone();
        let records = self.blocking(move |store| store.history(&id, 0, LARGEST_PAGE)).await?;
        let statements = records.iter().filter_map(|record| match &record.what {
            What::Event(Event::Main(MainEvent::DecisionMade { decision })) => Some(&decision.statement),
            _ => None,
        });
        Ok(statements
            .filter(|it| it.verdict == Verdict::BreakGlass && it.request == open.review.request)
            .map(|it| it.person.clone())
            .collect())
    }

    /// Whether every earlier use of break-glass at this gate was looked at.
    ///
    /// # Errors
    /// The one that is due, of the same service and environment.
    pub(super) async fn no_review_is_due(
        &self,
        deployment: &Deployment,
        environment: &EnvironmentName,
    ) -> Result<(), Error> {
        let open = self.blocking(Store::open_reviews).await?;
        for due in open.into_iter().filter(|due| due.review.environment == *environment) {
            let id = due.deployment.clone();
            let other = self.blocking(move |store| store.load(&id)).await?;
            if other.spec.service == deployment.spec.service {
                return Err(Error::new(
                    Code::ReviewDue,
                    format!(
                        "the glass of {} was broken for {} before, and nobody has reviewed that",
                        due.review.environment, due.deployment
                    ),
                    format!("an admin who did not take part runs `review {} --note …` first", due.deployment),
                ));
            }
        }
        Ok(())
    }
}
