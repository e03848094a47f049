//! Approval: what is asked of people, what they answer, and when that counts.
//!
//! A decision is bound to the digest of what will happen, and is verified each
//! time it is used: when it arrives, when it opens the gate and again when
//! production is triggered. Nothing here trusts a stored row.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::guard::Guard;
use super::id::{Branch, CommitSha, DeploymentId, EnvironmentName, PipelineId, PrincipalName, Repository};
use super::id::{Service, VariableName};
use super::signature::{PublicKey, SignedDecision};
use super::time::Timestamp;

/// SHA-256 over RFC 8785 canonical JSON, as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub String);

impl Digest {
    /// The digest of `value`. Equal JSON gives equal digests, whatever the order of its keys.
    #[must_use]
    pub fn of(value: &impl Serialize) -> Self {
        let canonical = serde_json_canonicalizer::to_vec(value).expect(
            "our own types have string keys and finite numbers, which is all that canonical JSON asks",
        );
        let hash = Sha256::digest(&canonical);
        Self(hash.iter().fold(String::with_capacity(64), |mut hex, byte| {
            use std::fmt::Write as _;
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

/// The digest of a [`Gate`]: another approver, key or rule is another version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyVersion(pub Digest);

/// Everything that a run in Harness will be given. This is what a person
/// approves: its digest is in their decision, and is computed anew from what is
/// about to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The deployment.
    pub deployment_id: DeploymentId,
    /// The repository.
    pub repository: Repository,
    /// The service.
    pub service: Service,
    /// The branch that the commit was taken from.
    pub branch: Branch,
    /// The commit.
    pub commit_sha: CommitSha,
    /// The environment; `None` for build and test.
    pub environment: Option<EnvironmentName>,
    /// The pipeline.
    pub pipeline_id: PipelineId,
    /// The resolved inputs, without the correlation key, which differs by attempt.
    pub inputs: std::collections::BTreeMap<VariableName, String>,
    /// The input sets.
    pub input_sets: Vec<String>,
    /// The version of the approval policy; `None` where there is no gate.
    pub policy: Option<PolicyVersion>,
}

/// Who may open the way to an environment, and how. Comes from the config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The people who may decide, groups resolved.
    pub approvers: Vec<Approver>,
    /// How many different people must approve.
    pub required_approvals: u32,
    /// Whether the person who started the deployment may approve it.
    pub allow_self_approval: bool,
    /// How long a request stays open. Expiry is a rejection.
    pub expires_after_ms: u64,
    /// The assurances that count.
    pub accept: Vec<Assurance>,
}

/// A person who may decide, with the key that proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// Their name.
    pub name: PrincipalName,
    /// Their Ed25519 key.
    pub key: PublicKey,
}

/// How sure we are that a person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    /// Signed with the person's own key.
    Signed,
}

impl Gate {
    /// The version of this policy.
    #[must_use]
    pub fn version(&self) -> PolicyVersion {
        PolicyVersion(Digest::of(self))
    }

    fn approver(&self, name: &PrincipalName) -> Option<&Approver> {
        self.approvers.iter().find(|approver| approver.name == *name)
    }
}

/// What is asked of people: one question, about one digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// Counts the requests of this deployment, from 1.
    pub number: u32,
    /// The environment.
    pub environment: EnvironmentName,
    /// The digest of the [`Subject`].
    pub digest: Digest,
    /// The rules, as they were when the request was opened.
    pub gate: Gate,
    /// When it was opened.
    pub requested_at: Timestamp,
    /// When it becomes a rejection.
    pub expires_at: Timestamp,
    /// The answers.
    pub decisions: Vec<SignedDecision>,
}

/// What one person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Go.
    Approve,
    /// Do not go. Final for the request.
    Reject,
}

/// What a person signs: one answer to one request about one digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The deployment.
    pub deployment_id: DeploymentId,
    /// The environment.
    pub environment: EnvironmentName,
    /// The number of the request.
    pub request: u32,
    /// The digest that they were shown.
    pub digest: Digest,
    /// The answer.
    pub verdict: Verdict,
    /// Who.
    pub person: PrincipalName,
    /// Why; from outside, shortened where it is shown.
    pub reason: Option<String>,
    /// When, by the signer's clock.
    pub decided_at: Timestamp,
}

impl ApprovalRequest {
    /// The guards that a new decision has to pass. `initiator` is the person
    /// for whom the deployment was started.
    #[must_use]
    pub fn guards_of_decision(
        &self,
        deployment: &DeploymentId,
        initiator: Option<&PrincipalName>,
        decision: &SignedDecision,
        at: Timestamp,
    ) -> Vec<Guard> {
        let statement = &decision.statement;
        let approver = self.gate.approver(&statement.person);
        vec![
            Guard::new(
                "decision-is-for-this-request",
                self.is_answered_by(deployment, statement),
                format!(
                    "a decision for request {} of {} on {}",
                    statement.request, statement.deployment_id, statement.environment
                ),
                format!(
                    "the decision names request {} of {deployment} on {} and its digest {}",
                    self.number, self.environment, self.digest
                ),
            ),
            self.unexpired(at),
            Guard::new(
                "person-may-decide",
                approver.is_some(),
                statement.person.to_string(),
                format!("the person is one of: {}", self.approver_names()),
            ),
            Guard::new(
                "signature-is-valid",
                approver.is_some_and(|approver| decision.verifies(&approver.key)),
                if approver.is_some() {
                    "checked with the key in the config"
                } else {
                    "no key to check with"
                },
                "the decision is signed with the key that the config has for the person",
            ),
            Guard::new(
                "assurance-is-accepted",
                self.gate.accept.contains(&Assurance::Signed),
                "signed",
                "the environment's `accept` lists it",
            ),
            Guard::new(
                "four-eyes",
                statement.verdict == Verdict::Reject || self.may_approve(&statement.person, initiator),
                format!("decided by {}, started for {}", statement.person, shown(initiator)),
                "another person than the one for whom the deployment was started approves",
            ),
            Guard::new(
                "one-decision-per-person",
                !self.decisions.iter().any(|earlier| earlier.statement.person == statement.person),
                format!("{} decisions so far", self.decisions.len()),
                "the person has not decided on this request",
            ),
            self.unrejected(),
        ]
    }

    /// The guards that the whole request has to pass before its gate opens.
    /// Every decision is verified anew.
    #[must_use]
    pub fn guards_of_opening(
        &self,
        deployment: &DeploymentId,
        initiator: Option<&PrincipalName>,
        at: Timestamp,
    ) -> Vec<Guard> {
        let approvals = self.valid_approvals(deployment, initiator);
        let required = usize::try_from(self.gate.required_approvals.max(1)).unwrap_or(usize::MAX);
        vec![
            Guard::new(
                "approvals-suffice",
                approvals >= required,
                format!("{approvals} of {required}"),
                format!("{required} of these people approve: {}", self.approver_names()),
            ),
            self.unrejected(),
            self.unexpired(at),
        ]
    }

    /// Whether somebody rejected it, by a decision that verifies.
    #[must_use]
    pub fn rejection(&self, deployment: &DeploymentId) -> Option<&SignedDecision> {
        self.decisions.iter().find(|decision| {
            decision.statement.verdict == Verdict::Reject && self.is_genuine(deployment, decision)
        })
    }

    /// How many people validly approved. One key is one person, under however many names.
    fn valid_approvals(&self, deployment: &DeploymentId, initiator: Option<&PrincipalName>) -> usize {
        let keys: std::collections::BTreeSet<String> = self
            .decisions
            .iter()
            .filter(|decision| {
                decision.statement.verdict == Verdict::Approve
                    && self.gate.accept.contains(&Assurance::Signed)
                    && self.may_approve(&decision.statement.person, initiator)
                    && self.is_genuine(deployment, decision)
            })
            .filter_map(|decision| self.gate.approver(&decision.statement.person))
            .map(|approver| approver.key.to_string())
            .collect();
        keys.len()
    }

    fn is_genuine(&self, deployment: &DeploymentId, decision: &SignedDecision) -> bool {
        self.is_answered_by(deployment, &decision.statement)
            && self
                .gate
                .approver(&decision.statement.person)
                .is_some_and(|approver| decision.verifies(&approver.key))
    }

    fn is_answered_by(&self, deployment: &DeploymentId, statement: &Statement) -> bool {
        statement.deployment_id == *deployment
            && statement.environment == self.environment
            && statement.request == self.number
            && statement.digest == self.digest
    }

    fn may_approve(&self, person: &PrincipalName, initiator: Option<&PrincipalName>) -> bool {
        let key_of = |name: &PrincipalName| self.gate.approver(name).map(|approver| &approver.key);
        let is_another = |initiator: &PrincipalName| {
            initiator != person && key_of(initiator).is_none_or(|key| key_of(person) != Some(key))
        };
        self.gate.allow_self_approval || initiator.is_some_and(is_another)
    }

    fn unexpired(&self, at: Timestamp) -> Guard {
        Guard::new(
            "request-is-open",
            at < self.expires_at,
            format!("open until {}", self.expires_at.to_rfc3339()),
            "a new request is opened with RETRY",
        )
    }

    fn unrejected(&self) -> Guard {
        let rejected = self.decisions.iter().find(|decision| decision.statement.verdict == Verdict::Reject);
        Guard::new(
            "nobody-rejected",
            rejected.is_none(),
            rejected.map_or_else(
                || "no rejection".to_owned(),
                |by| format!("rejected by {}", by.statement.person),
            ),
            "never: a rejection is final for the request",
        )
    }

    fn approver_names(&self) -> String {
        let names: Vec<&str> = self.gate.approvers.iter().map(|approver| approver.name.as_str()).collect();
        names.join(", ")
    }
}

fn shown(initiator: Option<&PrincipalName>) -> String {
    initiator.map_or_else(|| "nobody".to_owned(), ToString::to_string)
}
