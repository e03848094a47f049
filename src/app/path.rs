//! Named paths: who may take one, and how everybody sees that one was taken.

use schemars::JsonSchema;
use serde::Serialize;

use super::reason::REASON_LIMIT;
use super::{App, Code, Error};
use crate::domain::deployment::{Deployment, Spec};
use crate::domain::id::{PathName, PrincipalName};
use crate::domain::path::{self, PathTaken, Shortcut};
use crate::domain::text::shortened;
use crate::domain::workflow::{Stage, Workflow};

/// The named path of a deployment. Not the ordinary way: stages are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PathView {
    /// Its name in the config.
    pub name: String,
    /// Why it was taken.
    pub reason_untrusted: String,
    /// The stages that are left out.
    pub skipped: Vec<String>,
    /// Rules about evidence that hold nobody on this path, whatever the config demands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waives: Vec<String>,
}

impl PathView {
    /// The path of a deployment, with everything that it waives on its way.
    pub(super) fn of(deployment: &Deployment) -> Option<Self> {
        let taken = deployment.spec.path.as_ref()?;
        let workflow = &deployment.spec.workflow;
        let visited = workflow
            .environments
            .iter()
            .map(|it| &it.name)
            .filter(|name| !workflow.skips(&Stage::Deploying((*name).clone())));
        let waived = visited.flat_map(|environment| {
            let rules = workflow.waives(environment).into_iter();
            rules.map(move |rule| format!("{rule} before {environment}"))
        });
        Some(Self {
            name: taken.name.to_string(),
            reason_untrusted: taken.reason.clone(),
            skipped: workflow.skipped.iter().map(ToString::to_string).collect(),
            waives: waived.collect(),
        })
    }

    /// What it means, in one line without the reason.
    #[must_use]
    pub fn meaning(&self) -> String {
        path::meaning(&self.name, &self.skipped, &self.waives)
    }
}

impl From<Shortcut> for PathView {
    fn from(shortcut: Shortcut) -> Self {
        Self {
            name: shortcut.path.to_string(),
            reason_untrusted: shortcut.reason,
            skipped: shortcut.skipped,
            waives: shortcut.waives,
        }
    }
}

impl App {
    /// The path that a start names, which says why.
    ///
    /// # Errors
    /// When the config has no such path, or one of the two is missing.
    pub(super) fn path_taken(
        &self,
        path: Option<&str>,
        reason: Option<&str>,
    ) -> Result<Option<PathTaken>, Error> {
        let reason = reason.map(|reason| shortened(reason, REASON_LIMIT)).filter(|reason| !reason.is_empty());
        let Some(path) = path else {
            return match reason {
                None => Ok(None),
                Some(_) => Err(Error::new(
                    Code::MalformedArgument,
                    "a `reason` was given for the ordinary way, which asks for none",
                    "leave it out, or name the `path` that it is for",
                )),
            };
        };
        let name: PathName = path.parse()?;
        if !self.policy.paths.contains_key(&name) {
            return Err(self.unknown_path(&name));
        }
        match reason {
            Some(reason) => Ok(Some(PathTaken { name, reason })),
            None => Err(Error::new(
                Code::MalformedArgument,
                format!("the path `{name}` is only taken with a `reason`"),
                "say in a sentence why stages are left out; those who approve read it",
            )),
        }
    }

    /// The way without what its path leaves out.
    ///
    /// # Errors
    /// When that would leave its target out.
    pub(super) fn without_skipped(
        &self,
        workflow: Workflow,
        path: Option<&PathTaken>,
    ) -> Result<Workflow, Error> {
        let Some(PathTaken { name, .. }) = path else { return Ok(workflow) };
        let rules = self.policy.paths.get(name).ok_or_else(|| self.unknown_path(name))?;
        let end = workflow.environments.last().map(|it| Stage::Deploying(it.name.clone()));
        if let Some(end) = end.filter(|end| rules.skip.contains(end)) {
            return Err(Error::new(
                Code::MalformedArgument,
                format!("the path `{name}` leaves {end} out, so it cannot end there"),
                "target an environment after it, or take the ordinary way",
            ));
        }
        Ok(workflow.without(&rules.skip))
    }

    /// Whether a deployment may be started on its path for the person who asks, or whose agent does.
    ///
    /// # Errors
    /// When the config names others. An agent that tried is recorded.
    pub(super) async fn permit_path(&self, spec: &Spec) -> Result<(), Error> {
        let permitted = self.path_is_open_to(spec);
        self.remembering_limit("", &spec.initiator, permitted).await
    }

    pub(super) fn path_is_open_to(&self, spec: &Spec) -> Result<(), Error> {
        let Some(PathTaken { name, .. }) = &spec.path else { return Ok(()) };
        let rules = self.policy.paths.get(name).ok_or_else(|| self.unknown_path(name))?;
        let Some(may_start) = &rules.may_start else { return Ok(()) };
        let person = spec.initiator.principal.human();
        if person.is_some_and(|person| may_start.contains(person)) {
            return Ok(());
        }
        let who = person.map_or("nobody", PrincipalName::as_str);
        let names: Vec<&str> = may_start.iter().map(PrincipalName::as_str).collect();
        Err(Error::new(
            Code::NotPermitted,
            format!("no deployment is started for {who} on the path `{name}`"),
            format!("one of these starts it: {}; or take the ordinary way", names.join(", ")),
        ))
    }

    fn unknown_path(&self, name: &PathName) -> Error {
        let names: Vec<&str> = self.policy.paths.keys().map(PathName::as_str).collect();
        Error::new(
            Code::UnknownPath,
            format!("there is no path `{name}`"),
            if names.is_empty() {
                "the config has no named paths; leave `path` out for the ordinary way".to_owned()
            } else {
                format!("the paths are: {}; leave `path` out for the ordinary way", names.join(", "))
            },
        )
    }
}
