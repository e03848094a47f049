//! The history of a deployment in words: what a reader of its evidence looks at first.

use serde::{Deserialize, Serialize};

use super::assurance::Assurance;
use super::decision::Decision;
use super::deployment::{Deployment, Spec};
use super::event::{Event, MainEvent};
use super::execution::{ExecutionStatus, Failure};
use super::gate::Gate;
use super::id::{CorrelationKey, EnvironmentName, ExecutionId, PipelineId};
use super::principal::Actor;
use super::record::{EventRecord, What};
use super::remark::Remark;
use super::replay::Unreplayable;
use super::run::RunEvent;
use super::signature::PublicKey;
use super::state::State;
use super::subject::{Digest, Subject};
use super::time::Timestamp;

/// A history in words. All of it follows from the records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The state after the last record, by its wire name.
    pub state: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// What was asked for, and the way that it was to take.
    pub plan: Spec,
    /// What people were asked.
    pub requests: Vec<Request>,
    /// What they decided.
    pub decisions: Vec<Decided>,
    /// What was sent to Harness, and what came of it.
    pub executions: Vec<Executed>,
    /// What was refused.
    pub refusals: Vec<Refused>,
}

/// A question to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// When.
    pub at: Timestamp,
    /// Counts the requests of the deployment, from 1.
    pub number: u32,
    /// The environment behind the gate.
    pub environment: EnvironmentName,
    /// The digest of what they were asked about.
    pub digest: Digest,
    /// What they were asked about; `None` where the digest is of an old format.
    pub subject: Option<Subject>,
    /// The rules.
    pub gate: Gate,
}

/// An answer that counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// When it arrived.
    pub at: Timestamp,
    /// The answer, with its signature or seal.
    pub decision: Decision,
    /// The key that the signature or seal is by: the person's, or that of the server that vouches.
    pub key: PublicKey,
}

/// A run of a pipeline, or an attempt at one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Executed {
    /// When it was about to be asked for.
    pub at: Timestamp,
    /// The stage, by its wire name.
    pub stage: String,
    /// The key by which Harness knows it.
    pub key: CorrelationKey,
    /// The digest of what was sent.
    pub digest: Digest,
    /// The pipeline, once it ran.
    pub pipeline: Option<PipelineId>,
    /// Harness's id of it.
    pub execution: Option<ExecutionId>,
    /// What Harness last said of it.
    pub status: Option<ExecutionStatus>,
    /// Why there is no execution.
    pub failure: Option<Failure>,
}

/// Something that did not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// When.
    pub at: Timestamp,
    /// Who tried.
    pub by: Actor,
    /// The code that they were told.
    pub code: String,
    /// The sentence that they were told.
    pub message_untrusted: String,
}

impl Decided {
    /// Whether the person's own key stands behind it.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.decision.statement.assurance == Assurance::Signed
    }
}

impl Summary {
    /// Of a deployment that was just created.
    pub(super) fn begin(deployment: &Deployment) -> Self {
        Self {
            state: deployment.progress.state.name(),
            created_at: deployment.created_at,
            plan: (*deployment.spec).clone(),
            requests: Vec::new(),
            decisions: Vec::new(),
            executions: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// And then `record` came, which the deployment takes as it is in `before`;
    /// `subject` is behind the digest in it.
    ///
    /// # Errors
    /// When it cannot follow.
    pub(super) fn add(
        &mut self,
        before: &Deployment,
        record: &EventRecord,
        subject: Option<Subject>,
    ) -> Result<(), Unreplayable> {
        match &record.what {
            What::Event(Event::Main(event)) => self.add_main(before, event, record, subject),
            What::Event(Event::Run(event)) => {
                self.add_run(before, event, record.at);
                Ok(())
            }
            What::Remark(
                Remark::DecisionRefused { code, message } | Remark::AgentRefused { code, message },
            ) => {
                self.refusals.push(Refused {
                    at: record.at,
                    by: record.actor.clone(),
                    code: code.clone(),
                    message_untrusted: message.clone(),
                });
                Ok(())
            }
            What::Remark(_) => Ok(()),
        }
    }

    /// That was all of it.
    pub(super) fn end(self, deployment: &Deployment) -> Self {
        Self { state: deployment.progress.state.name(), ..self }
    }

    fn add_main(
        &mut self,
        before: &Deployment,
        event: &MainEvent,
        record: &EventRecord,
        subject: Option<Subject>,
    ) -> Result<(), Unreplayable> {
        match (event, &before.progress.state) {
            (MainEvent::ApprovalRequested { gate, digest }, State::AwaitingApproval { environment, .. }) => {
                self.requests.push(Request {
                    at: record.at,
                    number: before.progress.requests + 1,
                    environment: environment.clone(),
                    digest: digest.clone(),
                    subject,
                    gate: (**gate).clone(),
                });
            }
            (
                MainEvent::DecisionMade { decision },
                State::AwaitingApproval { request: Some(request), .. },
            ) => {
                let key = request
                    .key_behind(&decision.statement)
                    .ok_or_else(|| record.unreplayable("no key stands behind the decision".to_owned()))?;
                self.decisions.push(Decided { at: record.at, decision: decision.clone(), key: key.clone() });
            }
            _ => {}
        }
        Ok(())
    }

    fn add_run(&mut self, before: &Deployment, event: &RunEvent, at: Timestamp) {
        if let RunEvent::TriggerIntended { key, digest, .. } = event {
            self.executions.push(Executed {
                at,
                stage: before.progress.state.work().map_or_else(String::new, |(stage, _)| stage.to_string()),
                key: key.clone(),
                digest: digest.clone(),
                pipeline: None,
                execution: None,
                status: None,
                failure: None,
            });
            return;
        }
        let (Some(last), Some((_, run))) = (self.executions.last_mut(), before.progress.state.work()) else {
            return;
        };
        match event {
            RunEvent::TriggerAccepted { execution, pipeline } => {
                last.execution = Some(execution.clone());
                last.pipeline = Some(pipeline.clone());
            }
            RunEvent::ExecutionObserved { status } => last.status = Some(status.clone()),
            // What failed before it was intended is no execution.
            RunEvent::AttemptFailed { failure } if !run.is_at_rest() => last.failure = Some(failure.clone()),
            _ => {}
        }
    }
}
