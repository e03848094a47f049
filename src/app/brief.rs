//! What an approver sees before they answer, and why some cannot. Looking
//! changes nothing, unlike asking: a request that no longer fits is shown as that.

use std::time::Duration;

use super::requests::{self, ClosedView};
use super::view::{AnswerView, StatusView, SubjectView};
use super::{App, Code, Error, Session, reach};
use crate::domain::approval::ApprovalRequest;
use crate::domain::assurance::Assurance;
use crate::domain::commit::{self, Commit};
use crate::domain::decision::{Decision, Statement, Verdict};
use crate::domain::deployment::Deployment;
use crate::domain::entrance::Stay;
use crate::domain::event::{Event, MainEvent};
use crate::domain::gate::Gate;
use crate::domain::guard::Guard;
use crate::domain::id::PrincipalName;
use crate::domain::message::Asked;
use crate::domain::principal::Principal;
use crate::domain::record::{EventRecord, What};
use crate::domain::remark::Remark;
use crate::domain::role::Right;
use crate::domain::state::State;
use crate::domain::subject::Digest;
use crate::domain::text::shortened;
use crate::domain::time;
use crate::domain::workflow::Stage;

/// The longest name of a client that is shown.
const CLIENT_LIMIT: usize = 80;

/// The latest approval request of a deployment, as one person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BriefView {
    /// The deployment.
    pub status: StatusView,
    /// How the request stands.
    pub question: Question,
    /// Who opened it first, before they answered, as far as that was noted.
    pub looks: Vec<LookView>,
    /// The answers to it so far.
    pub answers: Vec<AnswerView>,
    /// The requests before it, and what came of each.
    pub earlier: Vec<ClosedView>,
}

/// Somebody who is asked opened the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookView {
    /// Who.
    pub by: String,
    /// When, for the first time.
    pub at: String,
}

/// How the latest request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// People are asked.
    Open(Box<OpenQuestion>),
    /// It is being opened.
    Opening,
    /// It was taken back.
    Withdrawn {
        /// Why, in somebody's words.
        reason_untrusted: String,
        /// When it expires.
        expires_at: String,
    },
    /// What would happen is not what was asked: another will be opened.
    Changed,
    /// It is over.
    Over(ClosedView),
    /// Nobody was asked anything so far.
    None,
}

/// A question that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenQuestion {
    /// What should be seen before it is answered.
    pub asked: Asked,
    /// What will happen. The digest is over exactly this.
    pub what: SubjectView,
    /// For whom it was started.
    pub started_for: Option<String>,
    /// What the agent calls itself that started it; `None` if no agent did.
    pub agent_untrusted: Option<String>,
    /// How long it is open yet.
    pub left: String,
    /// What it reaches, and the way back, each in a sentence.
    pub reach: Vec<String>,
    /// How the commits that are listed stand to what runs there now.
    pub commits: Listed,
    /// Who may break the glass together; empty where that is not possible.
    pub glass: Vec<String>,
    /// Whether it is yet to be noted that the person, who is asked, opened it.
    pub unseen: bool,
    /// Whether the person has answered it.
    pub answered: bool,
    /// Why the person cannot approve, each in a sentence; none if they can.
    pub against_approving: Vec<String>,
    /// Why the person cannot reject.
    pub against_rejecting: Vec<String>,
}

/// How the commits that a caller lists stand to what runs in the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Nothing runs there that they could be compared with.
    All,
    /// They are all that come after it.
    Since,
    /// What comes runs there already.
    Same,
    /// They do not reach down to it, so there may be more.
    Part,
}

impl App {
    /// The latest request of a deployment, for the person of `session`.
    ///
    /// # Errors
    /// When there is no such deployment.
    pub async fn brief(&self, id: &str, session: &Session) -> Result<BriefView, Error> {
        let deployment = self.load(id).await?;
        let records = self.all_records_of(&deployment).await?;
        let asked_so_far = u32::try_from(records.iter().filter(|record| opens_a_request(record)).count())
            .unwrap_or(u32::MAX);
        let mut closed = requests::closed(&records);
        let question = match &deployment.progress.state {
            State::AwaitingApproval { request: None, .. } => Question::Opening,
            State::AwaitingApproval { request: Some(request), .. } => {
                self.question(&deployment, request, &records, session).await?
            }
            _ => closed.pop().map_or(Question::None, Question::Over),
        };
        let answers = records.iter().filter_map(|record| AnswerView::of(record, asked_so_far)).collect();
        let looks = records.iter().filter_map(|record| LookView::of(record, asked_so_far)).collect();
        let status = self.view(&deployment).await?;
        Ok(BriefView { status, question, looks, answers, earlier: closed })
    }

    async fn question(
        &self,
        deployment: &Deployment,
        request: &ApprovalRequest,
        records: &[EventRecord],
        session: &Session,
    ) -> Result<Question, Error> {
        if let Some(withdrawn) = &request.withdrawn {
            return Ok(Question::Withdrawn {
                reason_untrusted: withdrawn.reason.clone(),
                expires_at: request.expires_at.to_rfc3339(),
            });
        }
        let stage = Stage::Deploying(request.environment.clone());
        let subject = deployment.subject(&stage, Some(request.gate.version()));
        let Some(subject) = subject.filter(|subject| Digest::of(subject) == request.digest) else {
            return Ok(Question::Changed);
        };
        let (spec, here) = (deployment.spec.clone(), request.environment.clone());
        let live = self
            .read(move |snapshot| Ok(snapshot.stays(&spec.service, &spec.repository, &here, 1)?.pop()))
            .await?;
        let link = |pipeline: &_, execution: &_| self.executions.link(pipeline, execution);
        let ways = |gate: &Gate| self.policy.ways_to_decide(gate);
        let asked = Asked::of(deployment, records, live.as_ref(), ways, link, &self.policy.pages);
        let Some(asked) = asked else { return Ok(Question::Changed) };
        let initiator = &deployment.spec.initiator.principal;
        let against = |verdict| self.against(deployment, request, session, verdict);
        let person = session.holder.person();
        let has_looked =
            |record| LookView::of(record, request.number).is_some_and(|it| it.by == person.as_str());
        let is_asked = request.asks(deployment.parties(), person, self.clock.now());
        Ok(Question::Open(Box::new(OpenQuestion {
            asked,
            what: SubjectView::from(subject),
            started_for: initiator.human().map(ToString::to_string),
            agent_untrusted: match initiator {
                Principal::Agent { client, .. } => Some(shortened(client, CLIENT_LIMIT)),
                Principal::Human { .. } | Principal::System => None,
            },
            left: time::in_words(minutes(request.expires_at.since(self.clock.now()))),
            reach: reach::of(deployment, &request.environment, live.as_ref()),
            commits: Listed::of(&deployment.spec.commits, live.as_ref()),
            glass: request.gate.break_glass.as_ref().map_or_else(Vec::new, |glass| {
                glass.people.iter().map(|person| person.name.to_string()).collect()
            }),
            unseen: is_asked && self.may_decide(session).is_ok() && !records.iter().any(has_looked),
            answered: request
                .decisions
                .iter()
                .any(|it| request.gate.is_same_person(&it.statement.person, person)),
            against_approving: against(Verdict::Approve),
            against_rejecting: against(Verdict::Reject),
        })))
    }

    /// Why the person of `session` cannot answer so on a page.
    fn against(
        &self,
        deployment: &Deployment,
        request: &ApprovalRequest,
        session: &Session,
        verdict: Verdict,
    ) -> Vec<String> {
        if let Err(refusal) = self.may_decide(session) {
            return vec![refusal.message];
        }
        let person = session.holder.person();
        let Some(server) = &self.server_key else {
            return vec!["This server has no key to vouch for what is decided on its pages.".to_owned()];
        };
        let statement = Statement {
            deployment_id: deployment.id.clone(),
            environment: request.environment.clone(),
            request: request.number,
            digest: request.digest.clone(),
            verdict,
            person: person.clone(),
            assurance: Assurance::Web,
            reason: None,
            decided_at: self.clock.now(),
        };
        // Judged as if it were given, and given to nobody.
        let supposed = Decision::seal(statement, server);
        let guards = request.guards_of_decision(deployment.parties(), &supposed, self.clock.now());
        let closed: Vec<Guard> = guards.into_iter().filter(|guard| !guard.holds).collect();
        let alone = closed.len() == 1;
        closed
            .iter()
            // Who may not decide has no key to check with either.
            .filter(|guard| alone || guard.name != "signature-is-valid")
            .map(|guard| in_words(guard, person, request))
            .collect()
    }

    /// Whether a session is not limited to less than deciding.
    ///
    /// # Errors
    /// Which role is missing.
    pub fn may_decide(&self, session: &Session) -> Result<(), Error> {
        if self.may(session, &[Right::Operate, Right::Approve]) {
            return Ok(());
        }
        Err(Error::new(
            Code::NotPermitted,
            format!(
                "{} may only look here: deciding takes the role `approver`, and a token that is not limited to less.",
                session.holder.person()
            ),
            "an operator of the server gives the person the role in the config",
        ))
    }
}

/// A guard that does not hold, as a sentence to the person.
fn in_words(guard: &Guard, person: &PrincipalName, request: &ApprovalRequest) -> String {
    match guard.name {
        "person-may-decide" => {
            let names: Vec<&str> = request.gate.approvers.iter().map(|it| it.name.as_str()).collect();
            format!("{person} is not one of those who may decide: {}.", names.join(", "))
        }
        "assurance-is-accepted" => format!(
            "{} does not accept decisions from this page: `accept` in the config of this server does not list `web`.",
            request.environment
        ),
        "four-eyes" => {
            format!("This was started for {person}, or {person} wrote the commit: another person approves it.")
        }
        "one-decision-per-person" => format!("{person} has decided on this request."),
        "request-is-open" => "The request has expired.".to_owned(),
        "nobody-rejected" => "Somebody has rejected it, and that is final for the request.".to_owned(),
        "signature-is-valid" => {
            "This request was opened where no server vouches for what is decided on pages. Once it has expired, RETRY opens another."
                .to_owned()
        }
        _ => format!("{}: {}; it takes that {}.", guard.name, guard.saw, guard.opens_when),
    }
}

fn opens_a_request(record: &EventRecord) -> bool {
    matches!(record.what, What::Event(Event::Main(MainEvent::ApprovalRequested { .. })))
}

/// In whole minutes, the last of them in seconds: what is shown changes no faster.
fn minutes(left: Duration) -> Duration {
    let seconds = left.as_secs();
    Duration::from_secs(if seconds < 60 { seconds } else { seconds - seconds % 60 })
}

impl Listed {
    fn of(commits: &[Commit], live: Option<&Stay>) -> Self {
        let Some(live) = live else { return Self::All };
        match commit::ahead_of(commits, &live.version.commit) {
            Some(0) => Self::Same,
            Some(_) => Self::Since,
            None => Self::Part,
        }
    }
}

impl LookView {
    /// The look in `record`, if it is one at this request.
    fn of(record: &EventRecord, request: u32) -> Option<Self> {
        match &record.what {
            What::Remark(Remark::RequestSeen { request: seen }) if *seen == request => {
                Some(Self { by: record.actor.principal.to_string(), at: record.at.to_rfc3339() })
            }
            What::Event(_) | What::Remark(_) => None,
        }
    }
}

impl BriefView {
    /// Whether the person has given this very answer.
    #[must_use]
    pub fn is_answered_by(&self, person: &PrincipalName, verdict: Verdict) -> bool {
        self.answers.iter().any(|answer| answer.by == person.as_str() && answer.said == verdict.past_tense())
    }
}
