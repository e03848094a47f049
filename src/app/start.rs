//! Starting a deployment, once.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use super::view::StartedView;
use super::{App, Code, Error};
use crate::domain::commit::Commit;
use crate::domain::deployment::{Deployment, Mode, Spec, Variable};
use crate::domain::id::{
    ChannelName, DeploymentId, IssueKey, ManifestPath, PrincipalName, Repository, Service, VariableName,
};
use crate::domain::path::PathTaken;
use crate::domain::principal::Actor;
use crate::domain::text::shortened;
use crate::domain::time::Timestamp;
use crate::domain::workflow::Workflow;
use crate::store::{Activity, Created, Filter};

/// What to deploy.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// Repository, as `name` or `owner/name`.
    pub repository: String,
    /// Branch that the commit is on.
    pub branch: String,
    /// Commit to deploy: 7 to 64 lower-case hexadecimal digits.
    pub commit_sha: String,
    /// Service; the last part of the repository by default.
    pub service: Option<String>,
    /// Environment to end at; the last one of the workflow by default.
    pub target_environment: Option<String>,
    /// A named path, such as `hotfix`, if a person asks for it: fewer stages, more approval.
    pub path: Option<String>,
    /// Why that path; needed with it.
    pub reason: Option<String>,
    /// `auto` (default): every stage follows by itself. `step`: each stage runs, then waits for `transition`.
    pub mode: Option<RequestedMode>,
    /// Jira issues that this deployment belongs to, such as `SHOP-42`.
    #[serde(default)]
    pub jira_issues: Vec<String>,
    /// Channels of the config that are told of it beside those that always are.
    #[serde(default)]
    pub notify: Vec<String>,
    /// Further pipeline variables. Those that the server sets are refused.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Kubernetes manifests or Helm chart to check first: a path below the folder that the operator chose.
    pub manifests: Option<String>,
    /// Who wrote the commit, by name or e-mail address. They will not count as approvers of it.
    #[serde(default)]
    pub commit_authors: Vec<String>,
    /// What it brings, newest first, `commit_sha` itself included: up to 200, at best back to what production runs. Tells people what changes; authors do not approve.
    #[serde(default)]
    pub commits: Vec<CommitRequest>,
    /// The deployment that this one repeats after a failure that needed a change.
    pub restart_of: Option<String>,
    /// Choose one per intended deployment: a repeated call with it returns the first deployment and starts nothing.
    pub idempotency_key: Option<String>,
    /// `plan_hash` of plan_deployment: if what would happen now is something else, nothing is started.
    pub expected_plan_hash: Option<String>,
}

/// A commit that a deployment brings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct CommitRequest {
    /// Its SHA.
    pub sha: String,
    /// Who wrote it, by name or e-mail address.
    pub author: Option<String>,
    /// Its message; the first line is kept.
    pub message: Option<String>,
    /// When it was made, RFC 3339.
    pub committed_at: Option<String>,
}

/// Who moves the deployment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum RequestedMode {
    /// The server.
    Auto,
    /// The caller.
    Step,
}

/// Deployments in flight that are compared with a start that has no key.
const IN_FLIGHT_LIMIT: u32 = 100;

/// The most commits that a start may name. A release with more is not read by anybody.
const MOST_COMMITS: usize = 200;

/// The longest first line of a commit's message that is kept.
const MESSAGE_LIMIT: usize = 120;

impl App {
    /// Start a deployment. With a key that was used before and the same
    /// arguments it is the same deployment; without a key, so is one in flight
    /// with the same arguments. A crash during the call leaves either nothing
    /// or the whole deployment.
    ///
    /// # Errors
    /// Malformed arguments, an unknown environment, a gate that nobody may
    /// open, a key that was used for something else.
    pub async fn start(&self, request: StartRequest, actor: Actor) -> Result<StartedView, Error> {
        let expected_plan = request.expected_plan_hash.clone();
        let spec = self.spec(request, actor)?;
        self.require_plan(&spec, expected_plan.as_deref())?;
        self.permit_start(&spec.initiator, &spec.workflow).await?;
        self.permit_path(&spec).await?;
        if let Some(restarted) = spec.restart_of.clone() {
            self.blocking(move |store| store.load(&restarted)).await?;
        }
        if spec.idempotency_key.is_none()
            && let Some(twin) = self.twin_in_flight(&spec).await?
        {
            return Ok(StartedView { existing: true, deployment: self.view(&twin).await? });
        }
        let now = self.clock.now();
        let created_ms = u64::try_from(now.0).unwrap_or(0);
        let id = DeploymentId::new(created_ms, self.random.bits());
        let wanted = spec.clone();
        let allowance = self.starts_left(&wanted.initiator, now);
        let created = self.blocking(move |store| store.create(id, spec, allowance, now)).await;
        match self.remembering_limit("", &wanted.initiator, created).await? {
            Created::Fresh(deployment) => {
                self.wake.ring();
                Ok(StartedView { existing: false, deployment: self.view(&deployment).await? })
            }
            Created::Existing(deployment) => {
                let differences = differences(&deployment.spec, &wanted);
                if differences.is_empty() {
                    return Ok(StartedView { existing: true, deployment: self.view(&deployment).await? });
                }
                Err(Error::new(
                    Code::IdempotencyConflict,
                    format!(
                        "this idempotency_key started {} with other arguments: {}",
                        deployment.id,
                        differences.join("; ")
                    ),
                    "use the same arguments to get that deployment, or a new key to start another",
                ))
            }
        }
    }

    pub(super) fn spec(&self, request: StartRequest, actor: Actor) -> Result<Spec, Error> {
        let repository: Repository = request.repository.parse()?;
        let service: Service = match request.service {
            Some(service) => service.parse()?,
            None => repository.as_str().rsplit('/').next().unwrap_or_default().parse()?,
        };
        let path = self.path_taken(request.path.as_deref(), request.reason.as_deref())?;
        let workflow = self.workflow_to(request.target_environment.as_deref(), path.as_ref())?;
        let variables = variables(request.variables)?;
        if let Some(taken) =
            Variable::ALL.iter().map(|own| own.name()).find(|own| variables.contains_key(own))
        {
            return Err(Error::new(
                Code::ReservedVariable,
                format!("the variable `{taken}` is set by the server and cannot be given"),
                "leave it out, or give it another name in the pipeline",
            ));
        }
        let jira_issues =
            request.jira_issues.iter().map(|key| key.parse::<IssueKey>()).collect::<Result<Vec<_>, _>>()?;
        let commits = self.commits(&request.commits)?;
        let said = request.commit_authors.iter().map(String::as_str);
        let authors: Vec<&str> =
            said.chain(request.commits.iter().filter_map(|commit| commit.author.as_deref())).collect();
        Ok(Spec {
            repository,
            service,
            branch: request.branch.parse()?,
            commit: request.commit_sha.parse()?,
            mode: match request.mode {
                Some(RequestedMode::Step) => Mode::Step,
                Some(RequestedMode::Auto) | None => Mode::Auto,
            },
            variables,
            manifests: self.manifests(request.manifests.as_deref())?,
            jira_issues,
            notify: self.channels(&request.notify)?,
            initiator: actor,
            commit_authors: self.authors(&authors)?,
            commits,
            idempotency_key: request.idempotency_key.map(|key| key.parse()).transpose()?,
            restart_of: request.restart_of.map(|id| id.parse()).transpose()?,
            path,
            workflow,
        })
    }

    /// Channels that there are.
    fn channels(&self, given: &[String]) -> Result<BTreeSet<ChannelName>, Error> {
        let known = &self.policy.routing.channels;
        let channel = |text: &String| {
            let name: ChannelName = text.parse()?;
            if known.contains(&name) {
                return Ok(name);
            }
            let names: Vec<&str> = known.iter().map(ChannelName::as_str).collect();
            let there_are = if names.is_empty() {
                "the config has none".to_owned()
            } else {
                format!("the channels are: {}", names.join(", "))
            };
            Err(Error::new(
                Code::MalformedArgument,
                format!("`notify` names the channel `{name}`, and there is none of this name"),
                format!("{there_are}; leave `notify` out to tell those that are always told"),
            ))
        };
        given.iter().map(channel).collect()
    }

    /// Where manifests are to be looked for, if anywhere.
    fn manifests(&self, given: Option<&str>) -> Result<Option<ManifestPath>, Error> {
        let Some(given) = given else { return Ok(None) };
        if self.policy.validation.manifests_root.is_none() {
            return Err(Error::new(
                Code::MalformedArgument,
                "manifests are named, and the config has no folder to look for them in",
                "leave `manifests` out, or have an operator set `manifests_root` under [validation] in the config",
            ));
        }
        Ok(Some(given.parse()?))
    }

    fn commits(&self, given: &[CommitRequest]) -> Result<Vec<Commit>, Error> {
        if given.len() > MOST_COMMITS {
            return Err(Error::new(
                Code::MalformedArgument,
                format!("`commits` has {} entries, and {MOST_COMMITS} are the most", given.len()),
                "give the newest, or leave them out",
            ));
        }
        let commit = |given: &CommitRequest| -> Result<Commit, Error> {
            let first_line = given.message.as_deref().and_then(|message| message.lines().next());
            Ok(Commit {
                sha: given.sha.parse()?,
                author: given
                    .author
                    .as_deref()
                    .map(|author| Ok::<_, Error>(self.policy.person_behind(author.parse()?)))
                    .transpose()?,
                message: shortened(first_line.unwrap_or_default(), MESSAGE_LIMIT),
                committed_at: given.committed_at.as_deref().map(Timestamp::parse).transpose()?,
            })
        };
        given.iter().map(commit).collect()
    }

    fn authors(&self, given: &[&str]) -> Result<Vec<PrincipalName>, Error> {
        let mut authors = given
            .iter()
            .map(|author| Ok(self.policy.person_behind(author.parse()?)))
            .collect::<Result<Vec<_>, Error>>()?;
        authors.sort();
        authors.dedup();
        Ok(authors)
    }

    /// The workflow up to its target, all of whose gates somebody may open.
    fn workflow_to(&self, target: Option<&str>, path: Option<&PathTaken>) -> Result<Workflow, Error> {
        let mut workflow = self.policy.workflow.clone();
        if let Some(target) = target {
            let target = self.environment(target)?;
            let before = workflow.environments.iter().take_while(|it| it.name != target).count();
            workflow.environments.truncate(before + 1);
        }
        let gates = self.policy.gates_on(path.map(|path| &path.name));
        let closed = workflow.environments.iter().find(|it| it.gated && !gates.contains_key(&it.name));
        match closed {
            None => self.without_skipped(workflow, path),
            Some(environment) => Err(Error::new(
                Code::GateNotConfigured,
                format!(
                    "{0} needs an approval, and the config names nobody who may approve {0}",
                    environment.name
                ),
                format!(
                    "an operator adds `approval = {{ approvers = [\"NAME\"] }}` to environment `{0}` and a [people.NAME] with the public_key that keygen prints; until then, target an environment before {0}",
                    environment.name
                ),
            )),
        }
    }

    async fn twin_in_flight(&self, spec: &Spec) -> Result<Option<Deployment>, Error> {
        let filter = Filter {
            repository: Some(spec.repository.clone()),
            activity: Activity::Active,
            limit: IN_FLIGHT_LIMIT,
            ..Filter::default()
        };
        let page = self.blocking(move |store| store.list(&filter)).await?;
        Ok(page.deployments.into_iter().find(|other| {
            other.spec.idempotency_key.is_none()
                && other.spec.initiator.principal.human() == spec.initiator.principal.human()
                && differences(&other.spec, spec).is_empty()
        }))
    }
}

/// The most that one variable may hold.
const VALUE_LIMIT: usize = 4_000;

/// A caller's variables, checked. Harness evaluates `<+…>` inside a value, which
/// would let whoever writes the value read the secrets of the project.
pub(super) fn variables(given: BTreeMap<String, String>) -> Result<BTreeMap<VariableName, String>, Error> {
    given
        .into_iter()
        .map(|(name, value)| {
            let name: VariableName = name.parse()?;
            if value.contains("<+") || value.contains("${") {
                return Err(Error::new(
                    Code::MalformedArgument,
                    format!("the variable `{name}` holds an expression, which Harness would evaluate"),
                    "give plain text; expressions belong into the pipeline or the config",
                ));
            }
            if value.len() > VALUE_LIMIT {
                return Err(Error::new(
                    Code::MalformedArgument,
                    format!("the variable `{name}` holds more than {VALUE_LIMIT} bytes"),
                    "pass a reference to the content instead of the content",
                ));
            }
            Ok((name, value))
        })
        .collect()
}

/// What a caller asked for differently, in words. The workflow counts by its
/// target only: a config that changed meanwhile is not the caller's doing.
fn differences(first: &Spec, second: &Spec) -> Vec<String> {
    let target = |spec: &Spec| {
        spec.workflow.environments.last().map_or_else(String::new, |environment| environment.name.to_string())
    };
    let path = |spec: &Spec| {
        let said = |path: &PathTaken| format!("{}, because: {}", path.name, path.reason);
        spec.path.as_ref().map_or_else(|| "none".to_owned(), said)
    };
    [
        ("repository", first.repository.to_string(), second.repository.to_string()),
        ("service", first.service.to_string(), second.service.to_string()),
        ("branch", first.branch.to_string(), second.branch.to_string()),
        ("commit_sha", first.commit.to_string(), second.commit.to_string()),
        ("target_environment", target(first), target(second)),
        ("path", path(first), path(second)),
        ("mode", format!("{:?}", first.mode), format!("{:?}", second.mode)),
        ("variables", format!("{:?}", first.variables), format!("{:?}", second.variables)),
        ("manifests", format!("{:?}", first.manifests), format!("{:?}", second.manifests)),
        ("jira_issues", format!("{:?}", first.jira_issues), format!("{:?}", second.jira_issues)),
        ("notify", format!("{:?}", first.notify), format!("{:?}", second.notify)),
        ("restart_of", format!("{:?}", first.restart_of), format!("{:?}", second.restart_of)),
    ]
    .into_iter()
    .filter(|(_, then, now)| then != now)
    .map(|(name, then, now)| format!("{name} was {}, is {}", shortened(&then, 80), shortened(&now, 80)))
    .collect()
}
