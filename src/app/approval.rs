//! Asking people, and taking what they have signed.

use super::view::{ApprovalView, StatusView};
use super::{App, Code, Error};
use crate::domain::approval::{ApprovalRequest, Digest, Statement, Verdict};
use crate::domain::deployment::Deployment;
use crate::domain::event::MainEvent;
use crate::domain::id::PrincipalName;
use crate::domain::principal::{Actor, Channel, Principal};
use crate::domain::signature::{PrivateKey, SignedDecision};
use crate::domain::state::State;
use crate::domain::text::shortened;
use crate::domain::workflow::Stage;
use crate::store::Expected;

/// The longest reason that a decision keeps.
const REASON_LIMIT: usize = 300;

/// A decision that was taken.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The decision in its text form.
    pub token: String,
    /// The deployment after it.
    pub status: StatusView,
}

impl App {
    /// The open request: what people are asked, and how they answer. This is
    /// all that an agent's `approve` does; it decides nothing.
    ///
    /// # Errors
    /// When the deployment does not wait for an approval.
    pub async fn approval(&self, id: &str) -> Result<ApprovalView, Error> {
        let deployment = self.load(id).await?;
        let request = open_request(&deployment)?;
        let stage = Stage::Deploying(request.environment.clone());
        let subject = deployment.subject(&stage, Some(request.gate.version())).ok_or_else(|| {
            Error::new(
                Code::NotAwaitingApproval,
                format!("{} is not on the way of {}", request.environment, deployment.id),
                "look at get_status",
            )
        })?;
        if Digest::of(&subject) != request.digest {
            return Err(self.voided(&deployment, "what would happen differs from what was asked").await?);
        }
        Ok(ApprovalView::new(&deployment, request, subject))
    }

    /// Take a decision that a person signed, over whatever channel it came.
    ///
    /// # Errors
    /// When the token is malformed, or a guard of the request does not hold.
    pub async fn decide(&self, id: &str, token: &str, channel: Channel) -> Result<StatusView, Error> {
        let decision: SignedDecision = token.parse()?;
        let deployment = self.load(id).await?;
        open_request(&deployment)?;
        let actor =
            Actor { principal: Principal::Human { name: decision.statement.person.clone() }, channel };
        let recorded =
            self.record(&deployment.id, MainEvent::DecisionMade { decision }, actor, Expected::Any).await?;
        self.view(&recorded).await
    }

    /// What `person` signs to answer the open request.
    ///
    /// # Errors
    /// When the deployment does not wait for an approval.
    pub async fn statement(
        &self,
        id: &str,
        person: &PrincipalName,
        verdict: Verdict,
        reason: Option<&str>,
    ) -> Result<Statement, Error> {
        let deployment = self.load(id).await?;
        let request = open_request(&deployment)?;
        Ok(Statement {
            deployment_id: deployment.id.clone(),
            environment: request.environment.clone(),
            request: request.number,
            digest: request.digest.clone(),
            verdict,
            person: person.clone(),
            reason: reason.map(|reason| shortened(reason, REASON_LIMIT)),
            decided_at: self.clock.now(),
        })
    }

    /// Sign and take a decision, for a person whose key is here.
    ///
    /// # Errors
    /// As [`Self::decide`].
    pub async fn sign_and_decide(
        &self,
        id: &str,
        statement: Statement,
        key: &PrivateKey,
        channel: Channel,
    ) -> Result<Decided, Error> {
        let token = key.sign(statement).to_token();
        let status = self.decide(id, &token, channel).await?;
        Ok(Decided { token, status })
    }

    /// Void the request, so that the engine opens another, and say so.
    async fn voided(&self, deployment: &Deployment, reason: &str) -> Result<Error, Error> {
        let event = MainEvent::ApprovalVoided { reason: reason.to_owned() };
        self.record(&deployment.id, event, Actor::ENGINE, Expected::Version(deployment.progress.version))
            .await?;
        Ok(Error::new(
            Code::GuardRefused,
            format!("the approval request is void: {reason}"),
            "a new request is being opened; look at it with get_status and decide on that",
        ))
    }
}

fn open_request(deployment: &Deployment) -> Result<&ApprovalRequest, Error> {
    match &deployment.progress.state {
        State::AwaitingApproval { request: Some(request), .. } => Ok(request),
        State::AwaitingApproval { environment, request: None } => Err(Error {
            retryable: true,
            ..Error::new(
                Code::NotAwaitingApproval,
                format!("the approval request for {environment} is being opened"),
                "call again in a few seconds",
            )
        }),
        state => Err(Error::new(
            Code::NotAwaitingApproval,
            format!("{} is {}, and waits for no approval", deployment.id, state.name()),
            "wait_for_deployment with until=awaiting-approval returns when it does",
        )),
    }
}
