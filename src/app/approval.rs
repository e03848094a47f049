//! Asking people: the open request, reminders, and taking it back.

use std::time::Duration;

use super::view::{ApprovalView, StatusView};
use super::{App, Code, Error, Until, findings, reason};
use crate::domain::approval::ApprovalRequest;
use crate::domain::deployment::Deployment;
use crate::domain::event::MainEvent;
use crate::domain::guard::Refusal;
use crate::domain::principal::Actor;
use crate::domain::state::State;
use crate::domain::subject::Digest;
use crate::domain::workflow::Stage;
use crate::store::{self, Expected};

/// How long the engine has to open another request, if one runs at all.
const OPENING: Duration = Duration::from_secs(5);

impl App {
    /// The open request: what people are asked, and how they answer.
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
        let found = findings::of(&self.records_of(&deployment).await?);
        let warnings = found.map_or_else(Vec::new, |validation| validation.warnings);
        Ok(ApprovalView::new(
            &deployment,
            request,
            subject,
            warnings,
            &self.policy.ways_to_decide(&request.gate),
            &self.policy.pages,
        ))
    }

    /// Ask people: remind them of the open request if they were not asked
    /// lately, or have the engine open another where it was taken back. This
    /// decides nothing.
    ///
    /// # Errors
    /// When the deployment does not wait for an approval, or `actor` may not ask;
    /// `not-awaiting-approval`, retryable, while no engine opens another.
    pub async fn ask(&self, id: &str, actor: Actor) -> Result<ApprovalView, Error> {
        let deployment = self.load(id).await?;
        let request = open_request(&deployment)?;
        self.permit(&actor, &deployment).await?;
        let expected = Expected::Version(deployment.progress.version);
        if request.withdrawn.is_some() {
            let reason = "people are asked again after it was taken back".to_owned();
            self.record(&deployment.id, MainEvent::ApprovalVoided { reason }, actor, expected).await?;
            let opened = Until::State(deployment.progress.state.name());
            self.wait(id, &opened, OPENING, |_| std::future::ready(())).await?;
            return self.approval(id).await;
        }
        let reminder = self.try_record(&deployment.id, MainEvent::ApprovalReminded, actor, expected).await;
        match reminder {
            // Asked just now, or decided meanwhile: what is open is shown all the same.
            Ok(_) | Err(store::Error::Refused(Refusal::Guarded { .. }) | store::Error::Stale { .. }) => {
                self.approval(id).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Take the open request back. What was decided so far no longer counts;
    /// unless people are asked again, it expires as it would have.
    ///
    /// # Errors
    /// When there is no open request, it was rejected, `actor` may not, or there is no reason.
    pub async fn withdraw(&self, id: &str, reason: &str, actor: Actor) -> Result<StatusView, Error> {
        let deployment = self.load(id).await?;
        open_request(&deployment)?;
        self.permit(&actor, &deployment).await?;
        let event = MainEvent::ApprovalWithdrawn { reason: reason::given(reason)? };
        let recorded = self.record(&deployment.id, event, actor, Expected::Any).await?;
        self.view(&recorded).await
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

/// The request that people can answer now.
pub(super) fn open_request(deployment: &Deployment) -> Result<&ApprovalRequest, Error> {
    match &deployment.progress.state {
        State::AwaitingApproval { request: Some(request), .. } => Ok(request),
        State::AwaitingApproval { environment, request: None } => Err(being_opened(environment)),
        state => Err(Error::new(
            Code::NotAwaitingApproval,
            format!("{} is {}, and waits for no approval", deployment.id, state.name()),
            "wait_for_deployment with until=awaiting-approval returns when it does",
        )),
    }
}

fn being_opened(environment: &crate::domain::id::EnvironmentName) -> Error {
    Error {
        retryable: true,
        ..Error::new(
            Code::NotAwaitingApproval,
            format!("the approval request for {environment} is being opened"),
            "call again in a few seconds",
        )
    }
}
