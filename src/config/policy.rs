//! The rules of this installation, resolved: who, through which stages, past
//! which gates.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::domain::assurance::Assurance;
use crate::domain::calendar::Calendar;
use crate::domain::deployment::Spec;
use crate::domain::drift::VersionCheck;
use crate::domain::entrance::Rules;
use crate::domain::finding::Levels;
use crate::domain::freeze::Freeze;
use crate::domain::gate::Gate;
use crate::domain::id::{
    ChannelName, EnvironmentName, IssueKey, PathName, PipelineId, PrincipalName, ProjectKey, SlackUser,
};
use crate::domain::issue;
use crate::domain::limits::Limits;
use crate::domain::page::Pages;
use crate::domain::path::Path;
use crate::domain::plan::{Gates, Timing};
use crate::domain::role::{Right, Role};
use crate::domain::rollback_way::RollbackWay;
use crate::domain::route::Route;
use crate::domain::signature::PublicKey;
use crate::domain::workflow::Workflow;
use crate::manifests;

/// The rules. Read at start; a change of the file takes a restart.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The person for whom an agent acts, and who uses the command line.
    pub user: PrincipalName,
    /// All environments, in order. A start copies it up to its target.
    pub workflow: Workflow,
    /// The gates that can be opened. A gated environment that is missing here
    /// has nobody who could approve, and a start that needs it is refused. Those
    /// on the way of a deployment are [`Self::gates_of`] it, and never these.
    pub gates: Gates,
    /// The named paths.
    pub paths: BTreeMap<PathName, Path>,
    /// What is asked before anything goes into an environment.
    pub rules: BTreeMap<EnvironmentName, Rules>,
    /// Where environments say what they run.
    pub versions: BTreeMap<EnvironmentName, VersionCheck>,
    /// When the environments may be deployed to.
    pub freezes: Vec<Freeze>,
    /// Whom the config names.
    pub people: BTreeMap<PrincipalName, Person>,
    /// How far agents may go whose person the config does not name.
    pub agent_limits: Limits,
    /// Pipelines that an agent may run by itself.
    pub triggerable: BTreeSet<PipelineId>,
    /// Who is told what.
    pub routing: Routing,
    /// What validation looks for.
    pub validation: Validation,
    /// When people work; `None` if nobody says.
    pub working_hours: Option<Calendar>,
    /// The engine's times.
    pub timing: Timing,
    /// Where people find the pages about a deployment: whoever serves them says so.
    pub pages: Pages,
    /// What a reader of any status must know about these rules.
    pub caveats: Vec<String>,
    /// The Jira projects whose keys are found in branches and commits.
    pub jira_projects: BTreeSet<ProjectKey>,
}

/// Who is told what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routing {
    /// The channels that there are.
    pub channels: BTreeSet<ChannelName>,
    /// The routes.
    pub routes: Vec<Route>,
    /// What every message begins with, where that must not be missed.
    pub said_first: Option<String>,
    /// The tracker, if there is one.
    pub tracker: Option<ChannelName>,
}

impl Routing {
    /// A message with what every message begins with.
    #[must_use]
    pub fn begun(&self, text: &str) -> String {
        format!("{}{text}", self.said_first.as_deref().unwrap_or_default())
    }
}

/// What validation looks for, and what of it blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validation {
    /// What blocks, and what does not, where that is not as usual.
    pub levels: Levels,
    /// The folder below which callers may name manifests. `None`: they name none.
    pub manifests_root: Option<PathBuf>,
    /// What is wanted of manifests.
    pub manifests: manifests::Rules,
}

/// A person whom the config names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their public key, if they have one.
    pub key: Option<PublicKey>,
    /// What they are.
    pub roles: BTreeSet<Role>,
    /// What commits call them.
    pub emails: BTreeSet<PrincipalName>,
    /// What the authorization server calls them.
    pub oauth_subject: Option<String>,
    /// What the OpenID provider calls them, at which they sign in to the pages.
    pub openid_subject: Option<String>,
    /// Who they are in Slack.
    pub slack_user: Option<SlackUser>,
    /// How far agents may go that act for them.
    pub agent_limits: Limits,
}

impl Policy {
    /// Whether a person has a right. The user of this server, whom the config
    /// need not name, then operates and administers it: whoever starts a server
    /// without saying more could write the config, too. Any other stranger may nothing.
    #[must_use]
    pub fn allows(&self, person: &PrincipalName, right: Right) -> bool {
        match self.people.get(person) {
            Some(known) => known.roles.iter().any(|role| role.includes(right)),
            None => *person == self.user && right != Right::Approve,
        }
    }

    /// Whether the person is somebody here: the config names them, or they run the server.
    #[must_use]
    pub fn knows(&self, person: &PrincipalName) -> bool {
        self.people.contains_key(person) || *person == self.user
    }

    /// How far agents may go that act for this person.
    #[must_use]
    pub fn limits_of_agents_for(&self, person: &PrincipalName) -> &Limits {
        self.people.get(person).map_or(&self.agent_limits, |known| &known.agent_limits)
    }

    /// The person whom a commit calls `author`; the same word where the config knows nobody by it.
    #[must_use]
    pub fn person_behind(&self, author: PrincipalName) -> PrincipalName {
        let known = self.people.iter().find(|(_, person)| person.emails.contains(&author));
        known.map_or(author, |(name, _)| name.clone())
    }

    /// The person whom the authorization server calls `subject`.
    #[must_use]
    pub fn person_with_subject(&self, subject: &str) -> Option<&PrincipalName> {
        let mut people = self.people.iter();
        people.find(|(_, person)| person.oauth_subject.as_deref() == Some(subject)).map(|(name, _)| name)
    }

    /// The person whom the OpenID provider calls `subject`.
    #[must_use]
    pub fn person_with_openid_subject(&self, subject: &str) -> Option<&PrincipalName> {
        let mut people = self.people.iter();
        people.find(|(_, person)| person.openid_subject.as_deref() == Some(subject)).map(|(name, _)| name)
    }

    /// What is asked before anything goes into an environment; the usual where the config does not name it.
    #[must_use]
    pub fn rules_of(&self, environment: &EnvironmentName) -> Rules {
        self.rules.get(environment).cloned().unwrap_or_default()
    }

    /// The person whom Slack calls `user`, of the workspace that it calls `team`.
    #[must_use]
    pub fn person_in_slack(&self, team: &str, user: &str) -> Option<&PrincipalName> {
        let is = |person: &Person| person.slack_user.as_ref().is_some_and(|it| it.is(team, user));
        self.people.iter().find(|(_, person)| is(person)).map(|(name, _)| name)
    }

    /// What a decision at this gate may rest on, without ways that lead nobody
    /// there: a button in Slack is one only for people of whom it is known who they are there.
    #[must_use]
    pub fn ways_to_decide(&self, gate: &Gate) -> Vec<Assurance> {
        let is_in_slack = |name| self.people.get(name).is_some_and(|person| person.slack_user.is_some());
        let leads_somebody = |way: &Assurance| {
            *way != Assurance::Slack || gate.approvers.iter().any(|approver| is_in_slack(&approver.name))
        };
        gate.accept.iter().copied().filter(leads_somebody).collect()
    }

    /// The gates as this deployment meets them: with what its path demands on top.
    /// None can be opened where the config has its path no more.
    #[must_use]
    pub fn gates_of(&self, spec: &Spec) -> Cow<'_, Gates> {
        self.gates_on(spec.path.as_ref().map(|path| &path.name))
    }

    /// The gates on a path; on the ordinary way if it is `None`.
    #[must_use]
    pub fn gates_on(&self, path: Option<&PathName>) -> Cow<'_, Gates> {
        let Some(name) = path else { return Cow::Borrowed(&self.gates) };
        let Some(path) = self.paths.get(name) else { return Cow::Owned(Gates::new()) };
        let harder = |gate| path.demands.on_top_of(gate);
        Cow::Owned(self.gates.iter().map(|(environment, gate)| (environment.clone(), harder(gate))).collect())
    }

    /// The Jira issues of a deployment: those that its caller named, and those
    /// that its branch and its commits name.
    #[must_use]
    pub fn issues_of(&self, spec: &Spec) -> Vec<IssueKey> {
        issue::of(spec, &self.jira_projects)
    }

    /// Whether some gate accepts decisions that only the server can see, wherever it
    /// is served. On pages it sees them only where it serves some.
    #[must_use]
    pub fn needs_voucher(&self) -> bool {
        let is_seen = |way: &Assurance| way.is_vouched_for() && *way != Assurance::Web;
        self.gates.values().any(|gate| self.ways_to_decide(gate).iter().any(is_seen))
    }

    /// Let the server with this key vouch for decisions, in those gates that
    /// accept what it can see: other gates keep their version.
    pub fn let_vouch(&mut self, server: &PublicKey) {
        let vouched: Vec<EnvironmentName> = self
            .gates
            .iter()
            .filter(|(_, gate)| self.is_vouched_at(gate))
            .map(|(name, _)| name.clone())
            .collect();
        for (_, gate) in self.gates.iter_mut().filter(|(name, _)| vouched.contains(name)) {
            gate.voucher = Some(server.clone());
        }
    }

    /// Whether decisions at this gate may come that leave no signature of their own.
    fn is_vouched_at(&self, gate: &Gate) -> bool {
        self.ways_to_decide(gate).into_iter().any(Assurance::is_vouched_for)
    }

    /// Whether an agent may run this pipeline by itself. One behind a gate is
    /// never allowed, whatever the list says.
    #[must_use]
    pub fn agent_may_trigger(&self, pipeline: &PipelineId) -> bool {
        self.triggerable.contains(pipeline) && !self.is_behind_a_gate(pipeline)
    }

    /// Whether the workflow uses this pipeline behind a gate, to deploy there or to roll back.
    #[must_use]
    pub fn is_behind_a_gate(&self, pipeline: &PipelineId) -> bool {
        self.workflow.environments.iter().filter(|environment| environment.gated).any(|environment| {
            let own = match &environment.rollback {
                RollbackWay::Pipeline(run) => Some(&run.pipeline),
                RollbackWay::Redeploy | RollbackWay::Harness(_) => None,
            };
            environment.deploy.pipeline == *pipeline || own == Some(pipeline)
        })
    }
}
