//! `[jira]`: which issues are told of deployments, and where Jira is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::channels::ChannelSection;
use super::url::is_safe;
use crate::domain::id::{ChannelName, EnvironmentName, ProjectKey};
use crate::domain::workflow::Environment;
use crate::jira::{Moves, Site};

/// `[jira]`, checked. The token never stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JiraSection {
    /// Where it is.
    pub base_url: String,
    /// Which Jira.
    pub site: Site,
    /// When issues are moved, and to which status.
    pub moves: Moves,
    /// The projects whose keys are found in branches and commits.
    pub projects: BTreeSet<ProjectKey>,
}

/// The same as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Written {
    base_url: String,
    #[serde(default)]
    kind: Kind,
    email: Option<String>,
    on_completed: Option<String>,
    on_rolled_back: Option<String>,
    environments: Option<BTreeSet<EnvironmentName>>,
    #[serde(default)]
    projects: BTreeSet<ProjectKey>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    Cloud,
    DataCenter,
}

impl Written {
    /// The section, where these environments are.
    pub(super) fn section(&self, environments: &[Environment]) -> Result<JiraSection, String> {
        if !is_safe(&self.base_url) {
            return Err("`base_url` under [jira] is not safe to send a token to: write an https URL, or http on this machine".to_owned());
        }
        let site = match (self.kind, &self.email) {
            (Kind::Cloud, Some(email)) if is_address(email) => Site::Cloud { email: email.clone() },
            (Kind::Cloud, _) => {
                return Err("`email` under [jira] is that of the account whose API token it is, such as \"bot@acme.example\"; a data-center has none".to_owned());
            }
            (Kind::DataCenter, None) => Site::DataCenter,
            (Kind::DataCenter, Some(_)) => {
                return Err("`email` under [jira] is for kind = \"cloud\"; a data-center takes the personal access token alone".to_owned());
            }
        };
        let moves = Moves {
            on_completed: status("on_completed", self.on_completed.as_deref())?,
            on_rolled_back: status("on_rolled_back", self.on_rolled_back.as_deref())?,
            environments: self.moving(environments)?,
        };
        let moves_nothing = moves.on_completed.is_none() && moves.on_rolled_back.is_none();
        if !moves_nothing && moves.environments.is_empty() {
            return Err("no deployment would move an issue, because no environment is production: name some as `environments` under [jira]".to_owned());
        }
        Ok(JiraSection { base_url: self.base_url.clone(), site, moves, projects: self.projects.clone() })
    }

    fn moving(&self, environments: &[Environment]) -> Result<BTreeSet<EnvironmentName>, String> {
        let Some(named) = &self.environments else {
            return Ok(environments.iter().filter(|it| it.production).map(|it| it.name.clone()).collect());
        };
        match named.iter().find(|name| !environments.iter().any(|it| it.name == **name)) {
            Some(unknown) => Err(format!(
                "`environments` under [jira] names `{unknown}`, and there is no such environment"
            )),
            None => Ok(named.clone()),
        }
    }
}

/// What it is called among the ways to tell people.
pub(super) fn channel(channels: &BTreeMap<ChannelName, ChannelSection>) -> Result<ChannelName, String> {
    let name: ChannelName = "jira".parse().map_err(|error| format!("{error}"))?;
    if channels.contains_key(&name) {
        return Err("`jira` under [channels] is what [jira] is called there; give that channel another name"
            .to_owned());
    }
    Ok(name)
}

fn status(key: &str, name: Option<&str>) -> Result<Option<String>, String> {
    match name.map(str::trim) {
        Some("") => {
            Err(format!("`{key}` under [jira] is empty; write the name of a status, or leave it out"))
        }
        name => Ok(name.map(str::to_owned)),
    }
}

/// Whether it can stand before the colon of Basic credentials.
fn is_address(email: &str) -> bool {
    email.contains('@') && email.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}
