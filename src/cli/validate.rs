//! `validate`: what is wrong with a deployment before it is started.

use std::collections::BTreeMap;

use super::output::{self, Style};
use super::{Global, act, wiring};
use crate::app::findings::ValidationView;
use crate::app::{Code, Error, StartRequest};
use crate::domain::text::visible;

/// What would be deployed, as a start says it.
#[derive(Debug, clap::Args)]
pub(super) struct Intent {
    /// Repository, as `name` or `owner/name`.
    #[arg(long, value_name = "NAME")]
    repository: String,
    /// Branch that the commit is on.
    #[arg(long, value_name = "NAME")]
    branch: String,
    /// Commit: 7 to 64 lower-case hexadecimal digits.
    #[arg(long, value_name = "SHA")]
    commit: String,
    /// Service; the last part of the repository by default.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Environment to end at; the last one of the workflow by default.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// A named path of the config.
    #[arg(long, value_name = "NAME", requires = "reason")]
    path: Option<String>,
    /// Why that path.
    #[arg(long)]
    reason: Option<String>,
    /// A pipeline variable; any number of them.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    /// Kubernetes manifests or Helm chart: a path below `manifests_root` of the config.
    #[arg(long, value_name = "PATH")]
    manifests: Option<String>,
    /// A Jira issue; any number of them.
    #[arg(long = "jira-issue", value_name = "KEY")]
    jira_issues: Vec<String>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl TryFrom<Intent> for StartRequest {
    type Error = Error;

    fn try_from(intent: Intent) -> Result<Self, Error> {
        let mut variables = BTreeMap::new();
        for (name, value) in intent.variables {
            if variables.contains_key(&name) {
                return Err(Error::new(
                    Code::MalformedArgument,
                    format!("the variable {} is given twice", visible(&name)),
                    "give each --variable once",
                ));
            }
            variables.insert(name, value);
        }
        Ok(Self {
            repository: intent.repository,
            branch: intent.branch,
            commit_sha: intent.commit,
            service: intent.service,
            target_environment: intent.target,
            path: intent.path,
            reason: intent.reason,
            variables,
            manifests: intent.manifests,
            jira_issues: intent.jira_issues,
            ..Self::default()
        })
    }
}

pub(super) async fn run(global: &Global, intent: Intent) -> Result<(), Error> {
    let request = intent.try_into()?;
    let app = wiring::app_with_database(global)?;
    let found = app.validate(request, act::person(&app)).await?;
    if global.json {
        output::json(&found)?;
    } else {
        show(&found);
        let (errors, warnings) = (found.errors.len(), found.warnings.len());
        output::line(&format!("{errors} errors, {warnings} warnings; nothing was started"));
    }
    if found.errors.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        Code::ChecksFailed,
        format!("validation found {} errors", found.errors.len()),
        "the remedies stand above",
    ))
}

/// All findings, a line each.
pub(super) fn show(found: &ValidationView) {
    for error in &found.errors {
        output::line(&output::styled(Style::Bad, &format!("  error: {}", error.in_one_line())));
    }
    for warning in &found.warnings {
        output::line(&format!("  warning: {}", warning.in_one_line()));
    }
}
