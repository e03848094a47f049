//! Taking decisions: what people signed, and what this server saw them decide.

use super::approval::open_request;
use super::reason::REASON_LIMIT;
use super::view::{ApprovalView, StatusView};
use super::{App, Code, Error};
use crate::domain::assurance::Assurance;
use crate::domain::decision::{Decision, Statement, Verdict};
use crate::domain::event::{Event, MainEvent};
use crate::domain::id::PrincipalName;
use crate::domain::principal::{Actor, Principal};
use crate::domain::record::What;
use crate::domain::subject::Digest;
use crate::domain::text::shortened;
use crate::store::Expected;

/// A person's answer to one approval request, given before our eyes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The deployment.
    pub deployment_id: String,
    /// The number of the request that they saw.
    pub request: u32,
    /// The digest that they saw.
    pub digest: String,
    /// What they say.
    pub verdict: Verdict,
    /// Why.
    pub reason: Option<String>,
}

impl App {
    /// Take a decision that a person signed, whoever carries it here. It must
    /// say `verdict`, or break the glass where that is an approval: one that is
    /// carried to the wrong place is somebody's mistake. A decision that does
    /// not count is recorded, too, with who brought it.
    ///
    /// # Errors
    /// When the token is malformed, or a guard of the request does not hold.
    pub async fn decide(
        &self,
        id: &str,
        token: &str,
        verdict: Verdict,
        carrier: &Actor,
    ) -> Result<StatusView, Error> {
        let outcome = self.carried(id, token, verdict, carrier).await;
        self.remembering(id, carrier, outcome).await
    }

    /// Take a decision that `person` made before our eyes about what they were
    /// `asked`, with no more than `assurance`. The server seals it.
    ///
    /// # Errors
    /// As [`Self::decide`]; above all where the environment does not accept the
    /// assurance, or something else is asked by now.
    pub async fn vouch(
        &self,
        asked: &ApprovalView,
        person: &PrincipalName,
        verdict: Verdict,
        assurance: Assurance,
        carrier: &Actor,
    ) -> Result<StatusView, Error> {
        let answer = Answer {
            deployment_id: asked.deployment_id.clone(),
            request: asked.request.request,
            digest: asked.request.digest.clone(),
            verdict,
            reason: None,
        };
        let outcome = self.seal_and_take(&answer, person, assurance, carrier).await;
        self.remembering(&asked.deployment_id, carrier, outcome).await
    }

    /// Take what `person` answered on a page. The same answer to the same request
    /// once more, as of a second click, changes nothing and is no refusal.
    ///
    /// # Errors
    /// As [`Self::vouch`]; whatever did not count is recorded.
    pub async fn answer(
        &self,
        answer: &Answer,
        person: &PrincipalName,
        carrier: &Actor,
    ) -> Result<(), Error> {
        let outcome = self.seal_and_take(answer, person, carrier.assurance, carrier).await;
        if outcome.is_err() && self.has_answered(answer, person).await {
            return Ok(());
        }
        self.remembering(&answer.deployment_id, carrier, outcome).await.map(drop)
    }

    /// Whether the history has this answer of the person.
    async fn has_answered(&self, answer: &Answer, person: &PrincipalName) -> bool {
        let Ok(deployment) = self.load(&answer.deployment_id).await else { return false };
        let records = self.records_of(&deployment).await.unwrap_or_default();
        records.iter().any(|record| match &record.what {
            What::Event(Event::Main(MainEvent::DecisionMade { decision })) => {
                let said = &decision.statement;
                said.person == *person
                    && said.verdict == answer.verdict
                    && said.request == answer.request
                    && said.digest.0 == answer.digest
            }
            What::Event(_) | What::Remark(_) => false,
        })
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
            assurance: Assurance::Signed,
            reason: reason.map(|reason| shortened(reason, REASON_LIMIT)),
            decided_at: self.clock.now(),
        })
    }

    async fn carried(
        &self,
        id: &str,
        token: &str,
        verdict: Verdict,
        carrier: &Actor,
    ) -> Result<StatusView, Error> {
        let decision = signed(token, verdict)?;
        self.permit_to_carry(carrier, id).await?;
        self.take(id, decision, carrier).await
    }

    pub(super) async fn seal_and_take(
        &self,
        answer: &Answer,
        person: &PrincipalName,
        assurance: Assurance,
        carrier: &Actor,
    ) -> Result<StatusView, Error> {
        let id = &answer.deployment_id;
        let deployment = self.load(id).await?;
        // Whether a person may decide, the request says, and no other role.
        if carrier.agent_of().is_some() {
            self.permit(carrier, &deployment).await?;
        }
        let statement = Statement {
            request: answer.request,
            digest: Digest(answer.digest.clone()),
            assurance,
            ..self.statement(id, person, answer.verdict, answer.reason.as_deref()).await?
        };
        let Some(server) = &self.server_key else {
            return Err(Error::new(
                Code::NeedsHuman,
                format!("no decision counts here that rests on `{assurance}`"),
                "a person decides with `deployment-orchestrator approve`",
            ));
        };
        self.take(id, Decision::seal(statement, server), carrier).await
    }

    /// Have the request judge it.
    async fn take(&self, id: &str, decision: Decision, carrier: &Actor) -> Result<StatusView, Error> {
        let deployment = self.load(id).await?;
        open_request(&deployment)?;
        if decision.statement.verdict == Verdict::BreakGlass {
            self.no_review_is_due(&deployment, &decision.statement.environment).await?;
        }
        let assurance = decision.statement.assurance;
        let principal = match assurance {
            Assurance::Agent => carrier.principal.clone(),
            _ => Principal::Human { name: decision.statement.person.clone() },
        };
        let actor = Actor { principal, channel: carrier.channel, assurance };
        let recorded =
            self.record(&deployment.id, MainEvent::DecisionMade { decision }, actor, Expected::Any).await?;
        self.view(&recorded).await
    }
}

/// The decision in `token`, if a person signed it and it says what is expected.
/// A seal is this server's own word, and is never taken from outside.
fn signed(token: &str, expected: Verdict) -> Result<Decision, Error> {
    let decision: Decision = token.parse()?;
    let Statement { verdict, assurance, person, reason, .. } = &decision.statement;
    if *assurance != Assurance::Signed {
        return Err(Error::new(
            Code::MalformedArgument,
            "this decision is not signed by a person",
            "pass the line that `deployment-orchestrator approve ID --print-token` prints",
        ));
    }
    // What this program signs is always so; anything else would be kept, and shown to people, as it is.
    if reason.as_ref().is_some_and(|reason| shortened(reason, REASON_LIMIT) != *reason) {
        return Err(Error::new(
            Code::MalformedArgument,
            format!("the reason in this decision is not one plain line of at most {REASON_LIMIT} characters"),
            "the person signs another, with a shorter reason",
        ));
    }
    let rejects = |verdict| verdict == Verdict::Reject;
    if rejects(*verdict) == rejects(expected) {
        return Ok(decision);
    }
    let (said, tool) = match verdict {
        Verdict::Approve | Verdict::BreakGlass => ("an approval", "approve, as signed_approval"),
        Verdict::Reject => ("a rejection", "reject, as signed_decision"),
    };
    Err(Error::new(
        Code::MalformedArgument,
        format!("{person} signed {said}"),
        format!("if that is meant, pass it to {tool}; nothing was decided"),
    ))
}
