//! An approval request: what is asked of people, and when their answers count.
//!
//! A decision is bound to the digest of what will happen, and is verified each
//! time it is used: when it arrives, when it opens the gate and again when
//! production is triggered. Nothing here trusts a stored row.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::assurance::Assurance;
use super::decision::{Decision, Statement, Verdict};
use super::gate::{Approver, Gate, PEOPLE_TO_BREAK_GLASS, RequiredGroup};
use super::guard::Guard;
use super::id::{DeploymentId, EnvironmentName, PrincipalName};
use super::signature::PublicKey;
use super::subject::Digest;
use super::time::Timestamp;

/// How long after people were asked they may be asked once more.
pub const REMINDER_PAUSE: Duration = Duration::from_mins(10);

/// One question to people, about one digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// Counts the requests of this deployment, from 1.
    pub number: u32,
    /// The environment.
    pub environment: EnvironmentName,
    /// The digest of the [`Subject`](super::subject::Subject).
    pub digest: Digest,
    /// The rules, as they were when the request was opened.
    pub gate: Gate,
    /// When it was opened.
    pub requested_at: Timestamp,
    /// When people were last reminded of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminded_at: Option<Timestamp>,
    /// When others were told that nobody decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<Timestamp>,
    /// When it becomes a rejection.
    pub expires_at: Timestamp,
    /// Set once it was taken back: its decisions no longer count. It still expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Withdrawal>,
    /// The answers.
    pub decisions: Vec<Decision>,
}

/// Somebody took the request back before it was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// When.
    pub at: Timestamp,
    /// Why, from the caller, shortened.
    pub reason: String,
}

/// Whose deployment it is. These people's approvals are no second pair of eyes.
#[derive(Debug, Clone, Copy)]
pub struct Parties<'a> {
    /// The deployment.
    pub deployment: &'a DeploymentId,
    /// The person for whom it was started.
    pub initiator: Option<&'a PrincipalName>,
    /// Who wrote the commit, as far as that is known.
    pub authors: &'a [PrincipalName],
}

impl ApprovalRequest {
    /// A request that is opened at `at`.
    #[must_use]
    pub fn open(
        number: u32,
        environment: EnvironmentName,
        digest: Digest,
        gate: Gate,
        at: Timestamp,
    ) -> Self {
        Self {
            number,
            environment,
            digest,
            requested_at: at,
            reminded_at: None,
            escalated_at: None,
            expires_at: at.plus(Duration::from_millis(gate.expires_after_ms)),
            withdrawn: None,
            gate,
            decisions: Vec::new(),
        }
    }

    /// The guards that a new decision has to pass.
    #[must_use]
    pub fn guards_of_decision(&self, parties: Parties<'_>, decision: &Decision, at: Timestamp) -> Vec<Guard> {
        let statement = &decision.statement;
        let person = &statement.person;
        let known = self.entitled(statement);
        let mut guards = vec![
            Guard::new(
                "decision-is-for-this-request",
                self.is_answered_by(parties.deployment, statement),
                format!(
                    "a decision for request {} of {} on {}",
                    statement.request, statement.deployment_id, statement.environment
                ),
                format!(
                    "the decision names request {} of {} on {} and its digest {}",
                    self.number, parties.deployment, self.environment, self.digest
                ),
            ),
            self.unexpired(at),
            self.standing(),
            Guard::new(
                "person-may-decide",
                known.is_some(),
                person.to_string(),
                match statement.verdict {
                    Verdict::BreakGlass => format!("the person is one of: {}", self.glass_breaker_names()),
                    Verdict::Approve | Verdict::Reject => {
                        format!("the person is one of: {}", self.approver_names())
                    }
                },
            ),
            Guard::new(
                "signature-is-valid",
                self.is_proved(decision),
                match (known, statement.assurance) {
                    (None, _) => "no key to check with".to_owned(),
                    (Some(_), Assurance::Signed) => "checked with the key in the config".to_owned(),
                    (Some(_), assurance) => format!("{assurance}, checked with the key of the server"),
                },
                "the decision is signed with the key that the config has for the person, or sealed by this server",
            ),
            Guard::new(
                "assurance-is-accepted",
                self.accepts(statement),
                statement.assurance.as_str(),
                match statement.verdict {
                    Verdict::BreakGlass => "it is signed with the person's own key",
                    Verdict::Approve | Verdict::Reject => "the environment's `accept` lists it",
                },
            ),
            Guard::new(
                "four-eyes",
                statement.verdict != Verdict::Approve || self.may_approve(person, parties),
                format!("decided by {person}, {}", shown(parties)),
                "another person than the one for whom the deployment was started, or who wrote the commit, approves",
            ),
            Guard::new(
                "one-decision-per-person",
                !self.decisions.iter().any(|earlier| self.is_repeated_by(&earlier.statement, statement)),
                format!("{} decisions so far", self.decisions.len()),
                "the person has not decided on this request",
            ),
            self.unrejected(),
        ];
        if statement.verdict == Verdict::BreakGlass {
            guards.push(Guard::new(
                "reason-given",
                has_reason(statement),
                statement.reason.as_deref().map_or("no reason", |_| "a reason"),
                "whoever breaks the glass says why",
            ));
        }
        guards
    }

    /// Whether `person` is asked at `at`: one who could still approve, over whichever
    /// channel, and has not answered.
    #[must_use]
    pub fn asks(&self, parties: Parties<'_>, person: &PrincipalName, at: Timestamp) -> bool {
        let has_answered = |decision: &Decision| self.gate.is_same_person(&decision.statement.person, person);
        self.gate.approver(person).is_some()
            && self.may_approve(person, parties)
            && [self.unexpired(at), self.standing(), self.unrejected()].iter().all(|guard| guard.holds)
            && !self.decisions.iter().any(has_answered)
    }

    /// The guards that the whole request has to pass before its gate opens.
    /// Every decision is verified anew.
    #[must_use]
    pub fn guards_of_opening(&self, parties: Parties<'_>, at: Timestamp) -> Vec<Guard> {
        let by_rules = self.guards_of_rules(parties);
        let mut guards = if by_rules.iter().any(|guard| !guard.holds) && self.is_glass_broken(parties) {
            vec![Guard::new(
                "glass-is-broken",
                true,
                format!("{PEOPLE_TO_BREAK_GLASS} people say that it is an emergency"),
                "it is open, and must be reviewed",
            )]
        } else {
            by_rules
        };
        guards.extend([self.unrejected(), self.standing(), self.unexpired(at)]);
        guards
    }

    /// Whether only the emergency door is open. Where nobody broke the glass,
    /// no decision has to be verified to say so.
    #[must_use]
    pub fn is_open_past_the_rules(&self, parties: Parties<'_>) -> bool {
        self.is_glass_broken(parties) && self.guards_of_rules(parties).iter().any(|guard| !guard.holds)
    }

    /// The different people whose approvals count.
    #[must_use]
    pub fn approved_by(&self, parties: Parties<'_>) -> Vec<&PrincipalName> {
        self.different_people(parties, |statement| {
            statement.verdict == Verdict::Approve && self.may_approve(&statement.person, parties)
        })
    }

    /// The different people who broke the glass, and may.
    #[must_use]
    pub fn glass_broken_by(&self, parties: Parties<'_>) -> Vec<&PrincipalName> {
        self.different_people(parties, |statement| {
            statement.verdict == Verdict::BreakGlass && has_reason(statement)
        })
    }

    /// Whether somebody rejected it, by a decision that verifies.
    #[must_use]
    pub fn rejection(&self, deployment: &DeploymentId) -> Option<&Decision> {
        self.decisions.iter().find(|decision| {
            decision.statement.verdict == Verdict::Reject && self.counts(deployment, decision)
        })
    }

    /// The key that has to stand behind an answer: the person's own, or the
    /// server's where the server vouches. `None` if there is none, and the answer counts for nothing.
    #[must_use]
    pub fn key_behind(&self, statement: &Statement) -> Option<&PublicKey> {
        let person = self.entitled(statement)?;
        if statement.assurance == Assurance::Signed {
            person.key.as_ref()
        } else {
            self.gate.voucher.as_ref()
        }
    }

    /// Whether nothing is left to change: it was taken back before it was decided.
    #[must_use]
    pub fn standing(&self) -> Guard {
        Guard::new(
            "request-stands",
            self.withdrawn.is_none(),
            self.withdrawn.as_ref().map_or_else(
                || "not taken back".to_owned(),
                |it| format!("taken back at {}", it.at.to_rfc3339()),
            ),
            "people are asked anew with `approve`, or `ask` on the command line",
        )
    }

    /// When people were last asked.
    #[must_use]
    pub fn last_asked(&self) -> Timestamp {
        self.reminded_at.unwrap_or(self.requested_at)
    }

    /// Whether others do not know yet that nobody decides.
    #[must_use]
    pub fn unescalated(&self) -> Guard {
        Guard::new(
            "others-are-not-told-yet",
            self.escalated_at.is_none(),
            self.escalated_at
                .map_or_else(|| "not told".to_owned(), |at| format!("told at {}", at.to_rfc3339())),
            "each request is escalated once",
        )
    }

    /// Whether enough time has passed for a reminder.
    #[must_use]
    pub fn quiet(&self, at: Timestamp) -> Guard {
        let since = self.last_asked();
        Guard::new(
            "people-are-not-pestered",
            at.since(since) >= REMINDER_PAUSE,
            format!("last asked at {}", since.to_rfc3339()),
            format!("{} minutes have passed", REMINDER_PAUSE.as_secs() / 60),
        )
    }

    fn guards_of_rules(&self, parties: Parties<'_>) -> Vec<Guard> {
        let approvals = self.approved_by(parties);
        let required = usize::try_from(self.gate.required_approvals.max(1)).unwrap_or(usize::MAX);
        let emergency = match &self.gate.break_glass {
            Some(_) => {
                format!("; or, in an emergency, two of these break the glass: {}", self.glass_breaker_names())
            }
            None => String::new(),
        };
        let mut guards = vec![Guard::new(
            "approvals-suffice",
            approvals.len() >= required,
            format!("{} of {required}", approvals.len()),
            format!("{required} of these people approve: {}{emergency}", self.approver_names()),
        )];
        guards.extend(self.gate.required_groups.iter().map(|group| represented(group, &approvals)));
        guards
    }

    fn is_glass_broken(&self, parties: Parties<'_>) -> bool {
        self.glass_broken_by(parties).len() >= PEOPLE_TO_BREAK_GLASS
    }

    /// One key is one person, under however many names.
    fn different_people(
        &self,
        parties: Parties<'_>,
        wanted: impl Fn(&Statement) -> bool,
    ) -> Vec<&PrincipalName> {
        let mut people: Vec<&PrincipalName> = Vec::new();
        for decision in self.decisions.iter().filter(|decision| wanted(&decision.statement)) {
            let person = &decision.statement.person;
            if self.counts(parties.deployment, decision)
                && !people.iter().any(|earlier| self.gate.is_same_person(earlier, person))
            {
                people.push(person);
            }
        }
        people
    }

    /// Whether a decision is about this, by somebody who may, proved, over a
    /// channel that the environment accepts.
    fn counts(&self, deployment: &DeploymentId, decision: &Decision) -> bool {
        self.is_answered_by(deployment, &decision.statement)
            && self.accepts(&decision.statement)
            && self.is_proved(decision)
    }

    fn is_proved(&self, decision: &Decision) -> bool {
        self.entitled(&decision.statement)
            .is_some_and(|person| decision.verifies(person.key.as_ref(), self.gate.voucher.as_ref()))
    }

    fn accepts(&self, statement: &Statement) -> bool {
        match statement.verdict {
            Verdict::BreakGlass => statement.assurance == Assurance::Signed,
            Verdict::Approve | Verdict::Reject => self.gate.accept.contains(&statement.assurance),
        }
    }

    fn entitled(&self, statement: &Statement) -> Option<&Approver> {
        match statement.verdict {
            Verdict::BreakGlass => self.gate.glass_breaker(&statement.person),
            Verdict::Approve | Verdict::Reject => self.gate.approver(&statement.person),
        }
    }

    fn is_answered_by(&self, deployment: &DeploymentId, statement: &Statement) -> bool {
        statement.deployment_id == *deployment
            && statement.environment == self.environment
            && statement.request == self.number
            && statement.digest == self.digest
    }

    /// Breaking the glass is another question than approving: a person may answer both.
    fn is_repeated_by(&self, earlier: &Statement, later: &Statement) -> bool {
        let breaks = |statement: &Statement| statement.verdict == Verdict::BreakGlass;
        breaks(earlier) == breaks(later) && self.gate.is_same_person(&earlier.person, &later.person)
    }

    fn may_approve(&self, person: &PrincipalName, parties: Parties<'_>) -> bool {
        let is_another = |party: &PrincipalName| !self.gate.is_same_person(party, person);
        self.gate.allow_self_approval
            || parties.initiator.is_some_and(is_another) && parties.authors.iter().all(is_another)
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
        names(&self.gate.approvers)
    }

    fn glass_breaker_names(&self) -> String {
        self.gate.break_glass.as_ref().map_or_else(|| "nobody".to_owned(), |glass| names(&glass.people))
    }
}

fn represented(group: &RequiredGroup, approvals: &[&PrincipalName]) -> Guard {
    let who = approvals.iter().find(|person| group.members.contains(person));
    let members: Vec<&str> = group.members.iter().map(PrincipalName::as_str).collect();
    Guard::new(
        "required-group-approves",
        who.is_some(),
        who.map_or_else(|| format!("nobody of {}", group.name), |who| format!("{who} of {}", group.name)),
        format!("one of the group {} approves: {}", group.name, members.join(", ")),
    )
}

fn has_reason(statement: &Statement) -> bool {
    statement.reason.as_deref().is_some_and(|reason| !reason.trim().is_empty())
}

fn names(people: &[Approver]) -> String {
    let names: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
    names.join(", ")
}

fn shown(parties: Parties<'_>) -> String {
    let initiator = parties.initiator.map_or("nobody", PrincipalName::as_str);
    let authors: Vec<&str> = parties.authors.iter().map(PrincipalName::as_str).collect();
    if authors.is_empty() {
        format!("started for {initiator}")
    } else {
        format!("started for {initiator}, written by {}", authors.join(", "))
    }
}
