//! The shape of the TOML file, and its translation into a [`Policy`].
//!
//! An unknown key is an error: a misspelt `approvers` must never be an open gate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::Config;
use super::channels::{ChannelSection, RouteSection, routing};
use super::environments::{self, EnvironmentSection};
use super::freeze::{FreezeSection, freezes};
use super::http::HttpSection;
use super::jira;
use super::metrics::MetricsSection;
use super::path::{PathSection, paths};
use super::people::{AgentSection, Groups, PeopleSection};
use super::pipeline::Pipelines;
use super::policy::Policy;
use super::validation::ValidationSection;
use crate::domain::approval::REMINDER_PAUSE;
use crate::domain::id::{ChannelName, PathName, PrincipalName, VariableName};
use crate::domain::page::Pages;
use crate::domain::plan::{Gates, Timing};
use crate::domain::workflow::{Environment, Workflow};

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConfigFile {
    user: Option<PrincipalName>,
    server_key: Option<PathBuf>,
    harness: HarnessSection,
    http: HttpSection,
    jira: Option<jira::Written>,
    people: PeopleSection,
    groups: Groups,
    pipelines: Pipelines,
    environments: Option<Vec<EnvironmentSection>>,
    freezes: Vec<FreezeSection>,
    paths: BTreeMap<PathName, PathSection>,
    channels: BTreeMap<ChannelName, ChannelSection>,
    routes: Vec<RouteSection>,
    agent: AgentSection,
    validation: ValidationSection,
    metrics: MetricsSection,
    timing: TimingSection,
}

/// Where Harness is. The key never stands here; the environment wins over the file.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct HarnessSection {
    /// `https://app.harness.io`, or a vanity host.
    pub base_url: Option<String>,
    /// Account; taken from the key when absent.
    pub account: Option<String>,
    /// Organisation.
    pub org: Option<String>,
    /// Project.
    pub project: Option<String>,
    /// The pipeline variable that carries the correlation key.
    pub correlation_variable: Option<VariableName>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
struct TimingSection {
    settling: Option<String>,
    fastest_poll: Option<String>,
    slowest_poll: Option<String>,
    remind_after: Option<String>,
    escalate_after: Option<String>,
}

/// Less than the trigger's own timeout would call a run lost that is on its way.
const SHORTEST_SETTLING: Duration = Duration::from_secs(45);

impl ConfigFile {
    /// All that the file says; `os_user` is the user where it names none.
    pub(super) fn config(self, os_user: &str) -> Result<Config, String> {
        let mut policy = self.policy(os_user)?;
        let jira = self.jira.as_ref().map(|it| it.section(&policy.workflow.environments)).transpose()?;
        if let Some(jira) = &jira {
            policy.jira_projects.clone_from(&jira.projects);
            policy.routing.tracker = Some(jira::channel(&self.channels)?);
        }
        let Self { harness, http, channels, server_key, .. } = self;
        if http.sign_in.is_some() {
            http.redirect_uri()?;
        }
        Ok(Config { policy, harness, http, channels, jira, server_key })
    }

    /// The rules that the file describes.
    fn policy(&self, os_user: &str) -> Result<Policy, String> {
        let user = match &self.user {
            Some(user) => user.clone(),
            None => os_user.parse().map_err(|error| format!("{error}; set `user` in the config"))?,
        };
        let defaults = environments::defaults();
        let sections = self.environments.as_ref().unwrap_or(&defaults);
        if sections.is_empty() {
            return Err("`environments` is empty; name at least one, or leave it out".to_owned());
        }
        let mut environments: Vec<Environment> = Vec::new();
        let mut gates = Gates::new();
        let (mut rules, mut versions) = (BTreeMap::new(), BTreeMap::new());
        for section in sections {
            if environments.iter().any(|earlier| earlier.name == section.name) {
                return Err(format!("environment `{}` is there twice", section.name));
            }
            let environment = section.environment()?;
            if let Some(approval) = &section.approval {
                let gate = approval.gate(section.name.as_str(), &self.people, &self.groups)?;
                gates.insert(section.name.clone(), gate);
            }
            rules.insert(section.name.clone(), section.rules()?);
            versions.extend(section.version()?.map(|check| (section.name.clone(), check)));
            environments.push(environment);
        }
        let routing = routing(&self.channels, &self.routes, &environments)?;
        Ok(Policy {
            user,
            routing,
            paths: paths(&self.paths, &environments, &gates, &self.people, &self.groups)?,
            freezes: freezes(&self.freezes, &environments, &self.people, &self.groups)?,
            workflow: Workflow {
                build: self.pipelines.build()?,
                test: self.pipelines.test()?,
                environments,
                skipped: Vec::new(),
            },
            gates,
            rules,
            versions,
            people: self.people.people(&self.agent)?,
            agent_limits: self.agent.limits(),
            triggerable: self.agent.triggerable_pipelines.clone(),
            validation: self.validation.rules()?,
            working_hours: self.metrics.working_hours()?,
            timing: self.timing.timing()?,
            pages: Pages::default(),
            caveats: Vec::new(),
            jira_projects: BTreeSet::new(),
        })
    }
}

impl TimingSection {
    fn timing(&self) -> Result<Timing, String> {
        let defaults = Timing::default();
        let settling = duration(self.settling.as_deref(), "settling")?.unwrap_or(defaults.settling);
        if settling < SHORTEST_SETTLING {
            return Err(format!(
                "timing: `settling` must be at least {} s, or a run that is on its way would count as lost",
                SHORTEST_SETTLING.as_secs()
            ));
        }
        let remind_after =
            duration(self.remind_after.as_deref(), "remind_after")?.unwrap_or(defaults.remind_after);
        if remind_after < REMINDER_PAUSE {
            return Err(format!(
                "timing: `remind_after` must be at least {} min, so that people are not pestered",
                REMINDER_PAUSE.as_secs() / 60
            ));
        }
        Ok(Timing {
            settling,
            remind_after,
            escalate_after: duration(self.escalate_after.as_deref(), "escalate_after")?
                .unwrap_or(defaults.escalate_after),
            fastest_poll: duration(self.fastest_poll.as_deref(), "fastest_poll")?
                .unwrap_or(defaults.fastest_poll),
            slowest_poll: duration(self.slowest_poll.as_deref(), "slowest_poll")?
                .unwrap_or(defaults.slowest_poll),
            ..defaults
        })
    }
}

/// A duration of more than nothing, such as `24h`.
pub(super) fn duration(text: Option<&str>, key: &str) -> Result<Option<Duration>, String> {
    let Some(text) = text else { return Ok(None) };
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero())
        .map(Some)
        .ok_or_else(|| {
            format!("`{key}` is `{text}`; write a duration such as \"24h\", \"90s\" or \"1h 30m\"")
        })
}
